"""Says which style would have been right, where somebody named what was wrong with a reply: "too long", "too formal".

Such a reason says more than a 👎. Of the model's own replies to the same question, those in the wanted style are
expected to be liked, and those in the other styles of that dimension are not. That is written as opinions for the
reward model. Where the model cannot be brought to the style, both sides have the same wording and cancel out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from llmagent_os.feedback.stated_reasons import StatedReason
from llmagent_os.policy.persona import style_name, style_of
from llmagent_os.training.reward_model import Opinion
from llmagent_os.training.style_candidates import OWN, Candidate, Question
from llmagent_os.training.training_example import TrainingExample

#: The values of the built-in dimension of length, the shortest first.
_LENGTHS: tuple[str, ...] = ("brief", "normal", "detailed")
_LENGTH = "verbosity"
#: Whether a quality of wording, or a value of the dimension, means longer words.
_LONGER = {"long": True, "detailed": True, "short": False, "brief": False}
#: The value of the built-in dimension of mode that has a quality.
_MODE = "mode"
_MODES = {"chatty": "conversational", "casual": "conversational", "dry": "task_oriented", "formal": "task_oriented"}


class WantedStyles(NamedTuple):
    """The styles of one dimension, ``dimension=value``, parted by what somebody said."""

    right: frozenset[str]
    wrong: frozenset[str]


def wanted_styles(reason: StatedReason, action: Mapping[str, str], styles: Collection[str]) -> WantedStyles | None:
    """Return the styles that a reason names as right and as wrong. None: it names none of the bot's styles.

    Args:
        reason: what was said of a reply.
        action: the behaviour that was chosen for the reply, by dimension.
        styles: all styles of the bot, ``dimension=value``.

    >>> reason = StatedReason(about="wording", less="long")
    >>> found = wanted_styles(reason, {"verbosity": "normal"}, [f"verbosity={each}" for each in _LENGTHS])
    >>> sorted(found.right), sorted(found.wrong)
    (['verbosity=brief'], ['verbosity=detailed', 'verbosity=normal'])
    """
    quality = reason.more or reason.less
    values: dict[str, set[str]] = {}
    for style in styles:
        dimension, value = style_of(style)
        values.setdefault(dimension, set()).add(value)
    if quality in _LONGER and values.get(_LENGTH, set()) <= set(_LENGTHS):
        used = action.get(_LENGTH, "normal")
        place = _LENGTHS.index(used) if used in _LENGTHS else 1
        longer = _LONGER[quality] == bool(reason.more)
        right = set(_LENGTHS[place + 1 :] if longer else _LENGTHS[:place])
        return _parted(_LENGTH, right, values.get(_LENGTH, set()))
    owner = next((name for name, found in values.items() if quality in found), "")
    if not owner and quality in _MODES:
        owner, quality = _MODE, _MODES[quality]
    theirs = values.get(owner, set())
    return _parted(owner, {quality} if reason.more else theirs - {quality}, theirs)


def _parted(dimension: str, right: set[str], values: set[str]) -> WantedStyles | None:
    """The styles of a dimension. None: one of the two sides is empty, so nothing is said."""
    found = WantedStyles(
        frozenset(style_name(dimension, value) for value in right & values),
        frozenset(style_name(dimension, value) for value in values - right),
    )
    return found if found.right and found.wrong else None


def wanted_opinions(
    examples: Sequence[TrainingExample],
    questions: Sequence[Question],
    written: Sequence[Sequence[Candidate]],
    styles: Collection[str],
    usual: Collection[str] = (),
) -> list[Opinion]:
    """Write what reasons say of the model's own replies as opinions. A reason weighs one opinion on either side.

    Args:
        examples: judged replies, with reasons.
        questions: what was asked.
        written: the model's replies to each question, in every style.
        styles: all styles of the bot.
        usual: the styles of the bot's defaults, which the model's own replies have.
    """
    replies = {question.origin: each for question, each in zip(questions, written, strict=True)}
    found: list[Opinion] = []
    for example in examples:
        wanted = wanted_styles(example.reason, example.action, styles) if example.reason is not None else None
        if wanted is None:
            continue
        said = str(example.messages[-1].get("content") or "")
        others = [each for each in replies.get(example.origin, ()) if each.text != said and not each.calls]
        right = [each.text for each in others if _in(each, wanted.right, usual)]
        wrong = [each.text for each in others if _in(each, wanted.wrong, usual)]
        if right:
            weight = example.weight * abs(example.reward)
            found += _opinions(example, right, 1.0, weight) + _opinions(example, wrong, -1.0, weight)
    return found


def _in(reply: Candidate, styles: frozenset[str], usual: Collection[str]) -> bool:
    return reply.style in styles or (reply.style == OWN and not styles.isdisjoint(usual))


def _opinions(example: TrainingExample, texts: Sequence[str], reward: float, weight: float) -> list[Opinion]:
    """One opinion, shared out among replies. What the person asks for counts as judged; what they do not want, not."""
    return [
        Opinion(text=text, reward=reward, weight=weight / len(texts), person=example.person, given=reward > 0)
        for text in texts
    ]
