"""The person's clock: when events happen on it, and how that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, Occurrence, later, occurrences
from llmagent_os.plugins.calendar.phrasing import day_text, moment_text

MAX_NAMED_EVENTS = 5  #: in one reply; the rest is counted as "more"
SEARCH_HORIZON = timedelta(days=730)  #: how far a search without a date looks ahead


@dataclass(frozen=True)
class EventMatch:
    """An event that fits a search, at one of its times. An undated reminder has no time."""

    event: CalendarEvent
    occurrence: Occurrence | None


class PersonClock:
    """The present moment on a person's wall clock. All times are naive, on that clock."""

    def __init__(self, now: datetime, time_zone: str) -> None:
        """Args:
        now: the present moment, aware.
        time_zone: the person's; one that nobody knows counts as UTC.
        """
        try:
            self.zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.zone = ZoneInfo("UTC")
        self.now: datetime = now.astimezone(self.zone).replace(tzinfo=None)

    @property
    def today(self) -> date:
        """Today's date in the person's time zone."""
        return self.now.date()

    def to_wall(self, at: datetime) -> datetime:
        """Convert an aware moment to the person's wall clock."""
        return at.astimezone(self.zone).replace(tzinfo=None)

    @property
    def around_now(self) -> tuple[datetime, datetime]:
        """All of the time that searches cover: as far back as ahead."""
        return later(self.now, -SEARCH_HORIZON), later(self.now, SEARCH_HORIZON)

    # -- finding ------------------------------------------------------------------------------------------------------

    def matches_within(
        self, events: Sequence[CalendarEvent], spans: Sequence[tuple[datetime, datetime]]
    ) -> list[EventMatch]:
        """Return what happens in any of ``spans``, sorted by time."""
        found: dict[tuple[str, datetime], EventMatch] = {}
        for event in events:
            for start, end in spans:
                for each in occurrences(event, start, end, self.zone):
                    found[event.event_id, each.original] = EventMatch(event, each)
        return sorted(found.values(), key=_order)

    def upcoming(self, events: Sequence[CalendarEvent]) -> list[EventMatch]:
        """Return the next time of every event, sorted. Undated reminders come last."""
        found: list[EventMatch] = []
        for event in events:
            if event.start is None:
                found.append(EventMatch(event, None))
            elif each := next(occurrences(event, self.now, self.now + SEARCH_HORIZON, self.zone), None):
                found.append(EventMatch(event, each))
            elif event.all_day and (
                each := next(occurrences(event, self.now - timedelta(days=1), self.now, self.zone), None)
            ):
                found += [EventMatch(event, each)] if each.end > self.now else []
        return sorted(found, key=_order)

    def conflicts(
        self, events: Sequence[CalendarEvent], start: datetime, end: datetime, *, besides: str = ""
    ) -> list[Occurrence]:
        """Return what takes place at the same time, except reminders and all-day events.

        Args:
            events: the calendar.
            start: of the new event.
            end: of the new event.
            besides: the id of an event that does not count: the one that moves.
        """
        busy = [event for event in events if not event.reminder and not event.all_day and event.event_id != besides]
        return [each for event in busy for each in occurrences(event, start, end, self.zone)]

    # -- phrasing -----------------------------------------------------------------------------------------------------

    def time_text(self, event: CalendarEvent, start: datetime | None, *, same_day: bool = False) -> str:
        """Say when an event is. An undated reminder has "no date"."""
        if start is None:
            return "no date"
        shown = event.all_day or (event.end_said and not event.reminder)
        end = later(start, timedelta(minutes=event.minutes)) if shown else None
        return moment_text(start, self.now, end=end, all_day=event.all_day, same_day=same_day)

    def match_time_text(self, match: EventMatch) -> str:
        """Say when a found event is."""
        return self.time_text(match.event, match.occurrence.start if match.occurrence else None)

    def match_day(self, match: EventMatch) -> str:
        """Name the day of a found event: ``tomorrow``, ``Friday 27 November``. An undated reminder has "no date"."""
        if match.occurrence is None:
            return "no date"
        phrase = day_text(match.occurrence.start.date(), self.today)
        return phrase.split(",")[0] if phrase.startswith("tomorrow") else phrase

    def match_text(self, match: EventMatch, day_known: date | None = None) -> str:
        """Name a found event: ``gym, Friday 27 November at 6 PM``, or ``gym at 6 PM`` if its day is ``day_known``."""
        event, each = match.event, match.occurrence
        if each is None:
            return event.title
        if day_known == each.start.date() and not (event.all_day and event.minutes > 1440):
            return event.title if event.all_day else f"{event.title} {self.time_text(event, each.start, same_day=True)}"
        return f"{event.title}, {self.time_text(event, each.start)}"

    def summary(self, matches: Sequence[EventMatch], scope_day: date | None = None) -> tuple[dict[str, str], str]:
        """Return a result's keys ``count``, ``events`` and ``more`` for several events, and the same as a phrase."""
        names = [self.match_text(match, scope_day) for match in matches[:MAX_NAMED_EVENTS]]
        more = len(matches) - len(names)
        data = {"count": str(len(matches)), "events": "; ".join(names)} | ({"more": str(more)} if more else {})
        if any("," in name for name in names):
            return data, "; ".join(names) + (f"; and {more} more" if more else "")
        return data, join_words([*names, *([f"{more} more"] if more else [])])

    def overlap_text(self, found: Sequence[Occurrence], day_known: date) -> str:
        """Name the events of the result's key ``conflict``."""
        return join_words([self.match_text(EventMatch(each.event, each), day_known) for each in found[:2]])


def _order(match: EventMatch) -> tuple[datetime, str]:
    return (match.occurrence.start if match.occurrence else datetime.max), match.event.title
