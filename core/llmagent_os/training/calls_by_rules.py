"""Gives the tool calls that plugins' rules read the form in which a model could have made them.

Rules may call what no model is shown: tools of their own, and arguments of their own (``RuleArgument``). They also copy
"at 6" and "on friday", where a model is taught to copy "6" and "friday". A model that learned such calls would be
taught what it cannot say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.ledger import Interaction

#: The words before a day, a time or a place that say nothing of which one it is.
_LEADING = re.compile(r"^(?:(?:at|on|by|for|to)\s+|@\s*)(?=\S)", re.IGNORECASE)


def call_by_rules(interaction: Interaction) -> ToolCall | None:
    """The one call that rules read in a message. None: they read none, or several."""
    if interaction.calls_by_rules != 1 or not interaction.tool_calls:
        return None
    call = interaction.tool_calls[0]
    return ToolCall(str(call["name"]), dict(call["arguments"]))


def as_model_call(call: ToolCall, tools: Sequence[ToolSpec]) -> ToolCall | None:
    """Return a call as a model could make it. None: no model can say what it asks for.

    What only rules give decides what a change is made to, and cannot be left out. A look-up finds the same without it,
    or more.

    >>> span = {"type": "string", "x-span": True}
    >>> spec = ToolSpec(name="add", description="", parameters={"properties": {"time": span}})
    >>> as_model_call(ToolCall("add", {"time": "at 6"}), [spec])
    ToolCall(name='add', arguments={'time': '6'})
    >>> as_model_call(ToolCall("add", {"time": "at 6", "scope": "series"}), [spec]) is None
    True

    Args:
        call: as rules read it.
        tools: what models are offered.
    """
    spec = next((tool for tool in tools if tool.name == call.name), None)
    if spec is None:
        return None
    shown = shown_part(call, tools)
    is_whole = all(name in shown.arguments or value is None for name, value in call.arguments.items())
    return shown if is_whole or (spec.read_only and shown.arguments) else None


def shown_part(call: ToolCall, tools: Sequence[ToolSpec]) -> ToolCall:
    """Return what a model could have said of a call, whether or not that is all of it."""
    spec = next((tool for tool in tools if tool.name == call.name), None)
    properties: Mapping[str, Any] = {} if spec is None else spec.parameters.get("properties", {})
    given = {name: without_leading(value) for name, value in call.arguments.items() if value is not None}
    return ToolCall(call.name, {name: value for name, value in given.items() if name in properties})


def without_leading(value: Any) -> Any:
    """An argument without the words before it that say nothing.

    >>> [without_leading(value) for value in ("on friday", "@ 4ish", "at", 6)]
    ['friday', '4ish', 'at', 6]
    """
    return _LEADING.sub("", value) if isinstance(value, str) else value
