"""What ``reinforce`` learns from: logged replies while they are current, else fresh ones that a reward model scores."""

from __future__ import annotations

import msgspec
import pytest

from llmagent_os.chat import ChatRequest, Completion, Message
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.serving.backend import OnText
from llmagent_os.training.asked_questions import asked_in_words
from llmagent_os.training.bot_prompts import BotPrompts, GeneralProbes
from llmagent_os.training.fresh_samples import SAMPLES, FreshSamples
from llmagent_os.training.reward_model import Opinion, fit_reward_model
from llmagent_os.training.training_example import LoggedTokens, TrainingExample
from llmagent_os.training.training_settings import TrainingSettings

ANA = PersonId("web::ana")
PLAIN, LIVELY = "You are welcome.", "You are so welcome, my friend!"
PROMPTS = BotPrompts(
    system="Write plainly.",
    tools=(),
    anchors=(),
    styles={"tone=plain": "Write plainly.", "tone=lively": "Write in a lively way."},
    probes=GeneralProbes(),
    usual="Write plainly.",
)
JUDGE = fit_reward_model(
    [
        Opinion(text=text, reward=reward, person=ANA)
        for text, reward in ((PLAIN, -1.0), (LIVELY, 1.0))
        for _ in range(6)
    ],
    ANA,
)


class Toned:
    """A model that says what the tone in the system message asks for, and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        self.requests.append(request)
        lively = "lively" in str(request.messages[0]["content"])
        return Completion(
            text=LIVELY if lively else PLAIN,
            prompt_token_ids=(1, 2),
            token_ids=(3, 4),
            logprobs=(-0.5, -0.25),
            temperature=request.temperature,
            model_hash="0123456789ab",
        )

    async def aclose(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


def judged(said: str, *, version: str = "base", temperature: float = 0.7, tone: str = "plainly") -> TrainingExample:
    system: Message = {"role": "system", "content": "Write plainly." if tone == "plainly" else "Write in a lively way."}
    logged = LoggedTokens(
        prompt_token_ids=(1, 2),
        token_ids=(3, 4),
        logprobs=(-0.5, -0.25),
        temperature=temperature,
        model_hash="0123456789ab",
        lora_version=version,
    )
    chat: tuple[Message, ...] = (system, {"role": "user", "content": said}, {"role": "assistant", "content": PLAIN})
    return TrainingExample(
        messages=chat, origin=f"ledger:{said}", person=ANA, raters=(ANA,), reward=-1.0, logged=logged
    )


async def sampled(*examples: TrainingExample, **settings: object) -> tuple[TrainingExample, ...]:
    chosen = msgspec.convert({"method": "reinforce", **settings}, TrainingSettings)
    fresh = FreshSamples(LLM("toned", Toned()), PROMPTS, JUDGE, "base", chosen)
    return (await fresh.examples(examples, asked_in_words(examples, (), PROMPTS))).examples


async def test_a_current_reply_stays_as_it_was_served() -> None:
    example = judged("thanks")
    (kept,) = await sampled(example)
    assert kept == msgspec.structs.replace(example, value=kept.value)
    worth = 2 * float(JUDGE.score([PLAIN]).liked[0]) - 1
    assert kept.value == pytest.approx(worth), "what the model's replies are worth"
    (kept,) = await sampled(example, baseline="average")
    assert kept.value is None, "the moving average is the baseline"


@pytest.mark.parametrize(
    "stale",
    [
        judged("thanks", version="chatty-shared-1@0123456789ab"),
        judged("thanks", temperature=0.0),
        judged("thanks", tone="lively"),
        msgspec.structs.replace(judged("thanks"), logged=None),
    ],
    ids=["another version", "not sampled", "another style", "no tokens"],
)
async def test_a_stale_reply_is_answered_anew(stale: TrainingExample) -> None:
    *fresh, better = await sampled(stale)
    assert len(fresh) == SAMPLES
    worth, good = (2 * float(each) - 1 for each in JUDGE.score([PLAIN, LIVELY]).liked)
    for each in fresh:
        assert each.messages[0]["content"] == "Write plainly." and each.messages[-1]["content"] == PLAIN
        assert each.reward == pytest.approx(worth) and each.value == pytest.approx(worth)
        assert each.logged is not None and each.logged.logprobs == (-0.5, -0.25) and each.logged.temperature == 1.0
    assert better.messages[0]["content"] == "Write plainly.", "the style becomes the model's own"
    assert better.messages[-1]["content"] == LIVELY and better.logged is None
    assert better.reward == pytest.approx(good, abs=0.01) and better.value == pytest.approx(worth)
