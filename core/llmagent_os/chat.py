"""What goes into a language model and what comes out, the same for every backend."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

#: One turn of a chat: ``role`` (system, user, assistant or tool), ``content``, and for an assistant ``tool_calls``, a
#: list of :class:`ToolCall` or of dicts, ``{"name", "arguments"}`` or the same inside ``{"function": …}``.
Message = dict[str, Any]


def tool_message(data: dict[str, Any]) -> Message:
    """A tool's result as the model reads it: JSON with a space after each comma and colon, as chat templates write it.

    >>> tool_message({"status": "created", "title": "café"})
    {'role': 'tool', 'content': '{"status": "created", "title": "café"}'}
    """
    return {"role": "tool", "content": json.dumps(data, ensure_ascii=False)}


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tool that a model may call.

    >>> ToolSpec(name="now", description="The time.", parameters={"type": "object", "properties": {}}).read_only
    False
    """

    name: str  #: what the model calls it
    description: str  #: what it does, in the model's words
    parameters: dict[str, Any]  #: JSON schema of its arguments: an object, without ``$defs``
    permission: str = ""  #: what a person must be allowed to use it, such as ``calendar.write``; empty: nothing
    read_only: bool = False  #: changes nothing
    plugin: str = ""  #: the name of the plugin it comes from


class ToolCall(msgspec.Struct, frozen=True):
    """A tool that the model wants called."""

    name: str
    arguments: dict[str, Any]


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One reply to be written."""

    messages: list[Message]
    tools: tuple[ToolSpec, ...] = ()
    #: the LoRA to answer with: a PEFT folder, or for a server the name it serves the LoRA under.
    #: ``None`` is what the model was loaded with, ``"base"`` the model without any.
    lora: str | None = None
    max_tokens: int = 256  #: the reply is cut off after so many tokens
    temperature: float = 0.0  #: 0 takes the likeliest token; 1 samples as the model was trained
    seed: int | None = None  #: the same seed gives the same sample; ``None`` a new one each time


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, and what is needed to learn from it."""

    text: str  #: what was said; empty where a tool is called
    tool_calls: tuple[ToolCall, ...] = ()
    token_ids: tuple[int, ...] = ()  #: every token of the reply, the end token included; empty from a server
    #: one natural-log probability per token, of the distribution it was drawn from: after the constraint and the
    #: temperature. A token that was the only one allowed has 0.0; at temperature 0 it is the probability at
    #: temperature 1, because a point mass would say nothing.
    logprobs: tuple[float, ...] = ()
    finish_reason: Literal["stop", "length", "tool_calls", "cancelled"] = "stop"
    prompt: str = ""  #: what the model was given, after the chat template (from a server: the messages as JSON)
    model: str = ""  #: the model's name
    lora_version: str = "base"  #: ``base``, or the LoRA's folder name and the start of its weights' SHA-256


def check_request(request: ChatRequest) -> None:
    """Refuse a request that no backend could answer.

    Raises:
        ValueError: a value is out of range; names it.
    """
    if not request.messages:
        raise ValueError("messages is empty: give at least one {'role': 'user', 'content': …}")
    for at, message in enumerate(request.messages):
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise ValueError(f"messages[{at}]: role {message.get('role')!r} is none of system, user, assistant, tool")
    if request.max_tokens < 1:
        raise ValueError(f"max_tokens is {request.max_tokens}, it must be at least 1")
    if not 0.0 <= request.temperature <= 10.0:
        raise ValueError(f"temperature is {request.temperature}, it must lie between 0 and 10")
