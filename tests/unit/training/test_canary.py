"""The canary: how often it raises a false alarm, how soon it sees harm, and that it goes on after a restart."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from llmagent_os.training.canary import LEAST_FACTOR, Canary, CanaryDecision, replayed
from llmagent_os.training.canary_draw import draws_canary
from llmagent_os.training.canary_settings import CanarySettings


def play(canary: Canary, seed: int, active: float, candidate: float, conversations: int = 400) -> CanaryDecision:
    """Let people react with +1 or -1, or not at all, with these mean rewards."""
    rng = np.random.default_rng(seed)
    share = canary.settings.share
    for _ in range(conversations):
        by_canary = bool(rng.random() < share)
        mean = candidate if by_canary else active
        silent = rng.random() < 0.4
        reward = 0.0 if silent else (1.0 if rng.random() < (1 + mean / 0.6) / 2 else -1.0)
        if canary.observe(by_canary, reward) != CanaryDecision.CONTINUE:
            break
    return canary.state.decision


def factors(canary: Canary, by_canary: bool, reward: float) -> tuple[np.ndarray, np.ndarray]:
    """The factors by which one conversation multiplies all bets, ``(BETS,)`` each."""
    after = deepcopy(canary)
    after.observe(by_canary, reward)
    harm, no_worse = np.exp(after.logs - canary.logs)
    return harm, no_worse


rewards = st.floats(-1, 1, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    share=st.floats(0.01, 0.5),
    margin=st.floats(0.001, 1.0),
    past=st.lists(st.tuples(st.booleans(), rewards), max_size=6),
    active=st.tuples(rewards, rewards),
    candidate=st.tuples(rewards, rewards),
)
def test_no_bet_gains_on_average_where_its_hypothesis_is_true(
    share: float,
    margin: float,
    past: list[tuple[bool, float]],
    active: tuple[float, float],
    candidate: tuple[float, float],
) -> None:
    """Otherwise the false-alarm rate has no bound. Each version gives one of two rewards, whatever was seen before."""
    canary = Canary("v2", CanarySettings(share=share, margin=margin, risk_of_alarm=1e-6, risk_of_harm=1e-6))
    for by_canary, reward in past:
        canary.observe(by_canary, reward)
    harm, no_worse = np.zeros(()), np.zeros(())
    for by_canary, pair, chance in ((True, candidate, share), (False, active, 1 - share)):
        for reward in pair:
            gained, kept = factors(canary, by_canary, reward)
            assert min(gained.min(), kept.min()) >= LEAST_FACTOR - 1e-9  # nobody goes into debt
            harm, no_worse = harm + chance / 2 * gained, no_worse + chance / 2 * kept
    effect = float(np.mean(candidate) - np.mean(active))
    if effect >= 0:
        assert harm.max() <= 1 + 1e-9
    if effect <= -margin:
        assert no_worse.max() <= 1 + 1e-9


def test_false_alarms_stay_below_the_risk_however_often_one_looks() -> None:
    """One looks after every conversation. A test of a fixed size, looked at so often, would be wrong in many runs."""
    runs, risk = 80, 0.1
    options = CanarySettings(share=0.3, risk_of_alarm=risk, risk_of_harm=1e-6, max_conversations=10**6)
    equal = sum(play(Canary("v2", options), seed, 0.2, 0.2, 300) == CanaryDecision.ROLL_BACK for seed in range(runs))
    options = CanarySettings(share=0.3, margin=0.1, risk_of_harm=risk, risk_of_alarm=1e-6, min_conversations=1)
    worse = sum(play(Canary("v2", options), seed, 0.2, 0.1, 300) == CanaryDecision.PROMOTE for seed in range(runs))
    allowed = runs * risk + 3 * (runs * risk * (1 - risk)) ** 0.5
    assert equal <= allowed
    assert worse <= allowed


def test_harm_is_seen_and_good_versions_are_promoted() -> None:
    """A test that never decides would also never be wrong."""
    options = CanarySettings(share=0.5)
    assert [play(Canary("v2", options), seed, 0.2, -0.4) for seed in range(5)] == [CanaryDecision.ROLL_BACK] * 5
    assert [play(Canary("v2", options), seed, 0.0, 0.5) for seed in range(5)] == [CanaryDecision.PROMOTE] * 5


def test_nothing_certain_leaves_the_active_version() -> None:
    canary = Canary("v2", CanarySettings(max_conversations=10))
    assert play(canary, 0, 0.0, 0.0) == CanaryDecision.GIVE_UP
    assert canary.observe(True, 1.0) == CanaryDecision.GIVE_UP  # a decision is final
    assert canary.state.conversations == len(canary.state.history) == 10


def test_a_session_is_always_answered_by_the_same_version_and_the_share_is_kept() -> None:
    """Whoever changed sides within a session would be counted on both."""
    sides = [draws_canary("v2", f"slack:{number}", 0.2) for number in range(4000)]
    assert sides == [draws_canary("v2", f"slack:{number}", 0.2) for number in range(4000)]
    assert abs(float(np.mean(sides)) - 0.2) < 0.025
    assert sides != [draws_canary("v3", f"slack:{number}", 0.2) for number in range(4000)]


def test_a_restart_changes_nothing() -> None:
    """The conversations are kept. After a kill the test goes on with the wealth that it had."""
    rng = np.random.default_rng(4)
    seen = [(bool(rng.random() < 0.2), float(rng.choice([-1, 0, 1])), f"p{number % 7}") for number in range(40)]
    whole, second = Canary("v2"), replayed("v2", CanarySettings(), seen[:20])
    for each in seen:
        whole.observe(*each)
    for each in seen[20:]:
        second.observe(*each)
    assert second.state == whole.state
    assert np.array_equal(second.logs, whole.logs)
    assert "conversations of v2" in second.why


@pytest.mark.parametrize(("liked", "decided"), [(1.0, CanaryDecision.PROMOTE), (-1.0, CanaryDecision.ROLL_BACK)])
def test_no_single_person_decides(liked: float, decided: CanaryDecision) -> None:
    """However much one person gives: the evidence has to be enough without them, and two who agree can be enough."""
    options = CanarySettings(share=0.5, min_conversations=1)
    one, several = Canary("v2", options), Canary("v2", options)
    for number in range(400):
        by_canary = bool(number % 2)
        one.observe(by_canary, liked if by_canary else -liked, "p1")
        several.observe(by_canary, liked if by_canary else -liked, f"p{number // 2 % 2}")
    assert one.state.decision == CanaryDecision.CONTINUE
    assert one.evidence[0] <= 1 and one.evidence[1] <= 1
    assert several.state.decision == decided


def test_the_evidence_is_the_least_of_those_without_one_person() -> None:
    """Silent conversations leave the baseline at 0. So each part of the evidence is a test of its own."""
    options = CanarySettings(share=0.5)
    seen = [(bool(number % 2), 0.0, f"p{number % 3}") for number in range(30)]

    def evidence(without: str) -> tuple[float, float]:
        left = [(by_canary, reward, "") for by_canary, reward, person in seen if person != without]
        return replayed("v2", options, left).state.history[-1]

    least = np.min([evidence(without) for without in ("p0", "p1", "p2", "nobody")], axis=0)
    assert replayed("v2", options, seen).state.history[-1] == pytest.approx(tuple(least))


@pytest.mark.parametrize(
    "wrong", [{"share": 0.001}, {"share": 0.9}, {"shar": 0.1}, {"margin": -1.0}, {"risk_of_harm": 2.0}]
)
def test_a_wrong_setting_names_itself(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        CanarySettings(**wrong)


def test_a_reward_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        Canary("v2").observe(True, 3.0)
