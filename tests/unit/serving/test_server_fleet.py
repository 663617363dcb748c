"""Several servers with one model: who answers, and who answers in whose place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from llmagent_os.chat import ChatRequest
from llmagent_os.errors import LoraError, ModelError, ModelSetupError, PromptTooLongError
from llmagent_os.llm import LLM
from llmagent_os.serving import vllm_watch
from llmagent_os.serving.lora_artifact import read_artifact
from tests.unit.serving.vllm_server import VllmTwin, until, write_lora

HELLO = ChatRequest(messages=[{"role": "user", "content": "hello"}])


@pytest.fixture
async def twins() -> AsyncIterator[list[VllmTwin]]:
    servers = [VllmTwin() for _ in range(3)]
    for server in servers:
        await server.start()
    yield servers
    for server in servers:
        await server.stop()


@pytest.fixture
async def llm(twins: list[VllmTwin]) -> AsyncIterator[LLM]:
    first, *others = (twin.url for twin in twins)
    options: dict[str, Any] = {"kind": "vllm", "lora_mark": "m1", "api_key": "none", "timeout": 30.0}
    async with LLM.from_pretrained("openai:base", base_url=first, more_urls=tuple(others), **options) as made:
        yield made


@pytest.fixture
def loras(tmp_path: Path) -> list[Path]:
    return [write_lora(tmp_path / f"v{n}", seed=n) for n in range(12)]


def asking(folder: Path) -> ChatRequest:
    return ChatRequest(messages=HELLO.messages, lora=str(folder))


def chats(twins: list[VllmTwin]) -> list[int]:
    return [twin.calls["chat"] for twin in twins]


async def test_requests_are_shared_among_servers(twins: list[VllmTwin], llm: LLM) -> None:
    """The least busy answers: one server must not have a queue while others have nothing to do."""
    for twin in twins:
        twin.holding = asyncio.Event()
    asked = [asyncio.create_task(llm.complete(HELLO)) for _ in range(9)]
    for twin in twins:
        await twin.begun.wait()
    for twin in twins:
        assert twin.holding is not None
        twin.holding.set()
    await asyncio.gather(*asked)
    assert chats(twins) == [3, 3, 3]


async def test_a_lora_stays_where_it_is(twins: list[VllmTwin], llm: LLM, loras: list[Path]) -> None:
    """Else every server holds every person's LoRA, and has room for a third of the people."""
    for _ in range(3):
        for folder in loras:
            await llm.complete(asking(folder))
    assert sum(len(twin.loaded) for twin in twins) == len(loras)
    assert all(twin.loaded for twin in twins), "they are spread over the servers"


async def test_a_lora_that_is_on_a_server_already_is_used_there(
    twins: list[VllmTwin], llm: LLM, loras: list[Path]
) -> None:
    """Another host has loaded it; what :meth:`LLM.watch` sees is believed."""
    await llm.complete(asking(loras[0]))
    holder = next(twin for twin in twins if twin.loaded)
    other = next(twin for twin in twins if not twin.loaded)
    other.loaded, holder.loaded = dict(holder.loaded), {}
    await llm.keep_loras([], loras)
    watching = asyncio.create_task(llm.watch())
    reply = await llm.complete(asking(loras[0]))
    while not reply.text.endswith(str(other.port)):
        await asyncio.sleep(0.01)
        reply = await llm.complete(asking(loras[0]))
        holder.loaded.clear()  # the reply before had it loaded there once more
    watching.cancel()


async def test_another_server_answers_for_one_that_is_away(twins: list[VllmTwin], llm: LLM, loras: list[Path]) -> None:
    """A server is updated or dies while people talk. Nobody loses a reply."""
    for folder in loras:
        await llm.complete(asking(folder))
    await twins[0].stop()
    replies = [await llm.complete(asking(folder)) for folder in loras] + [await llm.complete(HELLO) for _ in range(6)]
    assert all(reply.text.startswith("by ") for reply in replies)
    assert {reply.lora_version for reply in replies} == {"base", *(read_artifact(each).version for each in loras)}


