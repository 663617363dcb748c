"""The limits of a repetition: its start, its end, how many times, and on which days it does not take place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from llmagent_os.plugins.calendar.time.date_ranges import DateRange
from llmagent_os.plugins.calendar.time.time_of_day import TimeOfDay

#: Behind a number, they say how many times something takes place.
OCCURRENCES = r"(?:times|x|occurrences|sessions|lessons|classes|appointments|repetitions|instances)"


@dataclass(frozen=True)
class Span:
    """An amount of minutes, hours, days, weeks, months or years."""

    amount: float
    unit: str  #: ``minute``, ``hour``, ``day``, ``week``, ``month`` or ``year``


@dataclass(frozen=True)
class RecurrenceLimits:
    """Where a repetition begins and ends, and what it leaves out."""

    start: DateRange | None = None  #: the first day on which it may take place, or days of which one is it
    until: date | None = None  #: the last day on which it may take place
    until_time: TimeOfDay | None = None  #: the last time of a day, for what repeats within a day
    from_time: TimeOfDay | None = None  #: the first one
    count: int | None = None
    span: Span | None = None  #: how long it goes on
    skipped: tuple[DateRange, ...] = ()
    skipped_weekdays: tuple[str, ...] = ()  #: codes of RFC 5545, such as ``SU``

    def __bool__(self) -> bool:
        return self != RecurrenceLimits()
