"""A history of decisions and reactions, made by numbers alone: what a learner decides in it was recorded."""

from __future__ import annotations

import numpy as np

from llmagent_os.identity import PersonId
from llmagent_os.policy.contract import Context
from llmagent_os.policy.learned import make_policy

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}


def decided(name: str, turns: int) -> list[list[float]]:
    """The probabilities of all actions at every turn, while the learner ``name`` learns from some sixty people."""
    rng = np.random.default_rng(7)
    policy = make_policy(name, seed=3, defaults=DEFAULTS)
    found: list[list[float]] = []
    for turn in range(turns):
        number = int(60 * rng.random() ** 2)
        context: Context = {
            "intent": str(rng.choice(["ask", "create", "talk"])),
            "long": bool(rng.random() < 0.5),
            "turn": float(round(rng.random(), 3)),
        }
        who = PersonId(f"web::p{number}")
        made = policy.decide(who, context, decision_id=f"d{turn}", episode_id=f"e{turn // 3}")
        found.append([made.action_dist[label] for label in policy.actions.labels])
        policy.observe(made, 1.0 if made.action["verbosity"] == ("brief" if number % 2 else "detailed") else -1.0)
        if turn % 5 == 0:
            policy.observe(made, -0.5, kind="reask")
        if turn % 9 == 0:
            policy.observe(made, None)
    return found
