"""What breaks without this: a learner that never finds out what somebody likes, or that forgets it with a restart."""

from __future__ import annotations

import math
import sys
from threading import Thread
from typing import cast

import msgspec
import numpy as np
import pytest

from llmagent_os.errors import ConfigError, PolicyError
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.bayes.bayes_learner import Bayes
from llmagent_os.policy.bayes.design_matrix import Design
from llmagent_os.policy.contract import Context, Decision, Kind
from llmagent_os.policy.features import Features
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior, make_learner, make_policy
from llmagent_os.policy.learner import SHARED
from llmagent_os.policy.off_policy.bandit_feedback import Floats
from llmagent_os.policy.state_bytes import unpack

HERE: Context = {"intent": "ask", "kind": "direct", "turn": 0.3}
BRIEF = {"mode": "task_oriented", "verbosity": "brief"}
CHATTY = {"mode": "conversational", "verbosity": "detailed"}


def react(policy: LearnedPolicy, who: str, likes: dict[str, str], times: int) -> None:
    for number in range(times):
        decision = policy.decide(who, HERE, decision_id=f"{who}{policy.version}{number}")
        policy.observe(decision, 1.0 if likes.items() <= decision.action.items() else -1.0)


def chance(policy: LearnedPolicy, who: str, likes: dict[str, str]) -> float:
    """How likely the next reply is as somebody likes it."""
    decision = policy.decide(who, HERE)
    wanted = [name for name in decision.action_dist if all(f"{key}={value}" in name for key, value in likes.items())]
    return sum(decision.action_dist[name] for name in wanted)


@pytest.mark.parametrize("name", LEARNERS)
def test_propensities_are_a_distribution_that_deciding_does_not_change(name: str) -> None:
    policy = make_policy(name)
    react(policy, "ana", BRIEF, 12)
    version = policy.version
    for explicit in ({}, {"verbosity": "brief"}, {"verbosity": "brief", "mode": "conversational", "initiative": "act"}):
        decision = policy.decide("ana", HERE, explicit)
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
    react(policy, "ana", BRIEF, 6)
    drawn = [policy.decide("ana", HERE) for _ in range(2000)]
    for label, expected in drawn[0].action_dist.items():
        seen = sum(each.pscore == each.action_dist[label] and label == _label(each.action) for each in drawn)
        assert abs(seen / 2000 - expected) < 0.04


def _label(action: dict[str, str]) -> str:
    return ",".join(f"{key}={action[key]}" for key in sorted(action))


@pytest.mark.parametrize(
    ("name", "least"), [("bayes", 0.8), ("reinforce", 0.5), ("actor_critic", 0.5), ("q_learning", 0.5)]
)
def test_two_people_of_opposite_tastes_each_get_their_own(name: str, least: float) -> None:
    found: list[float] = []
    for seed in range(4):
        policy = make_policy(name, seed=seed)
        for _ in range(40 if name != "bayes" else 18):
            react(policy, "ana", {"verbosity": "brief"}, 1)
            react(policy, "ben", {"verbosity": "detailed"}, 1)
        found += [chance(policy, "ana", {"verbosity": "brief"}), chance(policy, "ben", {"verbosity": "detailed"})]
    assert np.mean(found) > least


@pytest.mark.parametrize("name", LEARNERS)
def test_a_newcomer_starts_from_what_others_like(name: str) -> None:
    policy = make_policy(name, seed=3)
    for number in range(12):
        react(policy, f"person{number % 6}", {"verbosity": "brief"}, 12)
    assert chance(policy, "newcomer", {"verbosity": "brief"}) > 0.6
    assert chance(make_policy(name), "newcomer", {"verbosity": "brief"}) < 0.55 or name == "bayes"


def test_before_anything_is_known_people_are_answered_as_the_bot_is_set_up() -> None:
    defaults = {"mode": "conversational", "verbosity": "normal", "initiative": "act"}
    policy = make_behavior("bayes", defaults, None, 0.03)
    decision = policy.decide("ana", HERE)
    assert (decision.action, decision.pscore) == (defaults, 1.0)
    assert policy.decide("ana", HERE, {"verbosity": "brief"}).action == {**defaults, "verbosity": "brief"}


