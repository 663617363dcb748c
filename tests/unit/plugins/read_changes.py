"""Reads messages about a calendar that has events, at a fixed moment: a Wednesday morning."""

from __future__ import annotations

from datetime import datetime

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.request_reading import read_message
from llmagent_os.plugins.calendar.requests.spelling import put_right
from tests.unit.plugins.read_messages import NOW


def _event(title: str, day: int, hour: int, *, repeat: str = "", reminder: bool = False) -> CalendarEvent:
    start = datetime(2026, 11, day, hour)
    return CalendarEvent(event_id=f"{title} {day}", title=title, start=start, repeat=repeat, reminder=reminder)


CALENDAR = (
    _event("review", 26, 10),
    _event("call with Alice", 26, 16),
    _event("gym", 26, 18),
    _event("take the pizza out", 26, 18, reminder=True),
    _event("standup", 26, 9, repeat="FREQ=DAILY"),
    _event("yoga", 26, 18, repeat="FREQ=WEEKLY"),
    _event("sync with Raj", 26, 16, repeat="FREQ=WEEKLY"),
    _event("morning run", 27, 7),
    _event("dentist", 27, 10),
    _event("planning", 27, 10),
    _event("lunch with Eva", 27, 12),
    _event("flight to Oslo", 27, 14),
    _event("interview with Zoe", 27, 15),
    _event("call mom", 27, 18, reminder=True),
    _event("choir", 27, 19, repeat="FREQ=WEEKLY"),
    _event("lunch with Bob", 28, 12),
    _event("birthday party for Lily", 28, 14),
    _event("workshop", 28, 14),
    _event("dinner with Maria", 28, 19),
    _event("board meeting", 30, 10),
)


def calls(text: str) -> list[str]:
    """The calls that a message asks for, short: ``move | title: gym | new_time: 7``."""
    read = read_message(Clause.of(put_right(text), NOW, events=CALENDAR))
    return [
        " | ".join((each.call.name.split("_")[0], *(f"{key}: {said}" for key, said in each.call.arguments.items())))
        for each in read
    ]
