"""Scores the tool call of a reply beside the call that is right."""

from __future__ import annotations

from llmagent_os.chat import Completion, ToolCall


def call_score(completion: Completion, right: ToolCall) -> float:
    """Return 1 for the right call, 0.5 for the right tool with other arguments, and 0 for anything else.

    >>> right = ToolCall("add", {"title": "gym"})
    >>> calls = [(right,), (ToolCall("add", {"title": "the gym"}),), (ToolCall("list", {}),), ()]
    >>> [call_score(Completion(text="", tool_calls=each), right) for each in calls]
    [1.0, 0.5, 0.0, 0.0]
    """
    made = next(iter(completion.tool_calls), None)
    if made is None or made.name != right.name:
        return 0.0
    return 1.0 if made.arguments == right.arguments else 0.5
