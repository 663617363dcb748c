r"""The grammar of one tool call: what may be written after ``<tool_call>``.

A call has the form

    \n{"name": "TOOL", "arguments": {"KEY": VALUE, …}}\n</tool_call>

The keys are the tool's own. Each key comes at most once, the required keys come before the call closes, and a value has
its key's type. A string with ``"x-span": true`` in its schema is copied from the user's messages
(:mod:`.copied_spans`).

The fixed parts of a call are always written with the same tokens: those that each piece has by itself. Pieces are cut
where a word meets a quote. A tokenizer that splits there, as all in the style of GPT-2 do, gives the whole call the
same tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, cast

from llmagent_os.chat import ToolSpec, tools_sha256
from llmagent_os.serving.copied_spans import SpanSource
from llmagent_os.serving.json_automata import (
    CharacterAutomaton,
    NumberAutomaton,
    State,
    StringAutomaton,
    ValueAutomaton,
)
from llmagent_os.serving.token_automaton import TokenAutomaton
from llmagent_os.serving.tool_call_parsing import CLOSE
from llmagent_os.serving.vocabulary import Vocabulary

_MAX_VALUE_TOKENS = 200  # a freely written value is closed after this many tokens
_MAX_SPAN_TOKENS = 64  # a copied value is closed after this many tokens


class Node(Protocol):
    """A point in a call: the tokens that may come next, and where each token leads."""

    def allowed(self) -> Sequence[int]:
        """Give the tokens that may come next; there is always at least one."""
        ...

    def advance(self, token: int) -> Node | None:
        """Give the point after ``token``, one of the allowed tokens; ``None``: the call is complete."""
        ...


#: A fixed piece of a call, as tokens, and what makes the point after the piece.
_Branch = tuple[tuple[int, ...], Callable[[], Node | None]]


class CallGrammar:
    """The calls that a set of tools allows, for one tokenizer. One grammar serves all requests with the same tools.

    Args:
        tools: the tools that may be called; none: no call is possible.
        vocabulary: the tokens that calls are written in.
    """

    def __init__(self, tools: Sequence[ToolSpec], vocabulary: Vocabulary) -> None:
        self.tools = tuple(tools)
        self.vocabulary = vocabulary
        self.sha256 = tools_sha256(tools) if tools else ""  #: names the tools; empty: there are none
        #: whether some argument is copied from the user's messages
        self.copies_spans = any(
            option.get("x-span")
            for tool in tools
            for schema in tool.parameters.get("properties", {}).values()
            for option in _options(schema)
        )
        self._pieces: dict[str, tuple[int, ...]] = {}
        self._automata: dict[str, TokenAutomaton] = {}

    def start(self, sources: Sequence[SpanSource]) -> Node:
        """Give the first point of a call, right after the marker that opens it.

        Args:
            sources: what arguments may be copied from.
        """
        branches: list[_Branch] = []
        for tool in self.tools:
            head = self.pieces('\n{"name": "', _json_inside(tool.name))
            arguments = _Arguments(self, tool, sources)
            if arguments.properties:
                branches.append((head + self.piece('", "arguments": {"'), partial(arguments.keys, frozenset[str]())))
            if not arguments.required:
                branches.append((head + self.piece('", "arguments": {}}\n' + CLOSE), _complete))
        return _FixedPieces(branches)

    def piece(self, text: str) -> tuple[int, ...]:
        """Give the tokens of a fixed piece of JSON."""
        if text not in self._pieces:
            self._pieces[text] = tuple(self.vocabulary.encode(text))
        return self._pieces[text]

    def pieces(self, *texts: str) -> tuple[int, ...]:
        """Give the tokens of several pieces in a row."""
        return tuple(token for text in texts for token in self.piece(text))

    def automaton(self, kind: str) -> TokenAutomaton:
        """Give the automaton of a value.

        Args:
            kind: JSON schema types separated by spaces, or ``text`` for the inside of a string.
        """
        if kind not in self._automata:
            automaton: CharacterAutomaton
            if kind == "text":
                automaton = StringAutomaton()
            elif kind in ("integer", "number"):
                automaton = NumberAutomaton(whole=kind == "integer")
            else:
                automaton = ValueAutomaton(kind.split())
            self._automata[kind] = TokenAutomaton(automaton, self.vocabulary)
        return self._automata[kind]


def _complete() -> None:
    """The point after the last piece of a call."""


class _FixedPieces:
    """One of several fixed pieces, walked through token by token."""

    def __init__(self, branches: list[_Branch], at: int = 0) -> None:
        self._branches = branches
        self._at = at  # tokens of the piece that are written

    def allowed(self) -> Sequence[int]:
        return sorted({ids[self._at] for ids, _ in self._branches})

    def advance(self, token: int) -> Node | None:
        branches = [branch for branch in self._branches if branch[0][self._at] == token]
        if len(branches) == 1 and len(branches[0][0]) == self._at + 1:
            return branches[0][1]()
        return _FixedPieces(branches, self._at + 1)


class _FreeValue:
    """A freely written value, and then one of the pieces that may follow the value."""

    def __init__(
        self, automaton: TokenAutomaton, closers: _FixedPieces, state: State | None = None, length: int = 0
    ) -> None:
        self._automaton = automaton
        self._closers = closers
        self._state = state or automaton.start
        self._length = length

    def allowed(self) -> Sequence[int]:
        done = self._automaton.done(self._state)
        inside = () if done and self._length >= _MAX_VALUE_TOKENS else self._automaton.allowed(self._state)
        return [*inside, *self._closers.allowed()] if done else inside

    def advance(self, token: int) -> Node | None:
        if self._automaton.done(self._state) and token in self._closers.allowed():
            return self._closers.advance(token)
        return _FreeValue(self._automaton, self._closers, self._automaton.after(self._state, token), self._length + 1)


class _CopiedValue:
    """A value copied from the user's messages: all places where the copy may be. Each token leaves fewer places."""

    def __init__(self, places: list[tuple[SpanSource, int]], closers: _FixedPieces, length: int = 0) -> None:
        self._closers = closers
        self._length = length
        self._ends = length > 0 and any(source.ends(place) for source, place in places)
        self._next: dict[int, list[tuple[SpanSource, int]]] = {}
        if not (self._ends and length >= _MAX_SPAN_TOKENS):
            for source, place in places:
                for token, further in source.step(place):
                    self._next.setdefault(token, []).append((source, further))

    def allowed(self) -> Sequence[int]:
        return sorted({*self._next, *(self._closers.allowed() if self._ends else ())})

    def advance(self, token: int) -> Node | None:
        # A span never holds a quote, and every closer begins with a quote, so no token belongs to both.
        if token in self._next:
            return _CopiedValue(self._next[token], self._closers, self._length + 1)
        return self._closers.advance(token)


