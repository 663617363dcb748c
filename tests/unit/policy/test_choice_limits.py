"""What breaks without this: a platform is given a style that it lacks, or what was learned elsewhere is lost on it."""

from __future__ import annotations

import numpy as np
import pytest

from llmagent_os.errors import WrongValuesError
from llmagent_os.identity import PersonId
from llmagent_os.modules import BehaviorModule
from llmagent_os.policy.choice_limits import ChoiceLimits, limits_of
from llmagent_os.policy.contract import Decision
from llmagent_os.policy.dimensions import declared
from llmagent_os.policy.fixed import FixedPolicy
from llmagent_os.policy.learned import LEARNERS, make_behavior
from llmagent_os.policy.off_policy.estimators import importance_weights

DIMENSIONS = {
    "tone": {"plain": "", "playful": "Joke."},
    "verbosity": {"normal": "", "brief": "Be brief.", "detailed": "Explain."},
}
DEFAULTS = {"tone": "plain", "verbosity": "normal"}
#: Telegram has no detailed answers, and an SMS no tone.
LIMITS = ChoiceLimits({"telegram": {"verbosity": ("normal", "brief")}, "sms": {"tone": ()}})
ANA = PersonId("ana")


def module(learner: str, limits: ChoiceLimits = LIMITS, exploration: float = 0.1) -> BehaviorModule:
    policy = make_behavior(learner, DEFAULTS, None, exploration, DIMENSIONS, seed=1)
    return BehaviorModule(policy, defaults=DEFAULTS, dimensions=DIMENSIONS, limits=limits)


def decide(behavior: BehaviorModule, platform: str, number: int = 0, **wishes: str) -> Decision:
    context = {"platform": platform, "intent": "ask"}
    return behavior.decide(ANA, {**context}, wishes, learn=True, platform=platform, decision_id=str(number))


def chance(behavior: BehaviorModule, platform: str, value: str) -> float:
    made = decide(behavior, platform)
    return sum(chance for name, chance in made.action_dist.items() if value in name.replace("=", ",").split(","))


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_taste_from_one_platform_holds_on_another_and_a_value_it_lacks_is_never_chosen(learner: str) -> None:
    behavior = module(learner)
    assert chance(behavior, "telegram", "playful") < 0.1
    for number in range(40):  # on Slack, Ana likes what is playful, and detailed best of all
        made = decide(behavior, "slack", number)
        detailed = made.action["verbosity"] == "detailed"
        liked = 0.5 if made.action["tone"] == "playful" else -0.5
        behavior.observe(made, liked + (0.5 if detailed else -0.1))
    assert chance(behavior, "telegram", "playful") > 0.9
    seen = [decide(behavior, "telegram", number) for number in range(200)]
    for made in seen:
        assert made.action["verbosity"] != "detailed"
        assert len(made.action_dist) == 4
        assert sum(made.action_dist.values()) == pytest.approx(1.0)
        assert made.pscore == made.action_dist[f"tone={made.action['tone']},verbosity={made.action['verbosity']}"] > 0
    asked = decide(behavior, "telegram", verbosity="detailed")
    assert asked.action["verbosity"] != "detailed", "a wish cannot have what the platform lacks"
    assert decide(behavior, "slack", verbosity="detailed").action["verbosity"] == "detailed"


@pytest.mark.parametrize("learner", LEARNERS)
def test_what_a_platform_lacks_is_not_credited_with_what_people_say_there(learner: str) -> None:
    """Every answer by SMS is disliked. That speaks against no tone: an SMS has none."""
    credited, blamed = module(learner), module(learner)
    for number in range(25):
        made = decide(credited, "sms", number)
        assert (made.action["tone"], made.shown) == ("plain", ("verbosity",))
        credited.observe(made, -1.0)
        blamed.observe(decide(blamed, "sms", number), -1.0)
        blamed.observe(Decision(action={**made.action}, pscore=1.0, policy_version="x", person_id=ANA), -1.0)
    assert chance(credited, "slack", "playful") < 0.2 < chance(blamed, "slack", "playful")


