"""What breaks without this: a reaction that is taken off leaves something learned behind."""

from __future__ import annotations

import numpy as np
import pytest

from llmagent_os.identity import PersonId
from llmagent_os.policy.array_types import Floats
from llmagent_os.policy.learned import make_policy
from llmagent_os.policy.learner import SHARED
from llmagent_os.policy.state_bytes import unpack
from tests.unit.policy.reactions import BRIEF, HERE

ANA = PersonId("ana")


@pytest.mark.parametrize("name", ["reinforce", "actor_critic", "q_learning"])
def test_what_is_taken_back_is_given_back_with_what_it_was_measured_against(name: str) -> None:
    policy = make_policy(name, gamma=0.3)
    for number in range(60):  # somebody content: much is expected
        policy.observe(policy.decide(ANA, HERE, decision_id=str(number)), 1.0)

    def weights() -> Floats:
        return unpack(policy.learner.changes()[SHARED])[0]["weights"]

    before = weights()
    decision = policy.decide(ANA, HERE, decision_id="last", episode_id="now")
    policy.observe(decision, 1.0)
    step = float(np.abs(weights() - before).sum())
    for _ in range(10):
        policy.observe(decision, None)
        policy.observe(decision, 1.0)
    policy.observe(decision, None)
    assert float(np.abs(weights() - before).sum()) < 0.2 * step
    before = weights()
    policy.observe(decision, None)
    policy.observe(policy.decide(ANA, HERE, decision_id="other", episode_id="now"), None)
    assert (weights() == before).all(), "what says nothing teaches nothing"


@pytest.mark.parametrize("name", ["reinforce", "actor_critic", "q_learning"])
def test_taking_off_what_is_too_long_ago_does_not_keep_the_rest_from_being_taken_back(name: str) -> None:
    policy = make_policy(name)
    decisions = [policy.decide(ANA, HERE, decision_id=str(number)) for number in range(60)]
    for decision in decisions:
        policy.observe(decision, 1.0 if BRIEF.items() <= decision.action.items() else -1.0)
    before = unpack(policy.learner.changes()[SHARED])[0]["weights"]
    for decision in decisions:  # in the order in which they were put on
        policy.observe(decision, None)
    assert (unpack(policy.learner.changes()[SHARED])[0]["weights"] != before).any()
