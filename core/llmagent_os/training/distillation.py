"""Chooses what a model should learn to say: the best of its own replies to real questions, in every style it can have.

Policy gradient on what a model happens to say learns nothing where it never says what is liked. So the model is brought
to every style: by the instructions of the bot's dimensions, and by editing what it says. A reward model scores all of
them, and nobody has to be asked again. The best are learned without the instruction: the style becomes the model's own.

Sources: Snell et al. 2022, Learning by Distilling Context, https://arxiv.org/abs/2209.15189; Dong et al. 2023, RAFT,
https://arxiv.org/abs/2304.06767. Left out: whether an instructed reply is right. Only the wording is scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from llmagent_os.chat import Message
from llmagent_os.errors import ConfigError
from llmagent_os.policy.array_types import Bools, Floats
from llmagent_os.training.reward_model import RewardModel
from llmagent_os.training.style_candidates import OWN, Candidate, Question
from llmagent_os.training.training_example import TrainingExample

_LEAST_GAIN = 0.02  # a style has to be liked so much more often than the model's own, or the model stays as it is
#: A feature that goes so far beyond all that people have judged is one of which nothing is known. Features are about 1
#: where what they name is plain to see.
_UNKNOWN = 1.0
_USUAL_GAIN = 0.05  # a smaller mean gain is reported: training will hardly show


class Distillation(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen."""

    examples: list[TrainingExample]  #: one a question that has a reply worth learning
    styles: dict[str, int]  #: how many of the examples have which style, the most frequent first
    liked_before: float  #: mean probability that the model's own replies are liked
    liked_after: float  #: the same of the chosen ones
    words_before: float  #: mean number of words of the model's own replies
    words_after: float  #: the same of the chosen ones
    warnings: list[str]  #: sentences on why training will do little


def choose(
    questions: Sequence[Question],
    candidates: Sequence[Sequence[Candidate]],
    model: RewardModel,
    *,
    caution: float = 1.0,
) -> Distillation:
    """Choose for each question the reply that the reward model likes best.

    Of every reply the probability of being liked counts that it has if the reward model is wrong by ``caution``
    standard deviations. The model's own reply stays unless another one is clearly better. A reply unlike all that
    people have judged is never chosen, whatever the reward model makes of it.

    Args:
        questions: what people ask.
        candidates: the replies to each question, from :func:`write_candidates`.
        model: says how a reply is liked.
        caution: standard deviations, at least 0.

    Raises:
        ConfigError: there is no candidate for any question.
    """
    chosen: list[Candidate] = []
    own: list[Candidate] = []
    examples: list[TrainingExample] = []
    likings: list[tuple[float, float]] = []
    for question, replies in zip(questions, candidates, strict=True):
        if not replies:
            continue
        scores = model.score([each.text for each in replies], [each.calls for each in replies])
        before = next((at for at, each in enumerate(replies) if each.style == OWN), 0)
        careful = scores.lower(caution)  # (replies,)
        known = _known(model.beyond([each.text for each in replies], [each.calls for each in replies]), before)
        best = int(np.argmax(np.where(known, careful, -1.0)))
        if careful[best] < careful[before] + _LEAST_GAIN:
            best = before
        chosen.append(replies[best])
        own.append(replies[before])
        likings.append((float(scores.liked[before]), float(scores.liked[best])))
        if best != before or likings[-1][1] > 0.5:
            examples.append(_example(question, replies[best], replies[before], likings[-1]))
    if not chosen:
        raise ConfigError(
            f"the model has no whole reply to any of {len(questions)} questions: raise max_tokens, or give other ones"
        )
    liked_before, liked_after = np.array(likings).T  # (questions,)
    return Distillation(
        examples=examples,
        styles=dict(Counter(each.style for each in chosen).most_common()),
        liked_before=float(liked_before.mean()),
        liked_after=float(liked_after.mean()),
        words_before=_words(own),
        words_after=_words(chosen),
        warnings=_warnings(float((liked_after - liked_before).mean()), len(chosen) - len(examples), model),
    )


def _known(beyond: Floats, own: int) -> Bools:
    """Whether replies are like what people have judged, as far as the model's own reply is, ``(replies,)``.

    Args:
        beyond: how far their features go beyond what was judged, ``(replies, features)``.
        own: the place of the model's own reply, which it says already.
    """
    known = np.asarray((beyond < np.nan_to_num(beyond[own], posinf=0.0) + _UNKNOWN).all(axis=1), np.bool_)
    known[own] = True
    return known


def _example(question: Question, reply: Candidate, own: Candidate, liking: tuple[float, float]) -> TrainingExample:
    """The chosen reply as something to learn, rejected: what the model says of its own accord.

    Args:
        question: what was asked.
        reply: the chosen reply.
        own: what the model says of its own accord.
        liking: the probabilities that ``own`` and ``reply`` are liked. Somebody who likes little gives a better reply
            a reward above zero too.
    """
    return TrainingExample(
        messages=(*question.messages, _turn(reply)),
        tools=question.tools,
        origin=f"distilled:{reply.style}:{question.origin}",
        person=question.person,
        conversation=question.conversation,
        reward=max(2 * liking[1] - 1, liking[1] - liking[0]),
        rejected=None if reply == own else _turn(own),
    )


def _turn(reply: Candidate) -> Message:
    turn: Message = {"role": "assistant", "content": reply.text}
    return {**turn, "tool_calls": list(reply.calls)} if reply.calls else turn


def _words(replies: Sequence[Candidate]) -> float:
    return sum(len(each.text.split()) for each in replies) / len(replies)


def _warnings(gain: float, left_out: int, model: RewardModel) -> list[str]:
    """Args: how much more often the chosen replies are liked, and how many questions have no reply worth learning."""
    found: list[str] = []
    if not model.opinions:
        found.append("the reward model has no opinion of this person: everybody's taste is learned")
    if gain < _USUAL_GAIN:
        found.append(
            f"the chosen replies are liked {gain:.0%} more often than the model's own, so there is little to learn: "
            "the model has the liked style already, or cannot be brought to it"
        )
    if left_out:
        found.append(f"{left_out} questions are left out: the model's own reply is not liked, and no other is better")
    return found
