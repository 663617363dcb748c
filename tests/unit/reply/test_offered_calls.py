"""What only plugins' rules give and call is not shown to models.

What breaks without this: a small model reads arguments that it was not trained on, and copies the wrong words.
"""

from __future__ import annotations

from typing import Any

from llmagent_os.chat import Message, ToolSpec
from llmagent_os.reply.offered_calls import as_offered

TOOLS = (ToolSpec(name="look", description="Look.", parameters={"type": "object", "properties": {"at": {}}}),)


def call(name: str, **arguments: str) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def test_a_hidden_argument_is_left_out_and_the_rest_stays() -> None:
    chat: list[Message] = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": "", "tool_calls": [call("look", at="this", how="closely")]},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "I looked."},
    ]
    assert as_offered(chat, TOOLS)[1]["tool_calls"] == [call("look", at="this")]
    assert [message["role"] for message in as_offered(chat, TOOLS)] == ["user", "assistant", "tool", "assistant"]


def test_a_hidden_tool_goes_with_its_result_and_the_words_stay() -> None:
    chat: list[Message] = [
        {"role": "user", "content": "look twice"},
        {"role": "assistant", "content": "", "tool_calls": [call("peek"), call("look")]},
        {"role": "tool", "content": "of peek"},
        {"role": "tool", "content": "of look"},
        {"role": "assistant", "content": "", "tool_calls": [call("peek")]},
        {"role": "tool", "content": "of peek again"},
        {"role": "assistant", "content": "I looked."},
    ]
    shown = [message["content"] for message in as_offered(chat, TOOLS)]
    assert shown == ["look twice", "", "of look", "I looked."]


def test_without_tools_nothing_is_left_out() -> None:
    chat: list[Message] = [{"role": "assistant", "content": "", "tool_calls": [call("peek")]}]
    assert as_offered(chat, ()) == chat
