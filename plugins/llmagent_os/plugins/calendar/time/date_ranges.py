"""One day, or several days in a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class DateRange:
    """One day, or several days in a row."""

    first: date
    last: date  #: inclusive
    next_match_days: int = 0  #: days until the same words fit again: 7 for the weekday of today, else 0
    span: bool = False  #: the words name the first and the last day, or a weekend: all of these days are meant

    @property
    def single(self) -> bool:
        """Whether the range is one day."""
        return self.first == self.last


def one_day(day: date) -> DateRange:
    """Return the range of one day."""
    return DateRange(day, day)
