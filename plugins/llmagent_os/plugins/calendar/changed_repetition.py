"""An event with another repetition: "make choir every thursday until march 31, except december 24"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, rule_dates
from llmagent_os.plugins.calendar.time.bounded_rules import BoundedRule, without_weekdays
from llmagent_os.plugins.calendar.time.recurrence import Recurrence, parse_limits
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError


@dataclass(frozen=True)
class ChangedRepetition:
    """A new repetition in the person's words, resolved."""

    again: Recurrence
    heard: str

    def first(self, start: datetime) -> datetime:
        """Return the first time of the repetition at or after ``start``, and not before the day that it begins."""
        begins = self.again.limits.start
        if begins is not None and begins.first > start.date():
            start = datetime.combine(begins.first, start.time())
        try:
            rule = without_weekdays(self.again.rule, self.again.limits.skipped_weekdays)
            found = rule_dates(rule, start).after(start, inc=True)
        except (ValueError, OverflowError):
            found = None
        if not isinstance(found, datetime):
            raise TimeExpressionError("unknown", "repeat", self.heard)
        return found.replace(fold=start.fold) if found == start else found

    def of(self, event: CalendarEvent, coming: datetime) -> tuple[CalendarEvent, BoundedRule]:
        """Return ``event`` with this repetition, and the repetition with its limits.

        Args:
            event: with the start of its series.
            coming: the time of the event that is meant. So many times, or weeks, are counted from there.

        Raises:
            TimeExpressionError: it never takes place.
        """
        counted = self.again.limits.count is not None or self.again.limits.span is not None
        start = self.first(coming if counted or event.start is None else event.start)
        bounded = self.again.bounded(start)
        skipped = tuple(sorted({*event.skipped, *bounded.skipped}))
        again = event.second_pass and start == event.start
        changed = msgspec.structs.replace(event, start=start, second_pass=again, repeat=bounded.rule, skipped=skipped)
        return changed, bounded


def changed_repetition(call: CalendarCall, event: CalendarEvent, said: str) -> ChangedRepetition:
    """Parse a new repetition of ``event``: a whole one, or limits for the one that it has ("until march 31").

    Raises:
        TimeExpressionError: it cannot be written as one rule, or the event has no time yet.
    """
    if event.start is None:
        raise TimeExpressionError("unknown", "time", said, why=f"I don't know when {event.title} is.")
    try:
        return ChangedRepetition(call.parse_repetition(said), said)
    except TimeExpressionError as error:
        if not event.repeat:
            raise
        try:
            limits = parse_limits(said, call.today, month_first=call.month_first)
        except TimeExpressionError:
            raise error from None
    ended = limits.until is not None or limits.count is not None or limits.span is not None
    kept = (part for part in event.repeat.split(";") if not (ended and part.startswith(("UNTIL=", "COUNT="))))
    return ChangedRepetition(Recurrence(";".join(kept), limits=limits), said)
