"""One medicine of a person's plan, and when its doses are due on the clock of their time zone.

>>> plan = read_medicine("Ibuprofen 400 mg at 8:00 and 8pm for 3 days", date(2026, 12, 1))
>>> plan.name, plan.times, plan.until
('Ibuprofen 400 mg', ('08:00', '20:00'), datetime.date(2026, 12, 3))
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

MOST_NAME = 80  #: characters
MOST_TIMES = 8  #: doses a day
MOST_DAYS = 3650  #: of a plan

_TIME = re.compile(r"\b(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm|uhr)?(?![\d.:]|\s*(?:mg|g|ml|mcg|µg|%|x)\b)", re.IGNORECASE)
_AT = re.compile(r"\s+(?:at|um|a\s+las?|每天|在|@)\s+(?=\d)|\s+(?=\d{1,2}[:.]\d{2}\b)", re.IGNORECASE)
_FOR = re.compile(
    r"[\s,]*(?:\b(?:for|für|fuer|durante|por)\s+(\d{1,4})\s*(?:days?|tage?n?|d[ií]as?)\b|[,，]?\s*(\d{1,4})\s*天)\s*$",
    re.IGNORECASE,
)


class Medicine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A medicine with its doses."""

    name: str  #: with the dose, in the person's words
    times: tuple[str, ...]  #: of each day, such as ``08:00``; the person's clock
    until: date | None = None  #: the last day; None: no end

    @property
    def key(self) -> str:
        """What the medicine is kept under: its name, without what cannot stand in a key."""
        return re.sub(r"\W+", "-", unicodedata.normalize("NFC", self.name).casefold()).strip("-")[:60]

    def next_dose(self, at: str, after: datetime, zone: ZoneInfo) -> datetime | None:
        """The next moment of the daily time ``at`` that is after ``after``, in UTC. None: the plan is over.

        A time that a change of the clocks leaves out comes as much later, and one that comes twice is taken at first.
        """
        clock = time.fromisoformat(at)
        day = after.astimezone(zone).date()
        for number in range(3):
            moment = datetime.combine(day + timedelta(days=number), clock, zone).astimezone(UTC)
            if moment > after:
                over = self.until is not None and moment.astimezone(zone).date() > self.until
                return None if over else moment
        return None


class MedicineError(ValueError):
    """A plan that cannot be read: it lacks its ``name`` or its ``times``, or a ``time`` or the ``days`` cannot be."""

    def __init__(self, why: Literal["name", "times", "time", "days"], value: str = "") -> None:
        super().__init__(f"{why}: {value}")
        self.why, self.value = why, value


def read_medicine(text: str, today: date) -> Medicine:
    """The plan that ``text`` tells: a name with the dose, "at", times, and for how many days.

    Raises:
        MedicineError: see there.
    """
    text = " ".join(text.split())
    days = _FOR.search(text)
    until = None
    if days is not None:
        number = int(days[1] or days[2])
        if not 0 < number <= MOST_DAYS:
            raise MedicineError("days", str(number))
        until, text = today + timedelta(days=number - 1), text[: days.start()]
    name, *rest = _AT.split(text, maxsplit=1)
    if not any(letter.isalpha() for letter in name) or len(name) > MOST_NAME:
        raise MedicineError("name", name[:MOST_NAME])
    times = sorted({_clock(found) for found in _TIME.finditer(rest[0])}) if rest else []
    if not 0 < len(times) <= MOST_TIMES:
        raise MedicineError("times", name)
    return Medicine(name.strip(" ,:"), tuple(times), until)


def _clock(found: re.Match[str]) -> str:
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half in ("am", "pm") and not 1 <= hour <= 12:
        raise MedicineError("time", found[0].strip())
    if half in ("am", "pm"):
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise MedicineError("time", found[0].strip())
    return f"{hour:02}:{minute:02}"
