r"""What the next token of a reply may be: plain text, or one call that fits the tools.

A reply that begins with ``<tool_call>`` is held to

    \n{"name": "TOOL", "arguments": {"KEY": VALUE, …}}\n</tool_call>

with a tool's own keys, each once at most, the required ones before it closes, and values of the keys' types. A string
whose schema has ``"x-span": true`` is copied from the user's messages (:mod:`.copied_spans`). Anything else is plain
text, which can never turn into a call.

The fixed parts are always written with the same tokens: those of each piece by itself. The pieces are cut where a word
meets a quote, so that a tokenizer that splits there (all in the style of GPT-2 do) gives the whole the same tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol, cast

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.serving.copied_spans import SpanSource, span_sources
from llmagent_os.serving.json_automata import (
    CharacterAutomaton,
    NumberAutomaton,
    State,
    StringAutomaton,
    TokenAutomaton,
    ValueAutomaton,
)
from llmagent_os.serving.tool_call_parsing import CLOSE
from llmagent_os.serving.vocabulary import Vocabulary

_MAX_VALUE_TOKENS = 200  #: a freely written value is closed after so many tokens
_MAX_SPAN_TOKENS = 64  #: and a copied one may be so long

Next = Callable[[], "Node | None"]  #: what follows a fixed piece; ``None``: the call is complete


class Node(Protocol):
    """A point in a call: the tokens that may come, and where each leads."""

    def allowed(self) -> Sequence[int]: ...

    def advance(self, token: int) -> Node | None: ...


class Grammar:
    """The calls that a set of tools allows, for one tokenizer. Made once, used by every request with these tools."""

    def __init__(self, tools: Sequence[ToolSpec], vocabulary: Vocabulary) -> None:
        self.tools = tuple(tools)
        self.vocabulary = vocabulary
        self._pieces: dict[str, tuple[int, ...]] = {}
        self._machines: dict[str, TokenAutomaton] = {}

    def piece(self, text: str) -> tuple[int, ...]:
        """The tokens of a fixed piece of JSON."""
        if text not in self._pieces:
            self._pieces[text] = tuple(self.vocabulary.encode(text))
        return self._pieces[text]

    def pieces(self, *texts: str) -> tuple[int, ...]:
        """The tokens of pieces in a row."""
        return tuple(token for text in texts for token in self.piece(text))

    def machine(self, kind: str) -> TokenAutomaton:
        """The machine for a value of the schema types in ``kind``, separated by spaces; for ``text`` inside quotes."""
        if kind not in self._machines:
            machine: CharacterAutomaton
            if kind == "text":
                machine = StringAutomaton()
            elif kind in ("integer", "number"):
                machine = NumberAutomaton(whole=kind == "integer")
            else:
                machine = ValueAutomaton(kind.split())
            self._machines[kind] = TokenAutomaton(machine, self.vocabulary)
        return self._machines[kind]


class Constraint:
    """The state of one reply.

    Args:
        grammar: the calls it may be; ``None`` or one without tools: plain text only.
        said: the user's messages, the latest first.
    """

    def __init__(self, grammar: Grammar, said: Iterable[str] = ()) -> None:
        self.grammar = grammar
        self.call: ToolCall | None = None  #: the call, once it is complete
        self._said = said
        self._marker = grammar.vocabulary.call_ids
        self._matched = 0  # tokens of the marker so far; -1: this reply is plain text
        self._tail: tuple[int, ...] = ()
        self._node: Node | None = None
        self._written: list[int] = []
        self._complete = False

    @property
    def in_call(self) -> bool:
        """The reply is a call, not text."""
        return self._node is not None or self._complete

    @property
    def complete(self) -> bool:
        """The call is written to its end; nothing but the end token may follow."""
        return self._complete

    def allowed(self) -> Sequence[int] | None:
        """The tokens that may come next; ``None``: any token of plain text but :meth:`banned`."""
        return self._node.allowed() if self._node else None

    @property
    def may_open(self) -> int | None:
        """The markup token that may come next in plain text: the one that opens a call, at the beginning of a reply."""
        token = self._marker[0]
        at_begin = self._matched == 0 and bool(self.grammar.tools)
        return token if at_begin and token in self.grammar.vocabulary.markup else None

    @property
    def banned(self) -> int | None:
        """The token of plain text that would complete the marker of a call where none may be."""
        size = len(self._marker) - 1
        if size == 0 or (self._matched >= 0 and self.grammar.tools):
            return None
        return self._marker[-1] if self._tail[-size:] == self._marker[:-1] else None

    def advance(self, token: int) -> None:
        """``token`` was written."""
        if self._node is not None:
            self._written.append(token)
            self._node = self._node.advance(token)
            if self._node is None:
                self._finish()
            return
        self._tail = (*self._tail, token)[-len(self._marker) :]
        if self._matched >= 0 and token == self._marker[self._matched] and self.grammar.tools:
            self._matched += 1
            if self._matched == len(self._marker):
                self._node = self._begin()
        else:
            self._matched = -1

    def _begin(self) -> Node:
        sources = [source for text in self._said for source in span_sources(text, self.grammar.vocabulary)]
        return _call_node(self.grammar, sources)

    def _finish(self) -> None:
        vocabulary = self.grammar.vocabulary
        written = b"".join(
            vocabulary.token_bytes[token] for token in self._written if token not in vocabulary.markup
        ).decode(errors="replace")
        value = json.loads(written.strip().removesuffix(CLOSE))
        self.call = ToolCall(value["name"], value["arguments"])
        self._complete = True


class _Choice:
    """One of several fixed pieces, walked token by token."""

    def __init__(self, ways: list[tuple[tuple[int, ...], Next]], at: int = 0) -> None:
        self._ways = ways
        self._at = at

    def allowed(self) -> Sequence[int]:
        return sorted({ids[self._at] for ids, _ in self._ways})

    def advance(self, token: int) -> Node | None:
        ways = [way for way in self._ways if way[0][self._at] == token]
        if len(ways) == 1 and len(ways[0][0]) == self._at + 1:
            return ways[0][1]()
        return _Choice(ways, self._at + 1)


class _Written:
    """A value written freely, then one of the pieces that may follow it."""

    def __init__(self, tokens: TokenAutomaton, closers: _Choice, state: State | None = None, length: int = 0) -> None:
        self._tokens = tokens
        self._closers = closers
        self._state = state or tokens.start
        self._length = length

    def allowed(self) -> Sequence[int]:
        done = self._tokens.done(self._state)
        inside = () if done and self._length >= _MAX_VALUE_TOKENS else self._tokens.allowed(self._state)
        return [*inside, *self._closers.allowed()] if done else inside

    def advance(self, token: int) -> Node | None:
        if self._tokens.done(self._state) and token in self._closers.allowed():
            return self._closers.advance(token)
        return _Written(self._tokens, self._closers, self._tokens.after(self._state, token), self._length + 1)


class _Copied:
    """A value copied from what was said: all the places where it may be, narrowed by each token."""

    def __init__(self, places: list[tuple[SpanSource, int]], closers: _Choice, length: int = 0) -> None:
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
        # A span never holds a quote, and every closer begins with one, so no token is both.
        if token in self._next:
            return _Copied(self._next[token], self._closers, self._length + 1)
        return self._closers.advance(token)


def _call_node(grammar: Grammar, sources: list[SpanSource]) -> Node:
    """The beginning of a call, right after the marker."""
    ways: list[tuple[tuple[int, ...], Next]] = []
    for tool in grammar.tools:
        head = grammar.pieces('\n{"name": "', _inside(tool.name))
        arguments = _Arguments(grammar, tool, sources)
        if arguments.properties:
            ways.append((head + grammar.piece('", "arguments": {"'), partial(arguments.keys, frozenset[str]())))
        if not arguments.required:
            ways.append((head + grammar.piece('", "arguments": {}}\n' + CLOSE), _complete))
    return _Choice(ways)


def _complete() -> None:
    return None


class _Arguments:
    """The arguments of one tool."""

    def __init__(self, grammar: Grammar, tool: ToolSpec, sources: list[SpanSource]) -> None:
        self.properties: dict[str, Any] = tool.parameters.get("properties", {})
        self.required = frozenset(tool.parameters.get("required", ())) & self.properties.keys()
        self._grammar = grammar
        self._places = [(source, start) for source in sources for start in source.starts]

    def keys(self, used: frozenset[str]) -> Node:
        """After ``{"`` or ``, "``: one of the keys not used yet."""
        return _Choice(self._keys(used, ()))

    def _keys(self, used: frozenset[str], before: tuple[int, ...]) -> list[tuple[tuple[int, ...], Next]]:
        grammar = self._grammar
        ways: list[tuple[tuple[int, ...], Next]] = []
        for key, schema in self.properties.items():
            if key in used:
                continue
            head = before + grammar.piece(_inside(key))
            options = _options(schema)
            values = _literals(options)
            now = used | {key}
            if values is not None:
                for value in values:
                    if isinstance(value, str):
                        ids = head + grammar.pieces('": "', _inside(value))
                        ways += [(ids + tail, then) for tail, then in self._after(now, quoted=True)]
                    else:
                        ids = head + grammar.pieces('": ', json.dumps(value))
                        ways += [(ids + tail, then) for tail, then in self._after(now, quoted=False)]
            elif all(option.get("type") == "string" for option in options):
                copied = any(option.get("x-span") for option in options) and bool(self._places)
                make = self._copied if copied else self._string
                ways.append((head + grammar.piece('": "'), partial(make, now)))
            else:
                kind = " ".join(sorted({str(option.get("type", "")) for option in options}))
                ways.append((head + grammar.piece('": '), partial(self._bare, now, kind)))
        return ways

    def _copied(self, used: frozenset[str]) -> Node:
        return _Copied(self._places, _Choice(self._after(used, quoted=True)))

    def _string(self, used: frozenset[str]) -> Node:
        return _Written(self._grammar.machine("text"), _Choice(self._after(used, quoted=True)))

    def _bare(self, used: frozenset[str], kind: str) -> Node:
        return _Written(self._grammar.machine(kind), _Choice(self._after(used, quoted=False)))

    def _after(self, used: frozenset[str], *, quoted: bool) -> list[tuple[tuple[int, ...], Next]]:
        """What may follow a value: another key, or the end of the call."""
        quote = '"' if quoted else ""
        ways: list[tuple[tuple[int, ...], Next]] = []
        if used != self.properties.keys():
            ways.append((self._grammar.piece(quote + ', "'), lambda: self.keys(used)))
        if used >= self.required:
            ways.append((self._grammar.piece(quote + "}}\n" + CLOSE), _complete))
        return ways


def _inside(text: str) -> str:
    """``text`` as it stands between the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The ways a value may be, without ``null``: an argument that may be null is left out instead."""
    found = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        found = [{**schema, "type": kind} for kind in cast("list[object]", kinds) if kind != "null"]
    return [{**option, "x-span": option.get("x-span", schema.get("x-span"))} for option in found]


def _literals(options: list[dict[str, Any]]) -> list[Any] | None:
    """The values of an enumeration; ``None`` where it is none."""
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