def test_fifteen_reactions_are_enough_and_taking_them_off_unlearns_it() -> None:
    defaults = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
    own: list[float] = []
    undone: list[float] = []
    for seed in range(4):
        policy = LearnedPolicy(make_learner("bayes", ActionSpace(), defaults=defaults), ActionSpace(), seed=seed)
        given = list[Decision]()
        for number in range(15):
            for who, likes in (("ana", BRIEF), ("ben", CHATTY)):
                decision = policy.decide(who, HERE, decision_id=f"{who}{number}")
                policy.observe(decision, 1.0 if likes.items() <= decision.action.items() else -1.0)
                policy.observe(decision, 0.0, kind="went_on")
                given.append(decision)
        own += [chance(policy, "ana", BRIEF), chance(policy, "ben", CHATTY)]
        for decision in given:
            policy.observe(decision, None)
        undone += [chance(policy, "ben", CHATTY)]
    assert np.mean(own) > 0.75
    assert np.mean(undone) < np.mean(own) - 0.3


@pytest.mark.parametrize("name", LEARNERS)
def test_the_same_observations_give_the_same_policy_bit_for_bit(name: str) -> None:
    """Also where it was stored and taken up again in between."""
    kinds: list[tuple[Kind, float | None]] = [("reaction", 1.0), ("went_on", 0.0), ("reask", -1.0), ("reaction", None)]
    whole, halves = make_policy(name, seed=5), make_policy(name, seed=5)
    stored: dict[str, bytes] = {}
    rng = np.random.default_rng(0)
    for number in range(60):
        who = f"u{rng.integers(12)}"
        decision = make_policy(name, seed=number).decide(
            who, {**HERE, "intent": f"i{number % 7}"}, decision_id=str(number)
        )
        kind, reward = kinds[int(rng.integers(len(kinds)))]
        for policy in (whole, halves):
            policy.observe(decision, reward, kind=kind)
        if number in (20, 41):
            stored |= halves.learner.changes()
            halves = make_policy(name, seed=5)
            needed = halves.learner.restore(stored[SHARED])
            assert set(needed) <= stored.keys()
            for each in stored.keys() - {SHARED}:
                halves.learner.take(each, stored[each])
    ends = [whole.learner.changes(), stored | halves.learner.changes()]
    assert ends[0][SHARED] == ends[1][SHARED]
    assert ends[0] == ends[1]
    assert whole.version == halves.version


def test_people_who_always_react_are_not_taken_to_mean_the_opposite() -> None:
    """Where all is shown, how often says nothing: that the dissatisfied show more must not outweigh the votes."""
    rng = np.random.default_rng(1)
    policy = make_policy("bayes", seed=1)
    good: list[bool] = []
    for number in range(50):
        for who in "abcdefghijkl":
            decision = policy.decide(who, HERE, decision_id=f"{who}{number}")
            fits = decision.action["verbosity"] == "brief"
            good.append(fits)
            satisfied = rng.random() < (0.9 if fits else 0.2)
            policy.observe(decision, 1.0 if satisfied else -1.0)
            again = rng.random() < (0.05 if satisfied else 0.35)
            policy.observe(decision, -1.0 if again else 0.0, kind="reask" if again else "went_on")
    assert np.mean(good[-240:]) > 0.9


