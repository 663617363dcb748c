"""What breaks without this: a learner that never finds out what somebody likes, or forgets it with a restart."""

from __future__ import annotations

import math
import sys
from threading import Thread

import numpy as np
import pytest

from llmagent_os.errors import PolicyError
from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Kind
from llmagent_os.policy.learned import LEARNERS, make_policy
from llmagent_os.policy.learner import SHARED
from tests.unit.policy.reactions import BRIEF, HERE, chance, react

ANA = PersonId("ana")
BEN = PersonId("ben")


@pytest.mark.parametrize(
    ("name", "least"), [("bayes", 0.8), ("reinforce", 0.5), ("actor_critic", 0.5), ("q_learning", 0.5)]
)
def test_two_people_of_opposite_tastes_each_get_their_own(name: str, least: float) -> None:
    found: list[float] = []
    for seed in range(2 if name == "bayes" else 4):
        policy = make_policy(name, seed=seed)
        for _ in range(40 if name != "bayes" else 18):
            react(policy, ANA, {"verbosity": "brief"}, 1)
            react(policy, BEN, {"verbosity": "detailed"}, 1)
        found += [
            chance(policy, ANA, {"verbosity": "brief"}),
            chance(policy, BEN, {"verbosity": "detailed"}),
        ]
    assert np.mean(found) > least


@pytest.mark.parametrize("name", LEARNERS)
def test_a_newcomer_starts_from_what_others_like(name: str) -> None:
    policy = make_policy(name, seed=3)
    for number in range(12):
        react(policy, PersonId(f"person{number % 6}"), {"verbosity": "brief"}, 12)
    assert chance(policy, PersonId("newcomer"), {"verbosity": "brief"}) > 0.6
    assert chance(make_policy(name), PersonId("newcomer"), {"verbosity": "brief"}) < 0.55 or name == "bayes"


@pytest.mark.parametrize("name", LEARNERS)
def test_the_same_observations_give_the_same_policy_bit_for_bit(name: str) -> None:
    """Also where it was stored and taken up again in between."""
    kinds: list[tuple[Kind, float | None]] = [("reaction", 1.0), ("went_on", 0.0), ("reask", -1.0), ("reaction", None)]
    whole, halves = make_policy(name, seed=5), make_policy(name, seed=5)
    stored: dict[str, bytes] = {}
    rng = np.random.default_rng(0)
    for number in range(60):
        who = PersonId(f"u{rng.integers(12)}")
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
                halves.learner.take(PersonId(each), stored[each])
    ends = [whole.learner.changes(), stored | halves.learner.changes()]
    assert ends[0][SHARED] == ends[1][SHARED]
    assert ends[0] == ends[1]
    assert whole.version == halves.version


