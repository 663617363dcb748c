"""Money: an exact amount in one currency, and how people write it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

import msgspec
from babel.numbers import format_currency, is_currency

from llmagent_os.languages import gettext
from llmagent_os.languages.written_values import locale_in_force

#: Signs that stand for one currency only. "$" and "¥" stand for several, so they name none.
SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "zł": "PLN", "₽": "RUB"}

_AMOUNT = re.compile(r"[-+]?\d{1,12}(?:[.,]\d{1,2})?|[-+]?\d{1,3}(?:,\d{3})+\.\d{1,2}|[-+]?\d{1,3}(?:\.\d{3})+,\d{1,2}")
MAX_AMOUNT = Decimal(10) ** 15


class MoneyError(ValueError):
    """Words are no amount of money. The message says what to write."""


class Money(msgspec.Struct, frozen=True):
    """An exact amount in one currency."""

    amount: Decimal
    currency: str  #: ISO 4217

    def __str__(self) -> str:
        return format_currency(self.amount, self.currency, locale=locale_in_force())


def currency_of(text: str) -> str:
    """The ISO 4217 code that a word or a sign names; empty: none.

    >>> currency_of("eur"), currency_of("€"), currency_of("$")
    ('EUR', 'EUR', '')
    """
    word = text.strip()
    return SIGNS.get(word) or (word.upper() if len(word) == 3 and is_currency(word.upper()) else "")


def read_amount(text: str) -> Decimal:
    """Read one amount that a person typed.

    Raises:
        MoneyError: the text is no amount, or could be two.

    >>> read_amount("1,234.50"), read_amount("12,5")
    (Decimal('1234.50'), Decimal('12.5'))
    """
    word = text.strip()
    if not _AMOUNT.fullmatch(word):
        raise MoneyError(gettext("“{text}” is no amount that I can read. Write it like 1234.50.", text=word[:40]))
    decimal = max(word.rfind("."), word.rfind(","))
    whole, part = (word, "") if decimal < 0 else (word[:decimal], word[decimal + 1 :])
    return Decimal(re.sub(r"[.,]", "", whole) + (f".{part}" if part else ""))


def read_money(text: str, currency: str = "") -> Money:
    """Read an amount with its currency, in either order.

    Args:
        text: such as ``400 EUR`` or ``€12.50``.
        currency: if the text names none; empty: the text must.

    Raises:
        MoneyError: the text is no amount, or names no currency.
    """
    found = re.fullmatch(r"\s*([^\d\s+-]*)\s*([-+]?[\d.,]+)\s*(\S*)\s*", text)
    if found is None:
        raise MoneyError(gettext("“{text}” is no amount that I can read. Write it like 1234.50.", text=text[:40]))
    before, digits, after = found.groups()
    if (before and after) or ((before or after) and not currency_of(before or after)):
        raise MoneyError(
            gettext("“{text}” names no currency that I know. Write its code, such as EUR or USD.", text=text[:40])
        )
    code = currency_of(before or after) or currency
    if not code:
        raise MoneyError(gettext("Which currency is {text} in? Write it like 400 EUR.", text=text.strip()[:40]))
    return Money(read_amount(digits), code)


def plain_decimal(text: str) -> Decimal | None:
    """A number in the notation of Python; None: it is none.

    >>> plain_decimal("1.08"), plain_decimal("nan"), plain_decimal("x")
    (Decimal('1.08'), None, None)
    """
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < MAX_AMOUNT else None
