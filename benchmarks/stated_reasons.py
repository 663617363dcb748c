"""Measure how much sooner a policy answers people as they like it if some of their 👎 come with a reason.

    python -m benchmarks.stated_reasons --seeds 10 --turns 30

Simulated people like one verbosity and one mode; the bot starts with another of each. They react to every other reply:
👍 if both are right, 👎 if not. A share of the 👎 comes with a reason in one tap: "too long" or "too short" where the
verbosity is wrong, else "tone". The regret of a turn is 1 where the reply is not as the person likes it. The second
table has people who like the bot's defaults and give each third reply a 👎 because it is wrong, whatever its style: the
figure is the share of their last ten replies that are still as they like it.
"""

from __future__ import annotations

import argparse

import numpy as np

from llmagent_os.feedback.kept_reasons import OFFERED
from llmagent_os.identity import PersonId
from llmagent_os.policy.contract import Context, Decision
from llmagent_os.policy.explanation import explained, supposed
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior
from llmagent_os.policy_worker.reason_styles import LENGTHS, explanation_of

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
#: What each kind of person likes.
TASTES = (
    {"mode": "task_oriented", "verbosity": "brief"},
    {"mode": "task_oriented", "verbosity": "detailed"},
    {"mode": "conversational", "verbosity": "brief"},
)
#: The shares of the 👎 that come with a reason.
SHARES = (0.0, 0.3, 1.0)


def tell(policy: LearnedPolicy, decision: Decision, code: str) -> None:
    """Give a 👎, and its reason in one tap; empty: none."""
    policy.observe(decision, -1.0)
    reason = OFFERED[code] if code else None
    if reason is not None:
        why = explanation_of(reason, decision.action, policy.actions.dimensions)
        policy.observe(explained(decision, why), -1.0)
        for twin, reward in supposed(decision, why, None):
            policy.observe(twin, reward)


def complaint(action: dict[str, str], likes: dict[str, str]) -> str:
    """The reason why somebody does not like a reply."""
    if action["verbosity"] != likes["verbosity"]:
        is_long = LENGTHS.index(action["verbosity"]) > LENGTHS.index(likes["verbosity"])
        return "too_long" if is_long else "too_short"
    return "tone"


def regret(learner: str, likes: dict[str, str], share: float, turns: int, seed: int) -> int:
    """How many of the replies to one person are not as they like it."""
    rng = np.random.default_rng([seed, 1])
    policy = make_behavior(learner, DEFAULTS, None, 0.03, seed=seed)
    missed = 0
    for turn in range(turns):
        context: Context = {"intent": ("ask", "create")[turn % 2], "kind": "direct"}
        decision = policy.decide(PersonId("ana"), context, decision_id=str(turn))
        fits = likes.items() <= decision.action.items()
        missed += not fits
        reacts, gives_reason = rng.random() < 0.5, rng.random() < share
        if reacts and fits:
            policy.observe(decision, 1.0)
        elif reacts:
            tell(policy, decision, complaint(decision.action, likes) if gives_reason else "")
    return missed


def kept(learner: str, code: str, turns: int, seed: int) -> float:
    """The share of a content person's last replies in their style, who gives 👎 for the content now and then."""
    policy = make_behavior(learner, DEFAULTS, None, 0.03, seed=seed)
    fits = list[bool]()
    for turn in range(turns):
        decision = policy.decide(PersonId("ana"), {"intent": "ask", "kind": "direct"}, decision_id=str(turn))
        fits.append(decision.action == DEFAULTS)
        if turn % 3 == 0:
            tell(policy, decision, code)
    return float(np.mean(fits[-10:]))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--learners", default=",".join(LEARNERS))
    args = parser.parse_args()
    learners = args.learners.split(",")
    print(f"replies of {args.turns} that are not as the person likes them, over {args.seeds} seeds and 3 tastes")
    for learner in learners:
        found = [
            np.mean([regret(learner, likes, share, args.turns, seed) for likes in TASTES for seed in range(args.seeds)])
            for share in SHARES
        ]
        each = "   ".join(f"{share:.0%} {mean:5.1f}" for share, mean in zip(SHARES, found, strict=True))
        print(f"{learner:<14} with reasons for {each}")
    print("share of the last ten replies that stay as the person likes them, though the content is often wrong")
    for learner in learners:
        bare, wrong = (
            np.mean([kept(learner, code, args.turns, seed) for seed in range(args.seeds)]) for code in ("", "wrong")
        )
        print(f"{learner:<14} 👎 alone {bare:.2f}   👎 and “wrong” {wrong:.2f}")


if __name__ == "__main__":
    main()
