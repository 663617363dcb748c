"""Versions whose measurements are made up, for the tests of the gate and of reports."""

from __future__ import annotations

from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.training.probe import MeasureKind
from llmagent_os.training.version_evaluation import LoggedRewards, MeasureScores, VersionEvaluation

PEOPLE, REPLIES = 20, 4


def measure(name: str, kind: MeasureKind, scores: list[float]) -> MeasureScores:
    count = len(scores)
    return MeasureScores(
        name=name,
        kind=kind,
        scores=tuple(scores),
        persons=(NOBODY,) * count,
        segments=("",) * count,
        prompts=("hello",) * count,
        replies=("said",) * count,
    )


def rewards(fresh: list[float], *, clusters: tuple[str, ...] = (), segments: tuple[str, ...] = ()) -> LoggedRewards:
    """Four replies of each of 20 people, who would like the version's own replies as much as ``fresh`` says."""
    count = PEOPLE * REPLIES
    return LoggedRewards(
        persons=tuple(PersonId(f"web::p{at}") for at in range(PEOPLE) for _ in range(REPLIES)),
        segments=segments or ("",) * count,
        clusters=clusters or ("",) * count,
        weights=(1.0,) * count,
        rewards=(0.0, 1.0) * (count // 2),
        served=(0.5,) * count,
        fresh=tuple(value for value in fresh for _ in range(REPLIES)),
        ratios=(0.0,) * count,
    )


def version(name: str, fresh: list[float] | None = None) -> VersionEvaluation:
    kinds = [kind for kind in MeasureKind if kind != MeasureKind.LIKED]
    return VersionEvaluation(
        version=name,
        base="calendar",
        measures={kind.value: measure(kind.value, kind, [1.0] * 30) for kind in kinds},
        drift=(0.0,) * 5 if name == "active" else (0.05,) * 5,
        rewards=rewards(fresh or [0.5] * PEOPLE),
        contributions={PersonId(f"web::p{at}"): 4.0 for at in range(PEOPLE)},
    )


ACTIVE = version("active")
GOOD = version("good", [0.8] * PEOPLE)
