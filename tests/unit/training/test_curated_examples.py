"""A bot's own examples are read beside people's opinions, and are nobody's opinion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.training.curated_examples import curated_examples, with_curated
from llmagent_os.training.example_splits import ExampleSplits
from llmagent_os.training.reaction_data import contributions_of, contributors_of, is_curated, opinions_of
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.training.training_example import TrainingExample


def written(folder: Path, count: int) -> str:
    file = folder / "own.jsonl"
    topics = ("tea", "rain", "chess", "bread", "trains", "skiing", "poems", "camping", "drawing", "soup")
    lines = [
        {
            "messages": [
                {"role": "user", "content": f"What do you know about {topics[at % 10]} number {at}?"},
                {"role": "assistant", "content": f"About {topics[at % 10]} I know story {at}."},
                {"role": "user", "content": f"And more of {topics[at % 10]}?"},
                {"role": "assistant", "content": f"There is also {topics[-at % 10]} for part {at}."},
            ]
        }
        for at in range(count)
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    return str(file)


def test_conversations_stay_whole_and_origins_are_known(tmp_path: Path) -> None:
    splits = curated_examples([written(tmp_path, 20)], system="Be kind.")
    parts = [splits.training, splits.validation, splits.test]
    conversations = [{each.conversation for each in part} for part in parts]
    assert all(conversations) and sum(map(len, conversations)) == 20, "no conversation is in two sets"
    (example, *_) = splits.training
    assert is_curated(example) and "own.jsonl:" in example.origin
    assert example.messages[0] == {"role": "system", "content": "Be kind."}
    assert example.person == NOBODY and not example.raters


def test_few_examples_are_all_learned(tmp_path: Path) -> None:
    splits = curated_examples([written(tmp_path, 3)])
    assert len(splits.training) == 6 and not splits.validation and not splits.test


def test_they_are_nobodys_opinion(tmp_path: Path) -> None:
    ana = PersonId("web::ana")
    judged = TrainingExample(
        messages=({"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello."}),
        origin="ledger:1",
        person=ana,
        raters=(ana,),
    )
    both = with_curated(
        ExampleSplits(training=(judged,), validation=(), test=()), curated_examples([written(tmp_path, 3)])
    ).training
    assert len(both) == 7
    assert [each.text for each in opinions_of(both)] == ["Hello."]
    assert contributors_of(both) == (ana,) and contributions_of(both) == {ana: 1.0}


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("own.txt", "hi", "own.txt"),
        ("own.jsonl", '{"input": "hi"}', r"own.jsonl:1.*output"),
        ("gone.csv", None, "gone"),
    ],
)
def test_a_wrong_file_names_itself(tmp_path: Path, name: str, content: str | None, error: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=error):
        curated_examples([str(tmp_path / name)])


def test_one_file_or_a_list() -> None:
    assert TrainingConfig.model_validate({"examples": "own.jsonl"}).examples == ("own.jsonl",)
    assert TrainingConfig.model_validate({"examples": ["a.csv", "b.json"]}).examples == ("a.csv", "b.json")
    assert TrainingConfig().examples == ()
