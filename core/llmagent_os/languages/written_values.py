"""Writes numbers, dates and lists as the language in force writes them. Babel knows how, from Unicode's CLDR."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_decimal

from llmagent_os.languages.known_languages import ENGLISH, LANGUAGES
from llmagent_os.languages.spoken_language import language_in_force


def locale_in_force() -> str:
    """The English of this project has no comma before the "and" of a list, and the day before the month."""
    language = language_in_force()
    return language if language in LANGUAGES and language != ENGLISH else "en_GB"


def language_name(code: str, *, among: str | None = None) -> str:
    """What a language is called.

    Args:
        code: of the language, by ISO 639-1.
        among: the language in which it is called so; None: the language in force.

    >>> language_name("de"), language_name("de", among="es"), language_name("xx")
    ('German', 'alemán', 'xx')
    """
    found: Any = Locale.parse(among or locale_in_force())  # its table of names has no type
    return str(found.languages.get(code, code))


def number_text(number: int) -> str:
    """A whole number.

    >>> number_text(1234567)
    '1,234,567'
    """
    return format_decimal(number, locale=locale_in_force())


def date_text(day: date) -> str:
    """A day with its year.

    >>> date_text(date(2026, 12, 1))
    '1 Dec 2026'
    """
    return format_date(day, "medium", locale=locale_in_force())


def date_and_time_text(moment: datetime) -> str:
    """A day with its weekday, and the time on its clock.

    >>> date_and_time_text(datetime(2026, 12, 1, 9, 30))
    'Tue, 1 Dec 2026, 09:30'
    """
    locale = locale_in_force()
    day: Any = format_skeleton("yMMMEd", moment, locale=locale)
    return f"{day}, {format_time(moment, 'short', locale=locale)}"


def list_text(words: Sequence[str]) -> str:
    """At least one word, as a part of a sentence.

    >>> from llmagent_os.languages import speaking
    >>> list_text(["Slack"]), list_text(["Slack", "Discord", "the web chat"])
    ('Slack', 'Slack, Discord and the web chat')
    >>> with speaking("zh"):
    ...     list_text(["Slack", "Discord", "Telegram"])
    'Slack、Discord和Telegram'
    """
    return format_list(words, locale=locale_in_force())
