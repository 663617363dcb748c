"""Lays out several events as people read a calendar: a row a time on one day, a row a day over several days.

An event that happens several times in what is shown is one row, with its repetition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from textwrap import shorten

from llmagent_os.adapter import Card
from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.person_clock import MAX_NAMED_EVENTS, EventMatch
from llmagent_os.plugins.calendar.phrasing import append_to_day, capitalized, day_text
from llmagent_os.plugins.calendar.time.recurrence import recurrence_text

MAX_SENTENCE_EVENTS = 2  #: events that a sentence names; more are shown in a card
MAX_CARD_EVENTS = 100  #: events in one card
MAX_NOTE_CHARACTERS = 80  #: of an event's notes in a card


@dataclass(frozen=True)
class AgendaEntry:
    """One event, and the times at which it was found."""

    event: CalendarEvent
    matches: tuple[EventMatch, ...]

    @property
    def comes_again(self) -> bool:
        """Whether the event was found at several times."""
        return len(self.matches) > 1


def agenda_entries(found: Sequence[EventMatch]) -> list[AgendaEntry]:
    """Group what was found by event, in the order of the first times."""
    by_event: dict[str, list[EventMatch]] = {}
    for match in found:
        by_event.setdefault(match.event.event_id, []).append(match)
    return [AgendaEntry(matches[0].event, tuple(matches)) for matches in by_event.values()]


def entry_text(call: CalendarCall, entry: AgendaEntry, day_known: date | None = None) -> str:
    """Name an entry in a sentence: ``gym, Friday 27 November at 6 PM``, or ``gym, every Friday at 6 PM``."""
    if not entry.comes_again:
        return call.match_text(entry.matches[0], day_known)
    return f"{entry.event.title}, {_repetition(call, entry)}"


def entries_text(call: CalendarCall, entries: Sequence[AgendaEntry], day_known: date | None = None) -> str:
    """Name a few entries in a sentence."""
    names = [entry_text(call, entry, day_known) for entry in entries]
    return "; ".join(names) if any("," in name for name in names) else join_words(names)


def entries_data(call: CalendarCall, entries: Sequence[AgendaEntry], day_known: date | None = None) -> dict[str, str]:
    """The keys ``count``, ``events`` and ``more`` of a result's data: a repetition counts once."""
    names = [entry_text(call, entry, day_known) for entry in entries[:MAX_NAMED_EVENTS]]
    more = len(entries) - len(names)
    return {"count": str(len(entries)), "events": "; ".join(names)} | ({"more": str(more)} if more else {})


def agenda_card(call: CalendarCall, entries: Sequence[AgendaEntry], day: date | None = None) -> Card:
    """Make the table of ``entries``.

    Args:
        call: phrases times.
        entries: what to show.
        day: the day that the reply is about; None: several days, or days that the reply does not name.
    """
    shown, more = entries[:MAX_CARD_EVENTS], len(entries) - MAX_CARD_EVENTS
    single = [entry.matches[0] for entry in shown if not entry.comes_again]
    dated = [match for match in single if match.occurrence is not None]
    undated = [match.event for match in single if match.occurrence is None]
    rows = _rows_of_one_day(call, dated) if day is not None else _rows_by_day(call, dated)
    rows += [(capitalized(_repetition(call, entry)), _what(entry.event)) for entry in shown if entry.comes_again]
    rows += [("No date", "\n".join(_what(event) for event in undated))] if undated else []
    rows += [("And", f"{more} more")] if more > 0 else []
    return Card(rows=tuple(rows))


def _rows_of_one_day(call: CalendarCall, matches: Sequence[EventMatch]) -> list[tuple[str, str]]:
    return [(capitalized(_clock(call, match)), _what(match.event)) for match in matches]


def _rows_by_day(call: CalendarCall, matches: Sequence[EventMatch]) -> list[tuple[str, str]]:
    days: dict[date, list[str]] = {}
    for match in matches:
        start = match.occurrence.start if match.occurrence else datetime.max
        days.setdefault(start.date(), []).append(f"{_clock(call, match)} {_what(match.event)}")
    return [(capitalized(day_text(day, call.today)), "\n".join(lines)) for day, lines in sorted(days.items())]


def _clock(call: CalendarCall, match: EventMatch) -> str:
    """The time of an event without its day: ``10 AM``, ``3 PM to 4 PM``, ``all day``."""
    if match.occurrence is None:
        return ""
    phrase = call.time_text(match.event, match.occurrence.start, same_day=True)
    return phrase.removeprefix("at ").removeprefix("from ")


def _repetition(call: CalendarCall, entry: AgendaEntry) -> str:
    repeat = repetition_text(entry.event.repeat)
    same_time = {match.occurrence.start.time() for match in entry.matches if match.occurrence}
    if entry.event.all_day or len(same_time) != 1 or entry.matches[0].occurrence is None:
        return repeat
    return append_to_day(repeat, call.time_text(entry.event, entry.matches[0].occurrence.start, same_day=True))


def repetition_text(rule: str) -> str:
    """Phrase a recurrence rule. One of another program may say more than a phrase can hold."""
    try:
        return recurrence_text(rule)
    except (KeyError, ValueError, IndexError):
        return "several times"


def _what(event: CalendarEvent) -> str:
    details = [event.place, shorten(event.notes, MAX_NOTE_CHARACTERS, placeholder="…")]
    known = "; ".join(filter(None, details))
    return f"{event.title} ({known})" if known else event.title
