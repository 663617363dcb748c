"""What a person owns: the balance of each account on a day, and what holdings are worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from llmagent_os.plugins.finance.money import Money
from llmagent_os.plugins.finance.transaction import Transaction


class KnownBalance(msgspec.Struct, frozen=True):
    """A balance that a file or the person stated, at the end of a day."""

    account: str
    day: date
    money: Money


class AccountBalance(msgspec.Struct, frozen=True):
    """The balance of an account on a day."""

    account: str
    money: Money
    stated: date | None  #: the day of the stated balance that it starts from; None: it is the sum of what was imported


def account_balances(
    transactions: Iterable[Transaction], stated: Sequence[KnownBalance], day: date
) -> list[AccountBalance]:
    """The balance of each account at the end of a day, by account and currency.

    The nearest stated balance is taken, and the transactions between it and the day are added or taken off.
    """
    moved: dict[tuple[str, str], list[Transaction]] = defaultdict(list)
    for each in transactions:
        moved[(each.account, each.currency)].append(each)
    keys = {*moved, *((each.account, each.money.currency) for each in stated)}
    found: list[AccountBalance] = []
    for account, currency in sorted(keys):
        own = moved[(account, currency)]
        known = [each for each in stated if (each.account, each.money.currency) == (account, currency)]
        near = min(known, key=lambda each: abs((each.day - day).days), default=None)
        if near is None:
            amount = sum((each.amount for each in own if each.day <= day), Decimal(0))
        elif near.day <= day:
            amount = near.money.amount + sum((each.amount for each in own if near.day < each.day <= day), Decimal(0))
        else:
            amount = near.money.amount - sum((each.amount for each in own if day < each.day <= near.day), Decimal(0))
        found.append(AccountBalance(account, Money(amount, currency), near.day if near else None))
    return found
