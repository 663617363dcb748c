"""Looking things up: what is there, when is it, am I free."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.desk import Desk, Match
from llmagent_os.plugins.calendar.events import Event
from llmagent_os.plugins.calendar.find import Wanted, past, search, told_scope, wanted
from llmagent_os.plugins.calendar.problems import WhenError
from llmagent_os.plugins.calendar.repeats import spoken
from llmagent_os.plugins.calendar.when import HOUR
from llmagent_os.plugins.calendar.wording import scope, within

_FREE = re.compile(r"\b(free|busy|available|availability|booked|open slot|have time|got time|clash|conflict)\b", re.I)
_REMINDERS = re.compile(r"\breminders?\b", re.I)


async def look_up(desk: Desk, given: Mapping[str, str | None]) -> ToolResult:
    """The events that fit the arguments, or whether the person is free."""
    try:
        what = _wanted(desk, given)
    except WhenError as error:
        return desk.unclear(error)
    free = _FREE.search(desk.context.text) is not None and not what.about
    events = [event for event in await desk.store.events() if _counts(event, desk, free)]
    found = search(desk, events, what, point=HOUR if free else timedelta(minutes=1))
    if what.which in ("last", "latest") and not what.when:
        found = past(desk, events, what) or found
    told = _scope(desk, what)
    if not found:
        return _empty(desk, what, told, free)
    if len(found) == 1:
        await desk.store.focus_on(found[0].event)
    return _listed(desk, what, told, found, free)


def _wanted(desk: Desk, given: Mapping[str, str | None]) -> Wanted:
    """A time alone is one of today: "am I free at 3"."""
    date_said, time_said = given.get("date"), given.get("time")
    what = wanted(
        desk, given.get("which"), given.get("title"), date_said, time_said, given.get("person"), given.get("place")
    )
    if what.when.clock and not what.when.days and not what.about:
        return wanted(
            desk, given.get("which"), given.get("title"), "today", time_said, given.get("person"), given.get("place")
        )
    return what


def _counts(event: Event, desk: Desk, free: bool) -> bool:
    if _REMINDERS.search(desk.context.text) and not free:
        return event.reminder
    return not (free and event.reminder)


def _scope(desk: Desk, what: Wanted) -> str:
    return scope(what.when, what.date_said, desk.now) if what.when.days or what.when.moment else told_scope(desk, what)


def _empty(desk: Desk, what: Wanted, told: str, free: bool) -> ToolResult:
    data = {"status": "empty"} | ({"when": told} if told else {}) | ({"about": what.about} if what.about else {})
    if free:
        return ToolResult(data | {"free": "yes"}, f"You're free{within(told)}.")
    things = "reminders" if _REMINDERS.search(desk.context.text) else "events"
    if what.about:
        return ToolResult(data, f"I found nothing about {what.about}{within(told) or ' in what is to come'}.")
    return ToolResult(data, f"You have no {things}{within(told) or ' coming up'}.")


def _listed(desk: Desk, what: Wanted, told: str, found: Sequence[Match], free: bool) -> ToolResult:
    data, names = desk.told(found, what.day)
    data = {"status": "listed", **data}
    only = found[0] if len(found) == 1 else None
    if only:
        data["title"] = only.event.title
        if only.occurrence:
            data["when"] = desk.match_when(only)
        data |= {"place": only.event.place} if only.event.place else {}
        data |= {"repeat": spoken(only.event.repeat)} if only.event.repeat else {}
    elif told:
        data["when"] = told
    data |= {"about": what.about} if what.about else {}
    data |= {"free": "no"} if free else {}
    if all(match.event.reminder for match in found):
        data["kind"] = "reminder"
    card = desk.card(told or "Coming up", found)
    if only:
        place = f" at {only.event.place}" if only.event.place else ""
        repeats = f" ({data['repeat']})" if "repeat" in data else ""
        when = f", {data['when']}" if "when" in data else ", without a date"
        sentence = f"{only.event.title}{place}{when}{repeats}."
        lead = {"reminder": "Your reminder: "}.get(data.get("kind", ""), "You have ")
        return ToolResult(data, f"You're not free: you have {sentence}" if free else f"{lead}{sentence}", card=card)
    noun = "reminders" if data.get("kind") else "events"
    about = f" about {what.about}" if what.about else ""
    lead = "You're not free" if free else f"You have {len(found)} {noun}{about}"
    where = within(told) or ("" if free else " coming up")
    return ToolResult(data, f"{lead}{where}: {names}.", card=card)
