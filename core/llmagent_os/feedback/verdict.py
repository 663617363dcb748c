"""Makes one opinion of the reactions of many raters, and finds which signs on a reply still stand."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from llmagent_os.events import PRESSED
from llmagent_os.feedback.emoji_table import RewardMapping
from llmagent_os.identity import Identity
from llmagent_os.ledger.values import RewardEvent

#: The weight of one bystander's opinion. The opinion of the person who was answered weighs 1.
BYSTANDER_WEIGHT = 0.25
#: The most that all bystanders of one reply weigh together.
MAX_BYSTANDERS_WEIGHT = 0.5

#: Sums of rewards closer to 0 than this are 0: floating-point sums of a reaction and its removal.
_ZERO = 1e-9


class Verdict(msgspec.Struct, frozen=True):
    """The opinion that the reactions on one reply amount to."""

    reward: float | None  #: in [-1, 1]; None: no rater has an opinion
    weight: float  #: in [0, 1]


def emojis(rewards: Iterable[RewardEvent], rater_id: Identity) -> list[str]:
    """Return the emoji that one rater has on a reply now, in the order in which they were added.

    A pressed button takes the place of the rater's earlier press, and stands beside the rater's reactions.

    Args:
        rewards: the ledger's rows of one interaction, in order.
        rater_id: the identity that reacted.
    """
    standing: dict[str, None] = {}
    for row in rewards:
        if row.kind == "reaction" and row.rater_id == rater_id:
            standing.pop(row.raw_value, None)
            if row.op == "add":
                if row.raw_value.startswith(PRESSED):
                    standing = {emoji: None for emoji in standing if not emoji.startswith(PRESSED)}
                standing[row.raw_value] = None
    return list(standing)


def opinion(emojis: Sequence[str], mapping: RewardMapping, platform: str = "") -> float:
    """Return the opinion of a rater who has these ``emojis`` on a reply, in [-1, 1].

    The latest emoji that is worth something decides, because people change their minds.
    """
    worths = [mapping(emoji, platform) for emoji in emojis]
    return next((worth for worth in reversed(worths) if worth), 0.0)


def verdict(rewards: Iterable[RewardEvent], own: Collection[Identity], trust: Mapping[Identity, float]) -> Verdict:
    """Make one opinion of many: that of the person answered if there is one, else the mean of the bystanders' opinions.

    One bystander weighs at most :data:`BYSTANDER_WEIGHT`, and all bystanders together at most
    :data:`MAX_BYSTANDERS_WEIGHT`. Trust lowers the weight of a rater. A rater with trust 0 has no opinion.

    Args:
        rewards: the ledger's rows of one interaction.
        own: the identities of the person who was answered.
        trust: by rater, in [0, 1]; 1 for a rater who is missing.
    """
    sums: dict[Identity, float] = {}
    for row in rewards:
        if row.kind == "reaction":
            sums[row.rater_id] = sums.get(row.rater_id, 0.0) + row.reward
    opinions = {
        rater: max(-1.0, min(1.0, value))
        for rater, value in sums.items()
        if abs(value) > _ZERO and trust.get(rater, 1.0) > 0
    }
    mine = [rater for rater in opinions if rater in own]
    if mine:
        total = math.fsum(opinions[rater] for rater in mine)
        weight = max(trust.get(rater, 1.0) for rater in mine)
        return Verdict(max(-1.0, min(1.0, total)), weight)
    weights = {rater: BYSTANDER_WEIGHT * trust.get(rater, 1.0) for rater in opinions}
    whole = math.fsum(weights.values())
    if not weights:
        return Verdict(None, 0.0)
    mean = math.fsum(weights[rater] * value for rater, value in opinions.items()) / whole
    return Verdict(mean, min(whole, MAX_BYSTANDERS_WEIGHT))


def signs(rewards: Iterable[RewardEvent], own: Collection[Identity]) -> list[RewardEvent]:
    """Return the rows that are not reactions and still stand.

    The person who was answered withdraws all earlier signs by removing their last reaction. Bystanders withdraw none.

    Args:
        rewards: the ledger's rows of one interaction, in the order in which they came.
        own: the identities of the person who was answered.
    """
    standing: list[RewardEvent] = []
    mine = 0.0
    for row in rewards:
        if row.kind != "reaction":
            standing.append(row)
        elif row.rater_id in own:
            mine += row.reward
            if row.op == "remove" and row.reward and abs(mine) < _ZERO:
                standing.clear()
    return standing
