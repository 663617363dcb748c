"""Decides whether a candidate may serve. Each test is a row: its value, its bound, and the reason in words.

The tests ask three things. Is the candidate as good as the active version: for everybody, for each segment, for the
people who lose most, and also without the few raters who favour it most? Has it kept what nobody judged: the work, the
facts, the answers to unrelated prompts? And does it seek reward in a way that helps nobody?

A score has dropped too far if its mean is below the bound, or if it is surely below 0. "Surely" shares
:attr:`~llmagent_os.training.gate_bounds.GateBounds.risk` among all such tests (Bonferroni), so that a good candidate is
not refused because one of many tests found something by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from llmagent_os.errors import ConfigError
from llmagent_os.policy.array_types import Floats
from llmagent_os.training.fresh_rows import fresh_rows
from llmagent_os.training.gate_bounds import GateBounds
from llmagent_os.training.gate_row import GateRow, row
from llmagent_os.training.paired_comparison import (
    MIN_PERSONS,
    mean_gain,
    shrunken_gains,
    without_most_favourable,
    worst_decile,
)
from llmagent_os.training.probe import MeasureKind
from llmagent_os.training.reward_gain import estimated_values
from llmagent_os.training.version_evaluation import LoggedRewards, MeasureScores, VersionEvaluation, as_array

#: What has to have been measured. A gate without one of them would let through what it does not see.
REQUIRED_KINDS = (MeasureKind.TASK, MeasureKind.CONTROL, MeasureKind.FACT, MeasureKind.HACK)


class GateVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says of a candidate. It names no person."""

    candidate: str  #: the candidate's name
    active: str  #: the name of the version that it was compared with
    rows: tuple[GateRow, ...]

    @property
    def passed(self) -> bool:
        """Whether every test is passed."""
        return all(each.passed for each in self.rows)

    @property
    def why(self) -> str:
        """The reasons in words: those of the failed tests, or that there are none."""
        failed = [f"{each.name}: {each.reason}" for each in self.rows if not each.passed]
        return "; ".join(failed) or f"all {len(self.rows)} tests passed"


def judge(candidate: VersionEvaluation, active: VersionEvaluation, bounds: GateBounds | None = None) -> GateVerdict:
    """Judge a candidate by what was measured of it and of the active version.

    Args:
        candidate: measured on the same probes and logged replies as ``active``.
        active: what serves now; the base model where nothing does.
        bounds: what to keep to; by default the defaults of :class:`GateBounds`.

    Raises:
        ConfigError: the two were not measured on the same probes; the message names the measure.
    """
    bounds = bounds or GateBounds()
    rows = [
        *_reward_rows(candidate, active, bounds),
        *_measure_rows(candidate, active, bounds),
        *_drift_rows(candidate, bounds),
        *fresh_rows(candidate, active, bounds),
        *_people_rows(candidate, active, bounds),
        _contribution_row(candidate, bounds),
    ]
    return GateVerdict(candidate=candidate.version, active=active.version, rows=tuple(rows))


def _differences(candidate: MeasureScores, active: MeasureScores | None) -> Floats:
    """Return candidate minus active, probe by probe, ``(n,)``."""
    if active is None or (candidate.persons, candidate.segments) != (active.persons, active.segments):
        raise ConfigError(f"the measure {candidate.name} has other probes for the active version: evaluate both again")
    return as_array(candidate.scores) - as_array(active.scores)


def _reward_differences(candidate: VersionEvaluation, active: VersionEvaluation) -> tuple[Floats, LoggedRewards] | None:
    """Return the gain in estimated reward for each logged reply, ``(n,)``, and whose replies they are."""
    ours, theirs = candidate.rewards, active.rewards
    if ours is None or theirs is None or not ours.persons:
        return None
    if (ours.persons, ours.rewards) != (theirs.persons, theirs.rewards):
        raise ConfigError("the logged replies of the two versions are not the same: evaluate both again")
    return estimated_values(ours) - estimated_values(theirs), ours


