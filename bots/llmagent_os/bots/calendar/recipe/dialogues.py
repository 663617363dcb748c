"""Whole conversations for the calendar model: phrases become calls, results and replies in the asked-for style.

A :class:`Dialogue` is what the model is trained on: a system message, and turns in which everything the assistant says
is a target. Nothing here looks a date up or runs a tool: results are drawn in the shapes the calendar plugin returns,
since the model's work is to choose, to copy and to phrase.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from llmagent_os.bots.calendar.recipe.grammar import Grammar, Phrase
from llmagent_os.bots.calendar.recipe.lexicon import SOURCES, city, first_name, invented, word
from llmagent_os.bots.calendar.recipe.noise import noisy
from llmagent_os.modules.behavior import system_text

#: Tool names to parameter names, as the template shows them.
TOOLS: dict[str, tuple[str, ...]] = {
    "create_event": ("title", "date", "time", "duration", "person", "place", "repeat"),
    "list_events": ("which", "title", "date", "time", "person", "place"),
    "delete_event": ("which", "title", "date", "time", "person", "place"),
    "move_event": (
        "which", "title", "date", "time", "person", "place",
        "new_title", "new_date", "new_time", "new_duration", "new_place", "new_repeat",
    ),
    "set_preference": ("name", "place", "style"),
}  # fmt: skip

_STYLES = {
    "pref_brief": "brief",
    "pref_detailed": "detailed",
    "pref_normal": "normal",
    "pref_chatty": "conversational",
    "pref_task": "task_oriented",
    "pref_ask": "ask_first",
    "pref_act": "act",
}
_SAY = ("hello", "bye", "thanks", "how_are_you", "who_are_you", "what_can_you_do", "insult", "compliment", "yes_no", "nevermind", "feeling")  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How the person wants to be answered."""

    mode: str  #: task_oriented or conversational
    verbosity: str  #: brief, normal or detailed
    name: str | None  #: what the person is called, where known

    @property
    def code(self) -> str:
        """``tb`` for task-oriented and brief, and so on."""
        return self.mode[0] + self.verbosity[0]

    def system(self, facts: tuple[str, ...] = ()) -> str:
        """The system message, word for word what the agent writes."""
        return system_text({"mode": self.mode, "verbosity": self.verbosity}, name=self.name, facts=facts)


@dataclass(frozen=True)
class Turn:
    """One message. Assistant turns are what is learned."""

    role: str  #: user, assistant or tool
    text: str


@dataclass(frozen=True)
class Dialogue:
    """One training example, without its system message's tools (a batch shares those)."""

    system: str
    turns: tuple[Turn, ...]

    def segments(self) -> list[tuple[str, bool]]:
        """The rendered text in pieces, each with whether it is a target."""
        pieces: list[tuple[str, bool]] = [(f"{self.system}<|im_end|>\n", False)]
        for turn in self.turns:
            if turn.role == "assistant":
                pieces.append(("<|im_start|>assistant\n", False))
                pieces.append((f"{turn.text}<|im_end|>", True))
                pieces.append(("\n", False))
            elif turn.role == "tool":
                pieces.append((f"<|im_start|>user\n<tool_response>\n{turn.text}\n</tool_response><|im_end|>\n", False))
            else:
                pieces.append((f"<|im_start|>user\n{turn.text}<|im_end|>\n", False))
        return pieces


def tools_text(rng: random.Random) -> str:
    """The beginning of a system message: now and then with the tools in another order, or with strangers among them."""
    tools = list(TOOLS.items())
    if rng.random() < 0.15:
        rng.shuffle(tools)
        for _ in range(rng.choice((0, 1, 1, 2))):
            name = "_".join(rng.choice((word, invented))(rng) for _ in range(rng.choice((1, 2))))
            parameters = tuple(dict.fromkeys(word(rng) for _ in range(rng.randrange(4))))
            tools.insert(rng.randrange(len(tools) + 1), (name, parameters))
    lines = "".join(json.dumps({"name": n, "parameters": list(p)}, ensure_ascii=False) + "\n" for n, p in tools)
    return f"<|im_start|>system\n<tools>\n{lines}</tools>\n"


