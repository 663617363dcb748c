"""Turns the ledger's rows of rewards into what a learner observes.

:func:`observations` is the only translation. The policy worker uses it while people react, and to replay the ledger.
``llmagent-os policy evaluate`` uses it to train candidates and to judge them. Both read the rows in the order in which
the rows came.
"""

from __future__ import annotations

import math
from datetime import datetime

import msgspec
import structlog

from llmagent_os.feedback.kept_reasons import REASON, standing_reason
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.feedback.signals import SIGNALS, Kind
from llmagent_os.feedback.stated_reasons import StatedReason
from llmagent_os.feedback.verdict import signs, verdict
from llmagent_os.identity import PersonId
from llmagent_os.ledger.values import Interaction, RewardWithReply

_log = structlog.stdlib.get_logger(__name__)


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What one signal says of one reply now. It replaces what the same kind of signal said of that reply before."""

    interaction: Interaction  #: the reply
    person: PersonId  #: the person who was answered
    kind: Kind  #: the signal
    reward: float | None  #: in [-1, 1]; None: the reply is withdrawn, with everything that was observed of it before
    at: datetime  #: when the signal came, by the clock of its platform
    weight: float = 1.0  #: in [0, 1]; less for bystanders, and for raters who are not fully trusted
    #: why the person did not like the reply, with the dislike that stands; None: they have not said
    reason: StatedReason | None = None
    reason_before: StatedReason | None = None  #: the same before this row of the ledger


def observations(row: RewardWithReply, trust: Trust) -> list[Observed]:
    """Translate one row of the ledger, with the rows of the same reply before it, into what a learner observes.

    - A reaction is observed as the :func:`~llmagent_os.feedback.verdict.verdict` of all raters of the reply so far. If
      no opinion is left, the reply is withdrawn, and the signs that still stand are observed again.
    - A reason for a dislike has the opinion observed again, which is now about what the reason says.
    - Every other signal is observed with its own reward.
    - A row that changes no opinion, that is about a tool call alone, that cannot be read, or whose reply was erased is
      not observed.

    Args:
        row: the next row. Every row has to be given once, in order, also rows on replies that no policy chose.
        trust: the trust in raters after all rows before this one. The opinion in ``row`` is counted in it.

    Returns:
        What to observe, in order; often empty.
    """
    reward = row.reward
    if reward is None:
        return []
    signal = SIGNALS.get(reward.kind)
    if signal is None:  # of a later version
        _log.error("a reward of an unknown kind teaches nothing", kind=reward.kind, reward_id=reward.reward_id)
        return []
    if signal.is_of_call:
        return []
    is_reaction = signal.kind == "reaction"
    if is_reaction and not reward.reward:  # no opinion has changed
        return []
    if signal.kind == REASON:
        return _explained(row, trust) if reward.op != "ask" and reward.rater_id in row.identities else []
    count_opinion(row, trust)
    if row.interaction is None:
        return []
    if not is_reaction:
        return [_observed(row, row.interaction, reward.at, signal.kind, reward.reward)]
    scores = {each.rater_id: trust.score(each.rater_id) for each in row.so_far}
    stands = verdict(row.so_far, row.identities, scores)
    found = [_observed(row, row.interaction, reward.at, "reaction", stands.reward, stands.weight)]
    if stands.reward is None:  # a bystander who withdraws, or one opinion too many, takes nothing else with it
        found += [
            _observed(row, row.interaction, reward.at, SIGNALS[sign.kind].kind, sign.reward)
            for sign in signs(row.so_far, row.identities)
            if sign.kind in SIGNALS and sign.kind != REASON and not SIGNALS[sign.kind].is_of_call
        ]
    return found


def _explained(row: RewardWithReply, trust: Trust) -> list[Observed]:
    """Observe the opinion on a reply again, whose reason was given just now."""
    if row.interaction is None or row.reward is None:
        return []
    scores = {each.rater_id: trust.score(each.rater_id) for each in row.so_far}
    stands = verdict(row.so_far, row.identities, scores)
    if stands.reward is None:
        return []
    return [_observed(row, row.interaction, row.reward.at, "reaction", stands.reward, stands.weight)]


def count_opinion(row: RewardWithReply, trust: Trust) -> None:
    """Count the opinion that a row gives in the trust in its rater. Every row has to be given once, in order."""
    reward = row.reward
    if reward is None or reward.kind != "reaction" or not reward.reward or reward.op != "add":
        return  # removing reactions is no flood, however many are removed
    mine = [each.reward for each in row.so_far if each.kind == "reaction" and each.rater_id == reward.rater_id]
    trust.note(reward.rater_id, math.fsum(mine), reward.at)


def _observed(
    row: RewardWithReply, interaction: Interaction, at: datetime, kind: Kind, reward: float | None, weight: float = 1.0
) -> Observed:
    now, before = (standing_reason(rows, row.identities) for rows in (row.so_far, row.so_far[:-1]))
    return Observed(
        interaction=interaction,
        person=row.person,
        kind=kind,
        reward=reward,
        at=at,
        weight=weight,
        reason=None if now is None else now.reason,
        reason_before=None if before is None else before.reason,
    )
