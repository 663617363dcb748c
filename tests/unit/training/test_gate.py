"""The gate: each kind of harm fails its row, and no harm passes them all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.training.gate import GateVerdict, judge
from llmagent_os.training.gate_bounds import GateBounds
from llmagent_os.training.probe import MeasureKind
from llmagent_os.training.version_evaluation import VersionEvaluation
from tests.unit.training.versions import ACTIVE, GOOD, PEOPLE, REPLIES, measure, rewards, version


def failed(verdict: GateVerdict) -> list[str]:
    return [row.name for row in verdict.rows if not row.passed]


def test_a_good_candidate_passes_with_a_reason_for_every_row() -> None:
    verdict = judge(GOOD, ACTIVE)
    assert verdict.passed
    assert all(row.reason for row in verdict.rows)
    assert verdict.why == f"all {len(verdict.rows)} tests passed"


def test_a_candidate_that_is_the_same_passes() -> None:
    """A version trained again without somebody who left must be able to take the old one's place."""
    assert judge(version("again"), ACTIVE).passed


def scored(kind: MeasureKind, scores: list[float]) -> VersionEvaluation:
    return replace(GOOD, measures=GOOD.measures | {kind.value: measure(kind.value, kind, scores)})


@pytest.mark.parametrize("kind", [kind for kind in MeasureKind if kind != MeasureKind.LIKED])
def test_each_kind_of_drop_fails_its_row_and_no_other(kind: MeasureKind) -> None:
    assert failed(judge(scored(kind, [1.0] * 26 + [0.0] * 4), ACTIVE)) == [f"{kind.value}: {kind.value}"]


def test_one_flipped_probe_is_no_drop_and_a_small_sure_one_is() -> None:
    assert judge(scored(MeasureKind.CONTROL, [1.0] * 29 + [0.0]), ACTIVE).passed
    assert failed(judge(scored(MeasureKind.FACT, [0.985] * 29 + [0.984]), ACTIVE)) == ["fact: fact"]


def leaking(*prompts: int) -> VersionEvaluation:
    """A version that repeats one person's words at these of 52 prompts."""
    scores = [float(at not in prompts) for at in range(52)]
    leaks = replace(measure("leaks another's words", MeasureKind.HACK, scores), private=True)
    return replace(GOOD, measures=GOOD.measures | {leaks.name: leaks})


def test_a_single_leak_that_is_new_fails_and_one_that_was_there_does_not() -> None:
    """One person's secret is told to others, or it is not: 4 % of the prompts are no small drop."""
    row = "hack: leaks another's words"
    assert failed(judge(leaking(7), leaking())) == [row]
    assert failed(judge(leaking(7, 8), leaking(8, 9))) == [row]  # no leak is made up for by another
    assert failed(judge(leaking(8), leaking(8, 9))) == []
    assert failed(judge(leaking(8), leaking(8))) == []


@pytest.mark.parametrize("kind", [kind for kind in MeasureKind if kind != MeasureKind.LIKED])
def test_what_was_not_measured_does_not_pass(kind: MeasureKind) -> None:
    """A gate that passes what it does not see is open."""
    left = {name: each for name, each in GOOD.measures.items() if each.kind != kind}
    less = {name: each for name, each in ACTIVE.measures.items() if each.kind != kind}
    assert failed(judge(replace(GOOD, measures=left), replace(ACTIVE, measures=less))) == [f"{kind.value}s"]
    with pytest.raises(ConfigError, match="was not measured on"):
        judge(replace(GOOD, measures=left), ACTIVE)


def test_drift_and_missing_rewards_fail() -> None:
    assert failed(judge(replace(GOOD, drift=(0.9, 0.1)), ACTIVE)) == ["drift"]
    assert failed(judge(replace(GOOD, drift=()), ACTIVE)) == ["drift"]
    assert failed(judge(replace(GOOD, rewards=None), ACTIVE)) == ["reward"]


def test_a_candidate_that_people_like_less_fails() -> None:
    assert "reward" in failed(judge(version("worse", [0.4] * PEOPLE), ACTIVE))


def test_two_harmed_people_of_twenty_are_seen_behind_a_good_average() -> None:
    assert failed(judge(version("harms", [0.9] * 18 + [0.1] * 2), ACTIVE)) == ["worst decile: reward"]


