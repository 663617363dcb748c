"""The statistics of the gate: intervals over persons, people who are harmed, and raters who decide alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from llmagent_os.training.paired_comparison import mean_gain, shrunken_gains, without_most_favourable, worst_decile


def names(count: int, items: int) -> list[str]:
    return [f"p{number}" for number in range(count) for _ in range(items)]


def test_the_interval_is_students_over_persons() -> None:
    """A talkative person must not make a gain look certain. Checked against SciPy."""
    gains = np.random.default_rng(1).normal(0.1, 0.3, 12)
    found = mean_gain(np.repeat(gains, 5), names(12, 5), risk=0.05)
    interval = ttest_1samp(gains, 0).confidence_interval(0.9)
    assert np.isclose(found.mean, gains.mean())
    assert np.isclose(found.low, float(interval.low))
    assert np.isclose(found.high, float(interval.high))
    assert found.sample == 12


def test_few_persons_leave_the_items_as_the_sample() -> None:
    """A personal version has one person: its items are all there is."""
    found = mean_gain(np.array([0.0, 1.0, 1.0, 0.0]), ["p"] * 4)
    assert found.sample == 4
    assert found.low < 0.5 < found.high
    assert mean_gain(np.array([1.0]), ["p"]).low == -np.inf


def test_distrusted_people_count_less() -> None:
    differences, weights = np.array([1.0] * 5 + [-1.0] * 5), np.array([1.0] * 5 + [0.0] * 5)
    assert mean_gain(differences, names(10, 1), weights=weights).mean == 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=12, max_size=60), st.integers(2, 6))
def test_shrunken_gains_lie_between_the_mean_and_what_was_seen(values: list[float], people: int) -> None:
    persons = [f"p{at % people}" for at in range(len(values))]
    gains = shrunken_gains(np.array(values), persons)
    seen = np.array([np.mean(values[at::people]) for at in range(people)])
    assert len(gains) == people
    assert gains.min() >= seen.min() - 1e-9
    assert gains.max() <= seen.max() + 1e-9


def test_no_worst_decile_is_found_where_people_differ_by_chance() -> None:
    """The worst of 40 people always look harmed. A good candidate must not be refused for that."""
    for seed in range(10):
        noise = np.random.default_rng(seed).choice([-0.8, 0.0, 0.8], 160)
        assert worst_decile(0.2 + noise, names(40, 4)) > -0.05


def test_the_worst_decile_shows_a_few_who_are_harmed() -> None:
    """The average is good: it hides that four of 40 people lose nearly everything."""
    differences = np.repeat([0.8] * 36 + [-0.8] * 4, 4) + np.random.default_rng(0).normal(0, 0.1, 160)
    assert mean_gain(differences, names(40, 4)).low > 0.4
    assert worst_decile(differences, names(40, 4)) < -0.5


def test_raters_who_decide_alone_are_found() -> None:
    differences = np.array([1.0, 1.0] + [-0.05] * 18)
    assert mean_gain(differences, names(20, 1)).mean > 0
    left, dropped = without_most_favourable(differences, names(20, 1), 0.1)
    assert left < 0
    assert dropped == ["p0", "p1"]
