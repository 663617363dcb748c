"""The category of a transaction: by the person's own rules first, then by the file, then by usual words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from llmagent_os.plugins.finance.transaction import Transaction, plain_words

INCOME, OTHER = "income", "other"

#: Words of payees for each category.
_USUAL: dict[str, str] = {
    "groceries": (
        "lidl|aldi|rewe|edeka|netto|penny|kaufland|carrefour|mercadona|tesco|sainsbury|sainsburys|walmart|migros|coop|spar|"
        "whole foods|trader joe|supermarket|supermarkt|supermercado"
    ),
    "eating out": (
        "restaurant|restaurante|cafe|café|mcdonald|mcdonalds|starbucks|pizzeria|lieferando|deliveroo|doordash|"
        "bakery|bäckerei"
    ),
    "housing": "rent|miete|alquiler|loyer|mortgage|hausverwaltung|hypothek",
    "utilities": "electricity|strom|stadtwerke|gas|water|vodafone|telekom|verizon|internet|electricidad|energie",
    "transport": "deutsche bahn|db vertrieb|uber|lyft|shell|aral|petrol|fuel|tankstelle|metro|sbb|renfe|gasolinera",
    "insurance": "insurance|versicherung|seguro|allianz|assurance|krankenkasse",
    "health": "pharmacy|apotheke|farmacia|doctor|arzt|dentist|zahnarzt|hospital",
    "subscriptions": "netflix|spotify|disney|youtube premium|icloud|patreon|dazn",
    "fitness": "gym|fitness|mcfit|yoga",
    "shopping": "amazon|ebay|zalando|ikea|decathlon|mediamarkt",
    "cash": "atm|geldautomat|cash withdrawal|cajero",
    "taxes": "finanzamt|tax|hacienda|steuer",
}
_WORDS = {word: name for name, words in _USUAL.items() for word in words.split("|")}
CATEGORIES = (*_USUAL, INCOME, OTHER)


def category_of(each: Transaction, rules: Mapping[str, str]) -> str:
    """The category of a transaction.

    Args:
        each: the transaction.
        rules: words of payees to categories, as the person gave them. The longest words that fit decide.
    """
    words = f" {each.words} "
    own = max((word for word in rules if f" {word} " in words), key=len, default="")
    if own:
        return rules[own]
    if each.category:
        return each.category
    if each.amount > 0:
        return INCOME
    return _usual(each.words)


@cache
def _longest_first() -> tuple[str, ...]:
    return tuple(sorted(_WORDS, key=len, reverse=True))


def _usual(words: str) -> str:
    padded = f" {words} "
    return next((_WORDS[word] for word in _longest_first() if f" {word} " in padded), OTHER)


def clean_category(text: str) -> str:
    """The name of a category as it is kept: small letters, at most 30 characters.

    >>> clean_category("  Groceries! ")
    'groceries'
    """
    return plain_words(text)[:30].strip()