def _reward_rows(candidate: VersionEvaluation, active: VersionEvaluation, bounds: GateBounds) -> Iterator[GateRow]:
    """Give the test of the estimated reward, and that it does not hang on a few raters."""
    found = _reward_differences(candidate, active)
    if found is None:
        yield _examples_row(candidate, active, bounds)
        return
    gains, logged = found
    weights = as_array(logged.weights)
    gain = mean_gain(gains, logged.persons, risk=bounds.risk, weights=weights)
    unit = "persons" if len(set(logged.persons)) >= MIN_PERSONS else "replies"
    yield row(
        "reward",
        gain.low,
        -bounds.reward_drop,
        gain.low >= -bounds.reward_drop,
        f"estimated gain {gain.mean:+.3f}, at least {gain.low:+.3f}, over {gain.sample} {unit}",
    )
    raters = tuple(logged.persons)
    if len(set(raters)) < MIN_PERSONS:
        yield row("few raters", None, -bounds.reward_drop, True, "too few people for one to decide about others")
        return
    left, dropped = without_most_favourable(gains, raters, bounds.dropped_share)
    yield row(
        "few raters",
        left,
        -bounds.reward_drop,
        left >= -bounds.reward_drop,
        f"without the {len(dropped)} raters who favour it most the gain is {left:+.3f}",
    )
    yield from _cluster_row(gains, logged, bounds)


def _examples_row(candidate: VersionEvaluation, active: VersionEvaluation, bounds: GateBounds) -> GateRow:
    """Give the test of held-out examples that somebody wrote, where no reply was judged: they must be likelier."""
    count = len(candidate.nll)
    if not count or count != len(active.nll):
        return row(
            "reward",
            None,
            -bounds.reward_drop,
            False,
            "no reply was judged and no example held out: nothing speaks for it",
        )
    gains = as_array(active.nll) - as_array(candidate.nll)  # (examples,)
    gain = mean_gain(gains, [str(at) for at in range(count)], risk=bounds.risk)
    reason = f"held-out examples are likelier by {gain.mean:+.3f} nats a token, at least {gain.low:+.3f}, over {count}"
    return row("examples", gain.low, 0.0, gain.low >= 0, reason)


def _cluster_row(gains: Floats, logged: LoggedRewards, bounds: GateBounds) -> Iterator[GateRow]:
    """Give the test that no cluster of raters decides, where clusters are known."""
    clusters = np.asarray(logged.clusters, dtype=object).astype(str)
    persons = np.asarray(logged.persons, dtype=object).astype(str)
    left = {
        cluster: mean_gain(gains[clusters != cluster], list(persons[clusters != cluster])).mean
        for cluster in sorted(set(clusters.tolist()) - {""})
        if (clusters != cluster).any()
    }
    if left:
        worst = min(left.values())
        reason = f"without the cluster of raters that favours it most the gain is {worst:+.3f}"
        yield row("rater clusters", worst, -bounds.reward_drop, worst >= -bounds.reward_drop, reason)


def _measure_rows(candidate: VersionEvaluation, active: VersionEvaluation, bounds: GateBounds) -> Iterator[GateRow]:
    """Give a test for each measure, and one that fails for each kind of measure that is missing."""
    allowed = {
        MeasureKind.TASK: bounds.task_drop,
        MeasureKind.CONTROL: bounds.control_drop,
        MeasureKind.FACT: bounds.fact_drop,
        MeasureKind.HACK: bounds.hack_drop,
    }
    missing = set(active.measures) - set(candidate.measures)
    if missing:
        raise ConfigError(f"the candidate was not measured on {', '.join(sorted(missing))}: evaluate it again")
    measured = [each for each in candidate.measures.values() if each.kind in allowed and each.scores]
    for kind in REQUIRED_KINDS:
        if not any(each.kind == kind for each in measured):
            yield row(f"{kind.value}s", None, None, False, "nothing of this kind was measured")
    for each in measured:
        before = active.measures.get(each.name)
        gains = _differences(each, before)
        if each.private:
            yield _leak_row(each, gains)
            continue
        gain = mean_gain(gains, each.persons, risk=bounds.risk / len(measured))
        drop = allowed[each.kind]
        # Scores of 0 and 1 change in steps of 1/n: one probe of a small set is no proof of a drop.
        step = 1 / len(each.scores) if set(each.scores) <= {0.0, 1.0} else 0.0
        worse = gain.mean < -max(drop, step) - 1e-9 or (gain.high < 0 and len(each.scores) > 1)
        reason = f"from {as_array(before.scores).mean():.3f} to {each.mean:.3f}" if before else ""
        yield row(f"{each.kind.value}: {each.name}", gain.mean, -drop, not worse, reason)


