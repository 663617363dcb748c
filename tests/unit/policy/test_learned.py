"""What breaks without this: choices are logged with a probability that they were not made with."""

from __future__ import annotations

import math

import msgspec
import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.learned import LEARNERS, make_behavior, make_learner, make_policy
from tests.unit.policy.reactions import BRIEF, HERE, react

ANA = PersonId("ana")


@pytest.mark.parametrize("name", LEARNERS)
def test_propensities_are_a_distribution_that_deciding_does_not_change(name: str) -> None:
    policy = make_policy(name)
    react(policy, ANA, BRIEF, 12)
    version = policy.version
    for explicit in ({}, {"verbosity": "brief"}, {"verbosity": "brief", "mode": "conversational", "initiative": "act"}):
        decision = policy.decide(ANA, HERE, explicit)
        assert math.isclose(sum(decision.action_dist.values()), 1.0)
        assert (
            decision.pscore
            == decision.action_dist[",".join(f"{k}={decision.action[k]}" for k in sorted(decision.action))]
        )
        assert explicit.items() <= decision.action.items(), "what somebody asked for always wins"
        assert all(f"{key}={value}" in each for each in decision.action_dist for key, value in explicit.items())
        assert min(decision.action_dist.values()) > 0, "nothing allowed is impossible: others could not be judged by it"
    assert policy.version == version


@pytest.mark.parametrize("name", LEARNERS)
def test_choices_are_drawn_with_the_probabilities_that_are_logged(name: str) -> None:
    policy = make_policy(name, seed=1)
    react(policy, ANA, BRIEF, 6)
    drawn = [policy.decide(ANA, HERE) for _ in range(2000)]
    for label, expected in drawn[0].action_dist.items():
        seen = sum(each.pscore == each.action_dist[label] and label == _label(each.action) for each in drawn)
        assert abs(seen / 2000 - expected) < 0.04


def _label(action: dict[str, str]) -> str:
    return ",".join(f"{key}={action[key]}" for key in sorted(action))


def test_before_anything_is_known_people_are_answered_as_the_bot_is_set_up() -> None:
    defaults = {"mode": "conversational", "verbosity": "normal", "initiative": "act"}
    policy = make_behavior("bayes", defaults, None, 0.03)
    decision = policy.decide(ANA, HERE)
    assert (decision.action, decision.pscore) == (defaults, 1.0)
    assert policy.decide(ANA, HERE, {"verbosity": "brief"}).action == {**defaults, "verbosity": "brief"}


@pytest.mark.parametrize("name", LEARNERS)
def test_a_choice_that_was_not_among_those_allowed_is_passed_over(name: str) -> None:
    policy = make_policy(name)
    decision = policy.decide(ANA, HERE)
    version = policy.version
    policy.observe(msgspec.structs.replace(decision, action_dist={"mode=rude": 1.0}), 1.0)
    assert policy.version == version


def test_there_is_no_other_learner() -> None:
    with pytest.raises(ConfigError, match="bayes, reinforce"):
        make_learner("magic", ActionSpace())
    with pytest.raises(ConfigError, match="two or more"):
        ActionSpace({"mode": ("a",)})
    with pytest.raises(ConfigError, match="declare 2 to"):
        ActionSpace(dict.fromkeys("xyz", ("a", "b", "c", "d", "e")))
