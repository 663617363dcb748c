"""The client of OpenAI-compatible servers, against a server in this process that behaves as badly as real ones do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from llmagent_os.chat import ChatRequest, Message, ToolCall
from llmagent_os.errors import BadToolCallError, ModelError, ModelNotFoundError, ModelUnavailableError
from llmagent_os.llm import LLM
from tests.tiny_model import CREATE, LIST

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Deltas = list[dict[str, Any]]


class Server:
    """A loopback server that gives the prepared answers, and keeps the requests."""

    def __init__(self) -> None:
        #: one answer a request: a list of deltas, an HTTP status, or a coroutine function; the last is repeated
        self.answers: list[list[dict[str, Any]] | int | Answer] = []
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return web.json_response({"error": {"message": f"this is {answer}", "code": "x"}}, status=answer)
        if callable(answer):
            return await answer(request)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        for delta in answer:
            finish = delta.pop("finish_reason", None)
            chunk = {
                "id": "c1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "served",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            }
            await stream.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await stream.write(b"data: [DONE]\n\n")
        return stream


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    fake = Server()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", fake.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield fake
    await runner.cleanup()


@pytest.fixture
async def llm(server: Server) -> AsyncIterator[LLM]:
    async with LLM.from_pretrained("openai:small", base_url=server.url, api_key="secret", retries=0) as model:
        yield model


REQUEST = ChatRequest(messages=[{"role": "user", "content": "lunch on friday"}], tools=(CREATE, LIST))


def call(name: str | None = None, arguments: str = "", index: int = 0) -> dict[str, Any]:
    """A piece of a call."""
    return {"tool_calls": [{"index": index, "id": "1", "function": {"name": name, "arguments": arguments}}]}


async def test_text_is_streamed(server: Server, llm: LLM) -> None:
    """People read a reply while it is written."""
    seen: list[str] = []

    async def on_text(text: str) -> None:
        seen.append(text)

    server.answers = [
        [{"role": "assistant", "content": ""}, {"content": "Hello"}, {"content": " Ana", "finish_reason": "stop"}]
    ]
    reply = await llm.complete(REQUEST, on_text)
    assert (reply.text, reply.finish_reason, reply.model) == ("Hello Ana", "stop", "served")
    assert seen == ["Hello", "Hello Ana"]


async def test_what_a_server_does_not_tell_stays_empty(server: Server, llm: LLM) -> None:
    """Training must not take a server's reply for one whose probabilities are known."""
    server.answers = [[{"content": "ok", "finish_reason": "stop"}]]
    reply = await llm.complete(msgspec.structs.replace(REQUEST, temperature=0.7))
    assert (reply.prompt_token_ids, reply.token_ids, reply.logprobs) == ((), (), ())
    assert (reply.constraint, reply.model_hash, reply.lora_version) == ("", "", "base")
    assert (reply.temperature, reply.sampled) == (0.7, True)


async def test_calls_come_in_pieces(server: Server, llm: LLM) -> None:
    """Servers stream the arguments of a call. A call put together wrongly would do something else."""
    server.answers = [
        [call("create_event"), call(None, '{"title": "lu'), call(None, 'nch"}'), {"finish_reason": "tool_calls"}]
    ]
    reply = await llm.complete(REQUEST)
    assert reply.tool_calls == (ToolCall("create_event", {"title": "lunch"}),)
    assert reply.finish_reason == "tool_calls"


async def test_calls_that_the_server_left_in_the_text_are_read_and_not_shown(server: Server, llm: LLM) -> None:
    """Servers without a tool parser send the model's markup as text. People must not see it."""
    seen: list[str] = []

    async def on_text(text: str) -> None:
        seen.append(text)

    text = '<tool_call>\n{"name": "list_events", "arguments": {"date": "friday"}}\n</tool_call>'
    server.answers = [[{"content": character} for character in text]]
    reply = await llm.complete(REQUEST, on_text)
    assert reply.tool_calls == (ToolCall("list_events", {"date": "friday"}),)
    assert (reply.text, seen) == ("", [])


async def test_the_request_is_what_servers_expect(server: Server, llm: LLM) -> None:
    """A server refuses a chat with calls and results in another form."""
    server.answers = [[{"content": "ok"}]]
    messages: list[Message] = [
        {"role": "user", "content": "lunch"},
        {"role": "assistant", "content": "", "tool_calls": [ToolCall("create_event", {"title": "lunch"})]},
        {"role": "tool", "content": "{}"},
    ]
    await llm.complete(ChatRequest(messages=messages, tools=(CREATE,), lora="ana-v2", temperature=0.5, seed=4))
    asked = server.asked[0]
    assert asked["model"] == "ana-v2", "LoRAs are asked for by their name, as vLLM does"
    assert "x-span" not in json.dumps(asked)
    assert (asked["temperature"], asked["seed"], asked["max_tokens"], asked["stream"]) == (0.5, 4, 256, True)
    made = asked["messages"][1]["tool_calls"][0]
    assert json.loads(made["function"]["arguments"]) == {"title": "lunch"}
    assert asked["messages"][2]["tool_call_id"] == made["id"]


