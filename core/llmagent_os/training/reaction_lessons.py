"""Decides what a model learns from reactions: by ``distil`` the best of its own replies, else what was judged itself.

``distil`` learns wordings from its own replies that a reward model likes, and tool calls from those that people liked
or corrected. All other methods learn from the judged replies as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.training.anchor_samples import write_anchors
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.control_prompts import ANCHORS
from llmagent_os.training.distillation import Distillation, choose
from llmagent_os.training.edited_messages import edited_calls
from llmagent_os.training.reaction_data import ReactionData, has_calls, opinions_of, right_calls
from llmagent_os.training.reward_model import RewardModel, fit_reward_model
from llmagent_os.training.style_candidates import OWN, Question, write_candidates
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import TrainingExample
from llmagent_os.training.training_plan import NothingToLearn

#: The most questions that the model answers in every style, the latest ones.
MOST_QUESTIONS = 96
#: The most tokens of a reply that is to be learned.
MAX_TOKENS = 96
#: The most tokens of an anchor that may be a tool call.
CALL_TOKENS = 48
#: With fewer tool calls to validate on, chance would decide when training ends.
LEAST_VALIDATION = 8
#: Tool calls are learned down to this loss, in nats a token. Most of a call's tokens are fixed by its form, so the few
#: that decide have a loss many times as high.
CALL_LOSS = 0.003


class ReactionLessons(msgspec.Struct, frozen=True, kw_only=True):
    """What is learned, and where the model must stay as it is."""

    training: tuple[TrainingExample, ...]
    validation: tuple[TrainingExample, ...]
    anchors: tuple[TokenSample, ...] = ()  #: the base's replies to unrelated prompts
    notes: tuple[str, ...] = ()  #: sentences for the report

    @property
    def has_calls(self) -> bool:
        """Whether tool calls are learned."""
        return any(map(has_calls, self.training))


async def find_lessons(
    llm: LLM, data: ReactionData, prompts: BotPrompts, method: str, *, person: PersonId | None, lora: str
) -> ReactionLessons | NothingToLearn:
    """Find what a model learns.

    Args:
        llm: the model.
        data: what people thought of its replies.
        prompts: how the bot's model is asked.
        method: a method of :class:`~llmagent_os.training.training_settings.TrainingSettings`.
        person: whose LoRA it is; None: everybody's.
        lora: the version that training starts from: a PEFT folder, or ``base``.

    Raises:
        ModelError: the model cannot answer.
    """
    splits = msgspec.structs.replace(
        data.splits,
        training=(*data.splits.training, *await edited_calls(llm, data.splits.training, lora)),
        validation=(*data.splits.validation, *await edited_calls(llm, data.splits.validation, lora)),
    )
    if method != "distil":
        return ReactionLessons(training=splits.training, validation=splits.validation)
    judge = fit_reward_model(opinions_of(splits.training), person, average=True)
    found = await _distilled(llm, splits.training, judge, prompts, lora)
    calls, held_calls = _shared_out(_liked_calls(splits.training), _liked_calls(splits.validation))
    wordings = [] if found is None else found.examples
    if not calls and (found is None or set(found.styles) <= {OWN}):
        return NothingToLearn(_why(found))
    kept = await _distilled(llm, splits.validation, judge, prompts, lora)
    return ReactionLessons(
        training=(*wordings, *calls),
        validation=(*([] if kept is None else kept.examples), *held_calls),
        anchors=(
            *await write_anchors(llm, ANCHORS, system=prompts.system, tools=prompts.tools),
            *await write_anchors(
                llm, prompts.anchors, system=prompts.system, tools=prompts.tools, max_tokens=CALL_TOKENS
            ),
        ),
        notes=_notes(found, len(calls)),
    )


async def _distilled(
    llm: LLM, examples: Sequence[TrainingExample], judge: RewardModel, prompts: BotPrompts, lora: str
) -> Distillation | None:
    """The best replies to what people asked; None: nothing was asked that is answered in words."""
    questions = _questions(examples)
    written = await write_candidates(llm, questions, prompts.styles, lora=lora, max_tokens=MAX_TOKENS)
    words = [[each for each in replies if not each.calls] for replies in written]
    try:
        return choose(questions, words, judge)
    except ConfigError:  # no question has a reply in whole words
        return None


def _liked_calls(examples: Sequence[TrainingExample]) -> list[TrainingExample]:
    return [each for each in examples if each.reward > 0 and has_calls(each)]


def _shared_out(
    training: list[TrainingExample], validation: list[TrainingExample]
) -> tuple[list[TrainingExample], list[TrainingExample]]:
    """Calls to learn, and calls that say when to stop. Two or three calls say nothing: they are learned as well."""
    if len(validation) >= LEAST_VALIDATION:
        return training, validation
    return [*training, *validation], []


def _questions(examples: Sequence[TrainingExample]) -> list[Question]:
    """What was asked before replies in words, each once, the latest ones. Where a tool is due, no words are learned."""
    found: dict[str, Question] = {}
    corrected = right_calls(examples)
    for each in examples:
        if not has_calls(each) and each.origin not in corrected:
            found[str(each.messages[:-1])] = Question(
                messages=each.messages[:-1],
                tools=each.tools,
                origin=each.origin,
                person=each.person,
                conversation=each.conversation,
            )
    return list(found.values())[-MOST_QUESTIONS:]


def _why(found: Distillation | None) -> str:
    if found is None:
        return "no judged reply is in words, and no tool call was liked or corrected"
    return "no style that the model can be brought to is surely liked better than its own, and no tool call was liked"


def _notes(found: Distillation | None, calls: int) -> tuple[str, ...]:
    notes = [f"{calls} tool calls that were liked or corrected are learned"] if calls else []
    if found is not None:
        styles = ", ".join(f"{count} in style {style}" for style, count in found.styles.items())
        notes.append(
            f"{len(found.examples)} of the model's own replies are learned ({styles}): the reward model expects "
            f"{found.liked_after:.0%} of them to be liked, and {found.liked_before:.0%} of those before"
        )
        notes += found.warnings
    return tuple(notes)
