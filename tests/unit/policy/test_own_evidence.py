"""What breaks without this: a person who dislikes a behaviour gets it again and again."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.learned import LearnedPolicy, make_behavior, make_policy
from llmagent_os.policy.learner import SHARED
from llmagent_os.policy.own_evidence import net_opinions
from tests.unit.policy.reactions import HERE

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
ANA = PersonId("ana")
SPACE = ActionSpace()


def net(*said: tuple[dict[str, str], float, str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """n of a person with these opinions: of which behaviour, its worth, and the initials of what showed."""
    actions = np.array([SPACE.index(action) for action, _, _ in said], np.int64)
    shows = np.array([[name[0] in shown for name in SPACE.dimensions] for _, _, shown in said], np.bool_)
    return net_opinions(SPACE.codes, actions, shows.reshape(-1, 3), np.array([worth for _, worth, _ in said]))


def test_later_opinions_count_more() -> None:
    at, later = SPACE.actions.index(DEFAULTS), ({**DEFAULTS, "verbosity": "brief"}, 1.0, "mvi")
    assert net((DEFAULTS, 1.0, "mvi"), (DEFAULTS, -1.0, "mvi"))[at] < 0
    assert net((DEFAULTS, -1.0, "mvi"), (DEFAULTS, 1.0, "mvi"))[at] > 0
    assert 0 > net((DEFAULTS, -1.0, "mvi"), *[later] * 10)[at] > net((DEFAULTS, -1.0, "mvi"))[at]


def test_an_opinion_counts_for_whatever_would_have_looked_the_same() -> None:
    """A look-up shows no initiative; a tool's question shows nothing else; some replies show nothing at all."""
    look_up = net((DEFAULTS, -1.0, "mv"))
    alike = [action["mode"] == "task_oriented" and action["verbosity"] == "normal" for action in SPACE.actions]
    assert (look_up < 0).tolist() == alike
    assert not net((DEFAULTS, -1.0, "")).any()
    assert not net((DEFAULTS, math.nan, "mvi")).any(), "no opinion"


def judge(policy: LearnedPolicy, number: int, likes: dict[str, str]) -> bool:
    """Have a person say what they think of a style that shows. Returns whether they like it.

    Every other reply is a look-up, which shows no initiative. A question before something is done shows no style.
    """
    intent = ("request", "ask")[number % 2]
    decision = policy.decide(ANA, {**HERE, "intent": intent}, decision_id=str(number))
    good = likes.items() <= decision.action.items()
    if intent == "ask":
        decision = msgspec.structs.replace(decision, shown=("mode", "verbosity"))
    if intent == "ask" or decision.action["initiative"] == "act":
        policy.observe(decision, 1.0 if good else -1.0)
    return good


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("verbosity", ["brief", "detailed"])
def test_a_taste_of_several_parts_is_found_within_fifteen_reactions(seed: int, verbosity: str) -> None:
    likes = {"mode": "conversational", "verbosity": verbosity}
    policy = make_policy("bayes", seed=seed, defaults=DEFAULTS, exploration=0.0)
    liked = [judge(policy, number, likes) for number in range(15)]
    assert sum(liked[-6:]) >= 5
    assert sum(not good for good in liked) <= 8
    best = policy.actions.actions[int(policy.learner.beliefs(ANA).argmax())]
    assert likes.items() <= best.items()


def test_the_initiative_is_not_given_up_for_a_dislike_of_a_style() -> None:
    policy = make_behavior("bayes", DEFAULTS, None, 0.0, seed=0)
    for number in range(4):
        decision = policy.decide(ANA, HERE, decision_id=str(number))
        assert decision.action["initiative"] == "act"
        policy.observe(decision, -1.0)


def test_what_was_disliked_is_known_after_a_restart() -> None:
    policy, again = (make_behavior("bayes", DEFAULTS, None, 0.0, seed=0) for _ in range(2))
    for number in range(3):
        policy.observe(policy.decide(ANA, HERE, decision_id=str(number)), -1.0)
    parts = policy.learner.changes()
    again.learner.restore(parts[SHARED])
    again.learner.take(ANA, parts[ANA])
    assert again.decide(ANA, HERE).action_dist == policy.decide(ANA, HERE).action_dist