@pytest.mark.parametrize("name", LEARNERS)
def test_people_who_were_let_go_of_and_come_back_are_as_they_were(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmagent_os.policy.bayes.bayes_learner.POOL_PEOPLE", 4)
    whole, trimmed = make_policy(name, seed=5), make_policy(name, seed=5)
    trimmed.learner.limit_memory(1)
    stored: dict[str, bytes] = {}
    back = 0
    for number in range(80):
        who = PersonId(f"u{number * number % 13}")
        decision = make_policy(name, seed=number).decide(who, HERE, decision_id=str(number))
        if not trimmed.learner.knows(who) and who in stored:
            trimmed.learner.take(who, stored[who])
            back += 1
        for policy in (whole, trimmed):
            policy.observe(decision, 1.0 if number % 3 else -1.0)
        stored |= trimmed.learner.changes()
        trimmed.learner.trim()
    assert back > 10
    assert sum(trimmed.learner.knows(PersonId(part)) for part in stored) <= 5
    assert {**whole.learner.changes()} == stored


@pytest.mark.parametrize("name", LEARNERS)
def test_one_thread_decides_while_another_observes(name: str) -> None:
    """Also while columns come that the one does not know yet."""
    policy, twin = make_policy(name, seed=1), make_policy(name, seed=1)
    decisions = [
        twin.decide(
            PersonId(f"u{number % 50}"), {f"column{number % 30}": "x", "n": 0.1 * number}, decision_id=str(number)
        )
        for number in range(40)
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
                chances = policy.learner.probabilities(each.person_id, each.context, all_of_them)
                assert math.isclose(chances.sum(), 1.0)
                assert math.isclose(policy.learner.beliefs(each.person_id).sum(), 1.0)
    finally:
        sys.setswitchinterval(usual)
        learning.join()


@pytest.mark.parametrize("name", LEARNERS)
def test_what_a_learner_is_given_is_not_trusted(name: str) -> None:
    policy = make_policy(name)
    decision = policy.decide(ANA, {"intent": "x", "n": math.inf, "m": math.nan, "huge": 1e300}, decision_id="1")
    for reward in (math.nan, math.inf, -1e9, 1e9, None):
        for kind in ("reaction", "reask", "went_on"):
            policy.observe(decision, reward, kind=kind, weight=math.nan)
            policy.observe(decision, reward, kind=kind, weight=1e9)
    for number in range(40):
        policy.observe(policy.decide(ANA, {f"column{number}": str(number)}), 1.0)
    chances = policy.learner.probabilities(ANA, HERE, np.ones(12, np.bool_))
    assert np.isfinite(chances).all() and math.isclose(chances.sum(), 1.0)


@pytest.mark.parametrize("name", LEARNERS)
def test_state_of_another_bot_or_damaged_state_is_refused(name: str) -> None:
    policy = make_policy(name)
    react(policy, ANA, BRIEF, 2)
    parts = policy.learner.changes()
    other = make_policy(name, ActionSpace({"tone": ("plain", "warm")}))
    with pytest.raises(PolicyError, match="learn it again from the ledger"):
        other.learner.restore(parts[SHARED])
    with pytest.raises(PolicyError, match="damaged"):
        make_policy(name).learner.restore(b"garbage")
    with pytest.raises(PolicyError, match="damaged"):
        make_policy(name).learner.take(ANA, b"garbage")


@pytest.mark.parametrize("name", LEARNERS)
def test_somebody_forgotten_is_a_newcomer(name: str) -> None:
    policy = make_policy(name, seed=2)
    react(policy, ANA, BRIEF, 20)
    policy.learner.forget(ANA)
    assert policy.learner.changes().keys() == {SHARED}
    stranger, ana = (policy.learner.probabilities(PersonId(who), HERE, np.ones(12, np.bool_)) for who in ("zoe", "ana"))
    assert (stranger == ana).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_memory_of_a_person_is_bounded(name: str) -> None:
    policy = make_policy(name)
    sizes: list[int] = []
    for times in (210, 40):  # of bayes, a person has 200 turns
        react(policy, ANA, BRIEF, times)
        sizes.append(len(policy.learner.changes()["ana"]))
    assert sizes[1] <= sizes[0] * 1.1
    assert sizes[1] < 60_000


@pytest.mark.parametrize("name", ["bayes", "reinforce", "actor_critic", "q_learning"])
def test_a_reward_is_credited_to_the_turns_before_it_as_far_as_gamma_says(name: str) -> None:
    """Only the second turn of a session is rewarded, for what was done in the first."""
    found: dict[float, float] = {}
    for gamma in (0.0, 0.9):
        policy = make_policy(name, seed=1, gamma=gamma)
        for number in range(60):
            first = policy.decide(ANA, {"turn": "first"}, decision_id=f"a{number}", episode_id=str(number))
            policy.observe(first, 0.0, kind="went_on")
            then = policy.decide(ANA, {"turn": "second"}, decision_id=f"b{number}", episode_id=str(number))
            policy.observe(then, 1.0 if first.action["verbosity"] == "brief" else -1.0)
        decision = policy.decide(ANA, {"turn": "first"})
        found[gamma] = sum(p for each, p in decision.action_dist.items() if "verbosity=brief" in each)
    assert found[0.9] > found[0.0] + 0.1 or found[0.9] > 0.9
