from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.simulation.chatty_bot import save_chatty_bot
from tests.unit.training.conftest import CHECKOUT


@pytest.fixture(scope="session")
def chatty_bot(chatty_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_chatty_bot(tmp_path_factory.mktemp("chatty") / "bot", chatty_model)


@pytest.fixture(autouse=True)
def _tests_are_found(warm_programs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's process, and the command's, import the probes and the talk from here."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
