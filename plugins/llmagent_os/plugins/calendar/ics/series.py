"""Groups the events of one UID: an event or a repetition, and the exceptions that stand in the place of its times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, uid_of


@dataclass(frozen=True)
class Series:
    """What one iCalendar object holds: all entries of one UID."""

    uid: str
    main: CalendarEvent | None  #: the event or the repetition; None: there are only exceptions
    exceptions: tuple[CalendarEvent, ...] = ()  #: sorted by the times that they stand for
    leads: tuple[CalendarEvent, ...] = ()  #: the reminders before its events, which are alarms of these

    @property
    def events(self) -> tuple[CalendarEvent, ...]:
        """All events, the main one first."""
        return (*((self.main,) if self.main else ()), *self.exceptions)

    @property
    def ids(self) -> set[str]:
        """The ids of all events."""
        return {event.event_id for event in self.events}

    def leads_of(self, event: CalendarEvent) -> list[CalendarEvent]:
        """The reminders before one of the events."""
        return [lead for lead in self.leads if lead.leads_to == event.event_id]

    @property
    def removed(self) -> tuple[datetime, ...]:
        """The times of the repetition that nothing stands for (EXDATE)."""
        replaced = {event.instance for event in self.exceptions}
        return tuple(start for start in (self.main.skipped if self.main else ()) if start not in replaced)


def series_of(events: Iterable[CalendarEvent]) -> list[Series]:
    """Group ``events`` by UID, in a fixed order. A reminder before one of them belongs to its group.

    An exception counts only where its repetition skips the time that it stands for; a second event with the same UID
    gets a UID of its own. So whatever the calendar holds, no two entries of the result claim the same time.
    """
    held = list(events)
    ids = {event.event_id for event in held if not event.leads_to}
    leads = sorted((event for event in held if event.leads_to in ids), key=lambda lead: (lead.lead, lead.event_id))
    by_uid: dict[str, list[CalendarEvent]] = {}
    alone = [event for event in held if event.leads_to not in ids]
    for event in sorted(alone, key=lambda event: (event.instance is not None, event.created, event.event_id)):
        by_uid.setdefault(uid_of(event), []).append(event)
    found: list[Series] = []
    for uid, group in by_uid.items():
        main = next((event for event in group if event.instance is None), None)
        exceptions: dict[datetime, CalendarEvent] = {}
        for event in group:
            if event is main:
                continue
            fits = event.instance is not None and (main is None or event.instance in main.skipped)
            if fits and event.instance is not None and event.instance not in exceptions:
                exceptions[event.instance] = event
            else:
                found.append(Series(f"{event.event_id}-{uid}", event))
        if main or exceptions:
            found.append(Series(uid, main, tuple(exceptions[start] for start in sorted(exceptions))))
    with_leads = (replace(each, leads=tuple(lead for lead in leads if lead.leads_to in each.ids)) for each in found)
    return sorted(with_leads, key=lambda series: series.uid)
