"""Parses dates and times in a person's words into expressions of time.

>>> now = datetime(2026, 11, 22, 17, 0)
>>> len(parse_time_expressions("monday and wednesday", "8am and 8pm", now))
4
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from llmagent_os.plugins.calendar.time.date_parsing import DateRange
from llmagent_os.plugins.calendar.time.day_lists import parse_days
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, has_other_time_words, time_mentions
from llmagent_os.plugins.calendar.time.time_parsing import TimeOfDay, parse_time, parse_times


def parse_time_expression(
    date_said: str | None,
    time_said: str | None,
    now: datetime,
    *,
    anchor: date | None = None,
    month_first: bool = True,
    zone: tzinfo | None = None,
) -> TimeExpression:
    """Parse a date and a time in the person's words. Either text may hold a date, a time or both.

    Args:
        date_said: "next tuesday", "tomorrow evening".
        time_said: "3pm", "in 20 minutes", "tomorrow at 3".
        now: the present moment on the person's wall clock.
        anchor: the day of the event in question, for "the next day".
        month_first: whether 3/4 is the 4th of March.
        zone: the person's time zone, for delays over a change of the clocks.

    Raises:
        TimeExpressionError: one of the texts cannot be parsed, or names several days or times.
    """
    reader = _Reader(now, anchor, month_first, zone)
    found = reader.read_both(date_said, time_said)
    if len(found.times) > 1:
        raise TimeExpressionError("ambiguous", "time", time_said or date_said or "")
    if len(found.days) > 1:
        raise TimeExpressionError("ambiguous", "date", date_said or time_said or "")
    return found.combined()[0] if found else TimeExpression()


def parse_time_expressions(
    date_said: str | None,
    time_said: str | None,
    now: datetime,
    *,
    month_first: bool = True,
    zone: tzinfo | None = None,
    paired: bool = False,
) -> tuple[TimeExpression, ...]:
    """Parse dates and times of several events: "monday and wednesday", "8am and 8pm".

    Args:
        date_said: as for :func:`parse_time_expression`.
        time_said: as for :func:`parse_time_expression`.
        now: the present moment on the person's wall clock.
        month_first: whether 3/4 is the 4th of March.
        zone: the person's time zone.
        paired: the first time belongs to the first day, and so on. Otherwise every time is on every day.

    Returns:
        At least one expression, which is empty if both texts are.

    Raises:
        TimeExpressionError: one of the texts cannot be parsed.
    """
    found = _Reader(now, None, month_first, zone).read_both(date_said, time_said)
    return found.combined(paired=paired) if found else (TimeExpression(),)


@dataclass(frozen=True)
class _Found:
    """The days and the times that words name."""

    days: tuple[DateRange, ...] = ()
    times: tuple[TimeOfDay | datetime, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.days or self.times)

    def merged(self, other: _Found) -> _Found:
        return _Found(self.days or other.days, other.times or self.times)

    def combined(self, *, paired: bool = False) -> tuple[TimeExpression, ...]:
        if paired and len(self.days) == len(self.times):
            return tuple(self._one(day, time) for day, time in zip(self.days, self.times, strict=True))
        return tuple(self._one(day, time) for day in self.days or (None,) for time in self.times or (None,))

    @staticmethod
    def _one(day: DateRange | None, said: TimeOfDay | datetime | None) -> TimeExpression:
        if isinstance(said, datetime):
            return TimeExpression(days=day, moment=said)
        return TimeExpression(days=day, time_of_day=said)


class _Reader:
    """Parses texts that hold a date, a time or both."""

    def __init__(self, now: datetime, anchor: date | None, month_first: bool, zone: tzinfo | None) -> None:
        self._now, self._anchor, self._month_first, self._zone = now, anchor, month_first, zone

    def read_both(self, date_said: str | None, time_said: str | None) -> _Found:
        known = _Found()
        for said, is_date in ((date_said, True), (time_said, False)):
            if said and normalize(said):
                known = known.merged(self._read(said, is_date))
        if not known.days:
            offset = next(
                (each.day for each in known.times if isinstance(each, TimeOfDay) and each.day is not None), None
            )
            if offset is not None:
                day = self._now.date() + timedelta(days=offset)
                known = replace(known, days=(DateRange(day, day),))
        return known

    def _read(self, said: str, is_date: bool) -> _Found:
        readers = (self._days, self._times) if is_date else (self._times, self._days)
        errors: list[TimeExpressionError] = []
        for reader in readers:
            try:
                return reader(said)
            except TimeExpressionError as error:
                errors.append(error)
        for left, right in _halves(said):
            for one, other in ((self._days, self._times), (self._times, self._days)):
                try:
                    return one(left).merged(other(right))
                except TimeExpressionError as error:
                    errors += [error] if error.problem == "impossible" else []
        found = self._mentioned(said)
        if found:
            return found
        raise next((error for error in errors if error.problem == "impossible"), errors[0])

    def _days(self, said: str) -> _Found:
        days = parse_days(said, self._now.date(), month_first=self._month_first, anchor=self._anchor)
        part = {"tonight": "tonight", "last night": "night"}.get(normalize(said))
        return _Found(days, (parse_time(part, self._now),) if part else ())

    def _times(self, said: str) -> _Found:
        return _Found(times=parse_times(said, self._now, self._zone))

    def _mentioned(self, said: str) -> _Found:
        """Parse the words of time in a text that says something else, too: "8pm at Nobu"."""
        mentions = time_mentions(said, month_first=self._month_first)
        if has_other_time_words(said, mentions):
            return _Found()
        found = _Found()
        for kind, parse in ((MentionKind.DATE, self._days), (MentionKind.TIME, self._times)):
            texts = [each.text for each in mentions if each.kind is kind]
            if texts:
                found = found.merged(parse(", ".join(texts)))
        return found


def _halves(said: str) -> Iterator[tuple[str, str]]:
    words = said.split()
    for at in range(len(words) - 1, 0, -1) if len(words) <= 12 else ():
        yield " ".join(words[:at]), " ".join(words[at:])
