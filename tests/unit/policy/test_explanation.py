"""What breaks without this: "too long" is answered as long as ever, and "wrong" changes how somebody is answered."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from benchmarks.stated_reasons import TASTES, regret

from llmagent_os.feedback.kept_reasons import OFFERED
from llmagent_os.identity import PersonId
from llmagent_os.policy.bayes.bayes_learner import Bayes
from llmagent_os.policy.contract import DIMENSIONS, Decision
from llmagent_os.policy.explanation import Explanation, explained, supposed
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior
from llmagent_os.policy_worker.reason_styles import explanation_of
from tests.unit.policy.reactions import HERE, chance

ANA = PersonId("ana")
DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
SEEDS = range(3)


def told(policy: LearnedPolicy, code: str, number: int = 0) -> tuple[Decision, Explanation | None]:
    """A reply in the bot's usual way, its 👎, and its reason; empty: none is given."""
    decision = policy.decide(ANA, HERE, DEFAULTS, decision_id=str(number))
    policy.observe(decision, -1.0)
    reason = OFFERED[code] if code else None
    why = None if reason is None else explanation_of(reason, decision.action, DIMENSIONS)
    if why is not None:
        policy.observe(explained(decision, why), -1.0)
        for twin, reward in supposed(decision, why, None):
            policy.observe(twin, reward)
    return decision, why


def after(learner: str, code: str, value: dict[str, str], times: int = 1) -> float:
    """How likely the next reply is in a style after so many 👎 with a reason."""
    found: list[float] = []
    for seed in SEEDS:
        policy = make_behavior(learner, DEFAULTS, None, 0.03, seed=seed)
        for number in range(times):
            told(policy, code, number)
        found.append(chance(policy, ANA, value))
    return float(np.mean(found))


@pytest.mark.parametrize("learner", LEARNERS)
def test_people_who_say_why_get_what_they_like_sooner(learner: str) -> None:
    """Simulated people react to every other reply: how many of fifteen replies are not as they like them."""

    def missed(share: float) -> int:
        return sum(regret(learner, likes, share, 15, seed) for likes in TASTES[:2] for seed in range(4))

    assert missed(1.0) < 0.75 * missed(0.0)


@pytest.mark.parametrize(("code", "value"), [("too_long", "brief"), ("too_short", "detailed")])
@pytest.mark.parametrize("learner", LEARNERS)
def test_one_tap_moves_the_length_the_way_it_says(learner: str, code: str, value: str) -> None:
    wanted, other = {"verbosity": value}, {"verbosity": "detailed" if value == "brief" else "brief"}
    assert after(learner, code, wanted) > 1.5 * after(learner, code, other)
    assert after(learner, code, other) < after(learner, "", other) + 0.01
    if learner == "bayes":
        assert after(learner, code, wanted) > 0.9, "one tap is enough"


@pytest.mark.parametrize("learner", LEARNERS)
def test_what_is_wrong_blames_no_style_however_often_it_is_said(learner: str) -> None:
    unheard = after(learner, "", DEFAULTS, 0)
    assert after(learner, "wrong", DEFAULTS, 5) > unheard - 0.1
    assert after(learner, "", DEFAULTS, 5) < after(learner, "wrong", DEFAULTS, 5) - 0.15


def test_what_was_not_asked_for_is_about_the_initiative_and_the_tone_about_the_mode() -> None:
    style = {"mode": "task_oriented", "verbosity": "normal"}
    assert after("bayes", "unasked", style, 5) > 0.85
    assert after("bayes", "unasked", {"initiative": "ask_first"}, 5) > 0.8
    assert after("bayes", "tone", {"verbosity": "normal", "mode": "conversational"}, 2) > 0.7


@pytest.mark.parametrize("learner", LEARNERS)
def test_taking_the_dislike_back_takes_the_reason_back(learner: str) -> None:
    policy = make_behavior(learner, DEFAULTS, None, 0.03, seed=1)
    first = policy.decide(ANA, HERE, DEFAULTS, decision_id="first")
    policy.observe(first, 1.0)
    unheard = chance(policy, ANA, {"verbosity": "brief"})
    decision, why = told(policy, "too_long")
    assert chance(policy, ANA, {"verbosity": "brief"}) > unheard + 0.05
    policy.observe(decision, None)
    for twin, reward in supposed(decision, None, why):
        policy.observe(twin, reward)
    assert chance(policy, ANA, {"verbosity": "brief"}) < unheard + 0.05


def test_a_dimension_that_could_not_show_is_not_blamed_and_nothing_is_supposed_of_it() -> None:
    decision = Decision(action=DEFAULTS, pscore=1.0, policy_version="", shown=("initiative",))
    why = explanation_of(OFFERED["too_long"] or pytest.fail(), DEFAULTS, DIMENSIONS)
    assert explained(decision, why).shown == ()
    assert list(supposed(decision, why, None)) == []


def test_the_state_of_a_reason_is_stored_and_restored_bit_for_bit() -> None:
    one = make_behavior("bayes", DEFAULTS, None, 0.03, seed=1)
    told(one, "too_long")
    stored = one.learner.changes()
    two = make_behavior("bayes", DEFAULTS, None, 0.03, seed=1)
    two.learner.restore(stored[""])
    two.learner.take(ANA, stored[ANA])
    contexts = [cast("Bayes", each.learner).expected(ANA, HERE) for each in (one, two)]
    assert (contexts[0] == contexts[1]).all()