async def test_a_server_that_fails_is_not_asked_first_again(twins: list[VllmTwin], llm: LLM) -> None:
    """Else every third message waits for a server that is away."""

    async def broken(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "out of memory"}}, status=500)

    await llm.complete(HELLO)
    first = next(twin for twin in twins if twin.calls["chat"])  # asked first as long as it is well
    first.chat_faults = [broken] * 50
    for _ in range(9):
        await llm.complete(HELLO)
    assert first.calls["chat"] <= 3
    assert sum(chats(twins)) == 10 + first.calls["chat"] - 1


async def test_a_server_that_broke_off_in_the_middle_is_replaced(twins: list[VllmTwin], llm: LLM) -> None:
    """The words so far are not a reply."""
    seen: list[str] = []

    async def cut_off(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(b'data: {"choices": [{"index": 0, "delta": {"content": "by hal"}}]}\n\n')
        assert request.transport is not None
        request.transport.abort()
        return stream

    async def show(text: str) -> None:
        seen.append(text)

    for twin in twins[:2]:
        twin.chat_faults = [cut_off]
    reply = await llm.complete(HELLO, show)
    assert reply.text.startswith("by base on ")


async def test_a_server_that_does_not_take_a_lora_still_answers_others(
    twins: list[VllmTwin], llm: LLM, loras: list[Path]
) -> None:
    """One of the servers was started with another --max-lora-rank."""
    twins[0].max_rank = twins[1].max_rank = 2
    assert {(await llm.complete(asking(each))).text.split()[-1] for each in loras} == {str(twins[2].port)}
    twins[2].max_rank = 2
    twins[2].loaded.clear()
    with pytest.raises(LoraError, match="--max-lora-rank 4"):
        for _ in range(2):
            await llm.complete(asking(write_lora(loras[0].parent / "new", seed=99)))
    for person in range(30):
        await llm.complete(ChatRequest(messages=HELLO.messages, cache_salt=str(person)))
    assert all(twin.calls["chat"] for twin in twins)


async def test_all_are_asked_once_more_where_all_are_away(twins: list[VllmTwin], llm: LLM) -> None:
    """They are restarted together: the reply is late and comes."""
    for twin in twins:
        await twin.stop()
    asked = asyncio.create_task(llm.complete(HELLO))
    await asyncio.sleep(0)
    await twins[1].start()
    assert (await asked).text == f"by base on {twins[1].port}"


async def test_what_no_other_server_would_answer_is_asked_once(twins: list[VllmTwin], llm: LLM) -> None:
    """A prompt that is too long is too long everywhere: asking three servers costs the person time."""

    async def too_long(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "This model's maximum context length is 4 tokens"}}, status=400)

    for twin in twins:
        twin.chat_faults = [too_long]
    with pytest.raises(PromptTooLongError):
        await llm.complete(HELLO)
    assert sum(chats(twins)) == 1


async def test_the_error_says_what_to_do(twins: list[VllmTwin], llm: LLM) -> None:
    """Where no server answers, the reason of one of them is raised: wrong keys are the owner's to mend."""
    for twin in twins:
        twin.key = "secret"
    with pytest.raises(ModelSetupError, match="401"):
        await llm.complete(HELLO)
    for twin in twins:
        await twin.stop()
    with pytest.raises(ModelError, match="cannot be reached"):
        await llm.complete(HELLO)


async def test_shared_versions_are_on_every_server(
    twins: list[VllmTwin], llm: LLM, loras: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version of everybody is answered by whichever server is free; one that comes back is given it at once."""
    monkeypatch.setattr(vllm_watch, "WATCH_SECONDS", 0.01)
    await llm.keep_loras(loras[:2], [])
    watching = asyncio.create_task(llm.watch())
    await until(lambda: all(len(twin.loaded) == 2 for twin in twins))
    await twins[1].stop()
    await twins[1].start()
    await until(lambda: len(twins[1].loaded) == 2)
    await llm.keep_loras(loras[:1], [])
    await until(lambda: all(len(twin.loaded) == 1 for twin in twins))
    watching.cancel()
