"""A transaction, and how two files that tell of the same one are recognised."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import msgspec


class Transaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money that went out of an account, or came in."""

    day: date  #: on which it was booked
    amount: Decimal  #: below 0: it went out
    currency: str  #: ISO 4217
    account: str
    payee: str = ""  #: who got it, or who paid
    text: str = ""  #: what it was for, in the bank's words
    reference: str = ""  #: the bank's own number of it; empty: the file has none
    category: str = ""  #: that the file itself names
    source: str = ""  #: of which import it came

    @property
    def words(self) -> str:
        """The payee and the purpose in small letters, for a search."""
        return plain_words(f"{self.payee} {self.text}")

    @property
    def name(self) -> str:
        """What people call it."""
        return (self.payee or self.text or "–")[:60]

    @property
    def month(self) -> str:
        """Its month, such as ``2026-11``."""
        return f"{self.day:%Y-%m}"


def plain_words(text: str) -> str:
    """Words in small letters, without marks.

    >>> plain_words("LIDL  Dienstl.-GmbH")
    'lidl dienstl gmbh'
    """
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())


def new_ones(found: Iterable[Transaction], known: Iterable[Transaction]) -> list[Transaction]:
    """Those that are not known yet.

    A bank's own number names a transaction within its account. Without one, two are the same if the account, the day,
    the amount and the words are. A purchase that was made twice on one day is kept twice: the numbers of both are
    compared.
    """
    numbered: set[tuple[str, str]] = set()
    alike: Counter[tuple[object, ...]] = Counter()
    unnumbered: Counter[tuple[object, ...]] = Counter()
    for each in known:
        numbered.add((each.account, each.reference))
        alike[_print(each)] += 1
        unnumbered[_print(each)] += not each.reference
    fresh: list[Transaction] = []
    for each in found:
        key = _print(each)
        if each.reference and (each.account, each.reference) in numbered:
            continue
        there = unnumbered if each.reference else alike
        if there[key] > 0:
            there[key] -= 1
            continue
        numbered.add((each.account, each.reference))
        fresh.append(each)
    return fresh


def _print(each: Transaction) -> tuple[object, ...]:
    return each.account, each.day, each.amount, each.currency, each.words
