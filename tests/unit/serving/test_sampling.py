"""What is recorded of a reply for training: its tokens, and how likely each was under what it was really drawn from.

Everything is computed again by transformers and the recorded constraint alone, one token at a time.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import torch

from llmagent_os.chat import ChatRequest, Completion, Message, ToolSpec, tools_sha256
from llmagent_os.llm import LLM
from llmagent_os.serving.call_grammar import CallGrammar
from llmagent_os.serving.constrained_decoding import Constraint
from llmagent_os.serving.constraint_record import MASK_RULES_VERSION, ConstraintRecord
from llmagent_os.serving.drawn_words import NEVER, drawn_logprobs, drawn_words
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.vocabulary import Vocabulary
from tests.tiny_model import CREATE, LIST, save_trained_model, tool

TOOLS = (CREATE, LIST, tool("note", {"text": {"type": "string"}, "stars": {"type": "integer"}}))
TEMPERATURES = (0.0, 0.3, 1.0, 1.7)
FLOORS = (0.0, 0.1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that calls tools now and then: it has not learned for long."""
    return save_trained_model(tmp_path_factory.mktemp("trained") / "model", "qwen3", steps=60)


@cache
def loaded(folder: Path) -> tuple[Any, Vocabulary]:
    location = locate(str(folder))
    model = load_model(location)
    return model, vocabulary_of(model, load_tokenizer(location))


def with_card(model: Path, folder: Path, **card: Any) -> Path:
    """A copy of a model with this card."""
    shutil.copytree(model, folder)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"llmagent_os": card}))
    return folder


def record_of(reply: Completion) -> ConstraintRecord:
    return msgspec.json.decode(reply.constraint, type=ConstraintRecord)


def recomputed(folder: Path, request: ChatRequest, reply: Completion) -> list[float]:
    """The log-probability of every token of a reply, from transformers' logits and what was recorded with the reply."""
    model, vocabulary = loaded(folder)
    record = record_of(reply)
    assert record.rules == MASK_RULES_VERSION
    assert record.tools == (tools_sha256(request.tools) if request.tools else "")
    said = [vocabulary.without_markup(request.messages[place]["content"]) for place in record.copied_from]
    constraint = Constraint(CallGrammar(request.tools, vocabulary), said)
    tokens = [*reply.prompt_token_ids, *reply.token_ids]
    with torch.inference_mode():
        logits = model(torch.tensor([tokens])).logits[0, len(reply.prompt_token_ids) - 1 : -1].double().tolist()
    found: list[float] = []
    for place, (row, token) in enumerate(zip(logits, reply.token_ids, strict=True)):
        allowed = list(allowed_tokens(row, place, constraint, record, vocabulary))
        if reply.sampled and place == 0 and record.tools:
            # Words were written, so the marker of a call was not the likeliest: it was not drawn from.
            assert max(allowed, key=row.__getitem__) in vocabulary.text_ids
            allowed = vocabulary.text_ids
        if reply.sampled:
            greatest = max(row[other] for other in allowed)
            allowed = [other for other in allowed if math.exp(row[other] - greatest) >= (record.min_p or 0.0)]
        assert token in allowed
        heat = reply.temperature or 1.0
        greatest = max(row[other] for other in allowed)
        total = sum(math.exp((row[other] - greatest) / heat) for other in allowed)
        found.append((row[token] - greatest) / heat - math.log(total))
        if not constraint.complete:
            constraint.advance(token)
    return found


def allowed_tokens(
    row: list[float], place: int, constraint: Constraint, record: ConstraintRecord, vocabulary: Vocabulary
) -> Sequence[int]:
    """The tokens that a reply may have next, by the words of the documentation."""
    if constraint.complete:
        return [vocabulary.end_id]
    inside = constraint.allowed()
    if inside is not None:
        return inside
    if place > 0 or not record.tools:
        return vocabulary.text_ids
    (marker,) = vocabulary.call_ids
    greatest = max(row)
    weights = {token: math.exp(row[token] - greatest) for token in (*vocabulary.text_ids, marker)}
    likely = weights[marker] / sum(weights.values()) >= (record.call_above or 0.0)
    return [*vocabulary.text_ids, marker] if likely else vocabulary.text_ids


