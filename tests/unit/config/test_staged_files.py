"""Files that are written together. Without this, a failure leaves half of a change, or a file with tokens."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from llmagent_os.config.staged_files import write_files
from llmagent_os.errors import ConfigError

_KILLED = """
import os, signal, sys
from pathlib import Path
from llmagent_os.config import staged_files
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
staged_files.write_files({Path(sys.argv[1]): b"TOKEN=secret"}, frozenset())
"""


def test_files_that_cannot_all_be_written_are_none_of_them_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").write_text("in the way of a folder")
    with pytest.raises(ConfigError, match="b/c cannot be written"):
        write_files({tmp_path / "a": b"new", tmp_path / "b" / "c": b"new"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").read_text() == "old"


def test_files_that_were_replaced_already_get_their_old_content_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "c"):
        (tmp_path / name).write_text(f"old {name}")
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "c":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ConfigError, match="c cannot be written: No space left on device"):
        write_files({tmp_path / name: b"new" for name in "abc"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old a", "c": "old c"}


def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    subprocess.run([sys.executable, "-c", _KILLED, str(file)], check=False)
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == b"TOKEN=secret"
    write_files({file: b"TOKEN=other"}, frozenset({file}))
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
