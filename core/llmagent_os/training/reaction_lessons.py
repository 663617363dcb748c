"""Decides what a model learns from reactions, and where it must stay as it is.

``distil`` learns wordings from its own replies that a reward model likes, and tool calls from those that people liked
or corrected. ``dpo`` learns the same wordings as better than what the model says now, and corrected calls as better
than the wrong ones. ``reinforce`` learns from judged replies whose tokens are known, and else from fresh ones. ``sft``
and ``kto`` learn from the judged replies as they are. All methods hold the model at anchors: other prompts, other
styles, and requests for a tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.training.asked_questions import asked_in_words, in_other_styles, in_usual_style
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.distillation import Distillation, choose
from llmagent_os.training.edited_messages import edited_calls
from llmagent_os.training.fresh_samples import FreshSamples
from llmagent_os.training.lesson_anchors import MAX_TOKENS, lesson_anchors
from llmagent_os.training.lesson_judge import lesson_judge
from llmagent_os.training.lesson_notes import curated_notes, lesson_notes, why_no_lessons
from llmagent_os.training.personal_wording import liked_already, why_nothing, wording_gain
from llmagent_os.training.policy_beliefs import Beliefs, prior_opinions
from llmagent_os.training.reaction_data import (
    ReactionData,
    asked_text,
    has_calls,
    is_correction,
    is_curated,
    opinions_of,
)
from llmagent_os.training.reward_model import RewardModel
from llmagent_os.training.style_candidates import Candidate, Question, write_candidates
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import TrainingExample
from llmagent_os.training.training_plan import NothingToLearn
from llmagent_os.training.training_settings import TrainingSettings
from llmagent_os.training.unjudged_chats import UnjudgedChat
from llmagent_os.training.wanted_styles import wanted_opinions

#: Of so many anchors one is held out: it says with the validation examples when training ends.
HELD_OUT_ANCHOR = 5
#: With fewer tool calls to validate on, chance would decide when training ends.
LEAST_VALIDATION = 8
#: Tool calls are learned down to this loss, in nats a token. Most of a call's tokens are fixed by its form, so the few
#: that decide have a loss many times as high.
CALL_LOSS = 0.003


class ReactionLessons(msgspec.Struct, frozen=True, kw_only=True):
    """What is learned, and where the model must stay as it is."""

    training: tuple[TrainingExample, ...]
    validation: tuple[TrainingExample, ...]
    anchors: tuple[TokenSample, ...] = ()  #: replies of the version that training starts from, to other prompts
    held_anchors: tuple[TokenSample, ...] = ()  #: the same, for validation
    notes: tuple[str, ...] = ()  #: sentences for the report

    @property
    def has_calls(self) -> bool:
        """Whether tool calls are learned."""
        return any(map(has_calls, self.training))


@dataclass(frozen=True)
class StyleChoice:
    """The replies that are to be learned, and the questions at which the model stays as it is."""

    found: Distillation | None  #: None: nothing was asked that is answered in words
    examples: tuple[TrainingExample, ...] = ()
    kept: tuple[Question, ...] = ()  #: asked in other styles, where no other reply is liked better


async def find_lessons(
    llm: LLM,
    data: ReactionData,
    prompts: BotPrompts,
    settings: TrainingSettings,
    *,
    person: PersonId | None,
    lora: str,
    beliefs: Beliefs,
    besides: frozenset[str] = frozenset(),
    persona: str = "",
) -> ReactionLessons | NothingToLearn:
    """Find what a model learns.

    Args:
        llm: the model.
        data: what people thought of its replies.
        prompts: how the bot's model is asked; for one person, in the style in which the person is answered.
        settings: the method, and how ``reinforce`` compares.
        person: whose LoRA it is; None: everybody's, or that of a group.
        lora: the version that training starts from: a PEFT folder, or ``base``.
        beliefs: what the behaviour policy believes of the people.
        besides: prompts that versions are judged by, as :func:`~llmagent_os.training.reaction_data.asked_text`. Nothing
            is learned there, and the model is not held there.
        persona: of a group: the style in which its people are answered, beside the bot's usual one.

    Raises:
        ModelError: the model cannot answer.
    """
    return await _Finder(llm, data, prompts, settings, person, lora, beliefs, besides, persona).find()


#: What is learned, and questions at which the model stays as it is.
_Found = tuple[ReactionLessons, Sequence[Question]]


class _Finder:
    """Finds the lessons of one training."""

    def __init__(
        self,
        llm: LLM,
        data: ReactionData,
        prompts: BotPrompts,
        settings: TrainingSettings,
        person: PersonId | None,
        lora: str,
        beliefs: Beliefs,
        besides: frozenset[str],
        persona: str,
    ) -> None:
        self._llm, self._data, self._prompts, self._settings, self._lora = llm, data, prompts, settings, lora
        self._person, self._beliefs, self._besides = person, beliefs, besides
        self._persona = persona
        self._training, self._curated = self._allowed(data.splits.training)
        self._validation, self._held_curated = self._allowed(data.splits.validation)

    def _allowed(self, examples: Sequence[TrainingExample]) -> tuple[list[TrainingExample], list[TrainingExample]]:
        """What may be trained on: replies that people judged, and what the bot's makers wrote."""
        found = [each for each in examples if asked_text(each.messages) not in self._besides]
        return [each for each in found if not is_curated(each)], [each for each in found if is_curated(each)]

    async def find(self) -> ReactionLessons | NothingToLearn:
        self._training += await edited_calls(self._llm, self._training, self._lora)
        self._validation += await edited_calls(self._llm, self._validation, self._lora)
        if self._person is not None and not self._is_corrected():
            splits = self._data.splits
            if why := liked_already((*splits.training, *splits.validation, *splits.test), self._prompts):
                return NothingToLearn(why)
        match self._settings.method:
            case "distil" | "dpo":
                found = await self._best_replies()
            case "reinforce":
                found = await self._sampled_replies()
            case _:
                found = self._judged_replies()
        if isinstance(found, NothingToLearn):
            return found
        lessons, kept = found
        if self._settings.method == "dpo" and not any(each.rejected for each in lessons.training):
            return NothingToLearn("no reply is surely better than what the model says now, and no call was corrected")
        written = msgspec.structs.replace(
            lessons,
            training=(*lessons.training, *self._curated),
            validation=(*lessons.validation, *self._held_curated),
            notes=(*lessons.notes, *curated_notes(len(self._curated))),
        )
        return await self._held(written, kept)

    # ── what is learned ───────────────────────────────────────────────────────────────────────────────────────────

    def _is_corrected(self) -> bool:
        """Whether somebody has shown that another call was due: that is learned however the words are liked."""
        return any(map(is_correction, (*self._training, *self._validation)))

    async def _best_replies(self) -> _Found | NothingToLearn:
        asked = self._asked(self._training, self._data.unjudged)
        written = await self._written(asked, self._prompts.styles)
        judge, judge_notes = await self._fitted(written, asked)
        chosen = await self._chosen(asked, written, judge)
        if self._person is not None and (why := self._why_no_wording(chosen.found, judge)):
            if not self._is_corrected():
                return NothingToLearn(why)
            chosen = StyleChoice(None, (), (*asked, *chosen.kept))
        calls, held_calls = _shared_out(_liked_calls(self._training), _liked_calls(self._validation))
        if not calls and not self._curated and not any(each.rejected for each in chosen.examples):
            return NothingToLearn(why_no_lessons(chosen.found))
        held = StyleChoice(None)
        if chosen.found is not None:
            asked = self._asked(self._validation, self._data.validation_chats)
            held = await self._chosen(asked, await self._written(asked, self._prompts.styles), judge)
        lessons = ReactionLessons(
            training=(*chosen.examples, *calls),
            validation=(*held.examples, *held_calls),
            notes=(*lesson_notes(chosen.found, len(calls)), *judge_notes),
        )
        return lessons, chosen.kept

    def _why_no_wording(self, found: Distillation | None, judge: RewardModel) -> str:
        """Why one person's LoRA learns no wording; empty: it does."""
        if found is None:
            return why_no_lessons(None)
        gain = wording_gain(found, judge)
        return "" if gain is not None and gain.is_sure else why_nothing(gain)

    async def _sampled_replies(self) -> _Found:
        judge, notes = await self._fitted(())
        fresh = FreshSamples(self._llm, self._prompts, judge, self._lora, self._settings)
        asked = self._asked(self._training, self._data.unjudged)
        found = await fresh.examples(self._training, asked)
        held = await fresh.examples(self._validation, self._asked(self._validation, self._data.validation_chats))
        lessons = ReactionLessons(training=found.examples, validation=held.examples, notes=(*found.notes, *notes))
        return lessons, self._in_other_styles(asked)

    def _judged_replies(self) -> _Found:
        lessons = ReactionLessons(
            training=tuple(in_usual_style(each, self._prompts) for each in self._training),
            validation=tuple(in_usual_style(each, self._prompts) for each in self._validation),
        )
        return lessons, self._in_other_styles(self._asked(self._training, ()))

    def _asked(self, examples: Sequence[TrainingExample], chats: Sequence[UnjudgedChat]) -> list[Question]:
        return asked_in_words(examples, chats, self._prompts, self._besides)

    def _in_other_styles(self, questions: Sequence[Question]) -> list[Question]:
        return in_other_styles(questions, self._prompts, self._persona)

    async def _fitted(
        self, written: Sequence[Sequence[Candidate]], asked: Sequence[Question] = ()
    ) -> tuple[RewardModel, tuple[str, ...]]:
        """The reward model, and sentences on how it was made.

        Args:
            written: the model's replies in every style, on which the policy's beliefs and people's reasons are written.
            asked: what they reply to.
        """
        opinions, usual = opinions_of(self._data.splits.training), self._prompts.usual_styles
        expected = prior_opinions(self._beliefs, written, opinions, usual=usual)
        expected += wanted_opinions(self._training, asked, written, self._prompts.styles, usual)
        return await lesson_judge(opinions, expected, self._llm.location, person=self._person, prior=self._data.prior)

    async def _chosen(
        self, questions: Sequence[Question], written: Sequence[Sequence[Candidate]], judge: RewardModel
    ) -> StyleChoice:
        """The best replies to what people asked: in the usual style of all styles, in another style of edits alone.

        Args:
            questions: in the usual style.
            written: the model's replies to each, in every style.
            judge: says how a reply is liked.
        """
        found = _best(questions, written, judge)
        if found is None:
            return StyleChoice(None)
        others = self._in_other_styles(questions)
        edited = _best(others, await self._written(others, {}), judge)
        liked = edited.examples if edited else []
        changed = {str(each.messages[:-1]) for each in liked if each.rejected is not None}
        kept = tuple(each for each in others if str(each.messages) not in changed)
        return StyleChoice(found, (*found.examples, *liked), kept)

    async def _written(self, questions: Sequence[Question], styles: Mapping[str, str]) -> list[list[Candidate]]:
        """The model's replies in words to each question, in these styles and by edits."""
        written = await write_candidates(self._llm, questions, styles, lora=self._lora, max_tokens=MAX_TOKENS)
        return [[each for each in replies if not each.calls] for replies in written]

    async def _held(self, lessons: ReactionLessons, asked: Sequence[Question]) -> ReactionLessons:
        """The lessons, with anchors."""
        samples = await lesson_anchors(
            self._llm, self._data, self._prompts, asked, lora=self._lora, besides=self._besides
        )
        return msgspec.structs.replace(
            lessons,
            anchors=tuple(each for at, each in enumerate(samples) if at % HELD_OUT_ANCHOR),
            held_anchors=tuple(samples[::HELD_OUT_ANCHOR]),
        )


def _best(
    questions: Sequence[Question], written: Sequence[Sequence[Candidate]], judge: RewardModel
) -> Distillation | None:
    """The best replies; None: nothing is answered in whole words."""
    try:
        return choose(questions, written, judge)
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