def requests(tools: tuple[ToolSpec, ...] = TOOLS) -> list[ChatRequest]:
    return [
        ChatRequest(
            messages=[
                {"role": "user", "content": said},
            ],
            tools=tools,
            temperature=temperature,
            min_p=floor,
            seed=seed,
            max_tokens=200,
        )
        for said in ("schedule lunch friday at 3pm", "thanks")
        for temperature in TEMPERATURES
        for floor in FLOORS
        for seed in range(2)
    ]


async def replies(folder: Path, asked: list[ChatRequest]) -> list[Completion]:
    """All in one batch, so that every row has its own mask and temperature."""
    async with LLM.from_pretrained(str(folder), slots=32) as llm:
        return list(await asyncio.gather(*(llm.complete(request) for request in asked)))


def marker_probability(folder: Path, reply: Completion) -> float:
    """How likely the reply was to open a call, at temperature 1."""
    model, vocabulary = loaded(folder)
    with torch.inference_mode():
        row = model(torch.tensor([list(reply.prompt_token_ids)])).logits[0, -1]
    (marker,) = vocabulary.call_ids
    choices = torch.tensor([marker, *vocabulary.text_ids])
    return float(torch.softmax(row[choices], -1)[0])


@pytest.mark.parametrize("tools", [(), TOOLS], ids=["text alone", "calls and text"])
async def test_log_probabilities_are_those_of_what_was_sampled_from(trained: Path, tools: tuple[ToolSpec, ...]) -> None:
    """Learning from reactions divides by these: a wrong one would push the model the wrong way."""
    asked = requests(tools)
    found = await replies(trained, asked)
    for request, reply in zip(asked, found, strict=True):
        assert reply.logprobs == pytest.approx(recomputed(trained, request, reply), abs=2e-3)
        assert reply.sampled == (request.temperature > 0 and not reply.tool_calls)
        assert reply.temperature == (request.temperature if reply.sampled else 0.0)
        assert record_of(reply).min_p == ((request.min_p or None) if request.temperature else None)
    called = [bool(reply.tool_calls) for reply in found]
    assert any(called) == bool(tools)
    assert not all(called)


async def test_a_temperature_changes_words_and_never_a_call(trained: Path) -> None:
    """A bot may try other words. It must not try another day, or a tool that it is not sure of."""
    asked = requests()
    found = await replies(trained, asked)
    for said in ("schedule lunch friday at 3pm", "thanks"):
        mine = [reply for request, reply in zip(asked, found, strict=True) if request.messages[-1]["content"] == said]
        assert len({str(reply.tool_calls) for reply in mine}) == 1, "as at temperature 0"
        words = {reply.text for reply in mine}
        assert (len(words) > 1) == (not mine[0].tool_calls)


@pytest.mark.parametrize("tools", [(), TOOLS], ids=["text alone", "calls and text"])
async def test_training_computes_the_same_probabilities(trained: Path, tools: tuple[ToolSpec, ...]) -> None:
    """An importance weight of a model that has not changed must be 1."""
    model, vocabulary = loaded(trained)
    found = [reply for reply in await replies(trained, requests(tools)) if reply.sampled]
    assert found
    for reply in found:
        rule = drawn_words(reply.constraint, reply.temperature, reply.token_ids, vocabulary)
        assert rule is not None
        tokens = torch.tensor([[*reply.prompt_token_ids, *reply.token_ids]])
        logits = model(tokens).logits[0, len(reply.prompt_token_ids) - 1 : -1]
        logprobs = cast("Any", drawn_logprobs(logits, reply.token_ids, rule)).tolist()
        assert logprobs == pytest.approx(reply.logprobs, abs=2e-3)


def test_what_a_model_would_not_draw_has_no_weight_and_no_gradient(trained: Path) -> None:
    """A word below the floor, and words where the model would call a tool, are never said."""
    _, vocabulary = loaded(trained)
    (marker,) = vocabulary.call_ids
    first, second, third = vocabulary.text_ids[:3]
    logits = torch.full((2, vocabulary.size), -9.0)
    logits[0, first], logits[0, marker] = 1.0, 0.5
    logits[1, second], logits[1, third], logits[1, marker] = 2.0, 1.0, 30.0
    logits.requires_grad_()
    record = ConstraintRecord(rules=MASK_RULES_VERSION, tools="f55e", min_p=0.3).text

    def logprobs(*tokens: int) -> torch.Tensor:
        rule = drawn_words(record, 0.5, tokens, vocabulary)
        assert rule is not None
        return drawn_logprobs(logits, tokens, rule)

    kept = logprobs(first, third)
    assert kept[0] == 0, "the only word above the floor"
    assert kept[1].item() == pytest.approx(-math.log1p(math.exp(2)))
    torch.autograd.backward(kept.sum())
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert not logits.grad[0].any()
    assert cast("Any", logits.grad[1].nonzero().flatten()).tolist() == sorted([second, third])
    assert logprobs(second, third)[0] == NEVER, "below the floor"
    with torch.no_grad():
        logits[0, marker] = 1.5
    assert logprobs(first, third)[0] == NEVER, "a call is opened here"


