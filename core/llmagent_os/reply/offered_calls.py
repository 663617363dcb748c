"""Tool calls of a chat as a model knows the tools: without what only plugins' rules give and call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmagent_os.chat import Message, ToolSpec


def as_offered(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Message]:
    """Return a chat without arguments that no model is shown, and without calls of tools that no model is offered.

    A call that is left out takes its result along: the words that a person read of it stay.

    Args:
        messages: the chat. Every call is followed by its result, in order.
        tools: what the model is offered. Without any, nothing is left out.

    >>> call = {"function": {"name": "now", "arguments": {"zone": "UTC", "hidden": "x"}}}
    >>> schema = {"type": "object", "properties": {"zone": {"type": "string"}}}
    >>> spec = ToolSpec(name="now", description="The time.", parameters=schema)
    >>> as_offered([{"role": "assistant", "content": "", "tool_calls": [call]}], [spec])[0]["tool_calls"]
    [{'function': {'name': 'now', 'arguments': {'zone': 'UTC'}}}]
    """
    known = {spec.name: spec.parameters.get("properties", {}) for spec in tools}
    if not known:
        return list(messages)
    offered: list[Message] = []
    waiting: list[bool] = []  # whether the results of the calls before are kept
    for message in messages:
        if message["role"] == "tool" and waiting:
            if waiting.pop(0):
                offered.append(message)
            continue
        calls = [call.get("function", call) for call in message.get("tool_calls") or ()]
        if not calls:
            offered.append(message)
            continue
        waiting = [call["name"] in known for call in calls]
        if any(waiting):
            kept = [_known(call, known) for call in calls if call["name"] in known]
            offered.append({**message, "tool_calls": kept})
    return offered


def _known(call: dict[str, Any], known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    arguments = {name: value for name, value in call["arguments"].items() if name in known[call["name"]]}
    return {"function": {"name": call["name"], "arguments": arguments}}
