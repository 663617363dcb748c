"""Carries a character automaton over to a tokenizer's tokens.

As in Willard and Louf 2023, Efficient Guided Generation for Large Language Models, https://arxiv.org/abs/2307.09702:
for each state, the tokens that may come are found once by trying all tokens, and then remembered.
"""

from __future__ import annotations

from functools import lru_cache

from llmagent_os.serving.json_automata import CharacterAutomaton, State
from llmagent_os.serving.vocabulary import Vocabulary

_REMEMBERED_STATES = 256


class TokenAutomaton:
    """Knows which tokens may come in each state of a character automaton.

    ``allowed(state)`` gives these tokens.

    Args:
        automaton: the texts that a value may be.
        vocabulary: the tokens that the value is written in.
    """

    def __init__(self, automaton: CharacterAutomaton, vocabulary: Vocabulary) -> None:
        self.start = automaton.start
        self.done = automaton.done
        self._automaton = automaton
        # A token may be a part of a character. All bytes above 127 mean the same to every automaton, so Latin-1, which
        # gives one character a byte, is enough.
        self._strings = [raw.decode("latin-1") for raw in vocabulary.token_bytes]
        self.allowed = lru_cache(maxsize=_REMEMBERED_STATES)(self._allowed)

    def after(self, state: State, token: int) -> State | None:
        """Give the state after ``token``; ``None``: the token may not come in ``state``."""
        found: State | None = state
        for character in self._strings[token]:
            found = self._automaton.step(found, character) if found else None
        return found

    def _allowed(self, state: State) -> tuple[int, ...]:
        first = {character for character in map(chr, range(256)) if self._automaton.step(state, character)}
        return tuple(
            token
            for token, string in enumerate(self._strings)
            if string and string[0] in first and self.after(state, token) is not None
        )
