r"""Tool calls as text, in the form of Hermes and Qwen: ``<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>``.

The text is read strictly: what is no valid call of a known tool raises, and nothing of it is ever run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from llmagent_os.chat import Message, ToolCall, ToolSpec
from llmagent_os.errors import BadToolCallError

OPEN = "<tool_call>"
CLOSE = "</tool_call>"

_BLOCK = re.compile(re.escape(OPEN) + r"(.*?)(?:" + re.escape(CLOSE) + r"|\Z)", re.DOTALL)


class InvalidCallError(BadToolCallError):
    """The model tried to call a tool and got it wrong."""

    def __init__(self, why: str, said: str) -> None:
        super().__init__(f"the model's tool call is not valid: {why}: {said[:200]!r}")
        self.why = why  #: what is wrong, in words for the model
        self.said = said  #: the whole reply


def tool_schemas(tools: Iterable[ToolSpec]) -> list[dict[str, Any]]:
    """The tools as chat templates and servers take them, without this project's own ``x-`` keys.

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
    """``schema`` without ``x-`` keys; ``names``: its keys are arguments' names, which may begin so."""
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
    r"""What was said around the calls in ``text``, and the calls.

    >>> now = ToolSpec(name="now", description="The time.", parameters={})
    >>> read_calls('<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>', [now])
    ('', (ToolCall(name='now', arguments={}),))

    Raises:
        InvalidCallError: a call is not closed, is no JSON, or does not fit a known tool.
    """
    if OPEN not in text:
        return text, ()
    calls: list[ToolCall] = []
    for block in _BLOCK.finditer(text):
        if not block[0].endswith(CLOSE):
            raise InvalidCallError(f"it ends before {CLOSE}", text)
        try:
            value: Any = json.loads(block[1])
        except ValueError as error:
            raise InvalidCallError(f"it is no JSON ({error})", text) from error
        call = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        name = call.get("name")
        if not isinstance(name, str):
            raise InvalidCallError('it is no {"name": …, "arguments": {…}}', text)
        calls.append(checked_call(name, call.get("arguments", {}), tools, said=text))
    return _BLOCK.sub("", text).strip(), tuple(calls)


def checked_call(name: str, arguments: Any, tools: Sequence[ToolSpec], *, said: str) -> ToolCall:
    """The call, where it fits one of ``tools``: known name, known argument names, none of the required ones missing.

    Values are checked against their types where the tool is run. ``arguments`` may be JSON text, as servers send it.

    Raises:
        InvalidCallError: it does not fit; ``said`` is the reply it came in.
    """
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        raise InvalidCallError(f"there is no tool {name!r}, only {', '.join(t.name for t in tools) or 'none'}", said)
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError as error:
            raise InvalidCallError(f"the arguments of {name} are no JSON ({error})", said) from error
    if not isinstance(arguments, dict):
        raise InvalidCallError(f"the arguments of {name} are no JSON object", said)
    given = cast("dict[str, Any]", arguments)
    known: dict[str, Any] = tool.parameters.get("properties", {})
    if unknown := sorted(given.keys() - known.keys()):
        raise InvalidCallError(f"{name} takes no {', '.join(unknown)}, only {', '.join(known) or 'nothing'}", said)
    if missing := [key for key in tool.parameters.get("required", ()) if key not in given]:
        raise InvalidCallError(f"{name} needs {', '.join(missing)} too", said)
    return ToolCall(name, given)


def calls_of(message: Message) -> list[ToolCall]:
    """The calls an assistant's turn made, whichever way they are written down there.

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
    """The two turns that tell a model what was wrong with the call it just made."""
    return [
        {"role": "assistant", "content": error.said.replace(OPEN, "").replace(CLOSE, "").strip() or "…"},
        {
            "role": "user",
            "content": f"That tool call was not valid and nothing was done: {error.why}. "
            "Make the call again, correctly, or answer in plain words.",
            "spoken": False,  # nobody said this: nothing may be copied from it
        },
    ]
