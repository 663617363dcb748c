"""Draws results of the tools, in the form that the calendar and the profile plugin give them.

No tool runs and no date is looked up, because the model only has to choose, copy and phrase. :data:`_OUTCOMES` is the
table of all outcomes of a call and their weights. Every outcome is a function beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from llmagent_os.bots.calendar.recipe.date_phrases import clock, repetition, scope, when
from llmagent_os.bots.calendar.recipe.lexicon import word
from llmagent_os.bots.calendar.recipe.phrases import Phrases

Data = dict[str, str]  #: a tool's result: flat, with readable values
_MAX_NAMED_EVENTS = 5  #: in one result


class CallCase:
    """One call and the calendar around it. It draws the values that most outcomes need; the outcomes draw the rest."""

    def __init__(self, phrases: Phrases, arguments: Data, rng: random.Random) -> None:
        self.phrases, self.arguments, self.rng = phrases, arguments, rng
        self.title = arguments.get("title") or phrases.title(rng)
        self.when = when(rng)
        self.conflict = self.clash(0.25)
        self.about = arguments.get("title") or arguments.get("person")
        need = rng.choice(("date", "time"))
        heard = arguments.get("date") or arguments.get("time") or word(rng)
        self.unclear = {"status": "unclear", "need": need, "heard": heard}
        self.scope = ""  #: the period of a search

    def status(self, status: str) -> Data:
        """Return a result about the event of the call."""
        return {"status": status, "title": self.title, "when": self.when}

    def maybe(self, chance: float, key: str, value: Callable[[random.Random], str]) -> Data:
        """Return ``key`` with a ``value`` with probability ``chance``, else nothing."""
        return {key: value(self.rng)} if self.rng.random() < chance else {}

    def clash(self, chance: float) -> Data:
        """Draw another event at the same time, with probability ``chance``."""
        return self.maybe(chance, "conflict", lambda rng: f"{self.phrases.title(rng)} at {clock(rng)}")

    def event(self, rng: random.Random) -> str:
        """Draw another event with its time."""
        return f"{self.phrases.title(rng)}, {when(rng)}"

    def events(self, counts: tuple[int, ...]) -> Data:
        """Draw several events. ``counts`` are the possible numbers of events."""
        rng = self.rng
        count = rng.choice(counts)
        one_day = rng.random() < 0.5
        told = min(count, _MAX_NAMED_EVENTS)
        names = [f"{self.phrases.title(rng)} at {clock(rng)}" if one_day else self.event(rng) for _ in range(told)]
        data = {"count": str(count), "events": "; ".join(names)}
        return data | ({"more": str(count - told)} if count > told else {})


def _created(case: CallCase) -> Data:
    place = {"place": case.arguments["place"]} if "place" in case.arguments else {}
    return case.status("created") | place | case.maybe(0.15, "repeat", repetition) | case.conflict


def _reminder(case: CallCase) -> Data:
    return case.status("created") | case.maybe(0.2, "repeat", repetition) | {"kind": "reminder"} | case.clash(0.1)


def _noted(case: CallCase) -> Data:
    return {"status": "noted", "title": case.title, "kind": "reminder"}


def _incomplete(case: CallCase) -> Data:
    match case.rng.randrange(3):
        case 0:
            return {"status": "missing", "need": "time", "title": case.title, "when": case.when}
        case 1:
            return {"status": "missing", "need": "when", "title": case.title}
        case _:
            return {"status": "missing", "need": "title"} | case.maybe(0.6, "when", lambda _: case.when)


def _past(case: CallCase) -> Data:
    return case.status("past")


def _confirm(case: CallCase) -> Data:
    return case.status("confirm") | case.conflict


def _listed(case: CallCase) -> Data:
    return {"status": "listed"} | case.events((2, 2, 3, 3, 4, 5, 6, 8, 12)) | {"when": case.scope}


def _one(case: CallCase) -> Data:
    data = {"status": "listed", "count": "1", "title": case.title, "when": case.when}
    return data | {"events": f"{case.title}, {case.when}"} | case.maybe(0.2, "place", case.phrases.place)


def _busy(case: CallCase) -> Data:
    return {"status": "listed"} | case.events((1, 1, 2, 3)) | {"when": case.scope, "free": "no"}


def _free(case: CallCase) -> Data:
    return {"status": "empty", "when": case.scope, "free": "yes"}


def _empty(case: CallCase) -> Data:
    return {"status": "empty", "when": case.scope}


def _nothing_about(case: CallCase) -> Data:
    return {"status": "empty"} | case.maybe(0.5, "when", lambda _: case.scope) | {"about": case.about or case.title}


def _nothing_at_all(_: CallCase) -> Data:
    return {"status": "empty"}


def _deleted(case: CallCase) -> Data:
    return case.status("deleted") | case.maybe(0.1, "repeat", repetition)


def _confirm_several(case: CallCase) -> Data:
    return {"status": "confirm"} | case.events((2, 3, 4, 5, 7, 11)) | case.maybe(0.6, "when", scope)


def _confirm_one(case: CallCase) -> Data:
    return {"status": "confirm", "count": "1", "title": case.title, "when": case.when}


def _moved(case: CallCase) -> Data:
    rng = case.rng
    if rng.random() < 0.6:
        changed = {"old": when(rng)}
    else:
        title, place = case.phrases.title(rng), case.arguments.get("new_place") or case.phrases.place(rng)
        changed = rng.choice(({"old_title": title}, {"place": place}, {"repeat": repetition(rng)}))
    return case.status("moved") | changed | case.conflict


def _unchanged(case: CallCase) -> Data:
    return case.status("unchanged")


def _nothing_new(case: CallCase) -> Data:
    return {"status": "missing", "need": "change", "title": case.title, "when": case.when}


def _confirm_move(case: CallCase) -> Data:
    return case.status("confirm") | {"old": when(case.rng)} | case.conflict


#: Tool to the outcomes of an understood call, with their weights.
_OUTCOMES: dict[str, dict[Callable[[CallCase], Data], float]] = {
    "create_event": {_created: 8, _reminder: 4, _noted: 1.5, _incomplete: 3, _past: 0.6, _confirm: 1.2},
    "list_events": {
        _listed: 5,
        _one: 3,
        _busy: 1.5,
        _free: 1.5,
        _empty: 2,
        _nothing_about: 1.5,
        _nothing_at_all: 0.7,
    },
    "delete_event": {_deleted: 6, _confirm_several: 4, _confirm_one: 1},
    "move_event": {_moved: 8, _unchanged: 1, _nothing_new: 1, _confirm_move: 1.5, _past: 0.5},
}


def result(phrases: Phrases, tool: str, arguments: Data, rng: random.Random) -> Data:
    """Draw a result that ``tool`` could give for ``arguments``."""
    case = CallCase(phrases, arguments, rng)
    if tool == "set_preference":
        return _preference(arguments, rng)
    if rng.random() < 0.04:
        return case.unclear
    if tool == "list_events":
        case.scope = scope(rng)
    if tool in ("delete_event", "move_event") and (unfound := _unfound(case)):
        return unfound
    outcomes = _OUTCOMES[tool]
    return rng.choices(tuple(outcomes), tuple(outcomes.values()))[0](case)


def _unfound(case: CallCase) -> Data | None:
    """Draw a result for an event that is not clear: no event fits, several fit, or the call names none. None: it is."""
    rng = case.rng
    near = case.maybe(0.3, "near", case.event)
    if rng.random() < 0.3:
        match rng.randrange(3):
            case 0 if case.about:
                return {"status": "not_found", "about": case.about} | case.maybe(0.3, "when", scope) | near
            case 1:
                return {"status": "not_found", "when": scope(rng)}
            case _:
                return {"status": "not_found"}
    if rng.random() < 0.22:
        about = {"about": case.about} if case.about else {}
        return {"status": "ambiguous"} | case.events((2, 2, 3, 4)) | about
    if rng.random() < 0.1:
        return {"status": "missing", "need": "event"}
    return None


def _preference(arguments: Data, rng: random.Random) -> Data:
    if style := arguments.get("style"):
        return {"status": "set", "style": style}
    kind = next((key for key in ("name", "place") if key in arguments), None)
    if kind is None:
        return {"status": "missing", "need": "preference"}
    heard = arguments[kind]
    if rng.random() < 0.12:
        return {"status": "unclear", "need": kind, "heard": heard}
    there = {"time": clock(rng)} if kind == "place" else {}
    return {"status": "set", kind: heard[:1].upper() + heard[1:]} | there
