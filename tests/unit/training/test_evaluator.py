"""The evaluator: likelihoods against the plain model, and replies from the engine that serves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from llmagent_os.chat import ChatRequest, ToolCall
from llmagent_os.errors import ModelError
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.serving.model_loading import load_model
from llmagent_os.serving.model_location import locate
from llmagent_os.training.evaluator import EvaluationSuite, Evaluator
from llmagent_os.training.logged_replies import LoggedReply
from llmagent_os.training.probe import Measure, MeasureKind, Probe, ask
from llmagent_os.training.response_scorer import ResponseScorer
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import LoggedTokens
from tests.tiny_model import save_lora, save_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture(scope="module")
def lora(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_lora(tmp_path_factory.mktemp("lora") / "lora", base)


@pytest.fixture(scope="module")
def llm(base: Path) -> Iterator[LLM]:
    with LLM.from_pretrained(str(base), threads=1) as loaded:
        yield loaded


def samples(count: int) -> list[TokenSample]:
    order = random.Random(0)
    return [
        TokenSample(
            prompt=tuple(order.randrange(7, 200) for _ in range(order.randint(1, 20))),
            response=tuple(order.randrange(7, 200) for _ in range(order.randint(1, 20))),
        )
        for _ in range(count)
    ]


def by_hand(model: Any, sample: TokenSample) -> torch.Tensor:
    """All log-probabilities before each response token, ``[response tokens, vocabulary]``."""
    logits = model(torch.tensor([[*sample.prompt, *sample.response]])).logits[0]
    return torch.log_softmax(logits[len(sample.prompt) - 1 : -1], -1)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_likelihoods_and_drift_are_those_of_the_plain_model(base: Path, lora: Path) -> None:
    """Batches, padding and the skipped prompt positions must change nothing. Each sample alone, with all logits."""
    from peft import PeftModel

    scorer = ResponseScorer(locate(str(base)), lora)
    plain = load_model(locate(str(base)))
    given = samples(400)  # several batches
    found, drift = scorer.logprobs(given), scorer.divergences(given)
    assert scorer.logprobs(given)[0].tolist() == found[0].tolist()  # the LoRA is on again after the drift
    assert not torch.is_inference_mode_enabled()  # else nothing could be trained in this thread any more
    with torch.inference_mode():
        before = [by_hand(plain, sample) if at % 10 == 0 else torch.empty(0) for at, sample in enumerate(given)]
        adapted = cast("Any", PeftModel).from_pretrained(plain, lora).eval()
        for sample, theirs, logs, kl in list(zip(given, before, found, drift, strict=True))[::10]:
            ours = by_hand(adapted, sample)
            expected = ours[torch.arange(len(sample.response)), torch.tensor(sample.response)]
            assert np.allclose(logs, expected.numpy(), atol=1e-4)
            assert kl == pytest.approx(float((ours.exp() * (ours - theirs)).sum(-1).mean()), abs=1e-4)


def test_the_base_has_no_drift_and_choices_add_up(base: Path) -> None:
    scorer = ResponseScorer(locate(str(base)), None)
    assert scorer.divergences(samples(2)) == [0.0, 0.0]
    right, wrong = ask("hi", choices=("yes", "no")), ask("hi", choices=("no", "yes"))
    assert sum(scorer.right_shares([right, wrong])) == pytest.approx(1.0)


def likes_short(persons: Sequence[PersonId], texts: Sequence[str], calls: Sequence[Sequence[ToolCall]]) -> list[float]:
    return [1 / (1 + len(text)) for text in texts]


def logged_reply(llm: LLM, text: str) -> LoggedReply:
    """A reply of the base, sampled as the bot samples."""
    probe = ask(text)
    reply = llm.generate(list(probe.messages), temperature=0.8, seed=1, max_tokens=12)
    return LoggedReply(
        probe=Probe(messages=probe.messages, person=PersonId("web::ana"), segment="en"),
        reply=reply.text,
        reward=-1.0,
        logged=LoggedTokens(
            prompt_token_ids=reply.prompt_token_ids,
            token_ids=reply.token_ids,
            logprobs=reply.logprobs,
            temperature=0.8,
            constraint=reply.constraint,
            model_hash=reply.model_hash,
            lora_version="base",
        ),
    )


async def test_a_version_answers_as_it_would_serve(llm: LLM, lora: Path) -> None:
    """A version that is measured otherwise than it serves is another version."""
    logged = await asyncio.to_thread(logged_reply, llm, "hello there")
    probes = tuple(ask(text) for text in ("hi", "what now", "hi"))
    length = Measure("length", MeasureKind.TASK, probes, lambda _, reply: 1 / (1 + len(reply.text)), private=True)
    chosen = Measure("facts", MeasureKind.FACT, (ask("hi", choices=("yes", "no")),))
    suite = EvaluationSuite(
        measures=(length, chosen),
        control=probes[:2],
        test=tuple(samples(3)),
        logged=(logged,),
        judge=likes_short,
        contributions={PersonId("web::ana"): 1.0},
    )
    evaluator = Evaluator(llm, suite)
    base, other = await evaluator.evaluate("base", None), await evaluator.evaluate("v1", lora)
    for each, name in ((base, "base"), (other, str(lora))):
        said = await llm.complete(ChatRequest(messages=list(probes[1].messages), lora=name, max_tokens=128))
        assert each.measures["length"].replies[1] == said.text
        assert each.measures["length"].replies[0] == each.measures["length"].replies[2]
        assert each.measures["length"].scores[1] == 1 / (1 + len(said.text))
        assert len(each.nll) == 3
        assert (each.measures["length"].private, each.measures["facts"].private) == (True, False)
    assert base.measures["length"].replies != other.measures["length"].replies
    assert base.drift == (0.0, 0.0)
    assert min(other.drift) > 0.01
    assert base.rewards is not None
    assert other.rewards is not None
    assert base.rewards.ratios[0] == pytest.approx(1.0, rel=1e-2)  # the base wrote it itself
    assert other.rewards.ratios[0] != pytest.approx(1.0, rel=0.1)
    assert base.rewards.rewards == (0.0,)
    assert base.rewards.segments == ("en",)
    assert (base.contributions, other.contributions) == ({}, suite.contributions)


def test_replies_without_a_judge_are_refused(llm: LLM) -> None:
    logged = LoggedReply(probe=ask("hi"), reply="hello", reward=1.0)
    with pytest.raises(ModelError, match="give the suite a judge"):
        Evaluator(llm, EvaluationSuite(measures=(), control=(), logged=(logged,)))


def test_a_servers_model_is_refused() -> None:
    server = LLM.from_pretrained("openai:m", base_url="http://127.0.0.1:9/v1", api_key="k")
    with pytest.raises(ModelError, match="only local models can be evaluated"):
        Evaluator(server, EvaluationSuite(measures=(), control=()))
