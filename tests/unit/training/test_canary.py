"""The canary: how often it raises a false alarm, how soon it sees harm, and that it goes on after a restart."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.errors import ConfigError
from llmagent_os.training.canary import LEAST_FACTOR, Canary, CanaryDecision, CanarySettings, CanaryState


def play(canary: Canary, seed: int, active: float, candidate: float, conversations: int = 400) -> CanaryDecision:
    """Let people react with +1 or -1, or not at all, with these mean rewards."""
    rng = np.random.default_rng(seed)
    share = canary.settings.share
    for _ in range(conversations):
        by_canary = bool(rng.random() < share)
        mean = candidate if by_canary else active
        silent = rng.random() < 0.4
        reward = 0.0 if silent else (1.0 if rng.random() < (1 + mean / 0.6) / 2 else -1.0)
        if canary.observe_answered(by_canary, reward) != CanaryDecision.CONTINUE:
            break
    return canary.state.decision


def factors(canary: Canary, by_canary: bool, reward: float) -> tuple[np.ndarray, np.ndarray]:
    """The factors by which one conversation multiplies all bets, ``(BETS,)`` each."""
    copy = Canary(canary.name, canary.settings, msgspec.convert(msgspec.to_builtins(canary.state), CanaryState))
    before = np.asarray(copy.state.harm), np.asarray(copy.state.no_worse)
    copy.observe_answered(by_canary, reward)
    return np.exp(np.asarray(copy.state.harm) - before[0]), np.exp(np.asarray(copy.state.no_worse) - before[1])


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
        canary.observe_answered(by_canary, reward)
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
    runs, risk = 150, 0.1
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
    assert canary.observe_answered(True, 1.0) == CanaryDecision.GIVE_UP  # a decision is final
    assert canary.state.conversations == len(canary.state.history) == 10


def test_a_conversation_is_always_answered_by_the_same_version_and_the_share_is_kept() -> None:
    """Whoever changed sides within a conversation would be counted on both."""
    canary = Canary("v2", CanarySettings(share=0.2))
    sides = [canary.answers(f"slack:T1:{number}") for number in range(4000)]
    assert sides == [canary.answers(f"slack:T1:{number}") for number in range(4000)]
    assert abs(float(np.mean(sides)) - 0.2) < 0.025
    assert sides != [Canary("v3", canary.settings).answers(f"slack:T1:{number}") for number in range(4000)]


def test_a_restart_changes_nothing() -> None:
    """The state is JSON. After a kill the test goes on with the wealth that it had."""
    whole, first = Canary("v2"), Canary("v2")
    rng = np.random.default_rng(4)
    seen = [(bool(rng.random() < 0.2), float(rng.choice([-1, 0, 1]))) for _ in range(40)]
    for each in seen[:20]:
        first.observe_answered(*each)
    second = Canary("v2", state=msgspec.json.decode(msgspec.json.encode(first.state), type=CanaryState))
    for each in seen[20:]:
        second.observe_answered(*each)
    for each in seen:
        whole.observe_answered(*each)
    assert second.state == whole.state
    assert "conversations of v2" in second.why


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 0.9}, {"margin": -1.0}, {"risk_of_harm": 2.0}])
def test_a_wrong_setting_names_itself(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"canary: {next(iter(wrong))} is"):
        CanarySettings(**wrong)


def test_a_reward_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        Canary("v2").observe("c1", 3.0)
