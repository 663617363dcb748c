"""Writes the replies that ``reinforce`` learns from where logged ones are stale.

A logged reply is stale if another version wrote it than the one that training starts from, if it was not sampled, if it
was asked for in another style, or if its tokens were not kept: then nobody knows how likely it was. Its question is
answered anew, some times, by the version that training starts from, and a reward model scores the answers.

A policy gradient learns nothing that the model never says. So the best reply that the model can be brought to by a
style stands beside the fresh ones, if it is surely liked better. It has no importance weight, for it was not drawn from
the policy.

The value of a question is what the fresh replies to it are worth on average: the baseline by the value of the reward
model. Without it, the returns' moving average is the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.llm import LLM
from llmagent_os.training.asked_questions import in_usual_style
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.distillation import choose
from llmagent_os.training.reaction_data import asked_text, has_calls
from llmagent_os.training.reward_model import RewardModel
from llmagent_os.training.style_candidates import OWN, Question, write_candidates
from llmagent_os.training.training_example import LoggedTokens, TrainingExample
from llmagent_os.training.training_settings import TrainingSettings

#: How often a question is answered.
SAMPLES = 4
#: The most tokens of a reply.
MAX_TOKENS = 96


class Sampled(NamedTuple):
    """What ``reinforce`` learns from."""

    examples: tuple[TrainingExample, ...]
    notes: tuple[str, ...]  #: sentences for the report


class FreshSamples:
    """Answers questions anew.

    Args:
        llm: the model.
        prompts: how it is asked.
        judge: scores replies.
        lora: the version that training starts from: a PEFT folder, or ``base``.
        settings: the seed, and the baseline.
    """

    def __init__(
        self, llm: LLM, prompts: BotPrompts, judge: RewardModel, lora: str, settings: TrainingSettings
    ) -> None:
        self._llm, self._prompts, self._judge, self._lora, self._settings = llm, prompts, judge, lora, settings

    async def examples(self, judged: Sequence[TrainingExample], asked: Sequence[Question]) -> Sampled:
        """Give the judged replies that are not stale, all judged tool calls, and fresh replies to the other questions.

        Args:
            judged: what people judged.
            asked: questions that are answered in words, those of ``judged`` among them.

        Raises:
            ModelError: the model cannot answer.
        """
        answers = [await self._answers(at, each) for at, each in enumerate(asked)]
        written = next((each for replies in answers for each in replies), None)
        current = [
            each for each in judged if has_calls(each) or (written is not None and self._is_current(each, written))
        ]
        words = {asked_text(each.messages) for each in current if not has_calls(each)}
        values = {asked_text(each.messages): self._worth(replies) for each, replies in zip(asked, answers, strict=True)}
        stale = [at for at, each in enumerate(asked) if asked_text(each.messages) not in words]
        fresh = [each for at in stale for each in self._fresh(asked[at], answers[at])]
        better = await self._better([asked[at] for at in stale], values)
        logged = [self._with_value(each, values) for each in current]
        notes = (
            f"{len(logged)} judged replies are learned from as they were served, and {len(fresh)} fresh ones in place "
            f"of what is stale or was not judged; {len(better)} replies in a style that is liked better stand beside",
        )
        return Sampled((*logged, *fresh, *better), notes)

    async def _answers(self, number: int, question: Question) -> list[Completion]:
        requests = [
            ChatRequest(
                messages=list(question.messages),
                tools=question.tools,
                lora=self._lora,
                max_tokens=MAX_TOKENS,
                temperature=1.0,
                seed=(self._settings.seed * 1_000_003 + number) * SAMPLES + at,
            )
            for at in range(SAMPLES)
        ]
        found = await complete_all(self._llm, requests)
        return [each for each in found if isinstance(each, Completion) and each.token_ids and each.text.strip()]

    def _worth(self, replies: Sequence[Completion]) -> float | None:
        """What replies are worth on average, as a reward in [-1, 1]; None: there are none."""
        if not replies:
            return None
        return float(np.mean(self._rewards(replies)))

    def _rewards(self, replies: Sequence[Completion]) -> list[float]:
        liked = self._judge.score([each.text for each in replies], [each.tool_calls for each in replies]).liked
        return [2 * float(each) - 1 for each in liked]

    def _fresh(self, question: Question, replies: Sequence[Completion]) -> list[TrainingExample]:
        value = self._worth(replies) if self._settings.baseline == "value" else None
        return [
            TrainingExample(
                messages=(*question.messages, {"role": "assistant", "content": reply.text}),
                tools=question.tools,
                origin=f"fresh:{question.origin}",
                person=question.person,
                conversation=question.conversation,
                reward=reward,
                value=value,
                logged=LoggedTokens(
                    prompt_token_ids=reply.prompt_token_ids,
                    token_ids=reply.token_ids,
                    logprobs=reply.logprobs,
                    temperature=reply.temperature,
                    model_hash=reply.model_hash,
                    lora_version=reply.lora_version,
                ),
            )
            for reply, reward in zip(replies, self._rewards(replies), strict=True)
            if not reply.tool_calls and reply.finish_reason == "stop"
        ]

    async def _better(self, asked: Sequence[Question], values: dict[str, float | None]) -> list[TrainingExample]:
        """The best reply to each question in any style, where it is surely liked better than the model's own."""
        written = await write_candidates(
            self._llm, asked, self._prompts.styles, lora=self._lora, max_tokens=MAX_TOKENS, seed=self._settings.seed
        )
        words = [[each for each in replies if not each.calls] for replies in written]
        if not any(each.style == OWN for replies in words for each in replies):
            return []
        chosen = choose(asked, words, self._judge).examples
        return [self._with_value(each, values) for each in chosen if each.rejected is not None]

    def _with_value(self, example: TrainingExample, values: dict[str, float | None]) -> TrainingExample:
        if self._settings.baseline != "value" or has_calls(example):
            return example
        return replace(example, value=values.get(asked_text(example.messages)))

    def _is_current(self, example: TrainingExample, written: Completion) -> bool:
        """Whether a logged reply was sampled, in the usual style, from the version that wrote ``written``."""
        logged = example.logged
        if logged is None or logged.temperature <= 0 or in_usual_style(example, self._prompts) != example:
            return False
        return (logged.model_hash, logged.lora_version) == (written.model_hash, written.lora_version)
