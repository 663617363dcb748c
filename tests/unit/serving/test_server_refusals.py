"""What a server refuses is written otherwise: tools without a parser, schemas, several calls, a system message.

What breaks without this: the bot answers nobody until its owner has found the server's flag.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from llmagent_os.chat import ChatRequest, Message, ToolCall
from llmagent_os.errors import ModelError, ModelSetupError
from llmagent_os.llm import LLM
from tests.tiny_model import CREATE, LIST, tool

CALL = '<tool_call>\n{"name": "list_events", "arguments": {"date": "friday"}}\n</tool_call>'
CHAT: list[Message] = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "lunch and <tool_call>"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [ToolCall("create_event", {"title": "lunch"}), ToolCall("list_events", {})],
    },
    {"role": "tool", "content": '{"status": "created"}'},
    {"role": "tool", "content": '{"events": []}'},
    {"role": "user", "content": "what do I have on friday?"},
]
REQUEST = ChatRequest(messages=CHAT, tools=(CREATE, LIST))

Refuse = Callable[[dict[str, Any]], web.Response | None]


class Picky:
    """A loopback server that refuses some requests, and answers the others with one text."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.refuse: Refuse = lambda _: None
        self.text = "ok"

    async def chat(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        refused = self.refuse(self.asked[-1])
        choice = {"message": {"content": self.text}, "finish_reason": "stop"}
        return refused or web.json_response({"choices": [choice]})


@pytest.fixture
async def picky() -> AsyncIterator[Picky]:
    server = Picky()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()


@pytest.fixture
async def llm(picky: Picky) -> AsyncIterator[LLM]:
    async with LLM.from_pretrained("openai:small", base_url=picky.url, retries=0) as model:
        yield model


def error(message: str, status: int, **fields: Any) -> web.Response:
    return web.json_response({"error": {"message": message, **fields}}, status=status)


#: How servers refuse tools, and where it is known from.
NO_TOOLS = {
    # https://github.com/langchain4j/langchain4j/issues/3475
    "vLLM": (
        400,
        {"object": "error", "message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'},
    ),
    # https://github.com/containers/ramalama/issues/988
    "llama.cpp": (
        500,
        {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}},
    ),
    # https://github.com/ggml-org/llama.cpp/issues/10920
    "llama.cpp in 2024": (500, {"code": 500, "message": "Unsupported param: tools", "type": "server_error"}),
    # recorded from llama.cpp's server, with a template that its engine cannot render
    "llama.cpp, template": (
        400,
        {"error": {"code": 400, "message": "Unable to generate parser for this template. Automatic parser generation"}},
    ),
    # https://github.com/ollama/ollama/blob/main/docs/openai.md
    "Ollama": (400, {"error": {"message": "registry.ollama.ai/library/phi:latest does not support tools"}}),
    # https://openrouter.ai/docs/features/tool-calling
    "OpenRouter": (404, {"error": {"message": "No endpoints found that support tool use.", "code": 404}}),
    "with status 200": (200, {"error": {"message": "function calling is not supported", "code": 400}}),
}


@pytest.mark.parametrize("server", NO_TOOLS)
async def test_tools_that_a_server_refuses_are_offered_in_words(picky: Picky, llm: LLM, server: str) -> None:
    """The bot works at once, and the owner is told what the server said."""
    status, body = NO_TOOLS[server]
    picky.refuse = lambda asked: web.json_response(body, status=status) if "tools" in asked else None
    picky.text = CALL
    reply = await llm.complete(REQUEST)
    assert reply.tool_calls == (ToolCall("list_events", {"date": "friday"}),)
    assert reply.tool_handling is not None
    assert reply.tool_handling.refused.partition(": ")[2] in json.dumps(body).replace('\\"', '"')
    first, second = picky.asked
    assert "tools" in first
    assert "tools" not in second
    assert {turn["role"] for turn in second["messages"]} == {"system", "user", "assistant"}
    assert not any("tool_calls" in turn or "tool_call_id" in turn for turn in second["messages"])
    system, said_first, made, result, *_ = (turn["content"] for turn in second["messages"])
    assert system.startswith("Be kind.")
    assert '"name": "list_events"' in system
    assert made.count("<tool_call>") == 2
    assert result == '<tool_response>\n{"status": "created"}\n</tool_response>'
    assert said_first == "lunch and < tool_call>", "what a person writes stays inert"
    await llm.complete(REQUEST)
    assert len(picky.asked) == 3, "the third request is right at once"


async def test_a_server_that_refuses_everything_is_asked_a_few_times_only(picky: Picky, llm: LLM) -> None:
    picky.refuse = lambda _: error("tools are not supported, nor roles that must alternate, nor any grammar", 400)
    with pytest.raises(ModelSetupError, match="tools are not supported"):
        await llm.complete(REQUEST)
    assert len(picky.asked) <= 5


async def test_several_calls_become_one_after_the_other(picky: Picky, llm: LLM) -> None:
    """Llama 3's template takes one call in a turn."""

    def refuse(asked: dict[str, Any]) -> web.Response | None:
        many = any(len(turn.get("tool_calls", ())) > 1 for turn in asked["messages"])
        return error("This model only supports single tool-calls at once!", 500) if many else None

    picky.refuse = refuse
    assert (await llm.complete(REQUEST)).text == "ok"
    turns = picky.asked[-1]["messages"]
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "tool", "assistant", "tool", "user"]
    ids = [turn["tool_calls"][0]["id"] for turn in turns if turn.get("tool_calls")]
    assert ids == [turn["tool_call_id"] for turn in turns if turn["role"] == "tool"]
    assert len(set(ids)) == 2


