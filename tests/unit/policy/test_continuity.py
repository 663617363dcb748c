"""What breaks without this: the tone jumps from one reply to the next, while somebody follows one thought."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest

from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.continuity import continued, continuing
from llmagent_os.policy.contract import Context, Decision, label
from llmagent_os.policy.exploration import Neighbours
from llmagent_os.policy.features import Features
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior, make_policy
from tests.unit.policy.reactions import HERE, react

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
ANA = PersonId("ana")


def session(policy: LearnedPolicy, turns: int) -> list[Decision]:
    """The decisions of a session in which the person never says what they think of a reply."""
    made: list[Decision] = []
    for turn in range(turns):
        context: Context = {**HERE, "intent": ("ask", "request", "talk")[turn % 3]}
        if made:
            context |= continued(made[-1].action, made[-1].action_dist, made[-1].context)
        made.append(policy.decide(ANA, context))
    return made


@pytest.mark.parametrize("name", LEARNERS)
def test_within_a_session_at_most_one_dimension_changes_from_turn_to_turn(name: str) -> None:
    policy = make_behavior(name, DEFAULTS, None, 0.4, seed=4)
    react(policy, PersonId("ben"), {"verbosity": "brief"}, 3)
    for _ in range(12):
        made = session(policy, 8)
        for before, after in pairwise(made):
            assert sum(before.action[key] != after.action[key] for key in DEFAULTS) <= 1
            assert after.pscore == after.action_dist[label(after.action)]
            assert sum(after.action_dist.values()) == pytest.approx(1.0)


def test_a_tone_that_is_tried_stays_for_the_session() -> None:
    policy = make_behavior("bayes", DEFAULTS, None, 0.4, seed=1)
    react(policy, PersonId("ben"), {"verbosity": "brief"}, 3)
    tried = 0
    for _ in range(30):
        made = session(policy, 6)
        for before, after in pairwise(made):
            likeliest = max(before.action_dist, key=lambda name: before.action_dist[name])
            explored = [key for key, value in before.action.items() if f"{key}={value}" not in likeliest.split(",")]
            tried += len(explored)
            for key in explored:
                later = made[made.index(after) :]
                assert {each.action[key] for each in later} == {before.action[key]}
    assert tried


def test_what_the_person_asks_for_comes_before_the_tone_of_the_session() -> None:
    space = ActionSpace()
    context = continued({"mode": "conversational", "verbosity": "brief", "initiative": "act"}, {"mode=x": 1.0}, {})
    explicit = {"verbosity": "detailed", "mode": "task_oriented", "initiative": "ask_first"}
    allowed = continuing(space, space.allowed(explicit), context, explicit)
    assert [space.actions[at] for at in np.flatnonzero(allowed)] == [explicit]


def test_the_probabilities_can_be_computed_again_from_the_logged_context() -> None:
    policy = make_policy("bayes", seed=2)
    made = session(policy, 5)
    for each in made:
        assert policy.decide(ANA, each.context).action_dist == each.action_dist
    assert {"previous_action", "held_dimensions"} <= made[-1].context.keys()


def test_the_turn_before_is_no_feature() -> None:
    features = Features()
    features.learn({"intent": "ask", "previous_action": "mode=x", "held_dimensions": "mode"})
    assert features.columns == ("intent=ask",)


def test_another_style_is_tried_more_often_than_another_initiative() -> None:
    space = ActionSpace()
    near = Neighbours(space)
    best = space.actions.index(DEFAULTS)
    chances = near.around(best, np.ones(len(space), np.bool_))
    tried = {
        key: sum(
            chance
            for chance, action in zip(chances, space.actions, strict=True)
            if {name for name in DEFAULTS if action[name] != DEFAULTS[name]} == {key}
        )
        for key in DEFAULTS
    }
    assert sum(tried.values()) == pytest.approx(1.0), "only one dimension at a time"
    assert tried["initiative"] < tried["mode"] / 2
    assert tried["initiative"] < tried["verbosity"] / 2


def test_exploring_goes_one_step_towards_what_a_guess_prefers() -> None:
    space = ActionSpace()
    near = Neighbours(space)
    best, far = space.actions.index(DEFAULTS), len(space) - 1
    wanted = np.eye(len(space))[far]
    chances = near.towards(best, wanted, np.ones(len(space), np.bool_))
    for at in np.flatnonzero(chances):
        changed = [key for key in DEFAULTS if space.actions[at][key] != DEFAULTS[key]]
        assert len(changed) == 1
        assert space.actions[at][changed[0]] == space.actions[far][changed[0]]
    assert chances.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_dimension_that_could_not_show_is_not_credited(name: str) -> None:
    """Likes of look-ups taught "ask me first", which changes nothing there."""
    moved: dict[bool, float] = {}
    for shows in (True, False):
        policy = make_policy(name, seed=3)
        before = _asks(policy)
        for number in range(30):
            decision = policy.decide(ANA, HERE, decision_id=str(number))
            decision = msgspec.structs.replace(decision, shown=None if shows else ("mode", "verbosity"))
            policy.observe(decision, 1.0 if decision.action["initiative"] == "ask_first" else -1.0)
        moved[shows] = _asks(policy) - before
    assert moved[True] > 0.3
    assert abs(moved[False]) < 0.12


def _asks(policy: LearnedPolicy) -> float:
    asks = [action["initiative"] == "ask_first" for action in policy.actions.actions]
    return float(policy.learner.beliefs(ANA)[asks].sum())
