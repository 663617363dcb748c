"""One class for every model: finding it, errors that say where it was looked for, sync calls, tool calls and repair."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from llmagent_os.chat import ChatRequest, Completion, Message, tools_sha256
from llmagent_os.errors import (
    BadToolCallError,
    ConfigError,
    ModelError,
    ModelNotFoundError,
    ModelUnavailableError,
    PromptTooLongError,
)
from llmagent_os.llm import LLM
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.local import LocalBackend
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.options import LocalOptions
from llmagent_os.serving.tool_call_parsing import InvalidCallError
from tests.tiny_model import CREATE, LIST, calendar_chats, save_lora, save_model, tool


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("random") / "base")


@pytest.fixture
async def llm(trained_model: Path) -> AsyncIterator[LLM]:
    async with LLM.from_pretrained(str(trained_model)) as model:
        yield model


def user(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


class Scripted:
    """A backend that gives prepared replies or errors, one after the other."""

    def __init__(self, *answers: Completion | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[ChatRequest] = []

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None: ...

    def close(self) -> None: ...


async def test_a_trained_model_calls_the_tool_that_was_meant(llm: LLM) -> None:
    """The whole way: template, constrained decoding with copied spans, parsed call."""
    chats = calendar_chats(40, seed=9)
    requests = [ChatRequest(messages=chat[:1], tools=(CREATE, LIST)) for chat in chats]
    replies = await asyncio.gather(*(llm.complete(request) for request in requests))
    meant = [[call.name for call in chat[1].get("tool_calls", [])] for chat in chats]
    assert [[call.name for call in reply.tool_calls] for reply in replies] == meant
    exact = [
        list(reply.tool_calls) == chat[1].get("tool_calls", []) for reply, chat in zip(replies, chats, strict=True)
    ]
    assert sum(exact) > 20
    for reply in replies:
        assert (reply.finish_reason == "tool_calls") == bool(reply.tool_calls)
        assert reply.text == ("" if reply.tool_calls else "You're welcome.")


async def test_a_call_is_never_shown_while_it_is_written(llm: LLM) -> None:
    """People would read JSON."""
    seen: list[str] = []

    async def on_text(text: str) -> None:
        seen.append(text)

    reply = await llm.complete(ChatRequest(messages=user("what do I have friday"), tools=(CREATE, LIST)), on_text)
    assert reply.tool_calls
    assert seen == []


async def test_without_tools_nothing_is_called(llm: LLM) -> None:
    """A tool that a person may not use must not be called."""
    reply = await llm.complete(ChatRequest(messages=user("what do I have friday"), max_tokens=30))
    assert not reply.tool_calls


async def test_forced_tokens_have_log_probability_zero(llm: LLM) -> None:
    """A forced token says nothing about the model, so learning must not move it."""
    only = tool("list_events", {"speed": {"enum": ["slow", "fast"]}}, ("speed",))
    reply = await llm.complete(
        ChatRequest(messages=user("what do I have friday"), tools=(only,), temperature=1.0, seed=1)
    )
    assert reply.tool_calls
    drawn = [logprob for logprob in reply.logprobs if logprob != 0.0]
    assert len(drawn) <= 2, "the marker, and one choice between slow and fast"
    assert len(reply.logprobs) == len(reply.token_ids) > 20


async def test_a_call_cut_off_by_the_token_limit_is_not_run(trained_model: Path) -> None:
    """Half a call could delete the wrong thing."""
    request = ChatRequest(messages=user("what do I have friday"), tools=(CREATE, LIST), max_tokens=8)
    backend = LocalBackend(locate(str(trained_model)), LocalOptions())
    with pytest.raises(InvalidCallError, match=r"cut off after 8 tokens") as failed:
        await backend.complete(request, None)
    backend.close()
    (rejected,) = failed.value.rejected
    assert len(rejected.token_ids) == len(rejected.logprobs) == 8
    assert (rejected.text, rejected.tool_calls) == (failed.value.said, ())


async def test_an_invalid_call_may_be_repaired_once() -> None:
    """The model reads what was wrong. After a second failure there is an error, and nothing is run."""
    wrong = InvalidCallError("it is not JSON", "<tool_call>{oops")
    backend = Scripted(wrong, Completion(text="Sorry, done."))
    request = ChatRequest(messages=user("hi"), tools=(LIST,))
    assert (await LLM("test", backend).complete(request)).text == "Sorry, done."
    assert "it is not JSON" in backend.requests[1].messages[-1]["content"]
    assert backend.requests[1].messages[:1] == request.messages
    with pytest.raises(BadToolCallError, match="twice"):
        await LLM("test", Scripted(wrong, wrong)).complete(request)


async def test_completions_whose_calls_were_not_valid_are_not_lost() -> None:
    """A model could not learn from its wrong calls, though they were drawn as the valid ones were."""
    written = Completion(text="", token_ids=(7, 8), logprobs=(-0.5, -0.25), temperature=0.7)
    wrong = InvalidCallError("it is not JSON", "<tool_call>{oops").of(written)
    request = ChatRequest(messages=user("hi"), tools=(LIST,))
    asked = {"messages": tuple(request.messages), "tools": tools_sha256([LIST])}
    rejected = msgspec.structs.replace(written, text="<tool_call>{oops", **asked)
    answer = await LLM("test", Scripted(wrong, Completion(text="Sorry, done."))).complete(request)
    assert (answer.text, answer.rejected, answer.tools) == ("Sorry, done.", (rejected,), rejected.tools)
    assert answer.messages[:1] == rejected.messages
    assert "it is not JSON" in answer.messages[-1]["content"], "what the model read, not what was asked at first"
    with pytest.raises(InvalidCallError, match="twice") as failed:
        await LLM("test", Scripted(wrong, wrong)).complete(request)
    first, second = failed.value.rejected
    assert first == rejected
    assert second == msgspec.structs.replace(rejected, messages=answer.messages)
    for error in (ModelUnavailableError("the server is down"), PromptTooLongError("too long")):
        with pytest.raises(type(error)) as other:
            await LLM("test", Scripted(wrong, error)).complete(request)
        assert other.value.rejected == (rejected,)


def test_sync_and_async_are_the_same(trained_model: Path) -> None:
    """The article's code is synchronous. It must not have another implementation."""
    with LLM.from_pretrained(str(trained_model)) as llm:
        once = llm.generate("schedule lunch friday at 3pm", tools=[CREATE, LIST])
        request = ChatRequest(messages=user("schedule lunch friday at 3pm"), tools=(CREATE, LIST))
        assert asyncio.run(llm.complete(request)) == once
        assert once.tool_calls[0].name == "create_event"
    with pytest.raises(ModelUnavailableError, match="closed"):
        llm.generate("hi")


