r"""Writes tools, calls and results into plain turns, for a chat template that knows nothing of tools.

The form is that of Hermes and Qwen, https://github.com/NousResearch/Hermes-Function-Calling: the tools are JSON between
``<tools>`` and ``</tools>`` in the system message, a call stands between ``<tool_call>`` and ``</tool_call>``, a result
between ``<tool_response>`` and ``</tool_response>``. A template that does not know tools drops them silently: the model
would never hear of a tool.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llmagent_os.chat import Message
from llmagent_os.serving.tool_call_parsing import CLOSE, OPEN

_INTRODUCTION = "You may call functions to help the user. These are the functions, as JSON:"
_INSTRUCTION = f"""\
To call one, answer with its name and its arguments as a JSON object, and nothing else, in this form:
{OPEN}
{{"name": "NAME", "arguments": {{"ARGUMENT": "VALUE"}}}}
{CLOSE}"""


def with_tools_written_out(messages: Sequence[Message], schemas: Sequence[dict[str, Any]]) -> list[Message]:
    """Give the turns with tools, calls and results as words.

    Args:
        messages: the turns. Calls have the form ``{"function": {"name", "arguments"}}``. All text in them was made
            inert, since what is written around the text is markup.
        schemas: the tools, from :func:`~llmagent_os.serving.tool_call_parsing.tool_schemas`.

    >>> now = {"type": "function", "function": {"name": "now", "description": "", "parameters": {}}}
    >>> with_tools_written_out([{"role": "system", "content": "Be kind."}], [now])[0]["content"].splitlines()[0]
    'Be kind.'
    """
    turns = [_in_words(message) for message in messages]
    if not schemas:
        return turns
    listed = "\n".join(json.dumps(schema, ensure_ascii=False) for schema in schemas)
    tools = f"{_INTRODUCTION}\n<tools>\n{listed}\n</tools>\n{_INSTRUCTION}"
    if turns and turns[0]["role"] == "system":
        said = str(turns[0].get("content") or "")
        return [{**turns[0], "content": f"{said}\n\n{tools}" if said else tools}, *turns[1:]]
    return [{"role": "system", "content": tools}, *turns]


def _in_words(message: Message) -> Message:
    """A turn without fields that a template would have to know."""
    content = str(message.get("content") or "")
    if message["role"] == "tool":
        return {"role": "user", "content": f"<tool_response>\n{content}\n</tool_response>"}
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    if not calls:
        return message
    written = [f"{OPEN}\n{json.dumps(call, ensure_ascii=False)}\n{CLOSE}" for call in calls]
    return {"role": message["role"], "content": "\n".join([content, *written] if content else written)}
