"""What breaks without this: whoever makes accounts decides how everybody else is answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from llmagent_os.identity import PersonId
from llmagent_os.policy.bayes.bayes_learner import POOL_NEWCOMERS, POOL_PEOPLE, Bayes
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior, make_policy
from llmagent_os.policy.learner import SHARED
from llmagent_os.policy.linear.linear_learner import LinearLearner
from llmagent_os.policy.newcomers import BEFORE_SECONDS, HOURLY_REPLIES, PERSON_REPLIES, NewcomerBudget, newcomer_shares
from llmagent_os.policy.state_bytes import unpack
from tests.unit.policy.reactions import HERE, chance

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
VICTIM = PersonId("victim")
LINEAR = tuple(name for name in LEARNERS if name != "bayes")


def say(policy: LearnedPolicy, who: str, number: int, at: datetime, likes: str, sense: float = 1.0) -> None:
    """A person reacts to a reply: 👍 if it is as long as they like it, else 👎."""
    decision = policy.decide(PersonId(who), HERE, decision_id=f"{who}.{number}")
    policy.observe(decision, sense if decision.action["verbosity"] == likes else -sense, at=at)
    policy.observe(decision, 0.0, kind="went_on", at=at)


def attack(policy: LearnedPolicy, accounts: int, likes: str, *, begins: datetime = MORNING) -> None:
    """Every account gives six reactions against what somebody likes, all within an hour."""
    for number in range(6 * accounts):
        at = begins + timedelta(seconds=3500 * number / (6 * accounts))
        say(policy, f"attacker{number // 6}", number, at, likes, sense=-1.0)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("likes", ["brief", "normal"])
def test_forty_accounts_do_not_change_the_taste_of_a_person_who_has_spoken(name: str, likes: str) -> None:
    """As docs/policies.md states: 20 reactions that agree, then 40 accounts × 6 reactions within an hour."""
    policy = make_behavior(name, DEFAULTS, None, 0.03, seed=1)
    for number in range(20):
        say(policy, VICTIM, number, MORNING - timedelta(days=2 - number / 10), likes)
    brief = [action["verbosity"] == likes for action in policy.actions.actions]
    before = chance(policy, VICTIM, {"verbosity": likes}), policy.learner.beliefs(VICTIM)[brief].sum()
    attack(policy, 40 if name == "bayes" else 60, likes)
    after = chance(policy, VICTIM, {"verbosity": likes}), policy.learner.beliefs(VICTIM)[brief].sum()
    assert after[0] > before[0] - 0.05
    assert after[1] > before[1] - 0.1
    assert min(after) > 0.6, "it is still her most probable value"


@pytest.mark.parametrize("name", LINEAR)
def test_replies_beyond_the_budget_of_an_hour_leave_the_shared_weights_as_they_are(name: str) -> None:
    policy = make_policy(name, seed=0)

    def shared() -> bytes:
        arrays, _ = unpack(policy.learner.changes()[SHARED])
        return arrays["weights"].tobytes() + arrays["value"].tobytes()

    before = shared()
    for number in range(int(HOURLY_REPLIES)):
        say(policy, f"new{number}", number, MORNING, "brief")
    spent = shared()
    assert before != spent
    attack(policy, 10, "brief")
    assert shared() == spent
    assert cast("LinearLearner", policy.learner).knows(PersonId("attacker3")), "their own weights are learned"
    say(policy, "late", 0, MORNING + timedelta(hours=1), "brief")
    assert shared() != spent, "the next hour has a budget of its own"


def test_newcomers_count_as_few_people_and_fewer_where_others_were_there_before() -> None:
    crowd = [(60.0 * at, 10) for at in range(400)]
    for before in range(20):
        replies = 10 * sum(newcomer_shares(crowd, before))
        assert replies == pytest.approx(PERSON_REPLIES * max(9 - 3 * before, before / 16))


def test_who_comes_later_takes_nobodys_place() -> None:
    """However many accounts there are, and however much they say."""
    early = [(60.0 * at, 20) for at in range(5)]
    late = [(BEFORE_SECONDS + 360.0 + 60.0 * at, 50) for at in range(500)]
    alone = newcomer_shares(early, 0)
    both = newcomer_shares([*late, *early], 0)  # the order of hearing does not matter
    assert both[len(late) :] == alone
    assert 50 * sum(both[: len(late)]) == pytest.approx(5 * PERSON_REPLIES / 16)


def test_an_account_that_votes_once_is_no_person() -> None:
    """Else one vote of each of many accounts would be as many people."""
    policy = make_policy("bayes", seed=0)
    for number in range(36):
        say(policy, f"new{number}", 0, MORNING, "brief")
    assert sum(person.weight for person in _pool(cast("Bayes", policy.learner))) == pytest.approx(3)


def test_hostile_newcomers_do_not_turn_what_the_next_newcomer_gets() -> None:
    """Six people react for a day, with mistakes. Then five accounts give fifty votes over ten hours."""
    policy = make_behavior("bayes", DEFAULTS, None, 0.03, {"verbosity": DIMENSIONS["verbosity"]}, seed=0)
    for number in range(20):
        for who in range(6):
            at = MORNING + timedelta(hours=number, minutes=who)
            say(policy, f"person{who}", number, at, "brief", sense=-1.0 if number in (4 + who, 10 + who) else 1.0)
    newcomer = PersonId("newcomer")
    before = chance(policy, newcomer, {"verbosity": "brief"})
    for number in range(50):
        at = MORNING + timedelta(hours=20 + number // 5)
        say(policy, f"attacker{number % 5}", number, at, "brief", sense=-1.0)
    assert before > 0.9
    assert chance(policy, newcomer, {"verbosity": "brief"}) > before - 0.05


def test_new_people_do_not_push_out_those_who_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmagent_os.policy.bayes.bayes_learner.POOL_PEOPLE", 8)
    monkeypatch.setattr("llmagent_os.policy.bayes.bayes_learner.POOL_NEWCOMERS", 2)
    assert POOL_NEWCOMERS * 4 == POOL_PEOPLE
    policy = make_policy("bayes", seed=0)
    for day in range(2):
        for number in range(6):
            say(policy, f"known{number}", day, MORNING - timedelta(days=5 - 2 * day), "brief")
    attack(policy, 6, "brief")
    pool = cast("list[str]", unpack(policy.learner.changes()[SHARED])[1]["pool"])
    assert sorted(pool) == [*(f"attacker{number}" for number in (0, 5)), *(f"known{number}" for number in range(6))]


def test_a_newcomer_who_comes_back_the_next_day_counts_in_full() -> None:
    policy = make_policy("bayes", seed=0)
    for number in range(120):
        say(policy, "ana", number, MORNING, "brief")
    (ana,) = _pool(cast("Bayes", policy.learner))
    assert ana.weights.sum() == pytest.approx(9 * PERSON_REPLIES)
    for number in range(120, 124):  # until what all people share is drawn again
        say(policy, "ana", number, MORNING + timedelta(days=1), "brief")
    assert ana.weights.sum() == 124


def test_the_time_is_that_of_the_observations() -> None:
    """The ledger teaches the same when it is learned again a year later."""
    early, late = NewcomerBudget(), NewcomerBudget()
    moments = [MORNING.timestamp() + 60.0 * minute for minute in range(90)]
    shares = [early.share(moments[0], at) for at in moments]
    for half in (moments[:40], moments[40:]):
        late = NewcomerBudget(late.used)
        assert [late.share(moments[0], at) for at in half] == shares[: len(half)] or half is not moments[:40]
    assert sum(shares) == 2 * HOURLY_REPLIES
    assert early.used == late.used


def test_clocks_of_platforms_that_differ_give_no_second_budget() -> None:
    budget = NewcomerBudget()
    turn_of_hour = 3600.0 * 1000
    shares = [budget.share(None, turn_of_hour + (-1.0 if number % 2 else 1.0)) for number in range(100)]
    assert sum(shares) == 2 * HOURLY_REPLIES


@pytest.mark.parametrize("name", LEARNERS)
def test_a_newcomer_gets_the_declared_defaults_until_something_speaks_against_them(name: str) -> None:
    """Each default with at least .8, and all of them together with .6, for 15 newcomers who only go on."""
    policy = make_behavior(name, DEFAULTS, None, 0.03, seed=2)
    for number in range(15):
        who = PersonId(f"new{number}")
        for turn in range(3):
            decision = policy.decide(who, {**HERE, "intent": ("ask", "request")[turn % 2]}, decision_id=f"{who}{turn}")
            if turn == 0:
                for key, value in DEFAULTS.items():
                    assert chance(policy, who, {key: value}) >= 0.8, (number, key)
                assert chance(policy, who, DEFAULTS) >= 0.6
            policy.observe(decision, 0.0, kind="went_on", at=MORNING + timedelta(minutes=20 * number))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_person_who_dislikes_the_default_soon_gets_something_else(name: str) -> None:
    policy = make_behavior(name, DEFAULTS, None, 0.03, seed=0)
    for number in range(25):
        say(policy, VICTIM, number, MORNING, "brief")
    assert chance(policy, VICTIM, {"verbosity": "normal"}) < 0.4


def test_what_established_people_dislike_speaks_against_a_default() -> None:
    policy = make_behavior("bayes", DEFAULTS, None, 0.03, seed=0)
    for number in range(8):
        for who in range(12):
            say(policy, f"person{who}", number, MORNING + timedelta(days=number), "brief")
    assert chance(policy, PersonId("newcomer"), {"verbosity": "brief"}) > 0.8


def _pool(learner: Bayes) -> list[Any]:
    return [learner._people[name] for name in learner._pool]  # pyright: ignore[reportPrivateUsage]