@pytest.mark.parametrize(
    "bad",
    [
        [call("create_event", '{"title": "lun')],
        [call("create_event", '{"colour": "red"}')],
        [call("fly_to_moon", "{}")],
        [{"content": "<tool_call>{"}],
    ],
    ids=["broken JSON", "unknown argument", "unknown tool", "unfinished markup"],
)
async def test_bad_calls_are_repaired_once_or_refused(server: Server, llm: LLM, bad: list[dict[str, Any]]) -> None:
    """A plugin must never get a call that was only read in part."""
    good = [call("create_event", '{"title": "lunch"}')]
    server.answers = [json.loads(json.dumps(bad)), good]
    reply = await llm.complete(REQUEST)
    assert reply.tool_calls == (ToolCall("create_event", {"title": "lunch"}),)
    (rejected,) = reply.rejected
    assert (rejected.tool_calls, rejected.model) == ((), reply.model)
    assert rejected.text and rejected.prompt != reply.prompt
    assert "not valid" in server.asked[1]["messages"][-1]["content"]
    server.answers = [json.loads(json.dumps(bad)), json.loads(json.dumps(bad))]
    with pytest.raises(BadToolCallError, match="twice"):
        await llm.complete(REQUEST)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelError),
        (401, ModelUnavailableError),
        (404, ModelNotFoundError),
        (429, ModelUnavailableError),
        (500, ModelUnavailableError),
        (503, ModelUnavailableError),
    ],
)
async def test_refusals_name_the_server_and_its_reason(
    server: Server, llm: LLM, status: int, kind: type[ModelError]
) -> None:
    """The message must say what to mend, and must not show the key."""
    server.answers = [status]
    with pytest.raises(kind) as caught:
        await llm.complete(REQUEST)
    assert type(caught.value) is kind
    assert server.url in str(caught.value)
    assert f"this is {status}" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_failure_that_passes_is_tried_again(server: Server) -> None:
    """A server that restarts must not cost a reply."""
    server.answers = [503, [{"content": "ok"}]]
    async with LLM.from_pretrained("openai:small", base_url=server.url, retries=1) as llm:
        assert (await llm.complete(REQUEST)).text == "ok"


async def test_a_server_that_is_down_is_named() -> None:
    """The commonest failure of all: the server was never started."""
    async with LLM.from_pretrained("openai:small", base_url="http://127.0.0.1:9/v1", retries=0) as llm:
        with pytest.raises(ModelUnavailableError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached.*running\?"):
            await llm.complete(REQUEST)


async def test_a_server_that_hangs_is_given_up(server: Server) -> None:
    """A silent server must not block a conversation for ever."""
    hung = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await hung.wait()
        return web.Response()

    server.answers = [hang]
    async with LLM.from_pretrained("openai:small", base_url=server.url, retries=0, timeout=0.2) as llm:
        with pytest.raises(ModelUnavailableError, match=r"did not answer within 0\.2 s"):
            await llm.complete(REQUEST)
    hung.set()


async def test_a_connection_lost_in_the_middle_is_no_reply(server: Server, llm: LLM) -> None:
    """Half a reply must not be sent as if it were whole."""

    async def cut(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        delta = {"choices": [{"index": 0, "delta": {"content": "Half"}, "finish_reason": None}]}
        await stream.write(f"data: {json.dumps(chunk | delta)}\n\n".encode())
        assert request.transport
        request.transport.abort()
        return stream

    server.answers = [cut]
    with pytest.raises(ModelUnavailableError):
        await llm.complete(REQUEST)


async def test_what_is_no_json_is_a_failure_of_the_server(server: Server, llm: LLM) -> None:
    """A proxy's error page must not become a reply."""

    async def nonsense(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(b"data: {nonsense\n\n")
        return stream

    server.answers = [nonsense]
    with pytest.raises(ModelUnavailableError, match="not JSON"):
        await llm.complete(REQUEST)


def test_sync_calls_reach_the_server_from_their_own_loop() -> None:
    """The second call of a script must not use a closed connection of the first."""
    with LLM.from_pretrained("openai:small", base_url="http://127.0.0.1:9/v1", retries=0) as llm:
        for _ in range(2):
            with pytest.raises(ModelUnavailableError):
                llm.generate("hi")
