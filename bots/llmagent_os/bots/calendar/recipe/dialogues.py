"""Writes whole conversations for the calendar model: phrases, calls, results, and replies in the person's style."""

from __future__ import annotations

import random
from dataclasses import dataclass
from importlib.resources import as_file, files

from llmagent_os.bots.calendar.recipe.chatml import TOOLS, Dialogue, DialogueTurn, call_text, result_text
from llmagent_os.bots.calendar.recipe.fact_questions import fact
from llmagent_os.bots.calendar.recipe.noise import noisy
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar
from llmagent_os.bots.calendar.recipe.phrases import Phrases
from llmagent_os.bots.calendar.recipe.replies import reply
from llmagent_os.bots.calendar.recipe.style import Style
from llmagent_os.bots.calendar.recipe.tool_results import result

#: Rules of requests to the tools, with their weights.
_REQUESTS = {
    "create": 29,
    "list": 32,
    "delete": 15,
    "move": 7,
    "preference": 10,
    "move_followup": 3,
    "delete_followup": 2,
    "list_followup": 2,
}
#: Rules of the plainest wordings. They are often drawn instead of the full rule, because people mostly speak plainly.
_PLAIN = {"create": "core_create", "list": "core_list", "delete": "core_delete"}
#: The shares of plain wordings: of requests, of messages that are no request, and of preferences.
_PLAINLY, _PLAINLY_OTHER, _PLAINLY_PREFERRED = 0.35, 0.25, 0.4
#: Rules that can follow a call, by its tool. ``unfinished``: after a question about an event that lacks something.
_FOLLOW_UPS = {
    "unfinished": ("create_followup",),
    "create_event": ("move_followup", "move_followup", "delete_followup"),
    "list_events": ("list_followup", "delete_followup", "move_followup"),
    "delete_event": ("delete_followup",),
    "move_event": ("move_followup", "move_followup", "delete_followup"),
    "set_preference": ("list", "create"),
}
#: Rules that ask for a style, with the value of ``style``.
STYLES = {
    "pref_brief": "brief",
    "pref_detailed": "detailed",
    "pref_normal": "normal",
    "pref_chatty": "conversational",
    "pref_task": "task_oriented",
    "pref_ask": "ask_first",
    "pref_act": "act",
}
_PREFERENCES = {"pref_name": 4.0, "pref_place": 4.0} | dict.fromkeys(STYLES, 1.3)
_SMALL_TALK = """
    hello bye thanks how_are_you who_are_you what_can_you_do insult compliment yes_no nevermind feeling
""".split()


@dataclass(frozen=True)
class Request:
    """A person's message, and the call that it asks for."""

    text: str
    tool: str
    arguments: dict[str, str]

    def turns(self) -> tuple[DialogueTurn, DialogueTurn]:
        """Return the message and the call."""
        return DialogueTurn("user", self.text), DialogueTurn("assistant", call_text(self.tool, self.arguments))


