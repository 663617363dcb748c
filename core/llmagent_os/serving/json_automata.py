"""Character automata for the JSON values that a model writes freely.

A state is a hashable value. ``step`` gives the state after one more character; ``None``: the character may not come
there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

State = tuple[str, str]  #: what is expected next, and the brackets that are still open

_MAX_DEPTH = 8  # brackets open at the same time
_ESCAPED = '"\\/bfnrt'  # what may follow a backslash in a string; \u is left out
_WORDS = ("true", "false", "null")


class CharacterAutomaton(Protocol):
    """The set of texts that a value may be."""

    start: State

    def step(self, state: State, character: str) -> State | None: ...

    def done(self, state: State) -> bool:
        """Tell whether the value may end in ``state`` (an accepting state)."""
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
    """A JSON number without exponent: people do not write exponents.

    Args:
        whole: only integers.
    """

    start: State = ("sign", "")

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def step(self, state: State, character: str) -> State | None:
        return number_step(state, character, whole=self._whole)

    def done(self, state: State) -> bool:
        return state[0] in ("zero", "digits", "decimals")


def number_step(state: State, character: str, *, whole: bool = False) -> State | None:
    """Give the state after one more character of a number."""
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


#: The characters that a value of a JSON schema type may begin with.
_FIRST_CHARACTERS = {
    "string": '"',
    "integer": "-0123456789",
    "number": "-0123456789",
    "boolean": "tf",
    "null": "n",
    "array": "[",
    "object": "{",
}


class ValueAutomaton:
    """Any JSON value on one line, at most eight brackets deep.

    Args:
        types: the JSON schema types that the value may have; none given: any type.
    """

    start: State = ("begin", "")

    def __init__(self, types: Iterable[str] = ()) -> None:
        self._first = "".join(_FIRST_CHARACTERS.get(type_, "") for type_ in types) or "".join(
            _FIRST_CHARACTERS.values()
        )

    def step(self, state: State, character: str) -> State | None:
        at, stack = state
        if at == "begin" and character not in self._first:
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
        if at.startswith("="):  # the rest of true, false or null
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
        """The state after a value's first character. In ``value `` a space may come first; ``items`` may be empty."""
        if character == " ":
            return ("value", stack) if at == "value " else None
        if character == "]" and at == "items":
            return ("end", stack[:-1])
        if character == '"':
            return ("string", stack)
        if character in "{[" and len(stack) < _MAX_DEPTH:
            return ("first key" if character == "{" else "items", stack + character)
        for word in _WORDS:
            if character == word[0]:
                return ("=" + word[1:], stack)
        return number_step(("sign", stack), character)

    def _after(self, stack: str, character: str) -> State | None:
        """The state after a value inside brackets has ended and ``character`` follows it."""
        if not stack:
            return None
        if character == ",":
            return ("next key" if stack[-1] == "{" else "value ", stack)
        return ("end", stack[:-1]) if character == ("}" if stack[-1] == "{" else "]") else None

    def done(self, state: State) -> bool:
        return not state[1] and state[0] in ("end", "zero", "digits", "decimals")