@pytest.mark.parametrize("name", LEARNERS)
def test_people_who_were_let_go_of_and_come_back_are_as_they_were(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmagent_os.policy.person_cache.HOT", 3)
    monkeypatch.setattr("llmagent_os.policy.bayes.bayes_learner.POOL", 4)
    whole, trimmed = make_policy(name, seed=5), make_policy(name, seed=5)
    stored: dict[str, bytes] = {}
    back = 0
    for number in range(80):
        who = f"u{number * number % 13}"
        decision = make_policy(name, seed=number).decide(who, HERE, decision_id=str(number))
        if not trimmed.learner.knows(who) and who in stored:
            trimmed.learner.take(who, stored[who])
            back += 1
        for policy in (whole, trimmed):
            policy.observe(decision, 1.0 if number % 3 else -1.0)
        stored |= trimmed.learner.changes()
        trimmed.learner.trim()
    assert back > 10
    assert sum(map(trimmed.learner.knows, stored)) <= 5
    assert {**whole.learner.changes()} == stored


def test_what_is_believed_of_somebody_does_not_change_with_who_is_heard_after_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The personas are drawn from the latest heard, so that one which only others had may become anything."""
    monkeypatch.setattr("llmagent_os.policy.bayes.bayes_learner.POOL", 6)
    chatty = [CHATTY.items() <= action.items() for action in ActionSpace().actions]
    known: list[float] = []
    kept: list[float] = []
    for seed in range(3):
        policy = make_policy("bayes", seed=seed)
        react(policy, "odd", CHATTY, 15)
        known.append(policy.learner.beliefs("odd")[chatty].sum())
        for number in range(6):
            react(policy, f"other{number}", {"verbosity": "brief"}, 3)
        before = policy.learner.beliefs("odd")
        for number in range(14):
            react(policy, f"another{number}", {"verbosity": "brief"}, 3)
        assert (policy.learner.beliefs("odd") == before).all()
        kept.append(before[chatty].sum())
        react(policy, "odd", CHATTY, 1)
        assert policy.learner.beliefs("odd")[chatty].sum() > 0.25
    assert np.mean(kept) > np.mean(known) - 0.2


def test_votes_that_count_nothing_change_nothing_for_anybody() -> None:
    policy = make_policy("bayes", seed=0)
    for number in range(40):
        decision = policy.decide(f"u{number % 3}", HERE, decision_id=str(number))
        policy.observe(decision, -1.0, weight=0.0)
    satisfied = [cast("Bayes", policy.learner).expected(who, HERE).mean() for who in ("u0", "newcomer")]
    assert min(satisfied) > 0.35


def test_columns_come_as_long_as_there_is_room_and_weights_stay_few() -> None:
    design = Design(ActionSpace(), Features())
    for number in range(30):
        design = design.grown({"intent": "ask", "kind": "direct", "language": f"language{number}"})
    assert len(design.features.columns) == 24
    for sizes in ([2] * 6, [8, 8], [64], [4, 6]):
        space = ActionSpace({f"d{at}": [f"{at}.{each}" for each in range(size)] for at, size in enumerate(sizes)})
        smaller = Design(space, Features())
        for number in range(30):
            larger = smaller.grown({"language": f"language{number}"})
            assert (larger.groups[: smaller.size] == smaller.groups).all(), "what was learned keeps its place"
            smaller = larger
        assert smaller.size <= 256


@pytest.mark.parametrize("name", LEARNERS)
def test_one_thread_decides_while_another_observes(name: str) -> None:
    """Also while columns come that the one does not know yet."""
    policy, twin = make_policy(name, seed=1), make_policy(name, seed=1)
    decisions = [
        twin.decide(f"u{number % 50}", {f"column{number % 30}": "x", "n": 0.1 * number}, decision_id=str(number))
        for number in range(100)
    ]

    def learn() -> None:
        for each in decisions:
            policy.observe(each, 1.0)

    learning = Thread(target=learn)
    usual, all_of_them = sys.getswitchinterval(), np.ones(12, np.bool_)
    sys.setswitchinterval(1e-6)
    try:
        learning.start()
        while learning.is_alive():
            for each in decisions[::7]:
                chances = policy.learner.probabilities(each.user_id, each.context, all_of_them)
                assert math.isclose(chances.sum(), 1.0)
                assert math.isclose(policy.learner.beliefs(each.user_id).sum(), 1.0)
    finally:
        sys.setswitchinterval(usual)
        learning.join()


@pytest.mark.parametrize("name", LEARNERS)
def test_what_a_learner_is_given_is_not_trusted(name: str) -> None:
    policy = make_policy(name)
    decision = policy.decide("ana", {"intent": "x", "n": math.inf, "m": math.nan, "huge": 1e300}, decision_id="1")
    for reward in (math.nan, math.inf, -1e9, 1e9, None):
        for kind in ("reaction", "reask", "went_on"):
            policy.observe(decision, reward, kind=kind, weight=math.nan)
            policy.observe(decision, reward, kind=kind, weight=1e9)
    for number in range(40):
        policy.observe(policy.decide("ana", {f"column{number}": str(number)}), 1.0)
    chances = policy.learner.probabilities("ana", HERE, np.ones(12, np.bool_))
    assert np.isfinite(chances).all() and math.isclose(chances.sum(), 1.0)


@pytest.mark.parametrize("name", LEARNERS)
def test_state_of_another_bot_or_damaged_state_is_refused(name: str) -> None:
    policy = make_policy(name)
    react(policy, "ana", BRIEF, 2)
    parts = policy.learner.changes()
    other = make_policy(name, ActionSpace({"tone": ("plain", "warm")}))
    with pytest.raises(PolicyError, match="learn it again from the ledger"):
        other.learner.restore(parts[SHARED])
    with pytest.raises(PolicyError, match="damaged"):
        make_policy(name).learner.restore(b"garbage")
    with pytest.raises(PolicyError, match="damaged"):
        make_policy(name).learner.take("ana", b"garbage")


@pytest.mark.parametrize("name", LEARNERS)
def test_somebody_forgotten_is_a_newcomer(name: str) -> None:
    policy = make_policy(name, seed=2)
    react(policy, "ana", BRIEF, 20)
    policy.learner.forget("ana")
    assert policy.learner.changes().keys() == {SHARED}
    stranger, ana = (policy.learner.probabilities(who, HERE, np.ones(12, np.bool_)) for who in ("zoe", "ana"))
    assert (stranger == ana).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_memory_of_a_person_is_bounded(name: str) -> None:
    policy = make_policy(name)
    sizes: list[int] = []
    for number in range(3):
        react(policy, "ana", BRIEF, 110)
        sizes.append(len(policy.learner.changes()["ana"]))
        assert number < 2 or sizes[2] <= sizes[1] * 1.1
    assert sizes[-1] < 60_000


@pytest.mark.parametrize("name", ["bayes", "reinforce", "actor_critic", "q_learning"])
def test_a_reward_is_credited_to_the_turns_before_it_as_far_as_gamma_says(name: str) -> None:
    """Only the second turn of a session is rewarded, for what was done in the first."""
    found: dict[float, float] = {}
    for gamma in (0.0, 0.9):
        policy = make_policy(name, seed=1, gamma=gamma)
        for number in range(60):
            first = policy.decide("ana", {"turn": "first"}, decision_id=f"a{number}", episode_id=str(number))
            policy.observe(first, 0.0, kind="went_on")
            then = policy.decide("ana", {"turn": "second"}, decision_id=f"b{number}", episode_id=str(number))
            policy.observe(then, 1.0 if first.action["verbosity"] == "brief" else -1.0)
        decision = policy.decide("ana", {"turn": "first"})
        found[gamma] = sum(p for each, p in decision.action_dist.items() if "verbosity=brief" in each)
    assert found[0.9] > found[0.0] + 0.1 or found[0.9] > 0.9


@pytest.mark.parametrize("name", ["reinforce", "actor_critic", "q_learning"])
def test_what_is_taken_back_is_given_back_with_what_it_was_measured_against(name: str) -> None:
    policy = make_policy(name, gamma=0.3)
    for number in range(60):  # somebody content: much is expected
        policy.observe(policy.decide("ana", HERE, decision_id=str(number)), 1.0)

    def weights() -> Floats:
        return unpack(policy.learner.changes()[SHARED])[0]["weights"]

    before = weights()
    decision = policy.decide("ana", HERE, decision_id="last", episode_id="now")
    policy.observe(decision, 1.0)
    step = float(np.abs(weights() - before).sum())
    for _ in range(10):
        policy.observe(decision, None)
        policy.observe(decision, 1.0)
    policy.observe(decision, None)
    assert float(np.abs(weights() - before).sum()) < 0.2 * step
    before = weights()
    policy.observe(decision, None)
    policy.observe(policy.decide("ana", HERE, decision_id="other", episode_id="now"), None)
    assert (weights() == before).all(), "what says nothing teaches nothing"


@pytest.mark.parametrize("name", ["reinforce", "actor_critic", "q_learning"])
def test_taking_off_what_is_too_long_ago_does_not_keep_the_rest_from_being_taken_back(name: str) -> None:
    policy = make_policy(name)
    decisions = [policy.decide("ana", HERE, decision_id=str(number)) for number in range(60)]
    for decision in decisions:
        policy.observe(decision, 1.0 if BRIEF.items() <= decision.action.items() else -1.0)
    before = unpack(policy.learner.changes()[SHARED])[0]["weights"]
    for decision in decisions:  # in the order in which they were put on
        policy.observe(decision, None)
    assert (unpack(policy.learner.changes()[SHARED])[0]["weights"] != before).any()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_choice_that_was_not_among_those_allowed_is_passed_over(name: str) -> None:
    policy = make_policy(name)
    decision = policy.decide("ana", HERE)
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


def test_one_troll_moves_what_newcomers_get_by_a_bounded_amount() -> None:
    """As docs/policies.md states: with twelve others, by less than a quarter."""
    moved: list[float] = []
    for seed in range(3):
        ends: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
        for troll in (False, True):
            policy = make_policy("bayes", seed=seed)
            for _ in range(6):
                for number in range(12):
                    react(policy, f"person{number}", {"verbosity": "brief"}, 1)
            if troll:
                for number in range(120):
                    decision = policy.decide("troll", HERE, decision_id=f"troll{number}")
                    policy.observe(decision, -1.0 if decision.action["verbosity"] == "brief" else 1.0)
            learner = policy.learner
            everyone = [learner.beliefs("newcomer") for _ in range(1)]
            brief = [action["verbosity"] == "brief" for action in policy.actions.actions]
            ends.append(np.mean(everyone, axis=0)[brief])
        moved.append(float(ends[0].sum() - ends[1].sum()))
    assert np.mean(moved) < 0.25
