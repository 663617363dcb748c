"""The gate's tests of one person's version by its fresh replies: each kind of harm fails its row."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.training.gate import judge
from llmagent_os.training.gate_row import GateRow
from llmagent_os.training.version_evaluation import FreshLikings, LoggedRewards, VersionEvaluation
from tests.unit.training.versions import ACTIVE, version

ANA = PersonId("web::ana")
DRAWS = 500
HELD_OUT = ((1.0, -1.0), (1.0, -1.2), (0.0, -2.0), (1.0, -0.8), (1.0, None))


def personal(
    name: str, liked: Sequence[float], *, spread: float = 0.0, said: float = 0.0, kept: int = 0, liked_now: float = 0.5
) -> VersionEvaluation:
    """A version that one person likes so often, question by question, give or take ``spread`` by the person's taste.

    ``said``: by how much the words are likelier that the person liked; ``kept``: how many replies are as they are now.
    """
    draws = [(2 * at / (DRAWS - 1) - 1) * spread for at in range(DRAWS)]
    logged = LoggedRewards(
        persons=(ANA,) * 5,
        segments=("",) * 5,
        clusters=("",) * 5,
        weights=(1.0,) * 5,
        rewards=tuple(reward for reward, _ in HELD_OUT),
        served=(0.7,) * 5,
        fresh=(0.7,) * 5,
        ratios=(0.0,) * 5,
        said=tuple(None if each is None else each + (said if reward else 0.0) for reward, each in HELD_OUT),
    )
    fresh = FreshLikings(
        liked=tuple(tuple(each + draw for draw in draws) for each in liked),
        replies=tuple(f"{'active' if at < kept else name} {at}" for at in range(len(liked))),
        liked_now=liked_now,
    )
    return replace(version(name), rewards=logged, fresh=fresh, contributions={ANA: 5.0})


NOW = personal("active", [0.7] * 12)


def rows(candidate: VersionEvaluation, active: VersionEvaluation = NOW) -> dict[str, GateRow]:
    return {row.name: row for row in judge(candidate, active).rows}


def failed(candidate: VersionEvaluation, active: VersionEvaluation = NOW) -> list[str]:
    return [row.name for row in judge(candidate, active).rows if not row.passed]


def test_a_version_that_the_person_likes_as_well_passes() -> None:
    assert failed(personal("same", [0.7] * 12)) == []
    assert failed(personal("better", [0.9] * 12, spread=0.1)) == []
    assert "12 answered otherwise" in rows(personal("better", [0.9] * 12))["fresh replies"].reason


def test_a_version_of_several_people_is_not_asked() -> None:
    assert not {"fresh replies", "liked words"} & {row.name for row in judge(version("good"), ACTIVE).rows}


def test_a_loss_that_may_be_is_refused() -> None:
    """On the mean it is as good. But the person gave few opinions, and may like it far less."""
    assert failed(personal("worse", [0.6] * 12)) == ["fresh replies"]
    assert failed(personal("unsure", [0.7] * 12, spread=0.2)) == ["fresh replies"]
    assert failed(personal("harms half", [0.9] * 6 + [0.3] * 6)) == ["fresh replies"]


def test_too_few_questions_to_know_are_a_no() -> None:
    few = rows(personal("few", [0.9] * 7), personal("active", [0.7] * 7))["fresh replies"]
    assert not few.passed and few.reason.startswith("too few fresh questions")


def test_where_the_person_likes_what_answers_now_little_may_be_lost() -> None:
    content = personal("active", [0.95] * 12)
    assert failed(personal("a little", [0.94] * 12, kept=11), content) == []
    assert failed(personal("too much", [0.92] * 12, kept=11), content) == ["liked already"]
    assert failed(personal("other words", [0.95] * 12, kept=10), content) == ["kept replies"]
    assert not {"liked already", "kept replies"} & rows(NOW).keys()


def test_what_the_person_said_of_the_replies_counts_beside_what_a_reward_model_expects() -> None:
    """A reward model with few opinions is never sure. The person has liked nine of nine."""
    content = personal("active", [0.7] * 12, liked_now=0.91)
    assert failed(personal("other words", [0.8] * 12, liked_now=0.91), content) == ["kept replies"]


def test_words_that_the_person_liked_must_stay_likely() -> None:
    """It is no reward model's opinion: these words were served, and the person liked them."""
    assert failed(personal("other words", [0.7] * 12, said=-0.9)) == ["liked words"]
    assert rows(personal("same", [0.7] * 12))["liked words"].reason.endswith("over 4 replies")


def test_versions_that_were_asked_other_questions_are_not_compared() -> None:
    with pytest.raises(ConfigError, match="the same fresh questions"):
        judge(personal("other", [0.7] * 11), NOW)
    with pytest.raises(ConfigError, match="the same fresh questions"):
        judge(replace(NOW, fresh=None), NOW)
