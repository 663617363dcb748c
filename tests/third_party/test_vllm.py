"""A real vLLM server beside the in-process engine: the same LoRAs, the same replies, the same probabilities.

What breaks without this: a loopback server that is only our own idea of vLLM. ``LLMAGENT_OS_TEST_VLLM`` names the
Python that vLLM is installed for; ``docs/vllm.md`` says how. It takes about two minutes of one processor.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.errors import LoraError
from llmagent_os.llm import LLM
from llmagent_os.serving.drawn_words import drawn_logprobs, drawn_words
from llmagent_os.serving.lora_artifact import read_artifact
from llmagent_os.serving.lora_management import LoraManagement
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import locate
from tests.free_port import free_port
from tests.tiny_model import CREATE, LIST, save_lora

VLLM = os.environ.get("LLMAGENT_OS_TEST_VLLM", "")

pytestmark = pytest.mark.skipif(
    not VLLM, reason="no vLLM: set LLMAGENT_OS_TEST_VLLM to the path of the Python that vLLM is installed for"
)

QUESTIONS = (
    "hello",
    "what do I have tomorrow?",
    "schedule lunch with Ana on friday at noon",
    "am I free on Friday afternoon?",
)


class Started(NamedTuple):
    """A server in a process of its own."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path


def start(port: int, log: Path) -> Started:
    """Start vLLM with the calendar model."""
    environment = os.environ | {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    flags = "--served-model-name base --dtype float32 --max-model-len 1024 --max-num-seqs 16 --enforce-eager"
    loras = "--enable-lora --max-loras 4 --max-cpu-loras 32 --max-lora-rank 8 --logprobs-mode processed_logprobs"
    tools = "--enable-auto-tool-choice --tool-call-parser hermes"
    command = [VLLM, "-m", "vllm.entrypoints.openai.api_server", "--model", locate("calendar").base]
    command += ["--host", "127.0.0.1", "--port", str(port), *flags.split(), *loras.split(), *tools.split()]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    return Started(process, f"http://127.0.0.1:{port}/v1", log)


async def until_up(server: Started) -> None:
    """Wait until a server lists its model, or has ended."""
    while True:
        if server.process.poll() is not None:
            pytest.fail(f"vLLM ended with {server.process.returncode}:\n{server.log.read_text()[-2000:]}")
        try:
            await LoraManagement(server.url).models()
            return
        except Exception:  # it is not there yet
            await asyncio.sleep(0.5)


def stop(server: Started) -> None:
    server.process.terminate()
    try:
        server.process.wait(60)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    started = start(free_port(), tmp_path_factory.mktemp("vllm") / "log")
    asyncio.run(until_up(started))
    yield started
    stop(started)


@pytest.fixture(scope="module")
def loras(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    base, folder = Path(locate("calendar").base), tmp_path_factory.mktemp("loras")
    return [save_lora(folder / f"v{n}", base, rank=8, seed=n, scale=0.06) for n in range(32)]


@pytest.fixture
async def served(server: Started) -> AsyncIterator[LLM]:
    async with LLM.from_pretrained("openai:base", **options(server)) as llm:
        yield llm


@pytest.fixture
async def engine() -> AsyncIterator[LLM]:
    async with LLM.from_pretrained("calendar", threads=1) as llm:
        yield llm


def options(server: Started) -> dict[str, Any]:
    return {
        "base_url": server.url,
        "kind": "auto",
        "base": "calendar",
        "lora_mark": "t1",
        "api_key": "none",
        "timeout": 600.0,
        "idle_timeout": 600.0,
    }


def asking(loras: list[Path], number: int, **more: Any) -> ChatRequest:
    said = {"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]}
    return ChatRequest(messages=[said], lora=str(loras[number]), max_tokens=32, cache_salt=f"p{number}", **more)


async def at_once(llm: LLM, requests: list[ChatRequest]) -> list[Completion]:
    return list(await asyncio.gather(*map(llm.complete, requests)))


async def test_thirty_two_loras_write_what_the_engine_writes(served: LLM, engine: LLM, loras: list[Path]) -> None:
    """Sixteen requests at a time, each with another LoRA: a bot that moves to vLLM answers as before."""
    requests = [asking(loras, number) for number in range(32)]
    theirs = [*await at_once(served, requests[:16]), *await at_once(served, requests[16:])]
    ours = await at_once(engine, requests)
    assert [reply.text for reply in theirs] == [reply.text for reply in ours]
    assert [reply.token_ids for reply in theirs] == [reply.token_ids for reply in ours]
    assert [reply.prompt_token_ids for reply in theirs] == [reply.prompt_token_ids for reply in ours]
    assert [reply.lora_version for reply in theirs] == [reply.lora_version for reply in ours]
    assert {reply.model_hash for reply in theirs} == {ours[0].model_hash}
    assert len({reply.text for reply in ours}) > len(QUESTIONS), "the LoRAs change what is said"


async def test_drawn_words_have_the_probability_that_a_training_computes(served: LLM) -> None:
    """Else every importance weight is wrong: temperature, floor and mask are applied by two programs."""
    location = locate("calendar")
    model = load_model(location)
    vocabulary = vocabulary_of(model, load_tokenizer(location))
    for seed in range(4):
        request = ChatRequest(
            messages=[{"role": "user", "content": QUESTIONS[seed]}],
            lora="base",
            max_tokens=24,
            temperature=0.8,
            min_p=0.05,
            seed=seed,
        )
        reply = await served.complete(request)
        rule = drawn_words(reply.constraint, reply.temperature, reply.token_ids, vocabulary)
        assert rule is not None
        ids = torch.tensor([[*reply.prompt_token_ids, *reply.token_ids]])
        with torch.no_grad():
            logits = model(ids).logits[0, len(reply.prompt_token_ids) - 1 : -1]
        computed = drawn_logprobs(logits, reply.token_ids, rule)
        assert torch.allclose(computed, torch.tensor(reply.logprobs), rtol=0, atol=0.02)


async def test_calls_come_with_their_tokens(served: LLM) -> None:
    """The tool parser holds text back; no token may get lost with it."""
    request = ChatRequest(
        messages=[{"role": "user", "content": "Schedule a meeting with John at 3pm tomorrow"}], tools=(CREATE, LIST)
    )
    reply = await served.complete(request)
    assert reply.server_tokens is not None
    assert len(reply.token_ids) == len(reply.logprobs) == reply.server_tokens[1]


async def test_what_it_does_not_take_is_named(served: LLM, loras: list[Path], tmp_path: Path) -> None:
    """The words of errors differ from release to release."""
    big = save_lora(tmp_path / "big", Path(locate("calendar").base), rank=16)
    with pytest.raises(
        LoraError, match=r"takes LoRAs up to rank 8, and this one has 16: start it with --max-lora-rank"
    ):
        await served.complete(ChatRequest(messages=[{"role": "user", "content": "hello"}], lora=str(big)))
    management = LoraManagement(options_url(served))
    with pytest.raises(LoraError, match="finds no LoRA in /nowhere/v1"):
        await management.load("t1.v1@0", "/nowhere/v1", 8)
    assert await management.can_load() is True
    assert await management.tells_drawn_logprobs("base") is True
    await management.unload("t1.never@0")


def options_url(llm: LLM) -> str:
    """Where a model's server is."""
    return llm._backend.vllm.management.url  # type: ignore[attr-defined, no-any-return]  # pyright: ignore


async def test_a_restart_loses_nothing(loras: list[Path], server: Started, tmp_path: Path) -> None:
    """Everything is loaded again by the next request, and what is not served any more is not."""
    async with LLM.from_pretrained("openai:base", **options(server), retries=0) as llm:
        before = await llm.complete(asking(loras, 3))
        stop(server)
        again = start(int(server.url.split(":")[2].partition("/")[0]), server.log)
        try:
            await until_up(again)
            after = await llm.complete(asking(loras, 3))
            assert (after.text, after.lora_version) == (before.text, before.lora_version)
            await llm.complete(asking(loras, 4))
            await llm.keep_loras([loras[3]], [])
            names = {model.id for model in await LoraManagement(again.url).models() if model.parent}
            assert names == {f"t1.{read_artifact(loras[3]).version}"}
        finally:
            stop(again)
