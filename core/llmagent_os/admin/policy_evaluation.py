"""Reads a ledger for ``llmagent-os policy evaluate``: trains candidates on its first part, and judges by the rest.

The decisions are in the order in which they were made, and the cut is at :data:`TRAINING_SHARE` of them.

- Training: a candidate learner observes the rewards up to the cut, in the order in which they came, with the trust that
  raters had then. It knows what the bot's policy would know if the ledger ended at the cut. A reward that came after
  the cut is not seen, also if it is on a reply from before the cut.
- Judging: each decision after the cut counts with what is known of it by now. That is what a learner would have
  observed of it by the end of the ledger: one opinion of all raters, weighted by their trust, and the signs that were
  not withdrawn.

Both use :func:`llmagent_os.feedback.observations.observations`, as the bot does while people react.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagent_os.errors import PolicyError
from llmagent_os.feedback.implicit_signs import event_key_of
from llmagent_os.feedback.observations import observations
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.feedback.signals import Kind, next_code
from llmagent_os.ledger import Ledger, RewardWithReply
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Decision
from llmagent_os.policy.features import Features
from llmagent_os.policy.learned import LearnedPolicy
from llmagent_os.policy.off_policy.bandit_feedback import LoggedBanditFeedback
from llmagent_os.policy_worker.reward_learning import decision_of, learn

#: The number of rows that are read at once.
PAGE_ROWS = 500
#: The share of the decisions that come before the cut.
TRAINING_SHARE = 0.6
#: The number of decisions that are read: the latest.
MAX_DECISIONS = 20_000

Floats = NDArray[np.float64]

#: What is known of one reply: the reward of every signal that stands.
Standing = Mapping[Kind, float]


@dataclass(frozen=True)
class Cut:
    """The place in the ledger where training ends."""

    moment: datetime  #: when the first reply after the cut was made
    replies: frozenset[str]  #: the ids of the replies after the cut

    def is_late(self, row: RewardWithReply) -> bool:
        """Return whether a reward was given after the cut, by the clock of its platform. Training leaves it out."""
        return row.reward is not None and row.reward.at >= self.moment

    def is_reached_by(self, row: RewardWithReply) -> bool:
        """Return whether a reward shows that the cut is reached: training ends there.

        Such a reward is on a reply after the cut, or is a sign in the message that such a reply answers. The time of a
        reward does not show it: one platform with a wrong clock would end the training too early.
        """
        reward = row.reward
        if reward is None:
            return False
        is_sign = reward.kind != "reaction"
        return reward.interaction_id in self.replies or (is_sign and event_key_of(reward) in self.replies)


@dataclass(frozen=True)
class HeldOut:
    """The decisions after the cut, by which candidates are judged."""

    decisions: tuple[Decision, ...]  #: in the order in which they were made; at least one
    cut: Cut
    skipped: int  #: the number of replies that no policy chose, or whose decision the bot could not make any more


async def read_held_out(ledger: Ledger, space: ActionSpace) -> HeldOut:
    """Read the latest :data:`MAX_DECISIONS` decisions of a ledger, and return those after the cut.

    Raises:
        PolicyError: the ledger holds no decision of a policy.
        LedgerError: the ledger cannot be read.
    """
    found: list[tuple[datetime, Decision]] = []
    skipped, after = 0, 0
    while page := await ledger.replies_after(after, PAGE_ROWS):
        after = page[-1].seq
        for reply in page:
            decision = None if reply.interaction is None else decision_of(reply.interaction, reply.person)
            if reply.interaction is None or decision is None or not _is_sound(decision, space):
                skipped += 1
            else:
                found.append((reply.interaction.created_at, decision))
        del found[: max(0, len(found) - MAX_DECISIONS)]
    if not found:
        raise PolicyError(f"the ledger holds no decision of a policy that learns ({skipped} other replies)")
    after_cut = found[int(len(found) * TRAINING_SHARE) :]
    held_out = tuple(decision for _, decision in after_cut)
    cut = Cut(after_cut[0][0], frozenset(decision.decision_id for decision in held_out))
    return HeldOut(held_out, cut, skipped)


def _is_sound(decision: Decision, space: ActionSpace) -> bool:
    if space.index(decision.action) is None:
        return False
    chances = _chances(decision, space)
    return 0 < decision.pscore <= 1 and abs(float(chances.sum()) - 1) < 1e-3 and bool((chances >= 0).all())


def _chances(decision: Decision, space: ActionSpace) -> Floats:
    return np.array([decision.action_dist.get(label, 0.0) for label in space.labels])


async def train(ledger: Ledger, cut: Cut, policies: Collection[LearnedPolicy]) -> int:
    """Let every policy learn the rewards before the cut, and return the number of these rewards.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    learners = [(policy, Trust()) for policy in policies]
    count = 0
    async for row in _rewards(ledger):
        if cut.is_reached_by(row):
            break
        if cut.is_late(row):
            continue
        for policy, trust in learners:
            learn(policy, (row,), trust)
        count += 1
    return count


