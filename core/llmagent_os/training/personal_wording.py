"""Decides whether there is a wording that one person's LoRA should learn, beside what the person is answered now.

The behaviour policy finds most tastes before a training is due, and asks for them by instruction. A LoRA that learns
such a taste once more has nothing to win, and can lose what the person likes. So it learns a wording only where the
replies that the person gets now leave something to wish for, and where another reply is surely liked better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmagent_os.training.asked_questions import in_usual_style
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.distillation import Distillation
from llmagent_os.training.reaction_data import has_calls, is_correction, is_curated, right_calls
from llmagent_os.training.reward_model import RewardModel
from llmagent_os.training.taste_draws import DrawnGain, drawn_gain, drawn_likings
from llmagent_os.training.training_example import TrainingExample

#: From this share of liked replies on, the person has what they like. By Laplace's rule: five of five are enough.
LIKED_ALREADY = 0.85
#: A wording is learned if the replies to all questions are expected to be liked so much more often.
LEAST_GAIN = 0.05


class StyleOpinions(NamedTuple):
    """What a person thought of the replies in words that were asked for in one style, as far as the person is trusted.

    Each is a sum of weights.
    """

    liked: float
    judged: float

    @property
    def share(self) -> float:
        """The share of replies that the person likes, by Laplace's rule of succession."""
        return (self.liked + 1) / (self.judged + 2)


def opinions_in_style(examples: Sequence[TrainingExample], prompts: BotPrompts) -> StyleOpinions:
    """Count what a person thought of replies in the usual style of ``prompts``: that in which the person is answered.

    Args:
        examples: the person's judged replies, as they were asked for.
        prompts: those of the person.
    """
    corrected = right_calls(examples)
    words = [
        each
        for each in examples
        if not (has_calls(each) or is_correction(each) or is_curated(each) or each.origin in corrected)
    ]
    here = [each for each in words if in_usual_style(each, prompts) == each]
    return StyleOpinions(
        sum(each.weight * (each.reward + 1) / 2 for each in here),
        sum(each.weight for each in here),
    )


def liked_already(examples: Sequence[TrainingExample], prompts: BotPrompts) -> str:
    """Say why there is no wording to learn: the person likes the replies as they are. Empty: that is not known.

    Args:
        examples: the person's judged replies, as they were asked for.
        prompts: those of the person.
    """
    found = opinions_in_style(examples, prompts)
    if found.share < LIKED_ALREADY:
        return ""
    return (
        f"the behaviour policy already answers as this person likes: {found.liked:.1f} of {found.judged:.1f} judged "
        f"replies in this style ({', '.join(prompts.usual_styles)}) were liked"
    )


class WordingGain(NamedTuple):
    """What is to be gained by the replies that were chosen."""

    changed: DrawnGain  #: over the questions where another reply than the model's own was chosen
    expected: float  #: over all questions

    @property
    def is_sure(self) -> bool:
        """Whether the replies are surely liked better, and by enough to be worth a training."""
        return self.changed.low > 0 and self.expected >= LEAST_GAIN


def wording_gain(found: Distillation, judge: RewardModel) -> WordingGain | None:
    """Say how surely the chosen replies are liked better than those that the person gets now. None: they are the same.

    Args:
        found: what was chosen.
        judge: how the person likes replies.
    """
    pairs = [(each.messages[-1], each.rejected) for each in found.examples if each.rejected is not None]
    if not pairs:
        return None
    after, before = ([str(turn.get("content") or "") for turn in turns] for turns in zip(*pairs, strict=True))
    none = [()] * len(pairs)
    gain = drawn_gain(drawn_likings(judge, after, none), drawn_likings(judge, before, none))
    return WordingGain(gain, found.liked_after - found.liked_before)


def why_nothing(gain: WordingGain | None) -> str:
    """Say why no wording is learned, where the person's own opinions of the style have not said so."""
    if gain is None:
        return (
            "the behaviour policy already answers as this person likes: no style that the model can be brought to is "
            "surely liked better than what the person is answered now"
        )
    return (
        "the behaviour policy already answers as this person likes, as far as can be told: the best other replies are "
        f"expected to be liked {gain.expected:+.0%} more often, and at least {gain.changed.low:+.0%} where they differ"
    )
