"""Puts the tool calls of a streamed reply together from their pieces.

OpenAI's servers number the calls (``index``), name each one (``id``) in its first piece, and send the arguments' JSON
in parts. Other servers leave out the index, give the same index to every call, repeat the id or the name in every
piece, send the name in parts or the arguments as an object, send a whole call in one piece, or send it twice. A call
that is put together wrongly would do something that nobody asked for.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, cast

from llmagent_os.serving.json_end import JsonEnd


@dataclass
class _Call:
    id: str
    index: int | None
    name: str = ""
    text: str = ""  # the arguments' JSON so far
    given: dict[str, Any] | None = None  # the arguments that came as an object
    again: bool = False  # the name came again after whole arguments: more arguments would be another call's
    end: JsonEnd = field(default_factory=JsonEnd)  # of the arguments' JSON

    @property
    def whole(self) -> bool:
        """Whether the arguments are complete."""
        return self.given is not None or self.end.reached

    def write(self, text: str) -> None:
        """Add to the arguments' JSON."""
        self.text += text
        self.end.feed(text)

    def clear(self) -> None:
        """Begin the arguments' JSON anew."""
        self.text, self.end = "", JsonEnd()

    @property
    def key(self) -> tuple[object, ...]:
        """The same for two calls that are one call, sent twice."""
        given = self.text.strip() if self.given is None else json.dumps(self.given, sort_keys=True, default=str)
        return self.id, self.index, self.name, given


class ToolCallPieces:
    """The calls so far.

    A piece belongs to the latest call of its index or id; without both, to the latest call. A new id, or a name after
    complete arguments, begins a new call.

    Args:
        names: of the tools that may be called. A name that comes in parts is put together only if it becomes one.

    >>> pieces = ToolCallPieces()
    >>> pieces.add({"id": "a", "function": {"name": "now", "arguments": ""}})
    >>> pieces.add({"function": {"arguments": '{"zone": "UTC"}'}})
    >>> pieces.add({"id": "b", "function": {"name": "list", "arguments": "{}"}})
    >>> pieces.calls
    [('now', '{"zone": "UTC"}'), ('list', '{}')]
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        self._names = frozenset(names)
        self._calls: list[_Call] = []
        self._latest: _Call | None = None
        self.characters = 0  #: of all arguments and names so far

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, piece: dict[str, Any]) -> None:
        """Take one piece, in OpenAI's form. Any field may be missing."""
        function: Any = piece.get("function")
        fields = cast("dict[str, Any]", function) if isinstance(function, dict) else piece
        name, arguments = fields.get("name"), fields.get("arguments")
        name = name if isinstance(name, str) else ""
        self.characters += len(name)
        id_, index = piece.get("id"), piece.get("index")
        id_ = str(id_) if id_ not in (None, "") else ""
        index = index if isinstance(index, int) and not isinstance(index, bool) else None
        has_arguments = isinstance(arguments, dict) or (isinstance(arguments, str) and bool(arguments.strip()))
        call = self._belongs_to(id_, index, name, has_arguments=has_arguments)
        if call is None:
            if not (name or has_arguments):
                return  # an empty piece
            call = _Call(id_, index, name or self._repeated_name())
            self._calls.append(call)
        elif name and self._continues_name(call, name):
            call.name += name
        self._latest = call
        call.id = call.id or id_
        if name and call.name and call.whole:
            call.again = True
        call.name = call.name or name
        self._take(call, arguments)

    def _continues_name(self, call: _Call, name: str) -> bool:
        """Whether ``name`` is the next part of a name that came in parts."""
        if not call.name or call.text.strip() or call.given is not None or name in self._names:
            return False
        return any(known.startswith(call.name + name) for known in self._names)

    def _repeated_name(self) -> str:
        """The name that came again after whole arguments, before any others."""
        return self._latest.name if self._latest is not None and self._latest.again else ""

    def _take(self, call: _Call, arguments: Any) -> None:
        if call.text.strip() == "{}" and arguments:
            call.clear()  # stood for arguments to come
        if isinstance(arguments, dict):
            call.given = cast("dict[str, Any]", arguments)
            self.characters += len(json.dumps(arguments, default=str))
        elif isinstance(arguments, str):
            self.characters += len(arguments)
            if not (call.whole and arguments.strip() == call.text.strip()):  # the whole once more, at the end
                call.write(arguments)

    def _belongs_to(self, id_: str, index: int | None, name: str, *, has_arguments: bool) -> _Call | None:
        """The call that a piece continues; None: it begins a call."""
        call = self._candidate(id_, index)
        if call is None and not name:
            call = next((each for each in reversed(self._calls) if id_ and each.id == id_), None)
        if call is None:
            return None
        other_id = bool(id_ and call.id and id_ != call.id)
        if other_id and index is not None and not name and not call.whole:
            other_id = False  # a server that makes up a new id for every piece
        if other_id:
            return None
        if call.whole and has_arguments and (name or call.again):
            return None
        if name and call.name and name != call.name and not self._continues_name(call, name):
            return None
        return call

    def _candidate(self, id_: str, index: int | None) -> _Call | None:
        for call in reversed(self._calls):
            if index is not None and call.index is not None:
                if call.index == index:
                    same = next((each for each in reversed(self._calls) if id_ and each.id == id_), call)
                    return same if same.index == index else call
            elif id_ and call.id == id_:
                return call
        return self._latest if index is None or self._latest is None or self._latest.index is None else None

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """Name and arguments of each call: as JSON text, or as the object that came. In the order of the indices.

        A call that came twice with the same id and index is one call.
        """
        seen: set[tuple[object, ...]] = set()
        once: list[_Call] = []
        for call in self._calls:
            if not call.id or call.key not in seen:
                once.append(call)
            seen.add(call.key)
        indices = [call.index for call in once]
        if None not in indices and len(set(indices)) == len(indices):
            once.sort(key=lambda call: call.index or 0)
        return [(call.name, call.text if call.given is None else call.given) for call in once]
