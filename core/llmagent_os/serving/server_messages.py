"""Writes a chat as OpenAI-compatible servers take it.

Each server checks something else. All of them take what is written here: ids of nine letters and digits (Mistral takes
no others, https://github.com/vllm-project/vllm/issues/9019), every call with its result right after it and in order
(OpenAI), a ``content`` that is never null (llama.cpp, Ollama), and no turn of the assistant that says nothing
(Mistral, Anthropic).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llmagent_os.chat import Message, ToolCall
from llmagent_os.serving.chat_markup import inert
from llmagent_os.serving.hermes_tools import with_tools_written_out
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.serving.wire_names import wire_name


def plain_turns(messages: Sequence[Message], *, single_calls: bool = False) -> list[Message]:
    """The turns in OpenAI's form, with the arguments of calls as objects.

    Chat markup in them is made inert: a server parses the special tokens of its model wherever they stand. A call
    without a result is left out, since nothing was done, and a result without a call becomes words.

    Args:
        messages: the chat.
        single_calls: write each call into a turn of its own: some models' templates take no more.
    """
    turns: list[Message] = []
    at = 0
    while at < len(messages):
        message, at = messages[at], at + 1
        content = inert(message.get("content") or "")
        if message["role"] == "tool":
            turns.append({"role": "user", "content": f"The result of a tool: {content}"})
            continue
        results: list[str] = []
        calls = calls_of(message)
        while at < len(messages) and messages[at]["role"] == "tool" and len(results) < len(calls):
            results.append(inert(messages[at].get("content") or ""))
            at += 1
        made = list(zip(calls, results, strict=False))
        for number, part in enumerate([[each] for each in made] if single_calls else [made] if made else []):
            turns += _exchange(content if number == 0 else "", part, sum(turn["role"] == "tool" for turn in turns))
        if not made and (content or message["role"] != "assistant"):
            turns.append({"role": message["role"], "content": content})
    return turns


def _exchange(content: str, made: list[tuple[ToolCall, str]], number: int) -> list[Message]:
    """A turn with calls, and their results. ``number``: how many calls were before."""
    calls: list[dict[str, Any]] = []
    results: list[Message] = []
    for place, (call, result) in enumerate(made, number):
        id_, name = f"call{place:05d}", inert(wire_name(call.name))
        calls.append({"id": id_, "type": "function", "function": {"name": name, "arguments": inert(call.arguments)}})
        results.append({"role": "tool", "tool_call_id": id_, "name": name, "content": result})
    return [{"role": "assistant", "content": content, "tool_calls": calls}, *results]


def with_json_arguments(turns: Sequence[Message]) -> list[Message]:
    """The turns with the arguments of calls as JSON text, as OpenAI's API has them."""
    return [
        {**turn, "tool_calls": [_with_json(call) for call in turn["tool_calls"]]} if "tool_calls" in turn else turn
        for turn in turns
    ]


def _with_json(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": json.dumps(function["arguments"], ensure_ascii=False)}}


def in_words(turns: Sequence[Message], schemas: Sequence[dict[str, Any]]) -> list[Message]:
    """The turns for a server that takes no tools: tools, calls and results are written into the text."""
    bare = [{key: value for key, value in turn.items() if key not in ("name", "tool_call_id")} for turn in turns]
    for turn in bare:
        if "tool_calls" in turn:
            turn["tool_calls"] = [{"function": call["function"]} for call in turn["tool_calls"]]
    return with_tools_written_out(bare, schemas)


def alternating(turns: Sequence[Message]) -> list[Message]:
    """The turns for a template that knows no system message, and wants person and assistant in turn (Gemma, Mistral).

    What the system says stands before what the person says first.
    """
    merged: list[Message] = []
    for turn in turns:
        role = "user" if turn["role"] == "system" else turn["role"]
        before = merged[-1] if merged else {}
        if before.get("role") == role and role != "tool" and not (turn.get("tool_calls") or before.get("tool_calls")):
            merged[-1] = {**before, "content": f"{before['content']}\n\n{turn['content']}"}
        else:
            merged.append({**turn, "role": role})
    return merged
