"""Our client against a server that others wrote: ``transformers serve``, on a model of ours.

The model is the shipped ``calendar`` one where it is installed, else a small one trained on the spot.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagent_os.chat import ChatRequest, Message, ToolCall
from llmagent_os.errors import ModelError, ModelNotFoundError, ModelUnavailableError
from llmagent_os.llm import LLM
from llmagent_os.serving.model_location import locate
from tests.free_port import free_port
from tests.tiny_model import CREATE, LIST

pytestmark = [
    pytest.mark.skipif(
        not all(importlib.util.find_spec(name) for name in ("fastapi", "uvicorn")),
        reason="SKIPPED: transformers serve needs pip install 'transformers[serving]'",
    ),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def model(request: pytest.FixtureRequest) -> Path:
    try:
        return Path(locate("calendar").base)
    except ModelNotFoundError:
        trained: Path = request.getfixturevalue("trained_model")
        return trained


@pytest.fixture(scope="module")
def url(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    log = tmp_path_factory.mktemp("log") / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, *options], stdout=out, stderr=out, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers; it imports torch first."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if server.poll() is not None:
            pytest.fail(f"the server ended with {server.returncode}: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)  # it cannot tell when it is ready
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")


async def test_text_streams_and_is_what_the_model_says_here(url: str, model: Path) -> None:
    """Moving a bot from this process to a server must not change what it says."""
    request = ChatRequest(messages=[{"role": "user", "content": "thanks"}], tools=(CREATE, LIST), max_tokens=60)
    seen: list[str] = []

    async def on_text(text: str) -> None:
        seen.append(text)

    async with LLM.from_pretrained(str(model)) as local:
        here = await local.complete(request)
    async with LLM.from_pretrained(f"openai:{model}", base_url=url) as llm:
        await llm.complete(request)  # nothing of a model's first reply is shown: it may be thoughts
        there = await llm.complete(request, on_text)
    assert there.text == here.text
    assert there.finish_reason == "stop"
    assert len(seen) > 1
    assert seen[-1] == there.text


async def test_tools_are_called_through_the_server(url: str, model: Path) -> None:
    """The call comes back as a call, whether the server read it or left it in the text."""
    messages = [{"role": "user", "content": "what do I have friday"}]
    async with LLM.from_pretrained(f"openai:{model}", base_url=url) as llm:
        reply = await llm.complete(ChatRequest(messages=messages, tools=(CREATE, LIST), max_tokens=60))
    assert [call.name for call in reply.tool_calls] == ["list_events"]
    assert reply.tool_calls[0].arguments.get("date") == "friday", json.dumps(reply.tool_calls[0].arguments)


async def test_the_result_of_a_call_is_sent_back(url: str, model: Path) -> None:
    """The second half of every tool call: a server that refuses the chat would end it."""
    messages: list[Message] = [
        {"role": "user", "content": "what do I have friday"},
        {"role": "assistant", "content": "", "tool_calls": [ToolCall("list_events", {"date": "friday"})]},
        {"role": "tool", "content": '{"status": "listed", "events": []}'},
    ]
    async with LLM.from_pretrained(f"openai:{model}", base_url=url) as llm:
        reply = await llm.complete(ChatRequest(messages=messages, tools=(CREATE, LIST), max_tokens=60))
    assert reply.text


async def test_a_model_that_is_not_there_is_a_clear_error(url: str) -> None:
    async with LLM.from_pretrained("openai:no-such/model", base_url=url, retries=0, timeout=60) as llm:
        with pytest.raises((ModelNotFoundError, ModelUnavailableError, ModelError)) as caught:
            await llm.complete(ChatRequest(messages=[{"role": "user", "content": "hi"}], max_tokens=4))
    assert url in str(caught.value)
