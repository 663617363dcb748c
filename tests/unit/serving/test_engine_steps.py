"""What the engine does in one step: how long others wait for a prompt to be read, and what guesses change."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.serving.local import LocalBackend
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.options import LocalOptions
from llmagent_os.serving.prompt_lookup import PromptLookup
from tests.tiny_model import CREATE, LIST, make_model, make_tokenizer, save_lora, save_model, save_trained_model

WORDS = "lunch with Ana on friday the quick brown fox calls mom every sunday"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("llama") / "base")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that calls tools, with values that it copies."""
    return save_trained_model(tmp_path_factory.mktemp("trained") / "model", "qwen3", steps=150)


def user(text: str, **options: Any) -> ChatRequest:
    return ChatRequest(messages=[{"role": "user", "content": text}], **options)


async def answers(folder: Path, requests: list[ChatRequest], **options: Any) -> tuple[list[Completion], LocalBackend]:
    """The replies to all requests at once, and the backend that gave them."""
    backend = LocalBackend(locate(str(folder)), LocalOptions(**options))
    try:
        return list(await asyncio.gather(*(backend.complete(each, None) for each in requests))), backend
    finally:
        backend.close()


@pytest.mark.parametrize("chunk", [16, 64])
async def test_a_long_prompt_does_not_hold_up_replies_being_written(base: Path, chunk: int) -> None:
    """Someone pastes a page: everyone else's reply goes on, at most ``prefill_tokens`` later for each token."""
    backend = LocalBackend(locate(str(base)), LocalOptions(prefill_tokens=chunk))
    begun = asyncio.Event()

    async def on_text(_: str) -> None:
        begun.set()

    try:
        writing = asyncio.create_task(backend.complete(user("hi", temperature=1.0, seed=1, max_tokens=400), on_text))
        await begun.wait()
        page = user(" ".join(random.Random(1).choices(WORDS.split(), k=200)), max_tokens=12)
        pages = await asyncio.gather(*(backend.complete(page, None) for _ in range(3)))
        writing.cancel()
        assert 0 < backend.engine.most_read_between <= chunk
    finally:
        backend.close()
    (alone,), _ = await answers(base, [page], prefill_tokens=10_000)
    assert {reply.token_ids for reply in pages} == {alone.token_ids}
    assert len(alone.prompt_token_ids) > 4 * chunk


async def test_a_short_prompt_does_not_wait_for_pages_that_came_before(base: Path) -> None:
    """And no page waits for ever behind short prompts."""
    backend = LocalBackend(locate(str(base)), LocalOptions(prefill_tokens=8, slots=8))
    begun = asyncio.Event()

    async def on_text(_: str) -> None:
        begun.set()

    async def steps(request: ChatRequest) -> int:
        before = backend.engine.steps
        replies[request.messages[0]["content"]] = await backend.complete(request, None)
        return backend.engine.steps - before

    replies: dict[str, Completion] = {}
    pages = [user(f"{n} " + " ".join(random.Random(n).choices(WORDS.split(), k=150)), max_tokens=2) for n in range(3)]
    try:
        writing = asyncio.create_task(backend.complete(user("hi", temperature=1.0, seed=1, max_tokens=1500), on_text))
        await begun.wait()
        reading = [asyncio.create_task(steps(page)) for page in pages]
        while sum(backend.engine.load) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0)
        short = await steps(user("hello", max_tokens=1))
        ends = 0
        while not all(page.done() for page in reading):  # one short prompt after the other, all the time
            await steps(user(f"what of {ends}?", max_tokens=1))
            ends += 1
        waited = [await page for page in reading]
        writing.cancel()
    finally:
        backend.close()
    chunks = sum(len(replies[page.messages[0]["content"]].prompt_token_ids) for page in pages) // 8
    assert short < chunks / 4
    assert ends > 3, "short prompts were answered while the pages were read"
    assert max(waited) < 3 * chunks, "the pages had half of what was read"
    for page in pages:
        (alone,), _ = await answers(base, [page], prefill_tokens=10_000)
        assert replies[page.messages[0]["content"]].token_ids == alone.token_ids


