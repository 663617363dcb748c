"""Writes moments, periods, fractions, choices and several sentences as the language in force does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from babel.dates import format_date, format_interval, format_skeleton, get_datetime_format
from babel.lists import format_list
from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol

from llmagent_os.languages.spoken_language import language_in_force
from llmagent_os.languages.written_values import locale_in_force

#: Languages that write sentences without a space between them.
_WITHOUT_SPACES = ("zh",)


def day_parts_text(skeleton: str, day: date) -> str:
    """The parts of a day that a skeleton of Unicode's CLDR names, in the order of the language.

    >>> day_parts_text("yMMMM", date(2027, 3, 5)), day_parts_text("Ed", date(2027, 3, 5))
    ('March 2027', 'Fri 5')
    """
    return format_skeleton(skeleton, day, locale=locale_in_force())


def weekday_text(day: date) -> str:
    """The name of a day of the week.

    >>> weekday_text(date(2027, 3, 5))
    'Friday'
    """
    return format_date(day, "EEEE", locale=locale_in_force())


def moment_text(moment: datetime) -> str:
    """A day without its year, and a time.

    >>> moment_text(datetime(2027, 3, 5, 14, 30))
    'Friday 5 March, 14:30'
    """
    written = str(get_datetime_format("medium", locale=locale_in_force()))
    return written.replace("{1}", day_parts_text("MMMMEEEEd", moment)).replace("{0}", f"{moment:%H:%M}")


def period_text(first: date, last: date) -> str:
    """The days from the first to the last, with their year.

    >>> period_text(date(2026, 11, 30), date(2026, 12, 6))
    '30 Nov – 6 Dec 2026'
    """
    written = format_interval(first, last, "yMMMd", locale=locale_in_force())
    return written.replace("\u2009", " ")  # a thin space, which few fonts and no searches know


def decimal_text(number: float, places: int | None = None) -> str:
    """A number with separators between thousands, and ``places`` digits behind the point.

    Args:
        number: any that is finite.
        places: None: as many as the number has, at most 3.

    >>> decimal_text(1234.5), decimal_text(1234.5, 2)
    ('1,234.5', '1,234.50')
    """
    pattern = "#,##0.###" if places is None else f"#,##0.{'0' * places}".rstrip(".")
    return format_decimal(number, format=pattern, locale=locale_in_force())


def separators() -> dict[int, str]:
    """What ``str.translate`` puts in place of the comma and the point of an English number.

    >>> "1,234.5".translate(separators())
    '1,234.5'
    """
    locale = locale_in_force()
    return {ord(","): get_group_symbol(locale), ord("."): get_decimal_symbol(locale)}


def choice_text(words: Sequence[str]) -> str:
    """At least one word, as a choice.

    >>> choice_text(["Yes"]), choice_text(["brief", "normal", "detailed"])
    ('Yes', 'brief, normal or detailed')
    """
    return format_list(words, "or", locale=locale_in_force())


def join_sentences(sentences: Iterable[str]) -> str:
    """Write sentences one after the other, without those that are empty. Chinese has no space between them.

    >>> join_sentences(["Done.", "", "It is yours."])
    'Done. It is yours.'
    """
    return ("" if language_in_force() in _WITHOUT_SPACES else " ").join(filter(None, sentences))
