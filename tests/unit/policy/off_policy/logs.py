"""Logs whose truth is known: what the tests of the judge share."""

from __future__ import annotations

import numpy as np

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.array_types import Bools, Floats
from llmagent_os.policy.off_policy.bandit_feedback import LoggedBanditFeedback
from llmagent_os.policy.off_policy.judge import Judge

SPACE = ActionSpace()
CONTRASTS, ORDERS = SPACE.contrasts()
BRIEF = np.array([action["verbosity"] == "brief" for action in SPACE.actions])


def log(
    n: int, *, people: int = 20, seed: int = 0, shown: tuple[float, float] = (0.5, 0.3), contrary: int = 0
) -> LoggedBanditFeedback:
    """Everybody likes brief answers in 8 of 10 cases, others in 4 of 10; the dissatisfied react more often."""
    rng = np.random.default_rng(seed)
    who = np.arange(n) % people
    actions = rng.integers(0, 12, n)
    satisfied = rng.random(n) < np.where(BRIEF[actions], 0.8, 0.4)
    reacts = rng.random(n) < np.where(satisfied, shown[1], shown[0])
    again = rng.random(n) < np.where(satisfied, 0.05, 0.35)
    return LoggedBanditFeedback(
        context=np.zeros((n, 1)),
        person=who,
        action=actions,
        action_dist=np.full((n, 12), 1 / 12),
        opinion=np.where(reacts, np.where(satisfied != (who < contrary), 2, 1), 0),
        follow_up=np.where(again, 2, 1),
    )


def only(which: Bools, n: int) -> Floats:
    return np.tile(which / which.sum(), (n, 1))


def judge(logged: LoggedBanditFeedback) -> Judge:
    return Judge(logged, CONTRASTS, ORDERS)