class Writer:
    """Writes conversations from a grammar. The same random numbers give the same conversations.

    Raises:
        GrammarError: the grammar refers to a rule that nothing defines.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.phrases = Phrases(grammar)
        self._none = grammar.names("none_")

    def single(self, rng: random.Random) -> Dialogue:
        """Write one message and its answer: a tool call, or words."""
        style = Style.drawn(rng)
        if rng.random() < 0.38:
            return Dialogue(style.system(), self.other(style, rng))
        return Dialogue(style.system(), self.request(rng).turns())

    def conversation(self, rng: random.Random) -> Dialogue:
        """Write one to four exchanges with results and replies. Some are small talk or change the subject."""
        style = Style.drawn(rng)
        turns: list[DialogueTurn] = []
        before: str | None = None
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            if rng.random() < 0.18:
                turns += self.other(style, rng)
                continue
            request = self.request(rng, before=before)
            data = result(self.phrases, request.tool, request.arguments, rng)
            said = reply(self.phrases, request.tool, data, style, rng)
            turns += (*request.turns(), DialogueTurn("tool", result_text(data)), DialogueTurn("assistant", said))
            asked = request.tool == "create_event" and data["status"] in ("missing", "unclear")
            before = "unfinished" if asked else request.tool
        return Dialogue(style.system(), tuple(turns))

    def informed(self, rng: random.Random) -> Dialogue:
        """Write a question that a fact in the system message answers, or a message that no fact answers."""
        style = Style.drawn(rng)
        known = [fact(self.phrases, rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        system = style.system(tuple(text for _, text in known))
        draw = rng.random()
        if draw < 0.55:
            question, text = rng.choice(known)
            answer = self.phrases.say(f"n_fact_{style.mode[0]}", {"fact": text}, rng)
            return Dialogue(
                system, (DialogueTurn("user", noisy(question, rng, amount=0.5)), DialogueTurn("assistant", answer))
            )
        if draw < 0.7:
            return Dialogue(system, self.other(style, rng))
        return Dialogue(system, self.request(rng).turns())

    def untooled(self, rng: random.Random) -> Dialogue:
        """Write a message to an assistant without tools. The answer is words."""
        style = Style.drawn(rng)
        if rng.random() < 0.5:
            return Dialogue(style.system(), self.other(style, rng))
        asked = DialogueTurn("user", self.request(rng).text)
        answer = DialogueTurn("assistant", self.phrases.say(f"n_notools_{style.code}", {}, rng))
        return Dialogue(style.system(), (asked, answer))

    def request(self, rng: random.Random, *, before: str | None = None) -> Request:
        """Write a request to a tool. Often it follows up on ``before``, the tool of the turn before."""
        if before is not None and rng.random() < (0.9 if before == "unfinished" else 0.7):
            rule = rng.choice(_FOLLOW_UPS[before])
        else:
            rule = rng.choices(tuple(_REQUESTS), tuple(_REQUESTS.values()))[0]
        if rule == "preference":
            return self._preference(rng)
        tool = f"{rule.removesuffix('_followup')}_event" + ("s" if rule.startswith("list") else "")
        if rule in _PLAIN and rng.random() < _PLAINLY:
            rule = _PLAIN[rule]
        phrase = self.phrases.ask(rule, rng, amount=0.4 if rule.endswith("followup") else 1.0)
        return Request(phrase.text, tool, {key: value for key, value in phrase.marks.items() if key in TOOLS[tool]})

    def _preference(self, rng: random.Random) -> Request:
        rule = rng.choices(tuple(_PREFERENCES), tuple(_PREFERENCES.values()))[0]
        wording = f"core_{rule}" if rng.random() < _PLAINLY_PREFERRED else rule
        phrase = self.phrases.ask(wording, rng, amount=0.5)
        arguments = {"style": STYLES[rule]} if rule in STYLES else phrase.marks
        return Request(phrase.text, "set_preference", arguments)

    def other(self, style: Style, rng: random.Random) -> tuple[DialogueTurn, DialogueTurn]:
        """Write a message that is not a calendar request, and its answer."""
        if rng.random() < 0.2:
            kind = rng.choice(_SMALL_TALK)
            asked, rule = self.phrases.ask(f"say_{kind}", rng, amount=0.4), f"n_{kind}"
        else:
            about = "core_none" if rng.random() < _PLAINLY_OTHER else rng.choice(self._none)
            asked, rule = self.phrases.ask(about, rng, amount=0.8), "n_other"
        answer = self.phrases.say(f"{rule}_{style.code}", {}, rng)
        return DialogueTurn("user", asked.text), DialogueTurn("assistant", answer)


def load_writer() -> Writer:
    """Return the writer with the grammar that ships with the recipe.

    Raises:
        GrammarError: a grammar file is broken, or refers to a rule that nothing defines.
    """
    grammar = Grammar()
    with as_file(files("llmagent_os.bots.calendar.recipe").joinpath("grammar")) as folder:
        grammar.load(folder)
    return Writer(grammar)