def test_a_lora_folder_brings_its_base(base: Path, tmp_path: Path) -> None:
    """What fine-tuning saves is loaded by its path alone."""
    folder = save_lora(tmp_path / "mine", base)
    with LLM.from_pretrained(str(folder)) as llm:
        mine = llm.generate("hi", max_tokens=20)
        plain = llm.generate("hi", max_tokens=20, lora="base")
    with LLM.from_pretrained(str(base)) as llm:
        assert llm.generate("hi", max_tokens=20, lora=str(folder)).token_ids == mine.token_ids
        assert llm.generate("hi", max_tokens=20).token_ids == plain.token_ids != mine.token_ids
    assert mine.lora_version.startswith("mine@")
    assert plain.lora_version == "base"


def test_installed_models_are_found_by_their_name(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``LLM.from_pretrained("calendar")`` finds what a package brings, also as the base of a LoRA."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    package = tmp_path / "site" / "test_models_package" / "model"
    package.parent.mkdir(parents=True)
    _copy(base, package)
    metadata = tmp_path / "site" / "test_models_package-1.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: test-models-package\nVersion: 1\n")
    entries = "[llmagent_os.models]\ntiny-test = test_models_package.model\ngone-test = test_models_package.gone\n"
    metadata.joinpath("entry_points.txt").write_text(entries)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    found = locate("tiny-test")
    assert (found.name, Path(found.base)) == ("tiny-test", package)
    lora = save_lora(tmp_path / "lora", base)
    config = json.loads(lora.joinpath("adapter_config.json").read_text())
    lora.joinpath("adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "tiny-test"}))
    assert locate(str(lora)).base == str(package)
    assert locate(str(lora)).lora == lora
    with pytest.raises(ModelNotFoundError, match="reinstall that package"):
        locate("gone-test")
    with pytest.raises(ModelNotFoundError, match="tiny-test"):
        locate("tiny-tset")
    with LLM.from_pretrained("tiny-test") as llm:
        assert llm.generate("hi", max_tokens=2).model == "tiny-test"


def _copy(source: Path, target: Path) -> None:
    target.mkdir()
    for file in source.iterdir():
        target.joinpath(file.name).write_bytes(file.read_bytes())


def test_a_missing_model_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name is the first thing that goes wrong for a newcomer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError) as caught:
        LLM.from_pretrained("no-such/model")
    assert str(tmp_path / "no-such/model") in str(caught.value)
    assert "installed models" in str(caught.value)
    assert "HF_HUB_OFFLINE" in str(caught.value)
    with pytest.raises(ModelNotFoundError, match="not a possible hub id"):
        LLM.from_pretrained("not/a/hub/id")
    with pytest.raises(ModelNotFoundError, match=r"has no config\.json"):
        LLM.from_pretrained(str(tmp_path))


