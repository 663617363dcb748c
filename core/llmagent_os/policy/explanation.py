"""Turn the reason for a dislike into decisions that a learner observes.

A 👎 speaks against everything that showed in a reply. Its reason says more: which dimension it is about, and which
values would have been liked better. So the decision is observed again with only that dimension shown, and no other is
blamed. A decision that was never made stands for each value that is named: the same answer with that value. Liked
better, it is observed with a praise; liked no better, with a dislike. It is observed in its one dimension alone.

Nothing else of the learners changes. Off-policy evaluation is not told of these decisions: nobody got such a reply.

>>> decision = Decision(action={"mode": "a", "verbosity": "normal"}, pscore=0.5, policy_version="", decision_id="7")
>>> short = Explanation(about=("verbosity",), better=(("verbosity", "brief"),))
>>> explained(decision, short).shown
('verbosity',)
>>> [(each.decision_id, each.action["verbosity"], reward) for each, reward in supposed(decision, short, None)]
[('7:verbosity=brief', 'brief', 1.0)]
>>> [(each.decision_id, reward) for each, reward in supposed(decision, None, short)]
[('7:verbosity=brief', None)]
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from llmagent_os.policy.contract import Decision


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What the reason for a dislike says in the dimensions of a bot."""

    about: tuple[str, ...] = ()  #: the dimensions that the dislike is about; empty: it is about no behaviour
    better: tuple[tuple[str, str], ...] = ()  #: dimension and value that would have been liked better
    worse: tuple[tuple[str, str], ...] = ()  #: those that would not


def explained(decision: Decision, explanation: Explanation | None) -> Decision:
    """Return a decision in which only that showed which its dislike is about. Without an explanation it stays."""
    if explanation is None:
        return decision
    could_show = decision.action if decision.shown is None else decision.shown
    about = tuple(name for name in could_show if name in explanation.about)
    return msgspec.structs.replace(decision, shown=about)


def supposed(
    decision: Decision, now: Explanation | None, before: Explanation | None
) -> Iterator[tuple[Decision, float | None]]:
    """Yield the decisions that were never made and that a changed explanation speaks of, each with its reward.

    Args:
        decision: the decision that was made.
        now: the explanation that stands; None: there is none any more.
        before: the explanation that was observed before. What it spoke of is taken back.
    """
    stands = _rewards(decision, now)
    spoken_of = _rewards(decision, before)
    for dimension, value in [*stands, *(gone for gone in spoken_of if gone not in stands)]:
        twin = msgspec.structs.replace(
            decision,
            action={**decision.action, dimension: value},
            action_dist={},  # it could not be chosen there, or it was not
            decision_id=f"{decision.decision_id}:{dimension}={value}",
            shown=(dimension,),
        )
        yield twin, stands.get((dimension, value))


def _rewards(decision: Decision, explanation: Explanation | None) -> dict[tuple[str, str], float]:
    if explanation is None:
        return {}
    could_show = decision.action if decision.shown is None else decision.shown
    named = dict.fromkeys(explanation.worse, -1.0) | dict.fromkeys(explanation.better, 1.0)
    return {
        (name, value): reward
        for (name, value), reward in named.items()
        if name in could_show and decision.action[name] != value
    }
