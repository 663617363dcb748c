"""What breaks without this: five accounts of one hand pass for five people at the gate, or honest people for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmagent_os.identity import PersonId
from llmagent_os.training.rater_clusters import rater_clusters
from llmagent_os.training.training_example import TrainingExample

HOUR, DAY = 3600.0, 24 * 3600.0
BEGIN = 1_772_442_000.0
LIKES_PLAYFUL = {"tone=playful": 1.0, "tone=plain": -1.0}
LIKES_PLAIN = {"tone=playful": -1.0, "tone=plain": 1.0}


def votes(
    who: str, likes: dict[str, float], at: float, count: int = 10, *, wrong: tuple[int, ...] = ()
) -> Iterator[TrainingExample]:
    """Somebody judges replies of every behaviour in turn, and errs at some of them."""
    for number in range(count):
        behavior = list(likes)[number % len(likes)]
        yield TrainingExample(
            messages=({"role": "user", "content": "hi"}, {"role": "assistant", "content": f"Reply {number}."}),
            origin=f"ledger:{who}{number}",
            person=PersonId(who),
            raters=(PersonId(who),),
            reward=likes[behavior] * (-1.0 if number in wrong else 1.0),
            action=dict([behavior.split("=")]),
            written=at + 60.0 * number,
        )


def honest(count: int, *, apart: float = 0.0) -> list[TrainingExample]:
    """People of one taste, each with two wrong votes of twenty."""
    found = [votes(f"p{at}", LIKES_PLAYFUL, BEGIN + apart * at, 20, wrong=(at, 9 + at)) for at in range(count)]
    return [each for one in found for each in one]


def hostile(count: int, at: float) -> list[TrainingExample]:
    return [each for number in range(count) for each in votes(f"h{number}", LIKES_PLAIN, at + 60.0 * number)]


@pytest.mark.parametrize("people", [3, 6, 12])
def test_accounts_that_come_together_and_judge_alike_against_all_others_are_one_hand(people: int) -> None:
    found = rater_clusters([*honest(people), *hostile(5, BEGIN + DAY)])
    assert sorted(found) == [f"h{number}" for number in range(5)]
    assert len(set(found.values())) == 1


def test_people_who_come_together_and_like_what_all_like_are_people() -> None:
    newcomers = [each for at in range(4) for each in votes(f"new{at}", LIKES_PLAYFUL, BEGIN + DAY, wrong=(at,))]
    assert rater_clusters([*honest(6), *newcomers]) == {}


def test_people_of_a_rare_taste_who_come_on_different_days_are_people() -> None:
    rare = [each for at in range(4) for each in votes(f"rare{at}", LIKES_PLAIN, BEGIN + at * DAY)]
    assert rater_clusters([*honest(6, apart=2 * HOUR), *rare]) == {}


def test_where_all_have_come_together_nobody_tells_who_is_odd() -> None:
    assert rater_clusters([*honest(3), *hostile(5, BEGIN)]) == {}


def test_a_vote_or_two_are_no_evidence() -> None:
    few = [each for at in range(5) for each in votes(f"few{at}", LIKES_PLAIN, BEGIN + DAY, 1)]
    assert rater_clusters([*honest(6), *few]) == {}


def test_a_reply_counts_once_and_nothing_is_said_where_several_judged_it() -> None:
    one, two = votes("a", LIKES_PLAIN, BEGIN + DAY, 2), votes("b", LIKES_PLAIN, BEGIN + DAY, 2)
    assert rater_clusters([*honest(6), *[*one, *two] * 20]) == {}