def call_text(name: str, arguments: dict[str, str]) -> str:
    """A tool call as the chat template writes it, arguments in the schema's order."""
    ordered = {key: arguments[key] for key in TOOLS[name] if key in arguments}
    body = json.dumps({"name": name, "arguments": ordered}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>"


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")  # fmt: skip


def _day(moment: date) -> str:
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]}"


def _clock(rng: random.Random) -> str:
    if rng.random() < 0.06:
        return rng.choice(("noon", "midnight"))
    minutes = rng.choice(("", "", "", ":30", ":15", ":45", f":{rng.randrange(60):02}"))
    return f"{rng.randrange(1, 13)}{minutes} {rng.choice(('AM', 'PM'))}"


class Writer:
    """Writes conversations from the grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.grammar.sources = dict(SOURCES)
        self._none = grammar.names("none_")
        self._data: dict[str, str] = {}
        for key in ("title", "when", "count", "events", "about", "heard", "need", "conflict", "place", "repeat", "old", "old_title", "near", "more", "name", "time", "user", "fact"):  # fmt: skip
            self.grammar.sources[f"data_{key}"] = self._datum(key)

    def _datum(self, key: str) -> Callable[[random.Random], str]:
        return lambda _rng: self._data[key]

    def say(self, rule: str, data: dict[str, str], rng: random.Random) -> str:
        """A reply from ``rule``, its ``<data_…>`` filled from ``data``."""
        self._data = data
        text = self.grammar.draw(rule, rng).text
        return text[:1].upper() + text[1:]

    def ask(self, rule: str, rng: random.Random, *, amount: float = 1.0) -> Phrase:
        """Something a person types, from ``rule``, noise and all."""
        while True:
            phrase = self.grammar.unmark(noisy(self.grammar.draw_marked(rule, rng), rng, amount=amount))
            if phrase.text and not any(c in v for v in phrase.marks.values() for c in '"\\\n'):
                return Phrase(phrase.text, {k: v for k, v in phrase.marks.items() if any(c.isalnum() for c in v)})

    def when(self, rng: random.Random) -> str:
        """An event's moment in the plugin's words."""
        day = date(2026, 1, 1) + timedelta(days=rng.randrange(900))
        draw = rng.random()
        at = rng.choice(
            (f"at {_clock(rng)}", f"at {_clock(rng)}", f"at {_clock(rng)}", f"from {_clock(rng)} to {_clock(rng)}", "")
        )
        if draw < 0.18:
            return f"today {at}".strip()
        if draw < 0.4:
            return f"tomorrow, {_day(day)}" + (f", {at}" if at else "")
        year = f" {day.year}" if rng.random() < 0.1 else ""
        return f"{_day(day)}{year} {at}".strip()

    def scope(self, rng: random.Random) -> str:
        """The time a look-up covers, in the plugin's words."""
        day = _day(date(2026, 1, 1) + timedelta(days=rng.randrange(900)))
        return rng.choice(
            (
                "today", "tomorrow", f"tomorrow, {day}", day, day, "this week", "next week", "this weekend", "tonight",
                f"{day} in the {rng.choice(('morning', 'afternoon', 'evening'))}", f"{day} between {_clock(rng)} and {_clock(rng)}",
                f"the next {rng.randrange(2, 11)} days", rng.choice(_MONTHS), f"today between {_clock(rng)} and {_clock(rng)}",
            )
        )  # fmt: skip

    def title(self, rng: random.Random) -> str:
        """A stored event's title."""
        return self.grammar.draw(rng.choice(("title", "title", "todo")), rng).text

    def _events(self, count: int, rng: random.Random) -> dict[str, str]:
        one_day = rng.random() < 0.5
        shown = min(count, 5)
        items = [
            f"{self.title(rng)} at {_clock(rng)}" if one_day else f"{self.title(rng)}, {self.when(rng)}"
            for _ in range(shown)
        ]
        data = {"count": str(count), "events": "; ".join(items)}
        return data | ({"more": str(count - shown)} if count > shown else {})

    def _place(self, rng: random.Random) -> str:
        return self.grammar.draw("place", rng).text

    def _repeat(self, rng: random.Random) -> str:
        return rng.choice(("every day", "every weekday", f"every {rng.choice(_DAYS)}", f"every {rng.choice(_DAYS)} and {rng.choice(_DAYS)}", f"every {rng.randrange(2, 5)} weeks on {rng.choice(_DAYS)}", f"every month on the {rng.randrange(4, 21)}th", f"every year on {rng.randrange(1, 29)} {rng.choice(_MONTHS)}"))  # fmt: skip

    def result(self, tool: str, arguments: dict[str, str], rng: random.Random) -> tuple[dict[str, str], str]:
        """A result that the tool could give, and the rule of the reply to it."""
        title = arguments.get("title") or self.title(rng)
        when = self.when(rng)
        maybe: Callable[[float, str, Callable[[], str]], dict[str, str]] = lambda p, key, value: (
            {key: value()} if rng.random() < p else {}
        )
        conflict = maybe(0.25, "conflict", lambda: f"{self.title(rng)} at {_clock(rng)}")
        about = arguments.get("title") or arguments.get("person")
        unclear = {
            "status": "unclear",
            "need": rng.choice(("date", "time")),
            "heard": arguments.get("date") or arguments.get("time") or word(rng),
        }
        if tool == "set_preference":
            return self._preference(arguments, rng)
        if rng.random() < 0.04:
            return unclear | {}, "r_any_unclear_"
        if tool == "create_event":
            match rng.choices(("created", "reminder", "noted", "missing", "past", "confirm"), (8, 4, 1.5, 3, 0.6, 1.2))[
                0
            ]:
                case "created":
                    place = {"place": arguments["place"]} if "place" in arguments else {}
                    return {"status": "created", "title": title, "when": when} | place | maybe(
                        0.15, "repeat", lambda: self._repeat(rng)
                    ) | conflict, "r_create_created_"
                case "reminder":
                    return {"status": "created", "title": title, "when": when} | maybe(
                        0.2, "repeat", lambda: self._repeat(rng)
                    ) | {"kind": "reminder"} | maybe(
                        0.1, "conflict", lambda: f"{self.title(rng)} at {_clock(rng)}"
                    ), "r_create_reminder_"
                case "noted":
                    return {"status": "noted", "title": title, "kind": "reminder"}, "r_create_noted_"
                case "missing":
                    match rng.randrange(3):
                        case 0:
                            return {
                                "status": "missing",
                                "need": "time",
                                "title": title,
                                "when": when,
                            }, "r_create_missing_time_"
                        case 1:
                            return {"status": "missing", "need": "when", "title": title}, "r_create_missing_when_"
                        case _:
                            return {"status": "missing", "need": "title"} | maybe(
                                0.6, "when", lambda: when
                            ), "r_create_missing_title_"
                case "past":
                    return {"status": "past", "title": title, "when": when}, "r_any_past_"
                case _:
                    return {"status": "confirm", "title": title, "when": when} | conflict, "r_create_confirm_"
        if tool == "list_events":
            scope = self.scope(rng)
            match rng.choices(
                ("listed", "one", "busy", "free", "empty", "about", "none"), (5, 3, 1.5, 1.5, 2, 1.5, 0.7)
            )[0]:
                case "listed":
                    return {"status": "listed"} | (e := self._events(rng.choice((2, 2, 3, 3, 4, 5, 6, 8, 12)), rng)) | {
                        "count": e["count"],
                        "when": scope,
                    }, "r_list_listed_"
                case "one":
                    return {
                        "status": "listed",
                        "count": "1",
                        "title": title,
                        "when": when,
                        "events": f"{title}, {when}",
                    } | maybe(0.2, "place", lambda: self._place(rng)), "r_list_one_"
                case "busy":
                    return {"status": "listed"} | self._events(rng.choice((1, 1, 2, 3)), rng) | {
                        "when": scope,
                        "free": "no",
                    }, "r_list_busy_"
                case "free":
                    return {"status": "empty", "when": scope, "free": "yes"}, "r_list_free_"
                case "about":
                    return {"status": "empty"} | maybe(0.5, "when", lambda: scope) | {
                        "about": about or title
                    }, "r_list_about_"
                case "none":
                    return {"status": "empty"}, "r_list_none_"
                case _:
                    return {"status": "empty", "when": scope}, "r_list_empty_"
        near = maybe(0.3, "near", lambda: f"{self.title(rng)}, {self.when(rng)}")
        if rng.random() < 0.3:
            match rng.randrange(3):
                case 0 if about:
                    return {"status": "not_found", "about": about} | maybe(
                        0.3, "when", lambda: self.scope(rng)
                    ) | near, "r_any_notfound_"
                case 1:
                    return {"status": "not_found", "when": self.scope(rng)}, "r_any_notfoundwhen_"
                case _:
                    return {"status": "not_found"}, "r_any_notfoundnone_"
        if rng.random() < 0.22:
            return {"status": "ambiguous"} | self._events(rng.choice((2, 2, 3, 4)), rng) | (
                {"about": about} if about else {}
            ), "r_any_ambiguous_"
        if rng.random() < 0.1:
            return {"status": "missing", "need": "event"}, "r_any_event_"
        if tool == "delete_event":
            match rng.choices(("deleted", "confirm", "confirmone"), (6, 4, 1))[0]:
                case "deleted":
                    return {"status": "deleted", "title": title, "when": when} | maybe(
                        0.1, "repeat", lambda: self._repeat(rng)
                    ), "r_delete_deleted_"
                case "confirm":
                    return {"status": "confirm"} | self._events(rng.choice((2, 3, 4, 5, 7, 11)), rng) | maybe(
                        0.6, "when", lambda: self.scope(rng)
                    ), "r_delete_confirm_"
                case _:
                    return {"status": "confirm", "count": "1", "title": title, "when": when}, "r_delete_confirmone_"
        match rng.choices(("moved", "unchanged", "change", "confirm", "past"), (8, 1, 1, 1.5, 0.5))[0]:
            case "moved":
                extra = (
                    {"old": self.when(rng)}
                    if rng.random() < 0.6
                    else rng.choice(
                        (
                            {"old_title": self.title(rng)},
                            {"place": arguments.get("new_place") or self._place(rng)},
                            {"repeat": self._repeat(rng)},
                        )
                    )
                )
                return {"status": "moved", "title": title, "when": when} | extra | conflict, "r_move_moved_"
            case "unchanged":
                return {"status": "unchanged", "title": title, "when": when}, "r_move_unchanged_"
            case "change":
                return {"status": "missing", "need": "change", "title": title, "when": when}, "r_move_change_"
            case "past":
                return {"status": "past", "title": title, "when": when}, "r_any_past_"
            case _:
                return {
                    "status": "confirm",
                    "title": title,
                    "when": when,
                    "old": self.when(rng),
                } | conflict, "r_move_confirm_"

    def _preference(self, arguments: dict[str, str], rng: random.Random) -> tuple[dict[str, str], str]:
        if style := arguments.get("style"):
            return {"status": "set", "style": style}, f"r_set_{style}"
        kind = "name" if "name" in arguments else "place" if "place" in arguments else ""
        if not kind:
            return {"status": "missing", "need": "preference"}, "r_set_missing"
        if rng.random() < 0.12:
            return {"status": "unclear", "need": kind, "heard": arguments[kind]}, "r_any_unclear_"
        value = arguments[kind][:1].upper() + arguments[kind][1:]
        return {"status": "set", kind: value} | ({"time": _clock(rng)} if kind == "place" else {}), f"r_set_{kind}_?"

    def reply(self, rule: str, data: dict[str, str], style: Style, rng: random.Random) -> str:
        """The reply to a result, in the person's style."""
        mode, verbosity = style.mode[0], style.verbosity[0]
        if rule.endswith("?"):
            text = self.say(rule[:-1] + mode, data, rng)
        elif rule.endswith("_"):
            text = self.say(rule + style.code, data, rng)
        else:
            text = self.say(rule, data, rng)
        if mode == "c" and data.get("status") in ("created", "deleted"):
            opener = f"o_{style.code}" + ("_user" if style.name else "")
            text = f"{self.say(opener, {'user': style.name or ''}, rng)} {text}"
        extras = ["conflict"] if verbosity == "b" else ["place", "repeat", "conflict", "near", "more"]
        if verbosity == "d":
            extras += ["old", "old_title"]
        for key in extras:
            if key in data and rule not in ("r_set_place_?",) and not rule.startswith("r_set"):
                text = f"{text} {self.say(f'a_{key}_{mode}', data, rng)}"
        return text

    def style(self, rng: random.Random) -> Style:
        """A person's style, drawn evenly."""
        return Style(
            rng.choice(("task_oriented", "conversational")),
            rng.choice(("brief", "normal", "detailed")),
            first_name(rng) if rng.random() < 0.4 else None,
        )

    def request(self, rng: random.Random, *, follow: str | None = None) -> tuple[Phrase, str, dict[str, str]]:
        """A request with the tool and the arguments it asks for. ``follow`` names the tool of the turn before."""
        if follow is not None and rng.random() < (0.9 if follow == "unfinished" else 0.7):
            options = {
                "unfinished": ("create_followup",),
                "create_event": ("move_followup", "move_followup", "delete_followup"),
                "list_events": ("list_followup", "delete_followup", "move_followup"),
                "delete_event": ("delete_followup",),
                "move_event": ("move_followup", "move_followup", "delete_followup"),
            }.get(follow, ("list", "create"))
            rule = rng.choice(options)
        else:
            rule = rng.choices(("create", "list", "delete", "move", "preference"), (30, 34, 16, 8, 5))[0]
        if rule == "preference":
            rule = rng.choices(("pref_name", "pref_place", *_STYLES), (4, 4, *(1.3,) * len(_STYLES)))[0]
            phrase = self.ask(rule, rng, amount=0.5)
            return phrase, "set_preference", phrase.marks if rule not in _STYLES else {"style": _STYLES[rule]}
        tool = f"{rule.removesuffix('_followup')}_event" + ("s" if rule.startswith("list") else "")
        phrase = self.ask(rule, rng, amount=0.4 if rule.endswith("followup") else 1.0)
        return phrase, tool, {k: v for k, v in phrase.marks.items() if k in TOOLS[tool]}

    def other(self, style: Style, rng: random.Random) -> list[Turn]:
        """Something that is no calendar request, and the answer to it."""
        if rng.random() < 0.2:
            kind = rng.choice(_SAY)
            asked, rule = self.ask(f"say_{kind}", rng, amount=0.4), f"n_{kind}_"
        else:
            asked, rule = self.ask(rng.choice(self._none), rng, amount=0.8), "n_other_"
        return [Turn("user", asked.text), Turn("assistant", self.say(rule + style.code, {}, rng))]

    def single(self, rng: random.Random) -> Dialogue:
        """One message and what it calls for."""
        style = self.style(rng)
        if rng.random() < 0.38:
            return Dialogue(style.system(), tuple(self.other(style, rng)))
        phrase, tool, arguments = self.request(rng)
        return Dialogue(style.system(), (Turn("user", phrase.text), Turn("assistant", call_text(tool, arguments))))

    def conversation(self, rng: random.Random) -> Dialogue:
        """One to four exchanges with results and replies, small talk and changes of subject among them."""
        style = self.style(rng)
        turns: list[Turn] = []
        follow: str | None = None
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
            if rng.random() < 0.18:
                turns += self.other(style, rng)
                continue
            phrase, tool, arguments = self.request(rng, follow=follow)
            data, rule = self.result(tool, arguments, rng)
            turns += [
                Turn("user", phrase.text),
                Turn("assistant", call_text(tool, arguments)),
                Turn("tool", json.dumps(data, ensure_ascii=False)),
                Turn("assistant", self.reply(rule, data, style, rng)),
            ]
            follow = "unfinished" if tool == "create_event" and data["status"] in ("missing", "unclear") else tool
        return Dialogue(style.system(), tuple(turns))

    def informed(self, rng: random.Random) -> Dialogue:
        """A question that a fact in the system message answers, or one that none does."""
        style = self.style(rng)
        facts: list[tuple[str, str]] = [self._fact(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        system = style.system(tuple(fact for _, fact in facts))
        draw = rng.random()
        if draw < 0.55:
            question, fact = rng.choice(facts)
            text = self.say(f"n_fact_{style.mode[0]}", {"fact": fact}, rng)
            return Dialogue(system, (Turn("user", noisy(question, rng, amount=0.5)), Turn("assistant", text)))
        if draw < 0.7:
            return Dialogue(system, tuple(self.other(style, rng)))
        phrase, tool, arguments = self.request(rng)
        return Dialogue(system, (Turn("user", phrase.text), Turn("assistant", call_text(tool, arguments))))

    def _fact(self, rng: random.Random) -> tuple[str, str]:
        thing = rng.choice((word, invented, self._place, self._place))(rng)
        name = first_name(rng)
        value = rng.choice((word(rng), str(rng.randrange(2, 400)), city(rng), invented(rng)))
        return rng.choice(
            (
                (f"when does the {thing} open?", f"The {thing} opens at {_clock(rng)}."),
                (
                    f"what are the opening hours of the {thing}?",
                    f"The {thing} is open from {_clock(rng)} to {_clock(rng)}.",
                ),
                (f"where is the {thing}?", f"The {thing} is in {city(rng)}."),
                (f"who runs the {thing}?", f"The {thing} is run by {name}."),
                (f"what is the {thing} for?", f"The {thing} is for {value}."),
                (f"how long is a {thing}?", f"A {thing} takes {rng.randrange(2, 90)} minutes by default."),
                (f"how do i {word(rng)} the {thing}?", f"To change the {thing}, type /{value}."),
                (f"can i {word(rng)} my {thing}?", f"Your {thing} can be shared with {value}."),
                (f"what is {name}'s number for the {thing}", f"{name} answers questions about the {thing}."),
                (f"tell me about the {thing}", f"The {thing} keeps {word(rng)} and {value} together."),
                (f"how does the {thing} work?", f"The {thing} works with {word(rng)}, {word(rng)} and {value}."),
            )
        )

    def untooled(self, rng: random.Random) -> Dialogue:
        """A request where no tools are offered: the answer is words."""
        style = self.style(rng)
        if rng.random() < 0.5:
            return Dialogue(style.system(), tuple(self.other(style, rng)))
        phrase, _, _ = self.request(rng)
        return Dialogue(
            style.system(), (Turn("user", phrase.text), Turn("assistant", self.say(f"n_notools_{style.code}", {}, rng)))
        )


def load_writer() -> Writer:
    """The writer with the grammar that ships with the recipe.

    Raises:
        GrammarError: a grammar file is broken, or refers to a rule that nothing defines.
    """
    from importlib.resources import as_file, files

    from llmagent_os.bots.calendar.recipe.grammar import GrammarError

    grammar = Grammar()
    with as_file(files("llmagent_os.bots.calendar.recipe").joinpath("grammar")) as folder:
        grammar.load(folder)
    writer = Writer(grammar)
    if missing := grammar.undefined():
        raise GrammarError(f"nothing defines {', '.join(sorted(missing))}")
    return writer
