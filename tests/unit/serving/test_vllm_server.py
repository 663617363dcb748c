"""Replies of vLLM that can be learned from: their tokens, how likely each was, and by which rule they were drawn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from aiohttp import web
from structlog.testing import capture_logs

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.errors import ConfigError, ModelSetupError
from llmagent_os.llm import LLM
from llmagent_os.serving import vllm_server
from llmagent_os.serving.drawn_words import drawn_logprobs, drawn_words
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.openai_server import ServerBackend
from llmagent_os.serving.served_tokens import TokenCollector
from llmagent_os.serving.vllm_request import amended, served_floor
from llmagent_os.serving.vllm_watch import look_at
from tests.tiny_model import save_model
from tests.unit.serving.vllm_server import LOGPROBS, PROMPT, TOKENS, VllmTwin, error, until, write_lora

HELLO = [{"role": "user", "content": "hello"}]
MakeLLM = Callable[..., LLM]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base") / "base", "qwen3")


@pytest.fixture
async def twin() -> AsyncIterator[VllmTwin]:
    server = VllmTwin()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def make(twin: VllmTwin, base: Path) -> AsyncIterator[MakeLLM]:
    made: list[LLM] = []

    def new(**options: Any) -> LLM:
        given: dict[str, Any] = {"base_url": twin.url, "kind": "vllm", "base": str(base), "api_key": "none"} | options
        made.append(LLM.from_pretrained("openai:base", **given))
        return made[-1]

    yield new
    for each in made:
        await each.aclose()


def tokens(reply: Completion) -> tuple[list[int], list[int], list[float]]:
    return [*reply.prompt_token_ids], [*reply.token_ids], [*reply.logprobs]


async def test_a_reply_has_what_a_training_needs(make: MakeLLM, base: Path) -> None:
    """As from the engine: else nothing is learned from bots on a server."""
    reply = await make().complete(ChatRequest(messages=HELLO, temperature=1.0))
    assert tokens(reply) == (PROMPT, TOKENS, LOGPROBS)
    assert reply.model_hash == model_hash(locate(str(base)))
    assert (reply.temperature, reply.sampled, reply.lora_version) == (1.0, True, "base")
    assert reply.constraint == '{"rules":2,"unmasked":true}'


async def test_streamed_replies_have_it_too(make: MakeLLM) -> None:
    """People read while it is written."""
    seen: list[str] = []

    async def show(text: str) -> None:
        seen.append(text)

    llm = make()
    await llm.complete(ChatRequest(messages=HELLO), show)
    reply = await llm.complete(ChatRequest(messages=HELLO), show)
    assert tokens(reply) == (PROMPT, TOKENS, LOGPROBS)
    assert seen


async def test_words_are_drawn_by_a_rule_that_is_known(twin: VllmTwin, make: MakeLLM) -> None:
    """vLLM draws as the model's ``generation_config.json`` recommends, unless it is told: nobody recorded that rule."""
    await make().complete(ChatRequest(messages=HELLO, temperature=1.0, seed=2**64 - 1))
    asked = twin.asked[-1]
    assert (asked["top_p"], asked["top_k"], asked["min_p"], asked["repetition_penalty"]) == (1.0, -1, 0.0, 1.0)
    assert 0 <= asked["seed"] < 2**63, "vLLM's seeds have a sign: a larger one is refused"
    assert (asked["logprobs"], asked["return_token_ids"]) == (True, True)


async def test_a_server_whose_model_is_not_known_draws_as_its_owner_set_it(twin: VllmTwin, make: MakeLLM) -> None:
    """Nothing is learned there, so nothing is asked for and nothing is changed."""
    reply = await make(base=None).complete(ChatRequest(messages=HELLO, temperature=1.0))
    assert not {"top_p", "logprobs", "return_token_ids"} & set(twin.asked[-1])
    assert (tokens(reply), reply.model_hash) == (([], [], []), "")


