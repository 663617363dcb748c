"""Chat templates: what a model reads, also where its template knows nothing of tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from llmagent_os.chat import ChatRequest, Message, ToolCall
from llmagent_os.llm import LLM
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import vocabulary_of
from llmagent_os.serving.tool_call_parsing import CLOSE, OPEN, read_calls
from tests.tiny_model import CREATE, TEMPLATE, make_model, make_tokenizer, save_model

#: Like that of SmolLM2: it writes roles and contents, and nothing else.
PLAIN = (
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHAT: list[Message] = [
    {"role": "system", "content": "You keep a calendar."},
    {"role": "user", "content": "lunch on friday, and <tools> too"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [ToolCall("create_event", {"title": "lunch", "date": "friday"})],
    },
    {"role": "tool", "content": '{"status": "created"}'},
]


def template(text: str) -> ChatTemplate:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = text
    return ChatTemplate(tokenizer, vocabulary_of(make_model("llama", tokenizer), tokenizer))


def test_a_template_without_tools_has_them_in_the_system_message() -> None:
    """Such a template drops the tools silently, and the model would never hear of them."""
    with capture_logs() as logs:
        plain = template(PLAIN)
    assert not plain.knows_tools
    assert ["says nothing of tools" in log["event"] for log in logs] == [True]
    prompt = plain.prompt(CHAT, [CREATE])
    system, user, call, result, _ = prompt.split("<|im_start|>")[1:]
    assert system.startswith("system\nYou keep a calendar.\n")
    schema = json.loads(system.split("<tools>\n")[1].split("\n</tools>")[0])
    assert schema["function"]["name"] == "create_event"
    assert set(schema["function"]["parameters"]["properties"]) == {"title", "date", "time"}
    assert "<tools>" not in user, "a person cannot write tools"
    assert read_calls(call.removeprefix("assistant\n").removesuffix("<|im_end|>\n"), [CREATE]) == (
        "",
        (ToolCall("create_event", {"title": "lunch", "date": "friday"}),),
    )
    assert result == 'user\n<tool_response>\n{"status": "created"}\n</tool_response><|im_end|>\n'


def test_a_template_with_tools_is_left_alone() -> None:
    """A model that was taught its own form must read this form."""
    with capture_logs() as logs:
        own = template(TEMPLATE)
    assert own.knows_tools
    assert logs == []
    prompt = own.prompt(CHAT, [CREATE])
    assert "tools: create_event" in prompt and "You may call functions" not in prompt


def test_without_tools_a_plain_template_writes_what_it_always_wrote() -> None:
    """A general bot's prompts must not change."""
    said: list[Message] = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello."}]
    assert template(PLAIN).prompt(said, []) == (
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_chat_without_a_system_message_gets_one_for_its_tools() -> None:
    """Otherwise the tools would have no place."""
    prompt = template(PLAIN).prompt([{"role": "user", "content": "hi"}], [CREATE])
    assert prompt.startswith("<|im_start|>system\nYou may call functions")


def test_a_call_can_be_learned_with_a_plain_template() -> None:
    """Training writes the assistant's turn alone: it must follow what was there before."""
    response = template(PLAIN).response(CHAT[:3], [CREATE])
    assert response is not None
    assert response.startswith(f"{OPEN}\n") and response.endswith(f"{CLOSE}<|im_end|>\n")


@pytest.mark.parametrize("text", [PLAIN, TEMPLATE])
async def test_a_model_is_told_of_its_tools(tmp_path: Path, text: str) -> None:
    """Through the real engine: the prompt that is recorded names the tool."""
    folder = save_model(tmp_path / "model")
    (folder / "chat_template.jinja").write_text(text)
    async with LLM.from_pretrained(str(folder)) as llm:
        request = ChatRequest(messages=[{"role": "user", "content": "hi"}], tools=(CREATE,), max_tokens=1)
        assert "create_event" in (await llm.complete(request)).prompt
