"""Turns rows of the ledger into what a policy learns from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.feedback.observations import Observed, observations
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.feedback.stated_reasons import StatedReason
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Interaction, RewardWithReply
from llmagent_os.policy import Decision, FixedPolicy
from llmagent_os.policy.explanation import Explanation, explained, supposed
from llmagent_os.policy.learner import Observation
from llmagent_os.policy_worker.reason_styles import explanation_of
from llmagent_os.policy_worker.shards import Shard

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)

#: The policy versions of replies whose behaviour was not chosen by a policy that learns, as answers to commands.
UNCHOSEN_VERSIONS = ("", FixedPolicy.version)


def decision_of(interaction: Interaction, person_id: PersonId) -> Decision | None:
    """Return the decision that a reply was made by.

    None: no policy chose how to reply, the person read other words than the model's, or the row is damaged.

    Args:
        interaction: the reply, as the ledger keeps it.
        person_id: the person who was answered.
    """
    features = interaction.context.get("features")
    chosen = interaction.action and interaction.action_dist and interaction.policy_version not in UNCHOSEN_VERSIONS
    if not chosen or not isinstance(features, dict) or interaction.context.get("replaced"):
        return None
    try:
        return msgspec.convert(
            {
                "action": interaction.action,
                "pscore": interaction.pscore,
                "policy_version": interaction.policy_version,
                "action_dist": interaction.action_dist,
                "decision_id": interaction.interaction_id,
                "person_id": person_id,
                "context": features,
                "episode_id": interaction.episode_id,
                "shown": interaction.context.get("shown"),
            },
            Decision,
        )
    except msgspec.ValidationError:
        return None


def learn(policy: LearnedPolicy, rows: Iterable[RewardWithReply], trust: Trust, shard: Shard | None = None) -> None:
    """Let ``policy`` observe rows of the ledger. A row that it cannot learn from is logged and passed over.

    Args:
        policy: learns.
        rows: the next rows, in order.
        trust: the trust in raters after all rows before these. It is brought up to date.
        shard: learn from these people alone. Trust is counted from the rows of all.
    """
    for row in rows:
        try:
            if shard is not None and not shard.has(row.person):
                observations(row, trust)
                continue
            for decision, seen in _decisions(policy, row, trust):
                policy.observe(decision, seen.reward, kind=seen.kind, weight=seen.weight, at=seen.at)
        except Exception:
            _log.exception("a reward cannot be learned from; it is passed over", seq=row.seq)


def observations_of_person(
    policy: LearnedPolicy, rows: Sequence[RewardWithReply], before: Trust | None = None
) -> list[Observation]:
    """Return what ``policy`` would observe of the rows of one person, which need not be all of them.

    The trust in raters is counted from these rows, and from ``before``, which does not change.
    """
    raters = {each.reward.rater_id for each in rows if each.reward is not None}
    known = {} if before is None else {name: tally for name, tally in before.tallies.items() if name in raters}
    trust, found = Trust(known), list[Observation]()
    for row in rows:
        try:
            for decision, seen in _decisions(policy, row, trust):
                each = policy.observation(decision, seen.reward, kind=seen.kind, weight=seen.weight, at=seen.at)
                found += [] if each is None else [each]
        except Exception:
            _log.exception("a reward cannot be learned from; it is passed over", seq=row.seq)
    return found


def _decisions(policy: LearnedPolicy, row: RewardWithReply, trust: Trust) -> Iterator[tuple[Decision, Observed]]:
    """Yield what a row says of decisions: of the one that was made, and of those that its reason speaks of."""
    for seen in observations(row, trust):
        decision = decision_of(seen.interaction, seen.person)
        if decision is None:
            continue
        now, before = (_explanation(policy, decision, reason) for reason in (seen.reason, seen.reason_before))
        yield explained(decision, now), seen
        if seen.kind == "reaction" and now != before:
            for twin, reward in supposed(decision, now, before):
                yield twin, msgspec.structs.replace(seen, reward=reward)


def _explanation(policy: LearnedPolicy, decision: Decision, reason: StatedReason | None) -> Explanation | None:
    return None if reason is None else explanation_of(reason, decision.action, policy.actions.dimensions)
