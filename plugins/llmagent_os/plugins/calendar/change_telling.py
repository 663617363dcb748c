"""How a change of an event is told: the data of the tool's result, and one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, later
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.person_clock import EventMatch

#: What the model's tool has no words for: these changes are told in the tool's own words.
_TOLD = ("note", "person")


def told_change(
    call: CalendarCall, match: EventMatch, moved: CalendarEvent, repeats: str, events: Sequence[CalendarEvent]
) -> Change:
    """Return what a change is called and how it is told, without its events.

    Args:
        call: phrases times.
        match: the event as it was, at the time that is meant.
        moved: the event as it will be, at that time, on the person's wall clock.
        repeats: its new repetition, phrased; empty: it repeats as before.
        events: the calendar.
    """
    event, start = match.event, match.occurrence.start if match.occurrence else None
    old, now = call.time_text(event, start), call.time_text(moved, moved.start)
    data = {"status": "moved", "title": moved.title, "when": now}
    data |= {"old": old} if old != now else {}
    data |= {"old_title": event.title} if moved.title != event.title else {}
    data |= {"place": moved.place} if moved.place != event.place else {}
    data |= {"person": moved.person} if moved.person != event.person and moved.title == event.title else {}
    data |= {"note": moved.notes} if moved.notes != event.notes else {}
    data |= {"repeat": repeats} if repeats else {}
    data |= {"kind": "reminder"} if event.reminder else {}
    label = call.match_text(match)
    if not set(data) & {"old", "old_title", "place", "person", "note", "repeat"}:
        text = f"{event.title} is already {now}, so nothing changed."
        return Change(data={"status": "unchanged", "title": event.title, "when": now}, text=text, label=label)
    if moved.start and not moved.reminder and not moved.all_day and "old" in data:
        end = later(moved.start, timedelta(minutes=moved.minutes))
        overlapping = call.conflicts(events, moved.start, end, besides=event.event_id)
        data |= {"conflict": call.overlap_text(overlapping, moved.start.date())} if overlapping else {}
    told = any(key in data for key in _TOLD)
    return Change(data=data, text=_sentence(match, moved, data), label=label, undo=True, word_for_word=told)


def _sentence(match: EventMatch, moved: CalendarEvent, data: Mapping[str, str]) -> str:
    """Tell a change. A change of the time alone is a move."""
    event = match.event
    same_start = match.occurrence is not None and match.occurrence.start == moved.start
    clash = f" It overlaps with {data['conflict']}." if "conflict" in data else ""
    repeats = f", {data['repeat']}" if "repeat" in data else ""
    others = set(data) & {"old_title", "place", "person", "note"}
    if "old" in data and not others and same_start:
        return f"I've changed {event.title}: it is now {data['when']}{repeats}.{clash}"
    if "old" in data and not others:
        return f"I've moved {moved.title} to {data['when']}{repeats}.{clash}"
    if others == {"note"} and "old" not in data:
        return f"I've noted for {event.title}, {data['when']}: {data['note']}."
    title = moved.title if "old_title" in data else ""
    person = f"with {moved.person}" if "person" in data else ""
    place = f"at {moved.place}" if moved.place and (title or "place" in data) else ""
    now = " ".join(filter(None, (title, person, place)))
    note = f" Note: {data['note']}." if "note" in data else ""
    now = f"{now}, {data['when']}" if now else data["when"]
    return f"I've changed {event.title}: it is now {now}{repeats}.{clash}{note}"
