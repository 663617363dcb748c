"""Small automata over characters, one for each kind of JSON value that is written freely.

A state is a hashable value; ``step`` says where one more character leads, or ``None`` where it may not come.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from llmagent_os.serving.vocabulary import Vocabulary

State = tuple[str, str]  #: what comes next, and the brackets that are open

_ESCAPED = '"\\/bfnrt'
_WORDS = ("true", "false", "null")


class CharacterAutomaton(Protocol):
    """What a value may look like."""

    start: State

    def step(self, state: State, character: str) -> State | None: ...

    def done(self, state: State) -> bool:
        """Whether the value may end here."""
        ...


class StringAutomaton:
    """The inside of a JSON string, without its quotes."""

    start: State = ("in", "")

    def step(self, state: State, character: str) -> State | None:
        if state[0] == "escape":
            return self.start if character in _ESCAPED else None
        if character == "\\":
            return ("escape", "")
        return None if character == '"' or character < " " else self.start

    def done(self, state: State) -> bool:
        return state[0] == "in"


class NumberAutomaton:
    """A JSON number; ``whole``: without fraction. Exponents are left out, no person's number needs them."""

    start: State = ("sign", "")

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def step(self, state: State, character: str) -> State | None:
        return number_step(state, character, whole=self._whole)

    def done(self, state: State) -> bool:
        return state[0] in ("zero", "digits", "decimals")


def number_step(state: State, character: str, *, whole: bool = False) -> State | None:
    """One more character of a number."""
    at, stack = state
    digit = character in "0123456789"
    if at == "sign" and character == "-":
        return ("first", stack)
    if at in ("sign", "first") and digit:
        return ("zero" if character == "0" else "digits", stack)
    if at == "digits" and digit:
        return state
    if at in ("zero", "digits") and character == "." and not whole:
        return ("point", stack)
    if at in ("point", "decimals") and digit:
        return ("decimals", stack)
    return None


#: The characters that a value of a JSON schema type begins with.
_BEGINS = {
    "string": '"',
    "integer": "-0123456789",
    "number": "-0123456789",
    "boolean": "tf",
    "null": "n",
    "array": "[",
    "object": "{",
}


class ValueAutomaton:
    """Any JSON value on one line, nested at most eight deep.

    Args:
        types: the JSON schema types it may be of; none: of any.
    """

    start: State = ("begin", "")
    _depth = 8

    def __init__(self, types: Iterable[str] = ()) -> None:
        self._begins = "".join(_BEGINS.get(type_, "") for type_ in types) or "".join(_BEGINS.values())

    def step(self, state: State, character: str) -> State | None:
        at, stack = state
        if at == "begin" and character not in self._begins:
            return None
        if at == "end":
            return self._after(stack, character)
        if at in ("string", "key"):
            if character == "\\":
                return (at + "\\", stack)
            if character == '"':
                return ("colon", stack) if at == "key" else ("end", stack)
            return None if character < " " else state
        if at in ("string\\", "key\\"):
            return (at[:-1], stack) if character in _ESCAPED else None
        if at == "colon":
            return ("value ", stack) if character == ":" else None
        if at.startswith("="):  # what is left of true, false, null
            rest = at[1:]
            return None if character != rest[0] else ("=" + rest[1:] if rest[1:] else "end", stack)
        if at in ("zero", "digits", "decimals", "point", "first"):
            further = number_step(state, character)
            return self._after(stack, character) if further is None and at not in ("point", "first") else further
        if at in ("first key", "next key", "next key "):
            if character == '"':
                return ("key", stack)
            if character == " " and at == "next key":
                return ("next key ", stack)
            return ("end", stack[:-1]) if character == "}" and at == "first key" else None
        return self._value(at, stack, character)

    def _value(self, at: str, stack: str, character: str) -> State | None:
        """The first character of a value; ``value `` may have a space before it, ``items`` may be empty."""
        if character == " ":
            return ("value", stack) if at == "value " else None
        if character == "]" and at == "items":
            return ("end", stack[:-1])
        if character == '"':
            return ("string", stack)
        if character in "{[" and len(stack) < self._depth:
            return ("first key" if character == "{" else "items", stack + character)
        for word in _WORDS:
            if character == word[0]:
                return ("=" + word[1:], stack)
        return number_step(("sign", stack), character)

    def _after(self, stack: str, character: str) -> State | None:
        if not stack:
            return None
        if character == ",":
            return ("next key" if stack[-1] == "{" else "value ", stack)
        return ("end", stack[:-1]) if character == ("}" if stack[-1] == "{" else "]") else None

    def done(self, state: State) -> bool:
        return not state[1] and state[0] in ("end", "zero", "digits", "decimals")


class TokenAutomaton:
    """Which tokens a machine allows: found by trying each token once in each state, then remembered."""

    def __init__(self, machine: CharacterAutomaton, vocabulary: Vocabulary) -> None:
        self.start = machine.start
        self.done = machine.done
        self._machine = machine
        # A token may be part of a character: bytes over 127 are all the same to every machine, so Latin-1 will do.
        self._strings = [raw.decode("latin-1") for raw in vocabulary.token_bytes]
        self.allowed = lru_cache(maxsize=256)(self._allowed)

    def after(self, state: State, token: int) -> State | None:
        """The state that ``token`` leads to."""
        found: State | None = state
        for character in self._strings[token]:
            found = self._machine.step(found, character) if found else None
        return found

    def _allowed(self, state: State) -> tuple[int, ...]:
        first = {character for character in map(chr, range(256)) if self._machine.step(state, character)}
        return tuple(
            token
            for token, string in enumerate(self._strings)
            if string and string[0] in first and self.after(state, token) is not None
        )
