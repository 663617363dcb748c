"""Phrases when new events are to be: days, times and repetitions of one or several."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_times import PlannedTime
from llmagent_os.plugins.calendar.phrasing import clock_text
from llmagent_os.plugins.calendar.time.recurrence import exceptions_text, recurrence_note, recurrence_text
from llmagent_os.plugins.calendar.time.time_expressions import TimeSlot
from llmagent_os.plugins.calendar.time.zone_names import zone_label


def repeat_text(repeat: str, skipped: Sequence[datetime], today: date) -> str:
    """Phrase the repetition of an event, with its end and its exceptions.

    Args:
        repeat: the value of an RRULE with its limits.
        skipped: starts that it leaves out.
        today: the date in the person's time zone.
    """
    note = recurrence_note(repeat)
    exceptions = f", except {exceptions_text(skipped, today)}" if skipped else ""
    return recurrence_text(repeat, today) + exceptions + (f" ({note})" if note else "")


def elsewhere_text(slot: TimeSlot) -> str:
    """Phrase a time on the clocks that the person named: " (3 PM New York time)". Empty: they named none."""
    return f" ({clock_text(slot.there)} {zone_label(slot.there_zone)})" if slot.there is not None else ""


def several_text(phrases: Sequence[str]) -> str:
    """Join phrases, which may have commas."""
    unique = list(dict.fromkeys(phrases))
    return "; ".join(unique) if len(unique) > 1 and any("," in each for each in unique) else join_words(unique)


def whens_text(call: CalendarCall, events: Sequence[CalendarEvent], planned: Sequence[PlannedTime]) -> str:
    """Phrase the times of new events. Several on one day name the day once: "today at 2 PM and at 4 PM"."""
    days: dict[date, list[str]] = {}
    for event, each in zip(events, planned, strict=True):
        told = days.setdefault(each.slot.start.date(), [])
        phrase = call.time_text(event, event.start, same_day=bool(told) and not event.all_day)
        told.append(phrase + elsewhere_text(each.slot))
    return several_text([join_words(told) for told in days.values()])
