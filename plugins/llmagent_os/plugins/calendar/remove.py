"""Deleting events: one at once, more than one only after a question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.desk import Desk, Match
from llmagent_os.plugins.calendar.events import Change, Event
from llmagent_os.plugins.calendar.find import Wanted, near, search, told_scope, wanted
from llmagent_os.plugins.calendar.problems import WhenError
from llmagent_os.plugins.calendar.repeats import spoken
from llmagent_os.plugins.calendar.wording import within

MAX_CHOICES = 8  #: candidates that get a button

_MANY = re.compile(
    r"\b(all|every|everything|both|each|any|whole|entire|clear|wipe|empty|events|meetings|appointments|reminders|calls|plans|schedule)\b",
    re.I,
)


async def delete(desk: Desk, given: Mapping[str, str | None]) -> ToolResult:
    """Delete what fits the arguments."""
    before = await desk.done_before()
    if before is not None:
        return before
    try:
        what = wanted(desk, *(given.get(key) for key in ("which", "title", "date", "time", "person", "place")))
    except WhenError as error:
        return desk.unclear(error)
    events = await desk.store.events()
    if re.search(r"\breminders?\b", desk.context.text, re.I) and not what.about:
        events = [event for event in events if event.reminder]
    if what.nothing:
        found = await focused(desk, events)
        if not found:
            return ToolResult({"status": "missing", "need": "event"}, "Which event should I delete?")
    else:
        found = search(desk, events, what)
    if not found:
        return not_found(desk, events, what)
    if len(found) == 1:
        change = _change(desk, found, what)
        return await desk.perform(change, f"Shall I delete {desk.name(found[0])}?")
    return await _several(desk, found, what)


async def focused(desk: Desk, events: Sequence[Event]) -> list[Match]:
    """What "it" is: the event that this conversation touched last."""
    focus = await desk.store.focus()
    chosen = [event for event in events if event.event_id == focus]
    return desk.coming(chosen) or desk.within(chosen, [(event.start, desk.now) for event in chosen if event.start])[-1:]


def not_found(desk: Desk, events: Sequence[Event], what: Wanted) -> ToolResult:
    """The answer where nothing fits, with the nearest thing that there is."""
    told = told_scope(desk, what)
    data = {"status": "not_found"} | ({"about": what.about} if what.about else {}) | ({"when": told} if told else {})
    close = near(desk, events, what) if what.about else None
    hint = ""
    if close is not None:
        data["near"] = desk.name(close)
        hint = f" Did you mean {data['near']}?"
    return ToolResult(data, f"I found nothing{f' about {what.about}' if what.about else ''}{within(told)}.{hint}")


def candidates(desk: Desk, found: Sequence[Match], what: Wanted, verb: str) -> tuple[dict[str, str], str]:
    """The data and the question where several events fit and one is meant."""
    data, names = desk.told(found, what.day)
    told = told_scope(desk, what)
    data = (
        {"status": "ambiguous", **data}
        | ({"about": what.about} if what.about else {})
        | ({"when": told} if told else {})
    )
    return data, f"{len(found)} events fit{within(told)}: {names}. Which one should I {verb}?"


async def _several(desk: Desk, found: Sequence[Match], what: Wanted) -> ToolResult:
    ranged = what.when.days is not None and not what.when.days.single
    one_series = len({match.event.event_id for match in found}) == 1
    meant = what.many or one_series or (not what.about and (ranged or _MANY.search(desk.context.text) is not None))
    meant = meant or (bool(what.title) and what.title.casefold().endswith("s") and _MANY.search(what.title) is not None)
    if not meant:
        data, question = candidates(desk, found, what, "delete")
        options = tuple(_change(desk, [match], what) for match in found[:MAX_CHOICES])
        return await desk.ask(options, data, question, desk.card("Which one?", found))
    data, names = desk.told(found, what.day)
    told = told_scope(desk, what)
    data = (
        {"status": "confirm", **data} | ({"when": told} if told else {}) | ({"about": what.about} if what.about else {})
    )
    question = f"That deletes {len(found)} events{within(told)}: {names}. Are you sure?"
    return await desk.ask((_change(desk, found, what),), data, question, desk.card("To be deleted", found))


def _change(desk: Desk, found: Sequence[Match], what: Wanted) -> Change:
    """The change that deletes what was found; where a day was named, only that day of a repetition."""
    once = what.when.days is not None or what.when.moment is not None
    before: dict[str, Event] = {}
    after: dict[str, Event] = {}
    for match in found:
        event, each = match.event, match.occurrence
        before[event.event_id] = event
        if event.repeat and once and each is not None and not (what.many and len(found) == 1):
            kept = after.get(event.event_id, event)
            after[event.event_id] = msgspec.structs.replace(kept, skipped=(*kept.skipped, each.original))
    if len(found) > 1:
        data = {"status": "deleted", "count": str(len(found))}
        return Change(
            before=tuple(before.values()),
            after=tuple(after.values()),
            data=data,
            text=f"Deleted {len(found)} events.",
            undo=True,
        )
    match = found[0]
    data = {"status": "deleted", "title": match.event.title}
    data |= {"when": desk.match_when(match)} if match.occurrence else {}
    if match.event.repeat and not after:
        data["repeat"] = spoken(match.event.repeat)
    data |= {"kind": "reminder"} if match.event.reminder else {}
    repeats = f" ({data['repeat']})" if "repeat" in data else ""
    return Change(
        before=tuple(before.values()),
        after=tuple(after.values()),
        data=data,
        text=f"I've deleted {desk.name(match)}{repeats}.",
        undo=True,
        label=desk.name(match),
    )
