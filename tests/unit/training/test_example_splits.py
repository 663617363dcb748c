"""Splits. What breaks without this: a model is tested on what it was trained on, and every figure is too good."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.errors import ConfigError
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.training.example_splits import ExampleSplits, Unit, split_examples
from llmagent_os.training.training_example import TrainingExample


def example(number: int, person: str = "", conversation: str = "", origin: str = "") -> TrainingExample:
    turns = ({"role": "user", "content": f"{number}"}, {"role": "assistant", "content": "ok"})
    return TrainingExample(
        messages=turns, origin=origin or f"{number}", person=PersonId(person), conversation=conversation
    )


def sizes(splits: ExampleSplits) -> tuple[int, int, int]:
    return len(splits.training), len(splits.validation), len(splits.test)


_examples = st.lists(
    st.builds(
        example,
        st.integers(0, 10**6),
        st.sampled_from(["", *(f"web:local:{name}" for name in "abcdefghij")]),
        st.sampled_from(["", "room", "dm", "thread"]),
    ),
    max_size=60,
)


@given(_examples, st.sampled_from(["person", "conversation", "time"]), st.integers(0, 5))
def test_every_example_is_in_one_set_and_no_unit_is_parted(
    examples: list[TrainingExample], by: Unit, seed: int
) -> None:
    found = split_examples(examples, by=by, validation=0.2, test=0.2, seed=seed)
    sets = (found.training, found.validation, found.test)
    assert sorted(map(id, (each for one in sets for each in one))) == sorted(map(id, examples))
    assert split_examples(examples, by=by, validation=0.2, test=0.2, seed=seed) == found
    if examples:
        assert found.training
    if by == "person":
        people = [{each.person for each in one if each.person != NOBODY} for one in sets]
        assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
    if by != "time":
        rooms = [{(each.person, each.conversation) for each in one if each.conversation} for one in sets]
        assert not (rooms[0] & rooms[1] or rooms[0] & rooms[2] or rooms[1] & rooms[2])


def test_the_sets_have_their_shares() -> None:
    """A test set of three examples says nothing."""
    many = [example(number, f"web:local:{number % 50}") for number in range(1000)]
    assert sizes(split_examples(many)) == (800, 100, 100)
    assert split_examples(many, seed=1).test != split_examples(many, seed=2).test
    assert sizes(split_examples([example(number) for number in range(20)])) == (16, 2, 2)
    assert sizes(split_examples([example(number) for number in range(3)])) == (1, 1, 1)
    assert sizes(split_examples([example(0)])) == (1, 0, 0)
    assert sizes(split_examples([])) == (0, 0, 0)


def test_more_examples_leave_most_of_the_test_set_as_it_was() -> None:
    """What was tested on yesterday would be trained on today, and two versions could not be compared."""
    before = [example(number, f"web:local:{number % 90}") for number in range(900)]
    more = [*before, *(example(number, f"web:local:{number % 100}") for number in range(900, 1000))]
    tested = {each.person for each in split_examples(before).test}
    trained = {each.person for each in split_examples(more).training}
    assert len(tested & trained) <= len(tested) / 3


def test_a_person_who_says_most_is_trained_on() -> None:
    """A test set that is one person tests nothing else."""
    examples = [*(example(number, "web:local:loud") for number in range(500))]
    examples += [example(number, f"web:local:{number % 25}") for number in range(100)]
    for seed in range(8):
        found = split_examples(examples, seed=seed)
        assert all(each.person != "web:local:loud" for each in (*found.validation, *found.test))
        assert min(sizes(found)) > 0


def test_by_time_the_latest_are_tested_on_and_a_reply_is_never_parted() -> None:
    """One person's own model has one conversation: it is trained on the past and serves the future."""
    examples = [
        example(number, "web:local:a", "dm", origin=f"ledger:{number // 2}#{number % 2}") for number in range(40)
    ]
    found = split_examples(examples, by="time")
    assert [each.origin for each in found.test] == ["ledger:18#0", "ledger:18#1", "ledger:19#0", "ledger:19#1"]
    assert found.training + found.validation + found.test == tuple(examples)


def test_shares_that_leave_nothing_to_train_on_are_named() -> None:
    with pytest.raises(ConfigError, match=r"validation \(0\.5\) and test \(0\.5\) must be shares"):
        split_examples([], validation=0.5, test=0.5)
    with pytest.raises(ConfigError, match="below 1 together"):
        split_examples([], validation=-0.1)
