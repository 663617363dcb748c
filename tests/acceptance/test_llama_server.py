"""Our client against llama.cpp's own server, with the calendar model as GGUF: with its template, and without.

The server's log goes to standard error. It listens when it prints its address.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from llmagent_os.chat import ChatRequest, Message, ToolCall
from llmagent_os.errors import ModelNotFoundError
from llmagent_os.llm import LLM
from llmagent_os.serving.model_loading import load_tokenizer
from llmagent_os.serving.model_location import locate
from tests.free_port import free_port
from tests.gguf_wheel import write_gguf
from tests.tiny_model import CREATE, LIST, tool

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="SKIPPED: llama.cpp's server needs pip install xllamacpp"
    ),
    pytest.mark.timeout(120),
]

REPOSITORY = Path(__file__).parents[2]
FRIDAY: Message = {"role": "user", "content": "what do I have friday"}
DONE: list[Message] = [
    FRIDAY,
    {"role": "assistant", "content": "", "tool_calls": [ToolCall("list_events", {"date": "friday"})]},
    {"role": "tool", "content": '{"status": "listed", "events": [{"title": "lunch with Ana"}]}'},
]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        location = locate("calendar")
    except ModelNotFoundError:
        pytest.skip("SKIPPED: the calendar model is not installed")
    file = tmp_path_factory.mktemp("model") / "calendar.gguf"
    tokenizer = load_tokenizer(location)
    model = AutoModelForCausalLM.from_pretrained(location.base, dtype="float32")
    # llama.cpp's template engine lists the keys of an object only by `keys`.
    template = tokenizer.chat_template.replace("parameters.properties | list", "parameters.properties.keys() | list")
    write_gguf(file, model, tokenizer, template)
    return file


@contextmanager
def serving(file: Path, *options: str) -> Generator[str]:
    """The address of a server of this file."""
    command = [sys.executable, "-m", "tests.llama_server", str(file), str(free_port()), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=REPOSITORY, text=True
    ) as server:
        try:
            assert server.stdout
            address = server.stdout.readline().strip()
            assert address, "the server did not start"
            yield f"{address}/v1"
        finally:
            server.kill()  # it ends by itself only between two requests


async def test_calls_and_results_go_through_llama_cpp(gguf: Path) -> None:
    """It streams a call in eight pieces, reads its result, and takes names and schemas that others refuse."""
    odd = tool("a.b", {"n": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}, "xs": {"type": "array"}})
    with serving(gguf, "jinja") as url:
        async with LLM.from_pretrained("openai:calendar", base_url=url) as llm:
            reply = await llm.complete(ChatRequest(messages=[FRIDAY], tools=(CREATE, LIST, odd), max_tokens=60))
            assert reply.tool_calls == (ToolCall("list_events", {"date": "friday"}),)
            assert reply.tool_handling is None
            assert reply.server_tokens is not None
            told = await llm.complete(ChatRequest(messages=DONE, tools=(CREATE, LIST), max_tokens=60))
            assert told.text
            seen: list[str] = []

            async def draft(text: str) -> None:
                seen.append(text)

            said = await llm.complete(ChatRequest(messages=[{"role": "user", "content": "thanks"}]), draft)
    assert len(seen) > 1
    assert said.text == seen[-1]


async def test_without_its_template_llama_cpp_is_told_of_tools_in_words(gguf: Path) -> None:
    """It refuses tools then: the bot would answer nobody."""
    with serving(gguf) as url:
        async with LLM.from_pretrained("openai:calendar", base_url=url) as llm:
            reply = await llm.complete(ChatRequest(messages=[FRIDAY], tools=(LIST,), max_tokens=60))
            assert reply.tool_calls == (ToolCall("list_events", {"date": "friday"}),)
            assert reply.tool_handling is not None
            assert "tools param requires --jinja" in reply.tool_handling.refused
            assert (await llm.complete(ChatRequest(messages=DONE, tools=(LIST,), max_tokens=60))).text
