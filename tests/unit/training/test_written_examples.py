"""Examples that somebody wrote, from a file to three sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.training.written_examples import MANY, prepare_written, read_written

SYSTEMS = ["Be brief.", "Be kind.", None]
WORDS = (
    "lunch",
    "rent",
    "yoga",
    "piano",
    "dentist",
    "garage",
    "school",
    "bakery",
    "museum",
    "harbour",
    "library",
    "bank",
)


def write(folder: Path, count: int, name: str = "examples.jsonl", first: int = 0) -> Path:
    """A file of ``count`` different examples."""
    file = folder / name
    said = [f"{WORDS[at % 12]} {WORDS[at // 12 % 12]} number {at * 7919}" for at in range(first, first + count)]
    lines = [json.dumps({"input": f"tell me of the {text}", "output": f"It is {text}."}) for text in said]
    file.write_text("\n".join(lines))
    return file


def test_few_examples_are_all_learned(tmp_path: Path) -> None:
    """Of the article's two examples, none can be spared, and the reader must know that nothing was held out."""
    written = prepare_written(write(tmp_path, 2), systems=SYSTEMS, tools=())
    assert [len(each) for each in (written.splits.training, written.splits.validation, written.splits.test)] == [
        6,
        0,
        0,
    ]
    assert "from 2 in the file" in written.told and "too few to hold any out" in written.told


def test_an_example_is_in_one_set_with_all_its_system_messages(tmp_path: Path) -> None:
    """An example that was trained on with another system message would make the test set look learned."""
    splits = prepare_written(write(tmp_path, 40), systems=SYSTEMS, tools=()).splits
    sets = [{each.origin for each in part} for part in (splits.training, splits.validation, splits.test)]
    assert [len(each) for each in sets] == [32, 4, 4]
    assert len(sets[0] | sets[1] | sets[2]) == 40
    assert len(splits.test) == 4 * len(SYSTEMS)


def test_of_many_examples_each_has_one_system_message(tmp_path: Path) -> None:
    """Three hundred examples in seven styles each would take seven times as long, and teach nothing more."""
    splits = prepare_written(write(tmp_path, MANY), systems=SYSTEMS, tools=()).splits
    every = [*splits.training, *splits.validation, *splits.test]
    assert len(every) == MANY
    first = [each.messages[0]["content"] if each.messages[0]["role"] == "system" else None for each in every]
    assert {system: first.count(system) for system in SYSTEMS} == {"Be brief.": 34, "Be kind.": 33, None: 33}


def test_a_test_set_of_ones_own_is_never_trained_on(tmp_path: Path) -> None:
    """Somebody who keeps one file of everything and one of the test would measure what was learned by heart."""
    test = write(tmp_path, 5, "test.jsonl")
    splits = prepare_written(write(tmp_path, 30), systems=[None], tools=(), test=test).splits
    tested = {str(each.messages) for each in splits.test}
    assert tested == {str(each.messages) for each in read_written(test, [None], ())}
    assert tested.isdisjoint(str(each.messages) for each in (*splits.training, *splits.validation))
    with pytest.raises(ConfigError, match=r"every example is in .*test\.jsonl, too"):
        prepare_written(test, systems=[None], tools=(), test=test)
