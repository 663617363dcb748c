"""What a picture shows of an event, and where events that overlap stand side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from llmagent_os.plugins.calendar.person_clock import EventMatch

DAY = timedelta(days=1)
_LEAST = timedelta(minutes=30)  #: that a short event takes in a picture, so that its name can be read


@dataclass(frozen=True)
class DrawnEvent:
    """One event on one day."""

    title: str
    start: datetime  #: on the person's wall clock, on this day
    end: datetime  #: at most the midnight that ends this day
    all_day: bool = False
    reminder: bool = False

    @property
    def drawn_end(self) -> datetime:
        """Where its box ends."""
        least = timedelta() if self.all_day else _LEAST
        return max(self.end, self.start + least)


def events_by_day(matches: Iterable[EventMatch], days: Sequence[date]) -> dict[date, list[DrawnEvent]]:
    """The events of each day, those of all day first. What lasts over midnight is on each of its days."""
    found: dict[date, list[DrawnEvent]] = {day: [] for day in days}
    for match in matches:
        if match.occurrence is None:
            continue
        start, end = match.occurrence.start, max(match.occurrence.end, match.occurrence.start)
        event = match.event
        for day in days:
            midnight = datetime.combine(day, datetime.min.time())
            ends = start == end and start.date() == day
            if not ends and not (start < midnight + DAY and end > midnight):
                continue
            first, last = max(start, midnight), min(end, midnight + DAY)
            whole = event.all_day or last - first >= DAY
            found[day].append(DrawnEvent(event.title, first, last, whole, event.reminder))
    for events in found.values():
        events.sort(key=lambda event: (not event.all_day, event.start, event.title))
    return found


def side_by_side(events: Sequence[DrawnEvent]) -> list[tuple[DrawnEvent, int, int]]:
    """Each event with its place among those that overlap, and how many places these have.

    Args:
        events: of one day, sorted by start.
    """
    placed: list[tuple[DrawnEvent, int, int]] = []
    group: list[tuple[DrawnEvent, int]] = []
    ends: list[datetime] = []  # of the last event in each place
    for event in events:
        if ends and event.start >= max(ends):  # nothing before reaches this far: a new group begins
            placed += [(each, place, len(ends)) for each, place in group]
            group, ends = [], []
        place = next((number for number, end in enumerate(ends) if end <= event.start), len(ends))
        ends[place : place + 1] = [event.drawn_end]
        group.append((event, place))
    return placed + [(each, place, len(ends)) for each, place in group]