def test_a_lora_without_its_base_says_so(base: Path, tmp_path: Path) -> None:
    """Someone who moved a folder must learn which other folder is missing."""
    folder = save_lora(tmp_path / "mine", base)
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"base_model_name_or_path": str(tmp_path / "gone")}))
    with pytest.raises(ModelNotFoundError, match=r"its base is missing: .*gone"):
        LLM.from_pretrained(str(folder))
    file.write_text(json.dumps(config | {"base_model_name_or_path": str(folder)}))
    with pytest.raises(ModelError, match="cannot be the base of another"):
        LLM.from_pretrained(str(folder))
    file.write_text("{")
    with pytest.raises(ModelError, match="not JSON"):
        LLM.from_pretrained(str(folder))


def test_a_damaged_model_says_which(base: Path, tmp_path: Path) -> None:
    """A broken download must be found by its name."""
    _copy(base, tmp_path / "damaged")
    tmp_path.joinpath("damaged", "model.safetensors").write_bytes(b"nothing")
    with LLM.from_pretrained(str(tmp_path / "damaged")) as llm, pytest.raises(ModelError, match="damaged"):
        llm.generate("hi")
    _copy(base, tmp_path / "mute")
    tmp_path.joinpath("mute", "chat_template.jinja").unlink()
    with LLM.from_pretrained(str(tmp_path / "mute")) as llm, pytest.raises(ModelError, match="no chat template"):
        llm.generate("hi")


def test_unknown_options_are_named(base: Path) -> None:
    """A misspelled option that is ignored would go unnoticed."""
    with pytest.raises(ConfigError, match=r"slot.*options are slots, max_waiting"):
        LLM.from_pretrained(str(base), slot=3)
    with pytest.raises(ConfigError, match="base_url"):
        LLM.from_pretrained("openai:gpt", url="http://127.0.0.1")
    with pytest.raises(ConfigError, match="openai:MODEL"):
        LLM.from_pretrained("openai:")


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (ChatRequest(messages=[]), "messages is empty"),
        (ChatRequest(messages=[{"role": "robot", "content": "hi"}]), "'robot'"),
        (ChatRequest(messages=user("hi"), max_tokens=0), "max_tokens is 0"),
        (ChatRequest(messages=user("hi"), temperature=-1.0), "temperature is -1"),
    ],
)
async def test_requests_out_of_range_are_refused(request_: ChatRequest, why: str) -> None:
    """A value out of range must be named before anything is computed."""
    with pytest.raises(ValueError, match=why):
        await LLM("test", Scripted()).complete(request_)


async def test_a_stream_gives_each_piece_once(llm: LLM) -> None:
    """A reader must not see a word twice, and an error must not look like the end of a reply."""
    pieces = [piece async for piece in llm.stream(ChatRequest(messages=user("thanks"), tools=(CREATE, LIST)))]
    assert "".join(pieces) == "You're welcome."
    with pytest.raises(ModelError, match="prompt is"):
        async for _ in llm.stream(ChatRequest(messages=user("word " * 3000))):
            pass


def test_importing_is_cheap_and_a_program_ends_without_close(trained_model: Path) -> None:
    """A chat with a server must not load torch. A script without close() must not hang or crash at its end."""
    code = (
        "import sys\nfrom llmagent_os.llm import LLM\n"
        f"llm = LLM.from_pretrained({str(trained_model)!r})\nLLM.from_pretrained('openai:m', base_url='http://127.0.0.1:1')\n"
        "heavy = {'torch', 'transformers', 'openai', 'peft', 'huggingface_hub'} & set(sys.modules)\n"
        "print(heavy or 'light')\nprint(llm.generate('thanks').text[:5])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "light"
    assert done.stderr == ""
