"""Checks tool calls that a model wrote, and describes tools and calls for a model.

Checking is strict. Anything but a valid call of a known tool raises an error, and no part of it is ever run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from llmagent_os.chat import Completion, Message, ToolCall, ToolSpec
from llmagent_os.errors import BadToolCallError
from llmagent_os.serving.call_bodies import UnreadableCallError
from llmagent_os.serving.surrogate_pairs import joined_all
from llmagent_os.serving.text_calls import MARKERS, FoundCalls, find_calls

OPEN = "<tool_call>"  #: the marker of Hermes and Qwen that opens a call
CLOSE = "</tool_call>"  #: the marker that closes a call

MAX_DEPTH = 32  #: lists and objects in each other, in the arguments of a call


class InvalidCallError(BadToolCallError):
    """The model tried to call a tool, and the call is not valid."""

    def __init__(self, why: str, said: str, rejected: tuple[Completion, ...] = ()) -> None:
        super().__init__(f"the model's tool call is not valid: {why}: {said[:200]!r}")
        self.why = why  #: what is wrong, in words for the model
        self.said = said  #: the whole reply that the call came in
        self.rejected: tuple[Completion, ...] = rejected  #: in order; empty: the backend does not tell

    def of(self, completion: Completion) -> InvalidCallError:
        """The same error about ``completion``, whose text is then the whole reply as it was written."""
        return InvalidCallError(self.why, self.said, (msgspec.structs.replace(completion, text=self.said),))


def tool_schemas(tools: Iterable[ToolSpec]) -> list[dict[str, Any]]:
    """Describe tools as chat templates and servers take them, without this project's own ``x-`` keys.

    >>> who = {"type": "string", "x-span": True}
    >>> takes = {"type": "object", "properties": {"who": who}}
    >>> tool_schemas([ToolSpec(name="greet", description="Says hi.", parameters=takes)])[0]["function"]["parameters"]
    {'type': 'object', 'properties': {'who': {'type': 'string'}}}
    """
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": _without_own_keys(tool.parameters),
            },
        }
        for tool in tools
    ]


def _without_own_keys(schema: Any, *, names: bool = False) -> Any:
    """``schema`` without ``x-`` keys. ``names``: the keys are names of arguments, which may begin with ``x-``."""
    if isinstance(schema, dict):
        items = cast("dict[str, Any]", schema)
        return {
            key: _without_own_keys(value, names=key == "properties" and not names)
            for key, value in items.items()
            if names or not key.startswith("x-")
        }
    if isinstance(schema, list):
        return [_without_own_keys(value) for value in cast("list[object]", schema)]
    return schema


def read_calls(text: str, tools: Sequence[ToolSpec]) -> tuple[str, tuple[ToolCall, ...]]:
    r"""Split ``text`` into the words around the tool calls, and the calls.

    >>> now = ToolSpec(name="now", description="The time.", parameters={})
    >>> read_calls('<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>', [now])
    ('', (ToolCall(name='now', arguments={}),))

    Raises:
        InvalidCallError: a call is not closed, is not JSON, or does not fit a known tool.
    """
    found = found_calls(text, tools)
    return found.text, tuple(checked_call(name, arguments, tools, said=text) for name, arguments in found.calls)


def found_calls(text: str, tools: Sequence[ToolSpec]) -> FoundCalls:
    """Find the calls in a text, by any of the markups of :mod:`~llmagent_os.serving.text_calls`. They are not checked.

    Raises:
        InvalidCallError: there is markup of a call, and what is in the markup is none.
    """
    try:
        return find_calls(text, tools)
    except UnreadableCallError as error:
        raise InvalidCallError(str(error), text) from error


def checked_call(name: str, arguments: Any, tools: Sequence[ToolSpec], *, said: str) -> ToolCall:
    """Check that a call fits one of ``tools``: known name, known argument names, no required argument missing.

    The types of the values are checked where the tool is run.

    Args:
        name: the tool's name, as the model wrote it.
        arguments: a dict, or JSON text as servers send it.
        tools: the tools that may be called.
        said: the reply that the call came in, for the error.

    Raises:
        InvalidCallError: the call does not fit.
    """
    tool = _tool_called(name, tools)
    if tool is None:
        raise InvalidCallError(f"there is no tool {name!r}, only {', '.join(t.name for t in tools) or 'none'}", said)
    name = tool.name
    if isinstance(arguments, str):
        try:
            arguments = _arguments(arguments)
        except (ValueError, RecursionError) as error:
            raise InvalidCallError(f"the arguments of {name} are not JSON ({error})", said) from error
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise InvalidCallError(f"the arguments of {name} are not a JSON object", said)
    if _is_deeper(arguments, MAX_DEPTH):
        raise InvalidCallError(f"the arguments of {name} are nested deeper than {MAX_DEPTH} levels", said)
    given = cast("dict[str, Any]", joined_all(arguments))
    known: dict[str, Any] = tool.parameters.get("properties", {})
    if unknown := sorted(given.keys() - known.keys()):
        raise InvalidCallError(f"{name} takes no {', '.join(unknown)}, only {', '.join(known) or 'nothing'}", said)
    if missing := [key for key in tool.parameters.get("required", ()) if key not in given]:
        raise InvalidCallError(f"{name} needs {', '.join(missing)} too", said)
    return ToolCall(name, given)


def _tool_called(name: str, tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """The tool of this name. Models and servers leave parts of the model's markup on a name.

    gpt-oss is known for ``functions.now`` and ``now<|channel|>analysis``.
    """
    bare = name.partition("<|")[0].strip()
    meant = (name, bare, bare.removeprefix("functions."))
    return next((tool for each in meant for tool in tools if tool.name == each), None)


def _arguments(text: str) -> Any:
    """Read arguments from JSON text. Servers write a call without arguments as ``""``, ``null`` or ``None``.

    Some servers write the JSON text as a JSON string once more.
    """
    if text.strip() in ("", "None"):
        return {}
    found = json.loads(text, parse_constant=_no_number)
    return _arguments(found) if isinstance(found, str) and found != text else found


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = cast("dict[str, Any]", value).values() if isinstance(value, dict) else cast("list[object]", value)
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def calls_of(message: Message) -> list[ToolCall]:
    """Read the tool calls of an assistant's turn, in any form that :data:`~llmagent_os.chat.Message` allows.

    >>> calls_of({"role": "assistant", "tool_calls": [{"function": {"name": "now", "arguments": "{}"}}]})
    [ToolCall(name='now', arguments={})]
    """
    calls: list[ToolCall] = []
    for call in message.get("tool_calls") or ():
        if isinstance(call, ToolCall):
            calls.append(call)
            continue
        function: dict[str, Any] = call.get("function", call)
        arguments: Any = function.get("arguments") or {}
        calls.append(ToolCall(function["name"], json.loads(arguments) if isinstance(arguments, str) else arguments))
    return calls


def repair_messages(error: InvalidCallError) -> list[Message]:
    """Write the two turns that tell a model what was wrong with its last tool call."""
    said = error.said.replace(CLOSE, "")
    for marker in MARKERS:
        said = said.replace(marker, "")
    return [
        {"role": "assistant", "content": said.strip() or "…"},
        {
            "role": "user",
            "content": f"That tool call was not valid and nothing was done: {error.why}. "
            "Make the call again, correctly, or answer in plain words.",
            "spoken": False,  # no person wrote this, so no argument may be copied from it
        },
    ]
