"""Reads messages with the calendar's rules, at a fixed moment: a Wednesday morning."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.request_reading import read_message
from llmagent_os.plugins.calendar.requests.self_correction import corrected
from llmagent_os.plugins.calendar.requests.spelling import put_right

NOW = datetime(2026, 11, 25, 9, 0)


def read(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls that a message asks for: the tool and its arguments."""
    return [(each.call.name, each.call.arguments) for each in read_message(corrected(Clause.of(put_right(text), NOW)))]


def added(text: str) -> list[str]:
    """The new events of a message, short: ``title | with person | at place | date | time | duration | repeat``."""
    return [_short(arguments) for tool, arguments in read(text) if tool == "create_event"]


def _short(given: dict[str, Any]) -> str:
    person = f"with {given['person']}" if "person" in given else ""
    place = f"at {given['place']}" if "place" in given else ""
    when = (given.get(name, "") for name in ("date", "time", "duration", "repeat"))
    return " | ".join(part for part in (given.get("title", "?"), person, place, *when) if part)