def test_the_log_of_a_limited_platform_can_judge_other_policies() -> None:
    """Importance weights of a policy that is limited likewise have the mean 1: nothing that it does was impossible."""
    behavior = module("reinforce")
    labels = sorted(decide(behavior, "telegram").action_dist)
    seen = [decide(behavior, "telegram", number) for number in range(1500)]
    action = np.array(
        [labels.index(f"tone={each.action['tone']},verbosity={each.action['verbosity']}") for each in seen]
    )
    pscore = np.array([each.pscore for each in seen])
    likewise = np.tile([0.1, 0.1, 0.4, 0.4], (len(seen), 1))  # at odds with what is logged
    weights = importance_weights(likewise, action.astype(np.int64), pscore)
    error = weights.std() / np.sqrt(len(seen))
    assert abs(weights.mean() - 1) < 4 * error


def test_a_default_that_a_platform_lacks_is_replaced_by_its_first_value() -> None:
    fixed = FixedPolicy(DEFAULTS, DIMENSIONS)
    within = {"verbosity": ("brief", "detailed")}
    assert fixed.decide(ANA, {}, within=within).action == {"tone": "plain", "verbosity": "brief"}
    assert fixed.decide(ANA, {}, {"verbosity": "normal"}, within=within).action["verbosity"] == "brief"
    assert fixed.decide(ANA, {}, {"verbosity": "detailed"}, within=within).action["verbosity"] == "detailed"


def test_what_is_not_learned_changes_only_by_a_wish() -> None:
    behavior = module("bayes", ChoiceLimits(unlearned=("tone",)), exploration=1.0)
    made: list[Decision] = []
    for number in range(40):
        made.append(decide(behavior, "slack", number))
        behavior.observe(made[-1], -1.0)
    assert {each.action["tone"] for each in made} == {"plain"}
    assert len({each.action["verbosity"] for each in made}) == 3
    assert {each.shown for each in made} == {("verbosity",)}
    assert decide(behavior, "slack", tone="playful").action["tone"] == "playful"


def test_a_dimension_of_some_platforms_does_not_exist_on_others() -> None:
    limits = ChoiceLimits(only={"tone": ("web",)})
    assert list(limits.dimensions_on("web", DIMENSIONS)) == ["tone", "verbosity"]
    assert list(limits.dimensions_on("slack", DIMENSIONS)) == ["verbosity"]
    assert limits.within("slack", DIMENSIONS, DEFAULTS, {"tone": "playful"}) == {"tone": ("plain",)}
    assert limits.within("", DIMENSIONS, DEFAULTS, {}) == {}, "no platform is known, in a script"


@pytest.mark.parametrize(
    ("table", "path", "text"),
    [
        (3, ("platforms",), "write a table for a platform, such as [behavior.platforms.telegram]"),
        ({"sms": 3}, ("platforms", "sms"), "write a table, such as [behavior.platforms.sms]"),
        ({"sms": {"tones": []}}, ("platforms", "sms", "tones"), "is no dimension of this bot; did you mean `tone`?"),
        ({"sms": {"tone": []}}, ("platforms", "sms", "tone"), 'write a list of values, such as ["plain"], or false'),
        ({"sms": {"tone": True}}, ("platforms", "sms", "tone"), "cannot be True"),
        ({"sms": {"tone": ["plain", "playfull"]}}, ("platforms", "sms", "tone", 1), "did you mean 'playful'?"),
        ({"sms": {"tone": ["plain", "plain"]}}, ("platforms", "sms", "tone", 1), "has 'plain' twice"),
        ({"sms": {"pun": ["none"]}}, ("platforms", "sms", "pun"), "the dimension exists only on web"),
    ],
)
def test_limits_that_cannot_be_are_refused_with_their_place(
    table: object, path: tuple[str | int, ...], text: str
) -> None:
    pun = {"values": {"none": "", "some": "Pun."}, "platforms": ["web"]}
    found = declared({"tone": DIMENSIONS["tone"], "pun": pun})
    with pytest.raises(WrongValuesError) as caught:
        limits_of(found, table)
    assert caught.value.found[0][0] == path
    assert text in caught.value.found[0][1]
