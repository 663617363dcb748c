"""Writes questions that a fact in the system message answers. Some facts are the bot's own, others are invented."""

from __future__ import annotations

import json
import random
from functools import cache
from importlib.resources import files
from typing import Any

from llmagent_os.bots.calendar.recipe.date_phrases import clock
from llmagent_os.bots.calendar.recipe.lexicon import city, first_name, invented, word
from llmagent_os.bots.calendar.recipe.phrases import Phrases

_KNOWN = 0.4  #: the share of the bot's own facts


@cache
def _knowledge() -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = json.loads(
        files("llmagent_os.bots.calendar").joinpath("calendar_knowledge.json").read_text(encoding="utf-8")
    )
    return facts


def fact(phrases: Phrases, rng: random.Random) -> tuple[str, str]:
    """Draw a question and the fact that answers it."""
    if rng.random() < _KNOWN:
        known = rng.choice(_knowledge())
        return phrases.grammar.draw("ask_" + known["id"].replace("-", "_"), rng).text, known["text"]
    thing = rng.choice((word, invented, phrases.place, phrases.place))(rng)
    name = first_name(rng)
    value = rng.choice((word(rng), str(rng.randrange(2, 400)), city(rng), invented(rng)))
    # Every alternative is drawn before one is chosen, see date_phrases.
    return rng.choice(
        (
            (f"when does the {thing} open?", f"The {thing} opens at {clock(rng)}."),
            (f"what are the opening hours of the {thing}?", f"The {thing} is open from {clock(rng)} to {clock(rng)}."),
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