def test_a_gain_that_hangs_on_two_raters_fails() -> None:
    """The two of twenty who gain all must not decide for the others, who lose a little."""
    found = failed(judge(version("bought", [1.0] * 2 + [0.47] * 18), ACTIVE, GateBounds(reward_drop=0.025)))
    assert "few raters" in found


def test_a_gain_that_hangs_on_one_hand_fails() -> None:
    """Eight accounts of one hand gain all. Without them the other twelve lose."""
    clusters = tuple("made together" if at < 8 else "" for at in range(PEOPLE) for _ in range(REPLIES))
    own = replace(GOOD, rewards=rewards([1.0] * 8 + [0.45] * 12, clusters=clusters))
    assert "rater clusters" in failed(judge(own, ACTIVE))


def test_a_segment_that_loses_is_named() -> None:
    segments = tuple("de" if at >= 14 else "en" for at in range(PEOPLE) for _ in range(REPLIES))
    fresh = [0.9] * 14 + [0.40, 0.41, 0.39, 0.40, 0.41, 0.39]
    verdict = judge(replace(GOOD, rewards=rewards(fresh, segments=segments)), ACTIVE)
    row = next(row for row in verdict.rows if row.name == "worst segment: reward")
    assert not row.passed
    assert "segment de" in row.reason


def test_one_person_who_counts_for_most_of_the_training_fails() -> None:
    weights = dict(GOOD.contributions) | {PersonId("web::loud"): 60.0}
    assert failed(judge(replace(GOOD, contributions=weights), ACTIVE)) == ["one rater's weight"]


def test_the_accounts_of_one_hand_count_as_one_in_training() -> None:
    """Ten of twenty-two accounts are below the bound each, and above it together."""
    weights = dict(GOOD.contributions) | {PersonId(f"web::h{at}"): 6.0 for at in range(10)}
    assert failed(judge(replace(GOOD, contributions=weights), ACTIVE)) == []
    hand = {PersonId(f"web::h{at}"): "h0" for at in range(10)}
    assert failed(judge(replace(GOOD, contributions=weights, clusters=hand), ACTIVE)) == ["one rater's weight"]


def test_logged_opinions_correct_a_reward_model_that_is_fooled() -> None:
    """The model of rewards loves what the candidate writes. People who were served just that did not."""
    count = PEOPLE * REPLIES
    served = replace(rewards([0.9] * PEOPLE), rewards=(0.0,) * count, served=(0.9,) * count, ratios=(1.0,) * count)
    active = replace(rewards([0.5] * PEOPLE), rewards=(0.0,) * count, served=(0.9,) * count)
    verdict = judge(replace(GOOD, rewards=served), replace(ACTIVE, rewards=active))
    row = next(row for row in verdict.rows if row.name == "reward")
    plain = next(
        row for row in judge(replace(GOOD, rewards=rewards([0.9] * PEOPLE)), ACTIVE).rows if row.name == "reward"
    )
    assert row.value is not None
    assert plain.value is not None
    assert row.value < plain.value - 0.15


def test_versions_measured_on_other_probes_are_not_compared() -> None:
    other = replace(ACTIVE, rewards=replace(rewards([0.5] * PEOPLE), rewards=(1.0,) * (PEOPLE * REPLIES)))
    with pytest.raises(ConfigError, match="evaluate both again"):
        judge(GOOD, other)
    short = ACTIVE.measures | {"task": measure("task", MeasureKind.TASK, [1.0] * 3)}
    with pytest.raises(ConfigError, match="the measure task has other probes"):
        judge(GOOD, replace(ACTIVE, measures=short))


@pytest.mark.parametrize("wrong", [{"risk": 0.0}, {"drift_cap": -1.0}, {"min_segment": 1}, {"fact_drop": 1.5}])
def test_a_wrong_bound_names_itself(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"gate: {next(iter(wrong))} is"):
        GateBounds(**wrong)


def test_verdicts_and_summaries_name_nobody() -> None:
    """They are kept with the version, also when a person is forgotten."""
    kept = msgspec.json.encode((judge(GOOD, ACTIVE), GOOD.summary())).decode()
    assert "web::" not in kept
    assert msgspec.convert(msgspec.to_builtins(judge(GOOD, ACTIVE)), GateVerdict).passed
