"""Let people react to a policy: what the tests of learners share."""

from __future__ import annotations

from llmagent_os.identity import PersonId
from llmagent_os.policy.contract import Context
from llmagent_os.policy.learned import LearnedPolicy

HERE: Context = {"intent": "ask", "kind": "direct", "turn": 0.3}
BRIEF = {"mode": "task_oriented", "verbosity": "brief"}
CHATTY = {"mode": "conversational", "verbosity": "detailed"}


def react(policy: LearnedPolicy, who: PersonId, likes: dict[str, str], times: int) -> None:
    for number in range(times):
        decision = policy.decide(who, HERE, decision_id=f"{who}{policy.version}{number}")
        policy.observe(decision, 1.0 if likes.items() <= decision.action.items() else -1.0)


def chance(policy: LearnedPolicy, who: PersonId, likes: dict[str, str]) -> float:
    """How likely the next reply is as somebody likes it."""
    decision = policy.decide(who, HERE)
    wanted = [name for name in decision.action_dist if all(f"{key}={value}" in name for key, value in likes.items())]
    return sum(decision.action_dist[name] for name in wanted)
