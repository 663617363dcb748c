"""Works out what an import adds, changes and leaves out. An event is known by its UID: it is changed, never doubled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import icalendar
import msgspec

from llmagent_os.languages import gettext, number_text
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, moment_of, stable_id, uid_of
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.ics.alarms import leads_of_entry
from llmagent_os.plugins.calendar.ics.entry_reading import (
    UnusableEntryError,
    entry_title,
    entry_uid,
    event_of_entry,
    extra_starts,
    is_cancelled,
)
from llmagent_os.plugins.calendar.lead_reminders import with_lead_reminders

MAX_CALENDAR_EVENTS = 10_000  #: of one person
MAX_EXTRA_STARTS = 200  #: times of one event besides its rule

#: The fields of an event that entries of other programs have, and that are compared with theirs.
CARRIED = (
    *("title", "start", "second_pass", "minutes", "zone", "all_day", "place", "repeat", "skipped", "instance"),
    *("reminder", "notes"),
)

#: What names an event in every program: its UID, and the time of the repetition that it stands for.
EventKey = tuple[str, datetime | None]


@dataclass
class ImportPlan:
    """What an import does to a calendar."""

    before: list[CalendarEvent] = field(default_factory=list[CalendarEvent])  #: events that change, as they are
    after: list[CalendarEvent] = field(default_factory=list[CalendarEvent])  #: events that are new, or as they will be
    unchanged: int = 0  #: events that are in the calendar already
    leads_before: list[CalendarEvent] = field(default_factory=list[CalendarEvent])  #: reminders before changed events
    leads_after: list[CalendarEvent] = field(default_factory=list[CalendarEvent])  #: as they will be, and those of new
    cancelled: list[CalendarEvent] = field(default_factory=list[CalendarEvent])  #: events that are deleted
    left_out: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  #: titles and reasons

    @property
    def added(self) -> list[CalendarEvent]:
        """The new events."""
        known = {event.event_id for event in self.before}
        return [event for event in self.after if event.event_id not in known]

    @property
    def changed(self) -> list[CalendarEvent]:
        """Events that were there, as they will be."""
        known = {event.event_id for event in self.before}
        return [event for event in self.after if event.event_id in known]


def key_of(event: CalendarEvent) -> EventKey:
    """The key of an event."""
    return uid_of(event), event.instance


def plan_import(
    entries: Iterable[icalendar.Event], existing: Sequence[CalendarEvent], zone: str, now: str
) -> ImportPlan:
    """Compare entries with a calendar.

    Args:
        entries: of one or more files.
        existing: the calendar.
        zone: the person's time zone.
        now: the present moment in UTC, in ISO format.
    """
    plan = ImportPlan()
    read = read_entries(entries, zone, now)
    found, plan.left_out = read.events, read.left_out
    reminders = [event for event in existing if event.leads_to]
    known = {key_of(event): event for event in existing if not event.leads_to}
    _cancel(read, known, reminders, plan)
    _skip_replaced_times(found, known)
    _keep_own_exceptions(found, known)
    room = MAX_CALENDAR_EVENTS - len(existing)
    for key, event in found.items():
        there = known.get(key)
        if there is None and len(plan.after) - len(plan.before) >= room:
            plan.left_out.append(
                (
                    event.title,
                    gettext("your calendar holds {count} events already", count=number_text(MAX_CALENDAR_EVENTS)),
                )
            )
        elif there is None:
            plan.after.append(event)
            plan.leads_after += leads_of_entry(read.entries[key], event) if key in read.entries else []
        else:
            _update(plan, there, event, read.entries.get(key), reminders)
    return plan


def _update(
    plan: ImportPlan,
    there: CalendarEvent,
    event: CalendarEvent,
    entry: icalendar.Event | None,
    reminders: Sequence[CalendarEvent],
) -> None:
    """Plan what an event that is there already becomes. Alarms that are new in the file become reminders."""
    merged = merged_event(there, event)
    leads = {each.lead for each in reminders if each.leads_to == there.event_id}
    new = [each for each in leads_of_entry(entry, merged) if each.lead not in leads] if entry is not None else []
    if merged == there and not new:
        plan.unchanged += 1
        return
    change = with_lead_reminders(Change(before=(there,), after=(merged,)), reminders)
    plan.before.append(there)
    plan.after.append(merged)
    plan.leads_before += change.before[1:]
    plan.leads_after += (*change.after[1:], *new)


def _cancel(
    read: ReadEntries,
    known: dict[EventKey, CalendarEvent],
    reminders: Sequence[CalendarEvent],
    plan: ImportPlan,
) -> None:
    """Plan to delete the events that a file cancels, and to skip the times of a repetition that it cancels."""
    for (uid, instance), title in read.cancelled.items():
        main = known.get((uid, None))
        gone = [event for key, event in known.items() if key[0] == uid and instance in (None, key[1])]
        if instance is not None and main is not None and instance not in main.skipped:
            read.events[uid, None] = _skipping(read.events.get((uid, None), main), instance)
        elif not gone and instance is None:
            plan.left_out.append((title, gettext("it is cancelled")))
        change = with_lead_reminders(Change(before=tuple(gone)), reminders)
        plan.cancelled += gone
        plan.leads_before += change.before[len(gone) :]


@dataclass
class ReadEntries:
    """What is in entries."""

    events: dict[EventKey, CalendarEvent] = field(default_factory=dict[EventKey, CalendarEvent])
    entries: dict[EventKey, icalendar.Event] = field(default_factory=dict[EventKey, icalendar.Event])
    cancelled: dict[EventKey, str] = field(default_factory=dict[EventKey, str])  #: titles of what does not take place
    left_out: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  #: titles and reasons


def read_entries(entries: Iterable[icalendar.Event], zone: str, now: str) -> ReadEntries:
    """Return the events of entries, and what cannot be kept. The arguments are those of :func:`plan_import`."""
    read = ReadEntries()
    found = read.events
    zones: dict[str, str] = {}
    for entry in sorted(entries, key=lambda each: "RECURRENCE-ID" in each):  # repetitions before their exceptions
        series_zone = zones.get(entry_uid(entry), "")
        try:
            event = event_of_entry(entry, zone, now, series_zone)
            extra = extra_starts(entry, event.zone)[:MAX_EXTRA_STARTS]
        except UnusableEntryError as error:
            if (key := _cancelled_key(entry, zone, now, series_zone)) is not None:
                read.cancelled[key] = entry_title(entry)
            else:
                read.left_out.append((entry_title(entry), str(error)))
            continue
        zones.setdefault(entry_uid(entry), event.zone)
        found[key_of(event)] = event
        read.entries[key_of(event)] = entry
        for start in extra:
            found.setdefault((uid_of(event), start), _extra_event(event, start))
    _skip_replaced_times(found, {})
    for uid, instance in read.cancelled:
        main = found.get((uid, None))
        if main is not None and instance is not None:
            found[uid, None] = _skipping(main, instance)
    return read


def merged_event(there: CalendarEvent, event: CalendarEvent) -> CalendarEvent:
    """Return ``there`` as another program has it, ``event``. What only this calendar knows of it stays."""
    carried = {name: getattr(event, name) for name in CARRIED}
    if there.second_pass and moment_of(there) == moment_of(event):  # entries give the second of two times in UTC
        carried |= {name: getattr(there, name) for name in ("start", "second_pass", "zone")}
    end_said = there.end_said if there.minutes == event.minutes else event.end_said
    return msgspec.structs.replace(there, **carried | _kept_here(there, event) | {"end_said": end_said})


def _kept_here(there: CalendarEvent, event: CalendarEvent) -> dict[str, Any]:
    """What a file without it does not take away."""
    return {"reminder": event.reminder or there.reminder, "notes": event.notes or there.notes}


def _skip_replaced_times(found: dict[EventKey, CalendarEvent], known: dict[EventKey, CalendarEvent]) -> None:
    """Have every repetition skip the times that other events stand for.

    Args:
        found: the events that were read; changed in place.
        known: the calendar: a file may hold the exception without its repetition.
    """
    for uid, instance in list(found):
        main = found.get((uid, None)) or known.get((uid, None))
        if instance is not None and main is not None and instance not in main.skipped:
            found[uid, None] = _skipping(main, instance)


def _keep_own_exceptions(found: dict[EventKey, CalendarEvent], known: dict[EventKey, CalendarEvent]) -> None:
    """Have repetitions that were read skip the times that were moved here: the file does not know of that."""
    for uid, instance in known:
        main = found.get((uid, None))
        if instance is not None and main is not None:
            found[uid, None] = _skipping(main, instance)


def _skipping(main: CalendarEvent, start: datetime) -> CalendarEvent:
    return msgspec.structs.replace(main, skipped=tuple(sorted({*main.skipped, start})))


def _extra_event(event: CalendarEvent, start: datetime) -> CalendarEvent:
    uid = uid_of(event)
    return msgspec.structs.replace(
        event, event_id=stable_id("ics", uid, str(start)), start=start, repeat="", skipped=(), uid=uid, instance=start
    )


def _cancelled_key(entry: icalendar.Event, zone: str, now: str, series_zone: str) -> EventKey | None:
    """The event, or the time of a repetition, that an entry cancels. None: it cancels nothing."""
    if not is_cancelled(entry):
        return None
    if "RECURRENCE-ID" not in entry:
        return entry_uid(entry), None
    try:
        entry["STATUS"] = "CONFIRMED"
        return entry_uid(entry), event_of_entry(entry, zone, now, series_zone).instance
    except UnusableEntryError:
        return None
