"""What breaks without this: answers cannot be joined to their utterances, or are lost after minutes of work."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.bots.calendar.evaluate import evaluate, read_utterances
from llmagent_os.errors import ConfigError


def test_ids_and_texts_are_kept_as_they_are(tmp_path: Path) -> None:
    """A number stays a number, and a line ends where JSON Lines says, not at every Unicode separator."""
    data = tmp_path / "data.jsonl"
    data.write_text('{"id": 7, "text": "lunch\u2028at noon"}\n\n{"id": "b", "text": "hi"}\n', encoding="utf-8")
    assert read_utterances(data) == [(7, "lunch\u2028at noon"), ("b", "hi")]


def test_a_folder_that_is_not_there_is_said_before_the_work(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text('{"id": 1, "text": "hi"}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no folder"):
        evaluate(data, tmp_path / "nowhere" / "out.jsonl")
    data.write_text('{"id": 1}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1"):
        read_utterances(data)