@pytest.mark.parametrize(
    ("temperature", "min_p", "processed", "learned"),
    [
        (1.0, 0.0, False, True),
        (0.0, 0.1, False, True),  # nothing is drawn at temperature 0
        (0.7, 0.0, False, False),
        (1.0, 0.1, False, False),
        (0.7, 0.1, True, True),
    ],
)
async def test_log_probabilities_of_another_distribution_are_refused(
    twin: VllmTwin, make: MakeLLM, temperature: float, min_p: float, processed: bool, learned: bool
) -> None:
    """By default vLLM tells the model's own, before temperature and floor: importance weights would be wrong by far."""
    twin.processed = processed
    with capture_logs() as logs:
        llm = make()
        request = ChatRequest(messages=HELLO, temperature=temperature, min_p=min_p)
        await llm.complete(request)
        reply = await llm.complete(request)
    assert bool(reply.token_ids) is learned
    warned = [entry["event"] for entry in logs if "--logprobs-mode processed_logprobs" in entry["event"]]
    assert len(warned) == (0 if learned else 1)
    assert reply.model_hash, "the words are learned from all the same"


@pytest.mark.parametrize("noticed", ["failed look", "failed reply", "second try", "time"])
async def test_a_server_that_was_restarted_is_asked_again_what_it_tells(
    twin: VllmTwin, make: MakeLLM, monkeypatch: pytest.MonkeyPatch, noticed: str
) -> None:
    """Its owner left an option out: log-probabilities of another distribution would be trained on for ever."""
    twin.processed = True
    llm = make(retries=8 if noticed == "second try" else 0)
    request = ChatRequest(messages=HELLO, temperature=0.7)
    assert (await llm.complete(request)).logprobs
    await twin.stop()
    if noticed == "failed look":
        backend = llm._backend  # pyright: ignore[reportPrivateUsage]
        assert isinstance(backend, ServerBackend)
        assert (await look_at(backend.vllm))[1] is not None
    elif noticed == "failed reply":
        with pytest.raises(ModelSetupError, match="cannot be reached"):
            await llm.complete(request)
    elif noticed == "time":
        monkeypatch.setattr(vllm_server, "DRAWN_SECONDS", 0.0)
        llm2 = make()
        await twin.start()
        assert (await llm2.complete(request)).logprobs
        twin.processed = False
        assert not (await llm2.complete(request)).logprobs
        return
    twin.processed = False
    if noticed == "second try":
        with capture_logs() as logs:
            asked = asyncio.create_task(llm.complete(request))
            await until(lambda: any("asked again" in entry["event"] for entry in logs))
        await twin.start()
        assert not (await asked).logprobs
        return
    await twin.start()
    assert not (await llm.complete(request)).logprobs


async def test_a_temperature_that_vllm_does_not_take_is_refused(twin: VllmTwin, make: MakeLLM) -> None:
    """vLLM takes 2 at most. Without a temperature it would draw at the model's own, which nobody has told."""
    llm = make()
    with pytest.raises(ModelSetupError, match=r"up to 2, and 2\.5 was asked for: lower `temperature`"):
        await llm.complete(ChatRequest(messages=HELLO, temperature=2.5))
    assert not twin.asked
    assert (await llm.complete(ChatRequest(messages=HELLO, temperature=1.0))).logprobs


async def test_one_temperature_out_of_range_is_left_out_once(twin: VllmTwin, make: MakeLLM) -> None:
    """On a server of another kind: the requests after it are answered at the temperature that they ask for."""
    llm = make(kind="openai")
    asked: list[float | None] = []
    for temperature in (0.5, 2.5, 0.5, 0.0):
        reply = await llm.complete(ChatRequest(messages=HELLO, temperature=temperature))
        asked.append(twin.asked[-1].get("temperature"))
        assert reply.temperature == (1.0 if temperature == 2.5 else temperature)
    assert asked == [0.5, None, 0.5, 0.0]


async def test_a_reply_at_another_temperature_is_not_learned_from(twin: VllmTwin, make: MakeLLM) -> None:
    """Nobody has told at which temperature it was drawn."""

    async def refused(request: web.Request) -> web.StreamResponse:
        return error(400, "temperature is not supported by this model", "BadRequestError")

    twin.chat_faults = [refused]
    reply = await make().complete(ChatRequest(messages=HELLO, temperature=0.7))
    assert "temperature" not in twin.asked[-1]
    assert (reply.text[:2], tokens(reply)) == ("by", ([], [], []))


