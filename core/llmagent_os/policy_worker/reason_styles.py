"""Says what a stated reason means in the dimensions of a bot: "too long" names the shorter values as right."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from llmagent_os.feedback.stated_reasons import StatedReason
from llmagent_os.policy.contract import INITIATIVE
from llmagent_os.policy.explanation import Explanation
from llmagent_os.policy.persona import style_name, style_of

#: The values of the built-in dimension of length, the shortest first.
LENGTHS: tuple[str, ...] = ("brief", "normal", "detailed")
#: The built-in dimension of length.
LENGTH = "verbosity"
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
    >>> found = wanted_styles(reason, {"verbosity": "normal"}, [f"verbosity={each}" for each in LENGTHS])
    >>> sorted(found.right), sorted(found.wrong)
    (['verbosity=brief'], ['verbosity=detailed', 'verbosity=normal'])
    """
    quality = reason.more or reason.less
    values: dict[str, set[str]] = {}
    for style in styles:
        dimension, value = style_of(style)
        values.setdefault(dimension, set()).add(value)
    if quality in _LONGER and values.get(LENGTH, set()) <= set(LENGTHS):
        used = action.get(LENGTH, "normal")
        place = LENGTHS.index(used) if used in LENGTHS else 1
        longer = _LONGER[quality] == bool(reason.more)
        right = set(LENGTHS[place + 1 :] if longer else LENGTHS[:place])
        return _parted(LENGTH, right, values.get(LENGTH, set()))
    owner = next((name for name, found in values.items() if quality in found), "")
    if not owner and quality in _MODES:
        owner, quality = _MODE, _MODES[quality]
    theirs = values.get(owner, set())
    return _parted(owner, {quality} if reason.more else theirs - {quality}, theirs)


def explanation_of(
    reason: StatedReason, action: Mapping[str, str], dimensions: Mapping[str, Collection[str]]
) -> Explanation:
    """Return what a reason for a dislike means to a behaviour policy.

    A reason about the content blames no style: another style would have been as wrong. A reason about what was done
    blames the initiative alone. A reason about the wording blames the dimension that it names, or, where it names none,
    every style but the length: people name the length where they mean it.

    Args:
        reason: what was said of a reply.
        action: the behaviour that was chosen for the reply.
        dimensions: the values of the bot, by dimension.

    >>> explanation_of(StatedReason(about="content"), {"verbosity": "brief"}, {"verbosity": LENGTHS})
    Explanation(about=(), better=(), worse=())
    """
    if reason.about == "content":
        return Explanation()
    if reason.about == "initiative":
        return Explanation(about=(INITIATIVE,))
    styles = [style_name(name, value) for name, values in dimensions.items() for value in values]
    wanted = wanted_styles(reason, action, styles)
    if wanted is not None:
        right, wrong = (tuple(map(style_of, sorted(found))) for found in wanted)
        return Explanation(about=(right[0][0],), better=right, worse=wrong)
    if (reason.more or reason.less) in _LONGER:  # no other value of this bot is shorter, or longer
        return Explanation(about=(LENGTH,))
    return Explanation(about=tuple(name for name in dimensions if name not in (INITIATIVE, LENGTH)))


def _parted(dimension: str, right: set[str], values: set[str]) -> WantedStyles | None:
    """The styles of a dimension. None: one of the two sides is empty, so nothing is said."""
    found = WantedStyles(
        frozenset(style_name(dimension, value) for value in right & values),
        frozenset(style_name(dimension, value) for value in values - right),
    )
    return found if found.right and found.wrong else None
