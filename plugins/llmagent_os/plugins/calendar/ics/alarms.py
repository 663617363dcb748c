"""Alarms of entries (VALARM): at the start of a reminder, and before an event as its lead reminders.

An alarm that stands for a lead reminder has that reminder's UID, so it is told from the alarms of other programs.
"""

# A strict type checker cannot follow the many types of icalendar's properties.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import icalendar
import msgspec

from llmagent_os.plugins.calendar.calendar_event import OWN_UIDS, CalendarEvent, stable_id
from llmagent_os.plugins.calendar.lead_reminders import lead_reminder
from llmagent_os.plugins.calendar.reminder_timers import MORNING_RING
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

MAX_ALARMS = 5  #: of one entry that become lead reminders
MAX_LEAD = timedelta(days=56)  #: of an alarm that becomes a lead reminder
MAX_TITLE_CHARACTERS = 200

_AT_START = timedelta()
_MINUTE = timedelta(minutes=1)


def write_alarms(entry: icalendar.Event, event: CalendarEvent, leads: Iterable[CalendarEvent]) -> None:
    """Give an entry the alarms of its event and take off those that were taken off here. Other alarms stay.

    Args:
        entry: of the event.
        event: rings at its start if it is a reminder.
        leads: the lead reminders of the event.
    """
    alarms = entry.walk("VALARM")
    at_start = [alarm for alarm in alarms if not _own_id(alarm) and _trigger(alarm) == _AT_START]
    gone = [alarm for alarm in alarms if _own_id(alarm)] + ([] if event.reminder else at_start)
    entry.subcomponents = [each for each in entry.subcomponents if each not in gone]
    if event.reminder and not at_start:
        entry.add_component(_alarm(event.title, _AT_START))
    there = {_trigger(alarm) for alarm in alarms if not _own_id(alarm)}
    for lead in leads:
        trigger = _before_midnight(event) - lead.lead * _MINUTE
        if trigger in there:  # the phone rings then already
            continue
        alarm = _alarm(lead.title, trigger)
        alarm.add("uid", f"{lead.event_id}{OWN_UIDS}")
        entry.add_component(alarm)


def rings_at_start(entry: icalendar.Event) -> bool:
    """Return whether an entry has an alarm at its very start, as the reminders of this calendar have."""
    return any(_trigger(alarm) == _AT_START and not _own_id(alarm) for alarm in entry.walk("VALARM"))


def leads_of_entry(entry: icalendar.Event, event: CalendarEvent) -> list[CalendarEvent]:
    """Return the lead reminders that the alarms of an entry stand for.

    Args:
        entry: what was read.
        event: the event that it became.
    """
    found: dict[int, CalendarEvent] = {}
    for alarm in entry.walk("VALARM"):
        trigger, own_id = _trigger(alarm), _own_id(alarm)
        lead = None if trigger is None else _before_midnight(event) - trigger
        early = lead is not None and (bool(own_id) or lead >= timedelta())  # only one's own come after an event
        if lead is None or not early or abs(lead) > MAX_LEAD or (trigger == _AT_START and not own_id):
            continue
        minutes = lead // _MINUTE
        event_id = own_id or stable_id("alarm", event.event_id, str(minutes))
        try:
            reminder = lead_reminder(event, minutes, event_id, event.created)
        except TimeExpressionError:  # no one rule has the days before those of the repetition
            continue
        said = " ".join(str(alarm.get("DESCRIPTION", "")).split())[:MAX_TITLE_CHARACTERS] if own_id else ""
        found.setdefault(minutes, msgspec.structs.replace(reminder, title=said or event.title))
    return [*found.values()][:MAX_ALARMS]


def _before_midnight(event: CalendarEvent) -> timedelta:
    """What an alarm's distance lacks: that of an all-day event counts from midnight, its lead from the morning."""
    return MORNING_RING if event.all_day else timedelta()


def _alarm(description: str, trigger: timedelta) -> icalendar.Alarm:
    alarm = icalendar.Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", description)
    alarm.add("trigger", trigger)
    return alarm


def _trigger(alarm: Any) -> timedelta | None:
    """How long after the start an alarm rings. None: it counts from something else."""
    trigger = alarm.get("TRIGGER")
    related = str(getattr(trigger, "params", {}).get("RELATED", "START"))
    distance = getattr(trigger, "dt", None)
    return distance if isinstance(distance, timedelta) and related.upper() == "START" else None


def _own_id(alarm: Any) -> str:
    """The id of the lead reminder that an alarm stands for. Empty: another program made it."""
    uid = str(alarm.get("UID", ""))
    return uid.removesuffix(OWN_UIDS) if uid.endswith(OWN_UIDS) else ""
