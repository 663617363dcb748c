"""What breaks without this: whoever adds a dimension to a bot loses all that people have taught it."""

from __future__ import annotations

import pytest

from llmagent_os.identity import PersonId
from llmagent_os.policy.contract import Decision
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior
from llmagent_os.policy.older_actions import adapted
from tests.unit.policy.reactions import HERE, chance

TONE = {"plain": "", "playful": "Joke."}
LENGTH = {"normal": "", "brief": "Be brief."}
ANA = PersonId("ana")


def policy(learner: str, **dimensions: dict[str, str]) -> LearnedPolicy:
    return make_behavior(learner, {"tone": "plain"}, None, 0.1, dimensions, seed=2)


def history(learner: str, **dimensions: dict[str, str]) -> list[tuple[Decision, float]]:
    """Ana likes what is playful."""
    taught, seen = policy(learner, **dimensions), list[tuple[Decision, float]]()
    for number in range(30):
        made = taught.decide(ANA, HERE, decision_id=str(number))
        seen.append((made, 1.0 if made.action["tone"] == "playful" else -1.0))
        taught.observe(*seen[-1])
    return seen


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"tone": TONE}, {"tone": TONE, "length": LENGTH}),  # a dimension is added,
        ({"tone": TONE, "length": LENGTH}, {"tone": TONE}),  # or taken out,
        ({"tone": TONE}, {"tone": {**TONE, "formal": "Be formal."}}),  # or a value is added,
        ({"tone": {**TONE, "formal": "Be formal."}}, {"tone": TONE}),  # or taken out
    ],
)
def test_what_was_learned_stays_when_the_dimensions_change(
    learner: str, before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]
) -> None:
    again = policy(learner, **after)
    for made, reward in history(learner, **before):
        again.observe(made, reward)
    assert chance(again, ANA, {"tone": "playful"}) > 0.8
    if "length" in after:
        assert chance(again, ANA, {"length": "brief"}) < 0.6, "nothing was said of it"


def test_a_value_that_was_taken_out_teaches_nothing() -> None:
    made = Decision(action={"tone": "formal"}, pscore=0.5, policy_version="x", action_dist={"tone=formal": 1.0})
    assert policy("bayes", tone=TONE).observation(made, 1.0) is None
    assert adapted(made, {"length": ("normal", "brief")}) is None


def test_actions_that_differed_in_what_was_taken_out_are_one() -> None:
    made = Decision(
        action={"tone": "plain", "length": "brief"},
        pscore=0.2,
        policy_version="x",
        action_dist={"length=brief,tone=plain": 0.2, "length=normal,tone=plain": 0.3, "length=brief,tone=playful": 0.5},
        shown=("length",),
    )
    now = adapted(made, {"tone": ("plain", "playful")})
    assert now is not None
    assert (now.action, now.pscore, now.shown) == ({"tone": "plain"}, 0.5, ())
    assert now.action_dist == {"tone=plain": 0.5, "tone=playful": 0.5}