def test_what_was_not_drawn_has_no_rule(trained: Path) -> None:
    """A weight that is made up would be worse than none."""
    _, vocabulary = loaded(trained)
    known = ConstraintRecord(rules=MASK_RULES_VERSION)
    words = vocabulary.text_ids[:2]
    assert drawn_words(known.text, 0.5, words, vocabulary)
    assert drawn_words(known.text, 0.0, words, vocabulary) is None
    assert drawn_words("", 0.5, words, vocabulary) is None, "a server's"
    assert drawn_words(msgspec.structs.replace(known, rules=1).text, 0.5, words, vocabulary) is None


@pytest.mark.parametrize("above", [False, True], ids=["forbidden", "opened"])
async def test_a_threshold_that_forbids_or_opens_a_call_is_part_of_the_distribution(
    trained: Path, tmp_path: Path, above: bool
) -> None:
    """Where no call may be opened, words are more likely than the bare model says; the temperature must not decide."""
    asked = [request for request in requests() if request.messages[-1]["content"] != "thanks"]
    likely = marker_probability(trained, (await replies(trained, asked[:1]))[0])
    threshold = likely * (0.98 if above else 1.02)
    folder = with_card(trained, tmp_path / "with_threshold", call_above=threshold)
    found = await replies(folder, asked)
    assert any(reply.tool_calls for reply in found) == above
    for request, reply in zip(asked, found, strict=True):
        assert record_of(reply).call_above == threshold
        assert reply.logprobs == pytest.approx(recomputed(folder, request, reply), abs=2e-3)


async def test_a_threshold_says_nothing_of_replies_without_tools(trained: Path, tmp_path: Path) -> None:
    """A record must name what shaped the distribution, and nothing else."""
    folder = with_card(trained, tmp_path / "with_threshold", call_above=0.5)
    (reply,) = await replies(folder, requests(())[:1])
    assert reply.constraint == ConstraintRecord(rules=MASK_RULES_VERSION).text


async def test_the_record_names_the_messages_that_arguments_are_copied_from(trained: Path, tmp_path: Path) -> None:
    """Training could not tell which copies were possible; a native model copies from the last message alone."""
    native = with_card(trained, tmp_path / "native", native=True)
    messages: list[Message] = [
        {"role": "user", "content": "lunch on friday"},
        {"role": "assistant", "content": "<tool_call>{}"},
        {"role": "user", "content": "That was wrong.", "spoken": False},
        {"role": "user", "content": "dinner on sunday"},
    ]
    for folder, copied in ((trained, (3, 0)), (native, (3,))):
        (reply,) = await replies(folder, [ChatRequest(messages=messages, tools=TOOLS, max_tokens=200)])
        assert record_of(reply).copied_from == copied
    free = tool("note", {"text": {"type": "string"}})
    (reply,) = await replies(trained, [ChatRequest(messages=messages, tools=(free,), max_tokens=300)])
    assert record_of(reply).copied_from == ()


async def test_the_prompt_and_the_reply_are_the_tokens_that_the_model_read_and_wrote(trained: Path) -> None:
    """Tokens made again from text may differ: learning would be about another reply."""
    asked = requests()[:8]
    _, vocabulary = loaded(trained)
    for reply in await replies(trained, asked):
        assert vocabulary.text_of(reply.prompt_token_ids) == reply.prompt
        assert len(reply.token_ids) == len(reply.logprobs) > 0
        spelled = vocabulary.text_of(reply.token_ids)
        assert spelled.removesuffix("<|im_end|>") == reply.text or reply.tool_calls
        assert len(reply.model_hash) == 12
        assert reply.lora_version == "base"
