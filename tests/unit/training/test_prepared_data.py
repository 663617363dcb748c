"""What a job keeps for a next process. What breaks without this: after a power cut a job fails on half a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from llmagent_os.training.example_splits import ExampleSplits
from llmagent_os.training.prepared_data import PREPARED_FILE, Prepared, read_prepared, write_prepared
from llmagent_os.training.reaction_data import ReactionData
from llmagent_os.training.reaction_lessons import ReactionLessons

SETTINGS = {"method": "distil", "seed": "0"}
PREPARED = Prepared(
    data=ReactionData(splits=ExampleSplits(training=(), validation=(), test=()), through=3, left_out={}),
    lessons=ReactionLessons(training=(), validation=()),
    settings=SETTINGS,
)


def test_it_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / PREPARED_FILE
    synced: list[bool] = []

    def sync(_: int) -> None:
        synced.append(file.exists())

    monkeypatch.setattr(os, "fsync", sync)
    write_prepared(file, PREPARED)
    assert synced == [False]
    assert read_prepared(file, SETTINGS) == PREPARED
    assert list(tmp_path.iterdir()) == [file]


def test_with_other_settings_it_is_of_no_use_and_the_log_says_so(tmp_path: Path) -> None:
    """The lessons of one method teach nothing to another."""
    file = tmp_path / PREPARED_FILE
    assert read_prepared(file, SETTINGS) is None
    write_prepared(file, PREPARED)
    with capture_logs() as logs:
        assert read_prepared(file, SETTINGS | {"method": "dpo"}) is None
    assert [each["settings"] for each in logs] == [["method"]]
    file.write_bytes(file.read_bytes()[:20])
    with capture_logs() as logs:
        assert read_prepared(file, SETTINGS) is None
    assert "begins anew" in logs[0]["event"]
