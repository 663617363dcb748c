"""Reads days, times, numbers and yes or no as people type them, in any language of the bot.

>>> today = date(2026, 12, 1)  # a Tuesday
>>> read_day("friday", today), read_day("5. 1.", today), read_day("tomorrow", today)
(datetime.date(2026, 12, 4), datetime.date(2027, 1, 5), datetime.date(2026, 12, 2))
>>> read_clock("6pm"), read_clock("18.30"), read_number("1,250.5"), read_answer("No")
(datetime.time(18, 0), datetime.time(18, 30), Decimal('1250.5'), False)
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache

from babel import Locale

from llmagent_os.languages import LANGUAGES, language_in_force, lazy_gettext

TODAY, TOMORROW = lazy_gettext("today"), lazy_gettext("tomorrow")
_YES, _NO = lazy_gettext("Yes"), lazy_gettext("No")

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_NUMBERS = re.compile(r"(\d{1,2})[./-] ?(\d{1,2})(?:[./-]? ?(\d{4}|\d{2})?)?")
_CHINESE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号]")
_NAMED = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th)? (?:de )?([^\W\d]+)\.?,?(?: (?:de )?(\d{4}))?")
_NAMED_FIRST = re.compile(r"([^\W\d]+)\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?")
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))? ?(a\.?m\.?|p\.?m\.?|h|uhr)?")
_SPACES = str.maketrans("", "", " \u00a0\u202f'’")
_MONTH_FIRST = ("America/", "US/", "Pacific/Honolulu")  #: time zones where 3/4 is the fourth of March
_DAY_FIRST_THERE = ("America/Argentina", "America/Sao_Paulo", "America/Bogota", "America/Lima", "America/Mexico_City")


def read_day(text: str, today: date, zone: str = "") -> date | None:
    """A day, as ``2027-01-31``, ``31.1.``, ``Jan 31``, ``friday`` or ``tomorrow``. A day without a year is to come.

    Args:
        text: what was typed.
        today: of the person.
        zone: the person's IANA time zone, which says what ``3/4`` means.

    Returns:
        None: the text is no day, or there is no such day.
    """
    said = " ".join(text.casefold().split()).strip(",")
    for days, word in enumerate((TODAY, TOMORROW)):
        if said == word.message or said == str(word).casefold() or word.is_said_by(said):
            return today + timedelta(days=days)
    months, weekdays = _names()
    if said in weekdays:
        return today + timedelta(days=(weekdays[said] - today.weekday() - 1) % 7 + 1)
    if found := _ISO.fullmatch(said) or _CHINESE.fullmatch(said):
        return _day(found[1], found[2], found[3], today)
    if found := _NUMBERS.fullmatch(said):
        month_first = "." not in said and zone.startswith(_MONTH_FIRST) and not zone.startswith(_DAY_FIRST_THERE)
        day, month = (found[2], found[1]) if month_first and int(found[1]) <= 12 else (found[1], found[2])
        return _day(found[3], month, day, today)
    if found := _NAMED.fullmatch(said):
        return _day(found[3], str(months.get(found[2], 0)), found[1], today)
    if found := _NAMED_FIRST.fullmatch(said):
        return _day(found[3], str(months.get(found[1], 0)), found[2], today)
    return None


def read_clock(text: str) -> time | None:
    """A time of day, as ``18:30``, ``6pm`` or ``18 Uhr``. None: the text is no time."""
    found = _CLOCK.fullmatch(" ".join(text.casefold().split()))
    if found is None or not (found[2] or found[3] or len(text.strip()) <= 2):
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "")[:1]
    if half in ("a", "p"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def read_number(text: str) -> Decimal | None:
    """A number, with the marks of the language in force. None: the text is no number."""
    plain = text.strip().translate(_SPACES)
    comma_is_decimal = Locale.parse(language_in_force()).number_symbols["latn"]["decimal"] == ","
    groups, decimal = (".", ",") if comma_is_decimal else (",", ".")
    if groups in plain and decimal not in plain and not re.fullmatch(rf"-?\d{{1,3}}(?:\{groups}\d{{3}})+", plain):
        groups, decimal = decimal, groups  # written as in another language, and only so it is a number
    plain = plain.replace(groups, "").replace(decimal, ".")
    if not re.fullmatch(r"-?\d{1,15}(?:\.\d{1,9})?", plain):
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def read_answer(text: str) -> bool | None:
    """Yes or no in any language. None: the text is neither."""
    said = text.strip().strip(".!").casefold()
    if said in ("yes", "y", "true", "on", "1") or _YES.is_said_by(said.capitalize()):
        return True
    if said in ("no", "n", "false", "off", "0") or _NO.is_said_by(said.capitalize()):
        return False
    return None


@cache
def _names() -> tuple[dict[str, int], dict[str, int]]:
    """The names of months (from 1) and of weekdays (Monday is 0), in all languages of the bot."""
    months: dict[str, int] = {}
    weekdays: dict[str, int] = {}
    for language in LANGUAGES:
        locale = Locale.parse(language)
        for width in ("wide", "abbreviated"):
            months |= {name.casefold().strip("."): month for month, name in locale.months["format"][width].items()}
            weekdays |= {name.casefold().strip("."): day for day, name in locale.days["format"][width].items()}
    return months, weekdays


def _day(year: str | None, month: str, day: str, today: date) -> date | None:
    try:
        if year:
            return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
        for ahead in range(9):  # 29 February comes again within eight years
            try:
                found = date(today.year + ahead, int(month), int(day))
            except ValueError:
                if int(month) != 2 or int(day) != 29:
                    return None
                continue
            if found >= today:
                return found
    except ValueError:
        return None
    return None
