"""What breaks without this: a worse policy is taken for a better one, or a conclusion is drawn from nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.off_policy import KINDS, case, trial
from numpy.typing import NDArray

from llmagent_os.errors import PolicyError
from llmagent_os.policy import posterior
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.columns import Columns
from llmagent_os.policy.evaluation import Judge
from llmagent_os.policy.logged import Logged

SPACE = ActionSpace()
CONTRASTS, ORDERS = SPACE.contrasts()
BRIEF = np.array([action["verbosity"] == "brief" for action in SPACE.actions])


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer rounds than in use: the worlds here are plain."""
    for name, value in (("CHAINS", 1), ("BEFORE", 60), ("ROUNDS", 120), ("EVERY", 4)):
        monkeypatch.setattr(posterior, name, value)


def log(
    n: int, *, people: int = 20, seed: int = 0, shown: tuple[float, float] = (0.5, 0.3), contrary: int = 0
) -> Logged:
    """Everybody likes brief answers in 8 of 10 cases, others in 4 of 10; the dissatisfied react more often."""
    rng = np.random.default_rng(seed)
    who = np.arange(n) % people
    actions = rng.integers(0, 12, n)
    satisfied = rng.random(n) < np.where(BRIEF[actions], 0.8, 0.4)
    reacts = rng.random(n) < np.where(satisfied, shown[1], shown[0])
    again = rng.random(n) < np.where(satisfied, 0.05, 0.35)
    return Logged(
        features=np.zeros((n, 1)),
        people=who,
        actions=actions,
        chances=np.full((n, 12), 1 / 12),
        opinions=np.where(reacts, np.where(satisfied != (who < contrary), 2, 1), 0),
        nexts=np.where(again, 2, 1),
    )


def only(which: NDArray[np.bool_], n: int) -> NDArray[np.float64]:
    return np.tile(which / which.sum(), (n, 1))


def judge(logged: Logged) -> Judge:
    return Judge(logged, CONTRASTS, ORDERS)


def test_the_value_of_what_was_not_done_is_found_and_the_better_is_promoted() -> None:
    values: list[float] = []
    for seed in range(3):
        logged = log(1500, seed=seed)
        ours = judge(logged)
        better, worse = (ours.evaluate(only(which, 1500)) for which in (BRIEF, ~BRIEF))
        same = ours.evaluate(logged.chances)
        assert better.promote and better.verdict == "better"
        assert not worse.promote and worse.verdict == "worse"
        assert not same.promote and same.gain.value == 0
        assert better.dr.value is not None and better.gain.low < 0.27 < better.gain.high
        values.append(better.dr.value)
    assert abs(np.mean(values) - 0.8) < 0.06


def test_who_reacts_more_does_not_make_it_look_worse() -> None:
    """A mean of the reactions alone would say .37 where .53 are satisfied."""
    logged = log(4000, shown=(0.6, 0.3))
    plain = (logged.opinions == 2).sum() / (logged.opinions > 0).sum()
    found = judge(logged).evaluate(logged.chances)
    assert plain < 0.42
    for each in (found.dr, found.snipw):
        assert each.value is not None and abs(each.value - 0.533) < 0.06


def test_who_votes_the_opposite_is_found() -> None:
    logged = log(1500, contrary=4)
    draws = list(posterior.draws(logged, Columns(logged, CONTRASTS, ORDERS)))
    suspected = np.mean([draw.habits.contrary for draw in draws], axis=0)
    assert suspected[:4].mean() > 0.7 and suspected[4:].max() < 0.3
    found = judge(logged).evaluate(only(BRIEF, 1500))
    assert found.promote and found.dr.value is not None and abs(found.dr.value - 0.8) < 0.1


def test_where_everybody_shows_everything_it_is_taken_as_shown() -> None:
    """Then nothing but the votes says which of the two classes is which."""
    told = replace(log(800, shown=(1.0, 1.0)), nexts=np.zeros(800, np.int64))
    ours = judge(told)
    found = ours.evaluate(told.chances)
    assert found.dr.value is not None and abs(found.dr.value - (told.opinions == 2).mean()) < 0.04
    assert ours.evaluate(only(BRIEF, 800)).promote


def test_what_was_avoided_for_good_reason_is_not_taken_for_as_good_as_what_was_preferred() -> None:
    """Each person likes actions of their own, which the log's policy knew and the regression has hardly seen."""
    rng = np.random.default_rng(1)
    n, people = 1500, 60
    who = np.arange(n) % people
    tastes = rng.normal(0, 2.0, (people, 12))[who]
    chances = np.exp(tastes) / np.exp(tastes).sum(1, keepdims=True)
    actions = (chances.cumsum(1) > rng.random((n, 1))).argmax(1)
    worth = 1 / (1 + np.exp(-tastes))
    satisfied = rng.random(n) < worth[np.arange(n), actions]
    opinions = np.where(rng.random(n) < 0.6, np.where(satisfied, 2, 1), 0)
    nexts = np.where(rng.random(n) < np.where(satisfied, 0.05, 0.35), 2, 1)
    logged = Logged(np.zeros((n, 1)), who, actions, chances, opinions, nexts)
    found = judge(logged).evaluate(only(np.ones(12, np.bool_), n))
    assert found.dr.value is not None and abs(found.dr.value - worth.mean()) < 0.08
    assert found.gain.high < 0


def test_the_same_is_found_again_whatever_was_judged_before() -> None:
    logged = log(600)
    first = judge(logged)
    first.evaluate(only(~BRIEF, 600))
    assert first.evaluate(only(BRIEF, 600)) == judge(logged).evaluate(only(BRIEF, 600))


def test_too_little_is_no_ground_for_a_conclusion() -> None:
    few = judge(log(40)).evaluate(only(BRIEF, 40))
    assert not few.conclusive and not few.promote and "too little data" in few.verdict
    silent = log(1000)
    found = judge(replace(silent, opinions=silent.opinions * 0)).evaluate(only(BRIEF, 1000))
    assert "too little data" in found.verdict
    assert found.snipw.value is None
    with pytest.raises(PolicyError, match="nothing to evaluate"):
        judge(log(0))
    with pytest.raises(PolicyError, match="nothing to evaluate"):
        judge(log(40)).evaluate(only(BRIEF, 41))


def test_what_was_never_possible_cannot_be_told() -> None:
    chances = np.where(BRIEF, 0.0, 1 / 8) * np.ones((1000, 1))
    actions = np.flatnonzero(~BRIEF)[np.arange(1000) % 8]
    found = judge(replace(log(1000), chances=chances, actions=actions)).evaluate(only(np.ones(12, np.bool_), 1000))
    assert not found.promote
    assert "never possible" in found.verdict


def test_the_benchmark_knows_which_candidates_are_at_the_boundary() -> None:
    given = case(100, "A", 240)
    own = given.worth(given.logged.chances)
    gains = {kind: [given.worth(each) - own for name, each in given.candidates if name == kind] for kind in KINDS}
    assert gains["boundary"] and np.allclose(gains["boundary"], -0.001)
    assert gains["same"] == [0.0] and len(gains["single"]) == 12
    assert gains["softmax"][1] > gains["softmax"][0] > 0 > gains["softmax"][2]
    assert {name for _, name, _ in trial(100, "A", 240)} >= {"DR error", "gain holds", "falsely promoted"}
