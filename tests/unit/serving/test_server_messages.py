"""The chat as servers are sent it: any chat of ours must be one that they all take."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.chat import ChatRequest, Message, ToolCall, ToolSpec
from llmagent_os.serving.server_messages import plain_turns
from llmagent_os.serving.server_request import ModelQuirks, request_body
from llmagent_os.serving.server_schemas import server_tools
from tests.tiny_model import CREATE, LIST, tool

calls = st.lists(st.sampled_from([ToolCall("create_event", {"title": "x"}), ToolCall("a.b", {})]), max_size=3)


def turn(role: str, content: str | None, made: list[ToolCall]) -> Message:
    """A turn of the chat; only the assistant calls tools."""
    return {"role": role, "content": content} | ({"tool_calls": made} if role == "assistant" else {})


turns = st.builds(turn, st.sampled_from(["user", "tool", "assistant"]), st.none() | st.text(max_size=3), calls)


def check_chat(messages: list[dict[str, Any]]) -> None:
    """The rules of OpenAI and Mistral for a chat."""
    seen: set[str] = set()
    at = 0
    while at < len(messages):
        message, at = messages[at], at + 1
        assert isinstance(message["content"], str)
        assert message["role"] != "tool", "a result without a call"
        assert message["role"] != "assistant" or message["content"] or message.get("tool_calls")
        made: list[dict[str, Any]] = message.get("tool_calls") or []
        for call in made:
            assert re.fullmatch("[a-zA-Z0-9]{9}", call["id"])
            assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", call["function"]["name"])
            assert isinstance(call["function"]["arguments"], str)
        for call in made:
            assert call["id"] not in seen
            seen.add(call["id"])
            assert messages[at]["role"] == "tool"
            assert messages[at]["tool_call_id"] == call["id"]
            at += 1


@given(st.lists(turns, max_size=8), st.booleans())
def test_every_chat_of_ours_is_one_that_servers_take(chat: list[Message], single: bool) -> None:
    """A chat of which one turn is refused is refused whole: the bot would answer nothing in it any more."""
    quirks = ModelQuirks(parts={"single_calls": ""} if single else {})
    messages = request_body("m", ChatRequest(messages=chat, tools=(CREATE, LIST)), quirks)["messages"]
    check_chat(messages)
    kept = [turn["content"] for turn in messages if turn["role"] == "tool"]
    assert kept == _answered(chat)


def _answered(chat: list[Message]) -> list[str]:
    """The results that follow their calls."""
    found: list[str] = []
    left = 0
    for turn in chat:
        if turn["role"] == "tool" and left:
            found.append(turn["content"] or "")
            left -= 1
        elif turn["role"] != "tool":
            left = len(turn.get("tool_calls") or ())
        else:
            left = 0
    return found


def test_a_call_that_was_not_made_is_not_told_of() -> None:
    """After a failed call the others of the same reply are not made."""
    chat: list[Message] = [
        {"role": "assistant", "content": "", "tool_calls": [ToolCall("a", {}), ToolCall("b", {})]},
        {"role": "tool", "content": "one"},
        {"role": "user", "content": "and?"},
    ]
    made, result, _ = plain_turns(chat)
    assert [call["function"]["name"] for call in made["tool_calls"]] == ["a"]
    assert (result["content"], result["name"]) == ("one", "a")


def test_schemas_have_what_servers_ask_for_and_nothing_that_they_refuse() -> None:
    weird = tool("t", {"$id": {"type": "string"}, "a": {"$comment": "x", "type": "string", "x-span": True}})
    long = ToolSpec(name="u", description="d" * 3000, parameters={})
    first, second = (each["function"] for each in server_tools([weird, long]))
    assert first["parameters"]["properties"] == {"$id": {"type": "string"}, "a": {"type": "string"}}
    assert second["parameters"] == {"type": "object", "properties": {}}
    assert len(second["description"]) == 1024


@pytest.mark.parametrize("plain", [False, True])
def test_a_schema_of_a_stranger_takes_no_other_tool_with_it(plain: bool) -> None:
    """A server of tools may send any JSON as a schema. Where that fails, the turn of everybody fails."""
    deep: dict[str, Any] = {}
    for _ in range(20_000):
        deep = {"items": deep}
    schemas: dict[str, dict[str, Any]] = {
        "deep": deep,
        "odd": {"properties": {"a": {"anyOf": [True, {"type": "null"}, {"type": "string"}]}, "b": {"oneOf": {}}}},
        "good": {"properties": {"c": {"type": "integer"}}},
    }
    tools = [ToolSpec(name=name, description="T.", parameters=schema) for name, schema in schemas.items()]
    described = {each["function"]["name"]: each["function"]["parameters"] for each in server_tools(tools, plain=plain)}
    assert set(described) == {"odd", "good"}
    assert json.loads(json.dumps(described["good"]["properties"])) == {"c": {"type": "integer"}}
    if plain:
        assert described["odd"]["properties"] == {"a": {"type": "string"}, "b": {}}
