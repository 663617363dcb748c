"""What breaks without this: other users of the machine read what people say."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagent_os.privacy.file_permissions import make_private


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_there_is_made_private_and_what_comes_later_is(tmp_path: Path) -> None:
    """An adapter, or SQLite beside its file, makes folders and files later, whatever the umask was."""
    data = tmp_path / "data"
    (data / "web").mkdir(parents=True)
    (data / "web" / "web.db").write_text("x")
    assert (rights(data / "web"), rights(data / "web" / "web.db")) == (0o777, 0o666)
    assert make_private(data, ["web"]) == 3
    assert (rights(data), rights(data / "web"), rights(data / "web" / "web.db")) == (0o700, 0o700, 0o600)
    (data / "slack").mkdir()
    (data / "web" / "web.db-wal").write_text("x")
    assert (rights(data / "slack"), rights(data / "web" / "web.db-wal")) == (0o700, 0o600)
    assert make_private(data, ["web", "slack"]) == 0


def test_what_a_link_points_to_keeps_its_rights(tmp_path: Path) -> None:
    """A model folder that is linked into the data folder belongs to others too."""
    (tmp_path / "model").write_text("x")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "model").symlink_to(tmp_path / "model")
    make_private(tmp_path / "data", ["model"])
    assert rights(tmp_path / "model") == 0o666


def test_what_is_not_the_bots_keeps_its_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``LLMAGENT_OS_DATA=.`` in a project that other users of the machine may read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ledger.db").write_text("x")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("x")
    before = rights(tmp_path)
    assert make_private(Path(), ["web"]) == 1
    assert (rights(tmp_path), rights(tmp_path / "ledger.db")) == (before, 0o600)
    assert (rights(tmp_path / "code"), rights(tmp_path / "code" / "main.py")) == (0o777, 0o666)
