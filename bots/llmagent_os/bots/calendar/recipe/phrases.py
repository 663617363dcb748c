"""Draws messages of people and of the assistant: the grammar, filled with names, words and the data of results."""

from __future__ import annotations

import random

from llmagent_os.bots.calendar.recipe.grammar_syntax import GrammarError
from llmagent_os.bots.calendar.recipe.lexicon import SOURCES
from llmagent_os.bots.calendar.recipe.marked_text import Phrase
from llmagent_os.bots.calendar.recipe.noise import noisy
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar, Source

#: Keys that a reply may copy with ``<data_key>``: those of tool results, the person's name (user) and a fact.
DATA_KEYS = """
    title when count events about heard need conflict place repeat old old_title near more name time user fact
""".split()


class Phrases:
    """Draws the messages of both sides.

    Raises:
        GrammarError: the grammar refers to a rule that nothing defines.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self._data: dict[str, str] = {}
        grammar.sources = SOURCES | {f"data_{key}": self._copied(key) for key in DATA_KEYS}
        if missing := grammar.undefined():
            raise GrammarError(f"nothing defines {', '.join(sorted(missing))}")

    def ask(self, rule: str, rng: random.Random, *, amount: float = 1.0) -> Phrase:
        """Draw a person's message from ``rule``. ``amount`` scales the noise; 1 is all of it.

        No argument has a quote, a backslash or a line break in it. So it looks the same in the text and in JSON.
        """
        while True:
            phrase = self.grammar.unmark(noisy(self.grammar.draw_marked(rule, rng), rng, amount=amount))
            if phrase.text and not any(char in value for value in phrase.marks.values() for char in '"\\\n'):
                marks = {key: value for key, value in phrase.marks.items() if any(map(str.isalnum, value))}
                return Phrase(phrase.text, marks)

    def say(self, rule: str, data: dict[str, str], rng: random.Random) -> str:
        """Draw a message of the assistant from ``rule``. Its ``<data_…>`` are copied from ``data``.

        Raises:
            GrammarError: the rule copies a key that is not in ``data``.
        """
        self._data = data
        try:
            text = self.grammar.draw(rule, rng).text
        except KeyError as error:
            raise GrammarError(f"the rule {rule!r} needs the key {error}, which is not in {data}") from error
        return text[:1].upper() + text[1:]

    def title(self, rng: random.Random) -> str:
        """Draw the title of a stored event."""
        return self.grammar.draw(rng.choice(("title", "title", "todo")), rng).text

    def place(self, rng: random.Random) -> str:
        """Draw a place."""
        return self.grammar.draw("place", rng).text

    def _copied(self, key: str) -> Source:
        return lambda _rng: self._data[key]