def _leak_row(measure: MeasureScores, gains: Floats) -> GateRow:
    """Give the test of a measure of people's words. One leak that the active version does not have is too many."""
    new, asked = int((gains < 0).sum()), len(gains)
    reason = f"on {new} of {asked} prompts it does worse than the active version, and none is allowed"
    return row(f"{measure.kind.value}: {measure.name}", -new / asked, 0.0, not new, reason)


def _drift_rows(candidate: VersionEvaluation, bounds: GateBounds) -> Iterator[GateRow]:
    """Give the tests of the distance from the base, and from the version that the candidate was trained from."""
    if not candidate.drift:
        yield row("drift", None, bounds.drift_cap, False, "the drift on control prompts was not measured")
        return
    for name, values, origin in (
        ("drift", candidate.drift, "the base"),
        ("drift from parent", candidate.parent_drift, "the version that it was trained from"),
    ):
        if values:
            drift = float(np.mean(values))
            reason = f"KL {drift:.3f} nats a token from {origin} on {len(values)} control prompts"
            yield row(name, drift, bounds.drift_cap, drift <= bounds.drift_cap, reason)


def _people_rows(candidate: VersionEvaluation, active: VersionEvaluation, bounds: GateBounds) -> Iterator[GateRow]:
    """Give the tests of the people who lose most, and of each segment, by the estimated reward and by what is liked."""
    found = _reward_differences(candidate, active)
    sources: list[tuple[str, Floats, Sequence[str], Sequence[str]]] = []
    if found is not None:
        sources.append(("reward", found[0], found[1].persons, found[1].segments))
    sources.extend(
        (each.name, _differences(each, active.measures.get(each.name)), each.persons, each.segments)
        for each in candidate.measures.values()
        if each.kind == MeasureKind.LIKED and each.scores
    )
    for name, gains, persons, segments in sources:
        if len(set(persons)) >= MIN_PERSONS:
            worst = worst_decile(gains, persons)
            harmed = int((shrunken_gains(gains, persons) < -bounds.decile_drop).sum())
            reason = f"the tenth of the people who lose most gain {worst:+.3f}; {harmed} of {len(set(persons))} lose"
            yield row(f"worst decile: {name}", worst, -bounds.decile_drop, worst >= -bounds.decile_drop, reason)
        yield from _segment_rows(name, gains, persons, segments, bounds)


def _segment_rows(
    name: str, gains: Floats, persons: Sequence[str], segments: Sequence[str], bounds: GateBounds
) -> Iterator[GateRow]:
    """Give a test for the segment that loses most: it fails if one loses more than the bound, and not by chance."""
    groups = {
        segment: [at for at, each in enumerate(segments) if each == segment] for segment in sorted(set(segments) - {""})
    }
    groups = {segment: items for segment, items in groups.items() if len(items) >= bounds.min_segment}
    if not groups:
        return
    found = {
        segment: mean_gain(gains[items], [persons[at] for at in items], risk=bounds.risk / len(groups))
        for segment, items in groups.items()
    }
    # Those that surely lose come first.
    segment, gain = min(found.items(), key=lambda each: (each[1].high >= 0, each[1].mean))
    reason = f"segment {segment} gains {gain.mean:+.3f}, at most {gain.high:+.3f}"
    passed = gain.high >= 0 or gain.mean >= -bounds.segment_drop
    yield row(f"worst segment: {name}", gain.mean, -bounds.segment_drop, passed, reason)


def _contribution_row(candidate: VersionEvaluation, bounds: GateBounds) -> GateRow:
    """Give the test that no one hand's examples outweigh those of the others in training."""
    by_hand: dict[str, float] = {}
    for person, weight in candidate.contributions.items():
        hand = candidate.clusters.get(person, person)
        by_hand[hand] = by_hand.get(hand, 0.0) + weight
    weights = sorted(by_hand.values(), reverse=True)
    if len(weights) < 2 or sum(weights) <= 0:
        return row("one rater's weight", None, bounds.rater_share, True, "trained on the words of one person, or none")
    share = weights[0] / sum(weights)
    # A few people cannot all be below the bound: then nobody may count more than twice their equal share.
    bound = max(bounds.rater_share, min(1.0, 2 / len(weights)))
    reason = f"one of {len(weights)} raters counts for {share:.2f} of the training"
    return row("one rater's weight", share, bound, share <= bound, reason)
