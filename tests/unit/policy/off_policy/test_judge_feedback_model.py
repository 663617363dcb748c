"""What breaks without this: the loud are taken for the many, and who votes the opposite for who is dissatisfied."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from llmagent_os.policy.off_policy.bandit_feedback import FOLLOW_UPS, OPINIONS
from llmagent_os.policy.off_policy.judge_feedback_model import FeedbackModel, ObservedSigns

MODEL = replace(
    FeedbackModel.start(2), rate=np.array([0.1, 0.4]), outspoken=1.5, honesty=0.9, contrary=np.array([False, True])
)


def test_what_can_be_seen_is_seen_with_probability_one() -> None:
    for after in (0, None):
        known = range(1, len(FOLLOW_UPS)) if after is None else [after]
        cases = [(opinion, then) for opinion in range(len(OPINIONS)) for then in known]
        opinions, nexts = np.array(cases).T
        for person in (0, 1):
            signs = ObservedSigns(np.full(len(cases), person), opinions, nexts)
            assert np.allclose(MODEL.likelihoods(signs).sum(2), 1.0)


def test_a_contrary_vote_means_the_opposite_and_the_dissatisfied_are_louder() -> None:
    signs = ObservedSigns(np.array([0, 0]), np.array([1, 2]), np.array([0, 0]))
    honest, contrary = MODEL.likelihoods(signs)
    assert np.allclose(honest, [[0.15 * 0.9, 0.15 * 0.1], [0.1 * 0.1, 0.1 * 0.9]])
    assert np.allclose(contrary[:, ::-1], honest)


def test_signs_tell_more_of_who_shows_more() -> None:
    signs = ObservedSigns(np.array([0, 1, 1]), np.zeros(3, np.int64), np.array([1, 1, 0]))
    rare, often, alone = MODEL.information(signs, np.full(3, 0.5))
    assert 0 < rare < often < 1
    assert 0 < alone < often, "less is told where nobody knows what came next"
    loud = replace(MODEL, rate=np.full(2, 0.9), outspoken=1.1, honesty=1.0)
    assert loud.information(signs, np.full(3, 0.5)).min() > 0.85
    mute = replace(MODEL, rate=np.zeros(2), follow_up=np.full((2, 4), 0.25))
    assert np.allclose(mute.information(signs, np.full(3, 0.5)), 0.0)


def test_habits_are_found_where_the_classes_are_known() -> None:
    rng = np.random.default_rng(0)
    n, rates = 12_000, np.array([0.1, 0.3, 0.5])
    contrary = np.array([False, True, False])
    people = np.arange(n) % 3
    satisfied = rng.random(n) < 0.6
    shows = rng.random(n) < rates[people] * np.where(satisfied, 1.0, 1.8)
    opinions = np.where(shows, np.where(satisfied != contrary[people], 2, 1), 0)
    nexts = np.where(rng.random(n) < np.where(satisfied, 0.1, 0.4), 2, 1)
    signs = ObservedSigns(people, opinions, nexts)
    found = [FeedbackModel.start(3).redrawn(signs, satisfied, contrary, rng) for _ in range(20)]
    assert abs(np.mean([each.outspoken for each in found]) - 1.8) < 0.2
    assert np.allclose(np.mean([each.rate for each in found], axis=0), rates, rtol=0.15)
    assert np.allclose(np.mean([each.follow_up for each in found], axis=0)[:, 2], [0.4, 0.1], atol=0.03)
    assert min(each.honesty for each in found) > 0.98
    wrong = FeedbackModel.start(3).redrawn(signs, satisfied, ~contrary, rng)
    assert wrong.honesty < 0.8, "what is meant is counted against who is taken to be contrary"
