"""Writes the reply to a tool's result: the grammar rule that fits, in the person's style, and additional sentences."""

from __future__ import annotations

import random
import re

from llmagent_os.bots.calendar.recipe.grammar_syntax import GrammarError, literals
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar
from llmagent_os.bots.calendar.recipe.phrases import Phrases
from llmagent_os.bots.calendar.recipe.reply_cases import REPLY_CASES
from llmagent_os.bots.calendar.recipe.style import Style
from llmagent_os.bots.calendar.recipe.tool_results import Data
from llmagent_os.reply.grounding_check import words

#: Keys of a result that get their own sentence after the reply, by verbosity.
_ADDED = {
    "brief": ("conflict",),
    "normal": ("place", "repeat", "conflict", "near", "more"),
    "detailed": ("place", "repeat", "conflict", "near", "more", "old", "old_title"),
}


def reply(phrases: Phrases, tool: str, data: Data, style: Style, rng: random.Random) -> str:
    """Write the reply to a result in a person's ``style``.

    Raises:
        GrammarError: no rule fits the result.
    """
    said = [phrases.say(_styled(phrases, rule, style), data, rng) for rule in rules(tool, data)]
    if style.mode == "conversational" and data["status"] in ("created", "deleted"):
        opener = f"o_{style.code}" + ("_user" if style.name else "")
        said.insert(0, phrases.say(opener, {"user": style.name or ""}, rng))
    if data["status"] != "set":
        added = (key for key in _ADDED[style.verbosity] if key in data)
        said += [phrases.say(f"a_{key}_{style.mode[0]}", data, rng) for key in added]
    return " ".join(said)


def rules(tool: str, data: Data) -> tuple[str, ...]:
    """Return the rules whose sentences, one after the other, say what is in a result. The style comes after the name.

    Raises:
        GrammarError: no rule fits the result.
    """
    status = data.get("status")
    if status is None:
        raise GrammarError(f"a result has a status, found {data}")
    if found := tuple(case.rule for case in REPLY_CASES if case.kind.fits(tool, data)):
        return found
    raise GrammarError(f"no rule r_{tool.removesuffix('s').removesuffix('_event')}_{status} answers {data}")


def _styled(phrases: Phrases, rule: str, style: Style) -> str:
    """Return the rule in the person's style. Some rules differ only by mode, and a few do not differ at all."""
    for name in (f"{rule}_{style.code}", f"{rule}_{style.mode[0]}", rule):
        if name in phrases.grammar.rules:
            return name
    raise GrammarError(f"no rule {rule!r} says this in the style {style.code!r}")


def own_words(grammar: Grammar) -> list[str]:
    """Return the words of replies that are neither copied nor quoted, in lower case and sorted."""
    rules = (name for prefix in ("r_", "n_", "a_", "o_") for name in grammar.names(prefix))
    texts = (text for name in rules for node in grammar.rules[name] for text in literals(node))
    return sorted({word for text in texts for word in words(re.sub(r'"[^"]+"', "", text))})
