"""Reads messages with the calendar's rules, at a fixed moment: a Wednesday morning."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.request_reading import read_message
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest
from llmagent_os.plugins.calendar.requests.self_correction import corrected
from llmagent_os.plugins.calendar.requests.spelling import put_right

NOW = datetime(2026, 11, 25, 9, 0)


def read(text: str, *titles: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls that a message asks for: the tool and its arguments. The calendar has events of these titles."""
    return [(each.call.name, each.call.arguments) for each in requests_of(text, *titles)]


def requests_of(text: str, *titles: str) -> tuple[ReadRequest, ...]:
    """The requests of a message. The calendar has events of these titles, on friday at 10."""
    events = tuple(CalendarEvent(event_id=each, title=each, start=datetime(2026, 11, 27, 10)) for each in titles)
    return read_message(corrected(Clause.of(put_right(text), NOW, events=events)))


def added(text: str) -> list[str]:
    """The new events of a message, short: ``title | with person | at place | date | time | duration | repeat``."""
    return [_short(arguments) for tool, arguments in read(text) if tool == "create_event"]


def _short(given: dict[str, Any]) -> str:
    person = f"with {given['person']}" if "person" in given else ""
    place = f"at {given['place']}" if "place" in given else ""
    when = (given.get(name, "") for name in ("date", "time", "duration", "repeat"))
    return " | ".join(part for part in (given.get("title", "?"), person, place, *when) if part)