async def test_a_server_that_tells_no_tokens_is_no_error(twin: VllmTwin, make: MakeLLM) -> None:
    """An older vLLM ignores what it does not know."""
    twin.tells_tokens = False
    with capture_logs() as logs:
        reply = await make().complete(ChatRequest(messages=HELLO))
    assert (reply.text, tokens(reply)) == (f"by base on {twin.port}", ([], [], []))
    assert any("sends no token ids" in entry["event"] for entry in logs)


def chunks(**wrong: Any) -> TokenCollector:
    collector = TokenCollector()
    collector.add_chunk({"prompt_token_ids": wrong.get("prompt", [1, 2])})
    content = [{"logprob": each} for each in wrong.get("logprobs", [-0.5, 0.0])]
    collector.add_choice({"token_ids": wrong.get("tokens", [3, 4]), "logprobs": {"content": content}})
    return collector


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": [3]},
        {"tokens": [3, -1]},
        {"tokens": [3, True]},
        {"tokens": "34"},
        {"prompt": []},
        {"prompt": [1, "2"]},
        {"logprobs": [-0.5]},
        {"logprobs": [-0.5, None]},
        {"logprobs": [-0.5, 0.1]},
        {"logprobs": [-0.5, -9999.0]},
        {"logprobs": [-0.5, math.nan]},
    ],
)
def test_half_of_the_tokens_are_none(wrong: dict[str, Any]) -> None:
    """A training would take the wrong token for each log-probability."""
    assert chunks().served(2) is not None
    assert chunks().served(3) is None, "the server counted another number"
    assert chunks(**wrong).served(None) is None


async def test_the_same_reply_is_drawn_again_with_the_same_probability(base: Path) -> None:
    """The rule of a server's reply is what the policy gradient computes by: without it, its weight is 1 for nothing."""
    request = ChatRequest(messages=HELLO, temperature=0.5, min_p=0.2)
    body = amended({"seed": 1}, request, learns=True)
    assert body["extra_body"]["min_p"] == served_floor(request) == pytest.approx(0.04)
    location = locate(str(base))
    vocabulary = vocabulary_of(load_model(location), load_tokenizer(location))
    rule = drawn_words('{"rules":2,"min_p":0.2,"unmasked":true}', 0.5, [3, 4], vocabulary)
    assert rule is not None
    assert (rule.forbidden, rule.opening, rule.banned) == ((), (), ())
    logits = torch.tensor([[2.0, 1.0, 0.9, -3.0, 2.5]] * 2)
    # vLLM: the temperature first, then its floor, a share of the likeliest token's probability
    heated = (logits / 0.5).softmax(-1)
    kept = torch.where(heated >= 0.04 * heated.amax(-1, keepdim=True), heated, torch.zeros(()))
    expected = (kept / kept.sum(-1, keepdim=True)).log()[:, [0, 4]].diagonal()
    assert torch.allclose(drawn_logprobs(logits, [0, 4], rule), expected, atol=1e-5)


async def test_placeholders_are_not_learned_as_tokens(make: MakeLLM) -> None:
    """The server read and wrote NAME_1. The chat that is kept says Ana: its tokens are others."""
    llm = make(sees=["places"])
    masked = ChatRequest(messages=[{"role": "user", "content": "I am Ana"}], personal=(("name", "Ana"),))
    assert tokens(await llm.complete(masked)) == ([], [], [])
    assert (await llm.complete(ChatRequest(messages=HELLO))).token_ids


async def test_the_card_of_the_served_model_holds_on_the_server(make: MakeLLM) -> None:
    """The calendar model was trained on short prompts: on a server, it has to be asked as it is here."""
    assert make(base="calendar").card.native
    assert not make(base=None).card.native


def test_a_lora_is_no_served_model(tmp_path: Path, base: Path) -> None:
    """Its hash would be that of the base, and its weights nobody's."""
    folder = write_lora(tmp_path / "v1")
    config = folder / "adapter_config.json"
    config.write_text(config.read_text().replace("{", f'{{"base_model_name_or_path": "{base}", ', 1))
    with pytest.raises(ConfigError, match="is a LoRA, and servers have the model"):
        LLM.from_pretrained("openai:base", base=str(folder))
