"""Says which of a reply's completions each opinion is about: its tool calls, its words, or both.

=========================  ==========================================================================================
sign                       speaks of
=========================  ==========================================================================================
thanks                     every call, and the words
correction, edited, reask  the last call; the words, if no tool was called. The bot has misread the person.
confirmed, declined        the last call, which a tool asked about before it acted
tool_failed                the call that failed
reaction                   the words, if they are the model's own and could have been put in another way; else the call
wording                    the words: a reason in words, or the 👎 that it explains
=========================  ==========================================================================================

Where a plugin's rules read the message, no model drew the calls: only what is about the words is about a model then.

Words that were replaced were not read by anybody, and calls that were not valid were not run: no opinion is about them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from llmagent_os.identity import Identity
from llmagent_os.ledger import CompletionRecord, Interaction
from llmagent_os.policy.contract import NO_STYLES
from llmagent_os.tools.result_statuses import FAILED

#: A reason that is about the wording, as ``feedback.stated_reasons`` reads it: no sign of the ledger.
WORDING = "wording"
#: The signs that speak of what was done or said, and never of how it was put.
OF_CONTENT = frozenset(("correction", "declined"))
#: The signs that say that the bot has misread what the person said.
MISREAD = frozenset(("correction", "edited", "reask", "declined"))


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """One sign of what people think of a reply."""

    kind: str  #: a signal of ``feedback.signals``, or :data:`WORDING`
    reward: float  #: in [-1, 1]
    weight: float  #: how far the raters are trusted, in [0, 1]
    raters: tuple[Identity, ...]  #: who gave it


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """What people think of one completion."""

    position: int  #: the completion's place in the reply
    reward: float  #: the mean of the opinions, by their weights, in [-1, 1]
    weight: float  #: the weight of the weightiest opinion, in (0, 1]
    kinds: frozenset[str]  #: the signals that say so
    raters: tuple[Identity, ...]  #: who gave the opinions, sorted


def assign_credit(
    interaction: Interaction, completions: Sequence[CompletionRecord], opinions: Sequence[Opinion]
) -> list[Credit]:
    """Share the opinions on a reply out among its completions.

    Args:
        interaction: the reply.
        completions: all that the model wrote for it, in order.
        opinions: what people think of it.

    Returns:
        The completions that an opinion is about, in order.
    """
    about: dict[int, list[Opinion]] = {}
    for opinion in opinions:
        if opinion.weight <= 0:
            continue
        for position in _subjects(opinion.kind, interaction, completions):
            about.setdefault(position, []).append(opinion)
    return [credit_of(position, about[position]) for position in sorted(about)]


def credit_of(position: int, opinions: Sequence[Opinion]) -> Credit:
    """What opinions together think of the completion at ``position``. At least one of them has a weight."""
    whole = math.fsum(opinion.weight for opinion in opinions)
    return Credit(
        position=position,
        reward=math.fsum(opinion.weight * opinion.reward for opinion in opinions) / whole,
        weight=max(opinion.weight for opinion in opinions),
        kinds=frozenset(opinion.kind for opinion in opinions),
        raters=tuple(sorted({rater for opinion in opinions for rater in opinion.raters})),
    )


def _subjects(kind: str, interaction: Interaction, completions: Sequence[CompletionRecord]) -> list[int]:
    """The places of the completions that a signal is about."""
    calls = [at for at, each in enumerate(completions) if each.tool_calls]
    words = [at for at, each in enumerate(completions) if each.sent]
    if kind == "thanks":
        return calls + words
    if kind == WORDING:
        return words
    if kind == "tool_failed":
        return _failed(interaction, completions)
    by_rules = interaction.calls_by_rules > 0
    if kind in MISREAD or kind == "confirmed":
        return calls[-1:] or ([] if by_rules else words)
    return words if words and (_style_showed(interaction) or not (calls or by_rules)) else calls[-1:]


def _failed(interaction: Interaction, completions: Sequence[CompletionRecord]) -> list[int]:
    """The completions whose calls failed. The interaction has the calls of all completions in one list, in order."""
    places = [at for at, each in enumerate(completions) for _ in each.tool_calls]
    drawn = interaction.tool_calls[interaction.calls_by_rules :]
    results = [call.get("result", {}).get("status") for call in drawn]
    return sorted({at for at, status in zip(places, results, strict=False) if status == FAILED})


def _style_showed(interaction: Interaction) -> bool:
    """Whether the words were more than what a plugin had fixed."""
    shown = interaction.context.get("shown")
    return not interaction.action or shown is None or any(name not in NO_STYLES for name in shown)
