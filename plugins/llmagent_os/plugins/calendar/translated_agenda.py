"""The list of ``/calendar`` in the languages of people whom the model's English does not serve.

What the tools say is English, which the model reads. Nobody but the person reads the answer to a command.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from textwrap import shorten

from llmagent_os.languages import date_text, gettext, ngettext
from llmagent_os.plugin import Card, ToolResult
from llmagent_os.plugins.calendar.agenda import MAX_CARD_EVENTS, MAX_NOTE_CHARACTERS
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_choice import keep_listed
from llmagent_os.plugins.calendar.event_query import event_query
from llmagent_os.plugins.calendar.event_search import search_events
from llmagent_os.plugins.calendar.person_clock import EventMatch
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError


async def translated_agenda(call: CalendarCall, when: str) -> ToolResult:
    """List the events of a time in the language in force.

    Args:
        call: the calendar of the person.
        when: the time in English words; empty: all that is to come.
    """
    try:
        query = event_query(call, {"date": when or None})
    except TimeExpressionError:
        text = gettext("I do not understand “{when}” as a time. I read days in English, and as 2027-01-15.", when=when)
        return ToolResult({"status": "unclear", "need": "date", "heard": when}, text)
    found = search_events(call, await call.store.events(), query)
    if not found:
        text = gettext("You have no events then.") if when else gettext("You have no events coming up.")
        return ToolResult({"status": "empty"}, text)
    if len(found) == 1:
        await call.store.focus_on(found[0].event)
    await keep_listed(call, found)
    text = ngettext("You have {count} event:", "You have {count} events:", len(found))
    return ToolResult({"status": "listed", "count": str(len(found))}, text, card=Card(rows=_rows(call, found)))


def _rows(call: CalendarCall, found: Sequence[EventMatch]) -> tuple[tuple[str, str], ...]:
    days: dict[date, list[str]] = {}
    undated: list[str] = []
    for match in found[:MAX_CARD_EVENTS]:
        if match.occurrence is None:
            undated.append(_what(match))
        else:
            days.setdefault(match.occurrence.start.date(), []).append(f"{_clock(match)} {_what(match)}")
    rows = [(_day(day, call.today), "\n".join(lines)) for day, lines in sorted(days.items())]
    rows += [(gettext("No date"), "\n".join(undated))] if undated else []
    more = len(found) - MAX_CARD_EVENTS
    rows += [("…", ngettext("{count} more", "{count} more", more))] if more > 0 else []
    return tuple(rows)


def _day(day: date, today: date) -> str:
    if day == today:
        return gettext("Today")
    return gettext("Tomorrow") if (day - today).days == 1 else date_text(day)


def _clock(match: EventMatch) -> str:
    if match.event.all_day or match.occurrence is None:
        return gettext("all day")
    start, end = match.occurrence.start, match.occurrence.end
    return f"{start:%H:%M}–{end:%H:%M}" if end > start and end.date() == start.date() else f"{start:%H:%M}"


def _what(match: EventMatch) -> str:
    event = match.event
    details = filter(None, (event.place, shorten(event.notes, MAX_NOTE_CHARACTERS, placeholder="…")))
    known = "; ".join(details)
    return f"{event.title} ({known})" if known else event.title
