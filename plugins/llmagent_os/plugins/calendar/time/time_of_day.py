"""A time of day, or a part of one, in minutes after midnight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

HalfOfDay = Literal["am", "pm", "night"]
DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class TimeOfDay:
    """A time of day, or a part of a day, in minutes after midnight."""

    kind: Literal["at", "range", "part", "before", "after", "all_day"]
    start: int  #: minutes; for ``before``, the earliest time that counts
    end: int  #: minutes; equal to ``start`` for a point in time; above 1440 on the next day
    sure: bool = True  #: the words say whether morning or evening is meant
    day: int | None = None  #: days from today, if the words name a day ("tonight")
    zone: str | None = None  #: the name of a time zone, as in the words: "cet", "london time"
    usual: int | None = None  #: for a ``part``: the minute at which an event "in the morning" usually begins

    @property
    def begins(self) -> int:
        """The minute at which an event at this time begins."""
        if self.usual is not None:
            return self.usual
        return max(self.end - 60, self.start) if self.kind == "before" else self.start

    def settled(self, half: HalfOfDay | None = None) -> TimeOfDay:
        """Decide between morning and evening: by ``half``, or else the time between 8 AM and 8 PM."""
        if self.sure:
            return self
        start = _in_half(self.start, half) if half else _working(self.start)
        end = start + (self.end - self.start) % (12 * 60)
        if self.end != self.start and end == start:
            end += 12 * 60
        if self.kind == "before":
            return replace(self, start=0, end=_in_half(self.end, half) if half else _working(self.end), sure=True)
        if self.kind == "after":
            return replace(self, start=start, end=DAY_MINUTES, sure=True)
        return replace(self, start=start, end=end, sure=True)


def _working(minutes: int) -> int:
    """Return the time of the two that lies between 8 AM and 8 PM."""
    minutes %= 720
    return minutes if 480 <= minutes < 720 else minutes + 720


def _in_half(minutes: int, half: HalfOfDay) -> int:
    minutes %= 720
    if half == "night":  # "12 at night", "2 at night"
        return minutes + DAY_MINUTES if minutes < 60 else minutes if minutes < 300 else minutes + 720
    return minutes + (720 if half == "pm" else 0)


def minutes_after_midnight(moment: datetime, minutes: int) -> datetime:
    """Return the midnight that begins the day of ``moment``, plus ``minutes``."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=minutes)
