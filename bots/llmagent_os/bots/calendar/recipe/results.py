"""What the tools give back, drawn at random in the shapes of the calendar and the profile plugin.

No tool is run and no date looked up: the model's work is to choose, to copy and to phrase. :data:`_OUTCOMES` is the
table of what can come of a call, and how often it does; each outcome is a function beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from llmagent_os.bots.calendar.recipe.lexicon import word
from llmagent_os.bots.calendar.recipe.moments import clock, repetition, scope, when
from llmagent_os.bots.calendar.recipe.phrases import Phrases

Data = dict[str, str]  #: a tool's result: flat, every value ready to be said
_TOLD = 5  #: how many events a result names


class Case:
    """One call, and the calendar around it. What most outcomes need is drawn at once, the rest where it is used."""

    def __init__(self, phrases: Phrases, arguments: Data, rng: random.Random) -> None:
        self.phrases, self.arguments, self.rng = phrases, arguments, rng
        self.title = arguments.get("title") or phrases.title(rng)
        self.when = when(rng)
        self.conflict = self.clash(0.25)
        self.about = arguments.get("title") or arguments.get("person")
        need = rng.choice(("date", "time"))
        heard = arguments.get("date") or arguments.get("time") or word(rng)
        self.unclear = {"status": "unclear", "need": need, "heard": heard}
        self.scope = ""  #: the time that a look-up covers

    def status(self, status: str) -> Data:
        """A result about the event of the call."""
        return {"status": status, "title": self.title, "when": self.when}

    def maybe(self, chance: float, key: str, value: Callable[[random.Random], str]) -> Data:
        """``key`` with a ``value``, in so many cases; else nothing."""
        return {key: value(self.rng)} if self.rng.random() < chance else {}

    def clash(self, chance: float) -> Data:
        """Another event at the same time."""
        return self.maybe(chance, "conflict", lambda rng: f"{self.phrases.title(rng)} at {clock(rng)}")

    def event(self, rng: random.Random) -> str:
        """Another event, with its moment."""
        return f"{self.phrases.title(rng)}, {when(rng)}"

    def events(self, counts: tuple[int, ...]) -> Data:
        """Several events; ``counts`` are how many there can be."""
        rng = self.rng
        count = rng.choice(counts)
        one_day = rng.random() < 0.5
        told = min(count, _TOLD)
        names = [f"{self.phrases.title(rng)} at {clock(rng)}" if one_day else self.event(rng) for _ in range(told)]
        data = {"count": str(count), "events": "; ".join(names)}
        return data | ({"more": str(count - told)} if count > told else {})


def _created(case: Case) -> Data:
    place = {"place": case.arguments["place"]} if "place" in case.arguments else {}
    return case.status("created") | place | case.maybe(0.15, "repeat", repetition) | case.conflict


def _reminder(case: Case) -> Data:
    return case.status("created") | case.maybe(0.2, "repeat", repetition) | {"kind": "reminder"} | case.clash(0.1)


def _noted(case: Case) -> Data:
    return {"status": "noted", "title": case.title, "kind": "reminder"}


def _incomplete(case: Case) -> Data:
    match case.rng.randrange(3):
        case 0:
            return {"status": "missing", "need": "time", "title": case.title, "when": case.when}
        case 1:
            return {"status": "missing", "need": "when", "title": case.title}
        case _:
            return {"status": "missing", "need": "title"} | case.maybe(0.6, "when", lambda _: case.when)


def _past(case: Case) -> Data:
    return case.status("past")


def _confirm(case: Case) -> Data:
    return case.status("confirm") | case.conflict


def _listed(case: Case) -> Data:
    return {"status": "listed"} | case.events((2, 2, 3, 3, 4, 5, 6, 8, 12)) | {"when": case.scope}


def _one(case: Case) -> Data:
    data = {"status": "listed", "count": "1", "title": case.title, "when": case.when}
    return data | {"events": f"{case.title}, {case.when}"} | case.maybe(0.2, "place", case.phrases.place)


def _busy(case: Case) -> Data:
    return {"status": "listed"} | case.events((1, 1, 2, 3)) | {"when": case.scope, "free": "no"}


def _free(case: Case) -> Data:
    return {"status": "empty", "when": case.scope, "free": "yes"}


def _empty(case: Case) -> Data:
    return {"status": "empty", "when": case.scope}


def _nothing_about(case: Case) -> Data:
    return {"status": "empty"} | case.maybe(0.5, "when", lambda _: case.scope) | {"about": case.about or case.title}


def _nothing_at_all(_: Case) -> Data:
    return {"status": "empty"}


def _deleted(case: Case) -> Data:
    return case.status("deleted") | case.maybe(0.1, "repeat", repetition)


def _confirm_several(case: Case) -> Data:
    return {"status": "confirm"} | case.events((2, 3, 4, 5, 7, 11)) | case.maybe(0.6, "when", scope)


def _confirm_one(case: Case) -> Data:
    return {"status": "confirm", "count": "1", "title": case.title, "when": case.when}


def _moved(case: Case) -> Data:
    rng = case.rng
    if rng.random() < 0.6:
        changed = {"old": when(rng)}
    else:
        title, place = case.phrases.title(rng), case.arguments.get("new_place") or case.phrases.place(rng)
        changed = rng.choice(({"old_title": title}, {"place": place}, {"repeat": repetition(rng)}))
    return case.status("moved") | changed | case.conflict


def _unchanged(case: Case) -> Data:
    return case.status("unchanged")


def _nothing_new(case: Case) -> Data:
    return {"status": "missing", "need": "change", "title": case.title, "when": case.when}


def _confirm_move(case: Case) -> Data:
    return case.status("confirm") | {"old": when(case.rng)} | case.conflict


#: What can come of a call that is understood and fits: how often, against the others of the tool.
_OUTCOMES: dict[str, dict[Callable[[Case], Data], float]] = {
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
    """A result that ``tool`` could give when called with ``arguments``."""
    case = Case(phrases, arguments, rng)
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


def _unfound(case: Case) -> Data | None:
    """Where it is not clear which event is meant: none fits, several do, or nothing was said of it."""
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