async def read_standing(ledger: Ledger, decisions: Sequence[Decision]) -> list[Standing]:
    """Return for each decision what is known of it by the end of the ledger.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    found: dict[str, dict[Kind, float]] = {decision.decision_id: {} for decision in decisions}
    trust = Trust()
    async for row in _rewards(ledger):
        for seen in observations(row, trust):
            standing = found.get(seen.interaction.interaction_id)
            if standing is None:
                continue
            if seen.reward is None:
                standing.clear()
            else:
                standing[seen.kind] = seen.reward
    return [found[decision.decision_id] for decision in decisions]


async def _rewards(ledger: Ledger) -> AsyncIterator[RewardWithReply]:
    """All rewards, in the order in which they came."""
    after = 0
    while page := await ledger.rewards_after(after, PAGE_ROWS):
        after = page[-1].seq
        for row in page:
            yield row


def as_logged(decisions: Sequence[Decision], standing: Sequence[Standing], space: ActionSpace) -> LoggedBanditFeedback:
    """Return decisions, and what is known of each, as arrays."""
    features = Features()
    for decision in decisions:
        features.learn(decision.context)
    people: dict[str, int] = {}
    opinions = [known.get("reaction", 0.0) for known in standing]
    return LoggedBanditFeedback(
        context=np.stack([features.vector(decision.context) for decision in decisions]),
        person=np.array([people.setdefault(decision.person_id, len(people)) for decision in decisions]),
        action=np.array([space.index(decision.action) for decision in decisions], np.int64),
        action_dist=np.stack([_chances(decision, space) for decision in decisions]),
        opinion=np.array([0 if not opinion else 2 if opinion > 0 else 1 for opinion in opinions], np.int64),
        follow_up=np.array([next_code(known) for known in standing], np.int64),
    )


def probabilities(candidate: LearnedPolicy | str, space: ActionSpace, decisions: Sequence[Decision]) -> Floats:
    """Return the candidate's probability of each action at each decision, shape ``(decisions, actions)``.

    A wish of the person binds the candidate as it bound the bot: only actions that could be chosen then are possible.

    Args:
        candidate: a trained policy, ``uniform``, or the label of the action that is always chosen.
        space: the actions.
        decisions: what the candidate decides instead of the bot.
    """
    allowed = np.stack([_chances(decision, space) > 0 for decision in decisions])
    if not isinstance(candidate, str):
        rows: list[Any] = [
            candidate.learner.probabilities(decision.person_id, decision.context, can)
            for decision, can in zip(decisions, allowed, strict=True)
        ]
        return np.stack(rows)
    wanted = np.ones(len(space)) if candidate == "uniform" else np.eye(len(space))[space.labels.index(candidate)]
    chances = np.where(allowed, wanted, 0.0)
    chances = np.where(chances.sum(1, keepdims=True) > 0, chances, allowed)
    return np.asarray(chances / chances.sum(1, keepdims=True), np.float64)