class _Arguments:
    """The arguments of one tool."""

    def __init__(self, grammar: CallGrammar, tool: ToolSpec, sources: Sequence[SpanSource]) -> None:
        self.properties: dict[str, Any] = tool.parameters.get("properties", {})
        self.required = frozenset(tool.parameters.get("required", ())) & self.properties.keys()
        self._grammar = grammar
        self._places = [(source, start) for source in sources for start in source.starts]

    def keys(self, used: frozenset[str]) -> Node:
        """Give the point after ``{"`` or ``, "``, where one of the keys that are not ``used`` yet may come."""
        branches: list[_Branch] = []
        for key, schema in self.properties.items():
            if key not in used:
                branches += self._key(key, _options(schema), used | {key})
        return _FixedPieces(branches)

    def _key(self, key: str, options: list[dict[str, Any]], used: frozenset[str]) -> list[_Branch]:
        """The branches for one key: with each value of an enumeration, or up to a value that is written or copied."""
        grammar = self._grammar
        head = grammar.piece(_json_inside(key))
        values = _enumerated(options)
        if values is not None:
            branches: list[_Branch] = []
            for value in values:
                quoted = isinstance(value, str)
                written = ('": "', _json_inside(value)) if quoted else ('": ', json.dumps(value))
                ids = head + grammar.pieces(*written)
                branches += [(ids + tail, then) for tail, then in self._after(used, quoted=quoted)]
            return branches
        if all(option.get("type") == "string" for option in options):
            copied = any(option.get("x-span") for option in options) and bool(self._places)
            make = self._copied_string if copied else self._free_string
            return [(head + grammar.piece('": "'), partial(make, used))]
        kind = " ".join(sorted({str(option.get("type", "")) for option in options}))
        return [(head + grammar.piece('": '), partial(self._free_value, used, kind))]

    def _copied_string(self, used: frozenset[str]) -> Node:
        return _CopiedValue(self._places, _FixedPieces(self._after(used, quoted=True)))

    def _free_string(self, used: frozenset[str]) -> Node:
        return _FreeValue(self._grammar.automaton("text"), _FixedPieces(self._after(used, quoted=True)))

    def _free_value(self, used: frozenset[str], kind: str) -> Node:
        return _FreeValue(self._grammar.automaton(kind), _FixedPieces(self._after(used, quoted=False)))

    def _after(self, used: frozenset[str], *, quoted: bool) -> list[_Branch]:
        """What may follow a value: another key, or the end of the call."""
        quote = '"' if quoted else ""
        branches: list[_Branch] = []
        if used != self.properties.keys():
            branches.append((self._grammar.piece(quote + ', "'), lambda: self.keys(used)))
        if used >= self.required:
            branches.append((self._grammar.piece(quote + "}}\n" + CLOSE), _complete))
        return branches


def _json_inside(text: str) -> str:
    """``text`` as it stands between the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that a value may follow, without ``null``: an argument that may be null is left out instead."""
    found = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        found = [{**schema, "type": kind} for kind in cast("list[object]", kinds) if kind != "null"]
    return [{**option, "x-span": option.get("x-span", schema.get("x-span"))} for option in found]


def _enumerated(options: list[dict[str, Any]]) -> list[Any] | None:
    """The values of an enumeration; ``None``: the schema is not an enumeration."""
    values: list[Any] = []
    for option in options:
        if "const" in option:
            values.append(option["const"])
        elif "enum" in option:
            values += [value for value in option["enum"] if value is not None]
        elif option.get("type") == "boolean":
            values += [True, False]
        else:
            return None
    return values