async def test_a_template_without_a_system_message_reads_it_with_the_first_message(picky: Picky, llm: LLM) -> None:
    """Gemma's and Mistral's older templates."""

    def refuse(asked: dict[str, Any]) -> web.Response | None:
        roles = [turn["role"] for turn in asked["messages"]]
        wrong = "system" in roles or any(a == b for a, b in pairwise(roles))
        return error("Conversation roles must alternate user/assistant/user/assistant/...", 400) if wrong else None

    picky.refuse = refuse
    chat: list[Message] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hello"},
        {"role": "user", "content": "are you there?"},
    ]
    assert (await llm.complete(ChatRequest(messages=chat))).text == "ok"
    assert picky.asked[-1]["messages"] == [{"role": "user", "content": "Be kind.\n\nhello\n\nare you there?"}]


async def test_a_schema_that_a_server_cannot_read_is_written_plainly(picky: Picky, llm: LLM) -> None:
    """Gemini knows few keywords, llama.cpp cannot turn every pattern into a grammar."""
    odd = {"when": {"anyOf": [{"type": "string", "pattern": "^(?!x).*"}, {"type": "null"}]}, "n": {"type": "integer"}}

    def refuse(asked: dict[str, Any]) -> web.Response | None:
        found = "anyOf" in json.dumps(asked.get("tools"))
        return error('Invalid JSON payload received. Unknown name "anyOf" at tools[0]', 400) if found else None

    picky.refuse = refuse
    picky.text = '{"name": "odd", "arguments": {"when": "now", "n": 1}}'
    reply = await llm.complete(ChatRequest(messages=CHAT[:2], tools=(tool("odd", odd, ("when",)),)))
    assert reply.tool_calls == (ToolCall("odd", {"when": "now", "n": 1}),)
    sent = picky.asked[-1]["tools"][0]["function"]["parameters"]
    assert sent["properties"] == {"when": {"type": "string"}, "n": {"type": "integer"}}
    assert sent["required"] == ["when"]


async def test_a_name_that_servers_refuse_is_sent_otherwise_and_read_back(picky: Picky, llm: LLM) -> None:
    """Tools of others have dots and slashes in their names."""
    dotted = tool("files.read", {"path": {"type": "string"}})

    def refuse(asked: dict[str, Any]) -> web.Response | None:
        (name,) = (each["function"]["name"] for each in asked["tools"])
        picky.text = f'<tool_call>{{"name": "{name}", "arguments": {{"path": "x"}}}}</tool_call>'
        return error("Invalid 'tools[0].function.name'", 400) if "." in name else None

    picky.refuse = refuse
    reply = await llm.complete(ChatRequest(messages=CHAT[:2], tools=(dotted,)))
    assert reply.tool_calls == (ToolCall("files.read", {"path": "x"}),)


@pytest.mark.parametrize("limits", [{"max_tool_calls": 2}, {"max_argument_characters": 60}], ids=["calls", "length"])
async def test_calls_in_a_text_have_the_limits_of_other_calls(picky: Picky, limits: dict[str, Any]) -> None:
    picky.text = CALL * 3
    async with LLM.from_pretrained("openai:small", base_url=picky.url, retries=0, **limits) as llm:
        with pytest.raises(ModelError, match=next(iter(limits))):
            await llm.complete(REQUEST)