async def test_forced_parts_of_calls_count_as_reading_too(trained: Path) -> None:
    """Sixteen people whose calls have long fixed parts must not hold up each other either."""
    requests = [user(f"schedule lunch friday at {n}pm", tools=(CREATE, LIST), max_tokens=80) for n in range(1, 9)]
    few, narrow = await answers(trained, requests, prefill_tokens=4, slots=8)
    many, _ = await answers(trained, requests, prefill_tokens=10_000, slots=8)
    assert narrow.engine.most_read_between <= 4
    assert [reply.token_ids for reply in few] == [reply.token_ids for reply in many]
    assert any(reply.tool_calls for reply in few)


async def test_guesses_change_no_reply(base: Path, trained: Path, tmp_path: Path) -> None:
    """Tokens, and the log-probabilities that training divides by, stay what they are."""
    lora = save_lora(tmp_path / "lora", base)
    for folder, tools in ((base, ()), (trained, (CREATE, LIST))):
        for number, temperature in enumerate((0.0, 0.7, 1.5)):
            requests = [
                user(
                    f"schedule lunch with Ana {WORDS} on friday at {at}pm",
                    tools=tools,
                    temperature=temperature,
                    min_p=0.05 * number,
                    seed=at,
                    lora=str(lora) if at % 2 and folder == base else None,
                    max_tokens=60,
                )
                for at in range(1, 4)
            ]
            plain, _ = await answers(folder, requests, guessing=False)
            guessed, _ = await answers(folder, requests, guessing=True)
            assert [reply.token_ids for reply in guessed] == [reply.token_ids for reply in plain]
            for one, other in zip(guessed, plain, strict=True):
                assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)
                assert (one.finish_reason, one.temperature, one.constraint) == (
                    other.finish_reason,
                    other.temperature,
                    other.constraint,
                )


async def test_a_model_that_copies_needs_fewer_steps(tmp_path: Path) -> None:
    """Otherwise guessing would be work for nothing."""
    tokenizer = make_tokenizer()
    model = make_model("llama", tokenizer)
    for name, parameter in model.named_parameters():
        if "o_proj" in name or "down_proj" in name:
            parameter.data.zero_()  # so the model says its last token again and again
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for text in ("hi", WORDS):  # one alone: how many steps several need, depends on when each of them came
        said = [user(text, max_tokens=120)]
        plain, slow = await answers(tmp_path, said, guessing=False)
        guessed, quick = await answers(tmp_path, said, guessing=True)
        assert quick.engine.steps < 0.8 * slow.engine.steps
        assert [reply.token_ids for reply in guessed] == [reply.token_ids for reply in plain]


def test_what_stood_before_is_guessed() -> None:
    lookup = PromptLookup([1, 2, 3, 4, 5, 9, 1, 2, 3])
    assert lookup.guess(2) == [4, 5]
    assert lookup.guess(9) == [4, 5, 9, 1, 2, 3]
    lookup.add(7)
    assert lookup.guess(3) == []
    lookup.add(4)
    assert lookup.guess(3) == [], "one token alone says little"
    assert lookup.guess(2, least=1) == [5, 9]
    assert lookup.guess(0) == []


def test_a_reply_that_copies_nothing_is_not_guessed_for_long() -> None:
    """Every wrong guess costs time in the step."""
    lookup = PromptLookup([1, 2, 3] * 10)
    lookup.note(5, 5)
    assert lookup.guess(2)
    for _ in range(6):
        lookup.note(5, 0)
    assert lookup.guess(2) == []
    for _ in range(24):
        lookup.add(1)
        lookup.add(2)
    assert lookup.guess(2), "after a while it is tried again"
