"""Writes several files: all of them, or none where one cannot be written. Old content is kept beside the new file.

What holds:

- Each file is replaced in one step. A reader sees the old content or the new one, and nothing between.
- If a file cannot be written, those that were replaced get their old content back.
- A run that is killed between two replacements leaves the first file new and the second one old. The copies that it
  made have the old content.
- A run that is killed leaves its staged files, which may hold secrets. Only their owner can read those. The next run
  that writes a file of that name removes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from llmagent_os.errors import ConfigError

MODE = 0o600  #: of files that hold secrets, and of their copies

#: The end of the name of a file with new content, until it takes its place.
_STAGED = ".staged"


def write_files(files: Mapping[Path, bytes], private: frozenset[Path] = frozenset()) -> dict[Path, Path]:
    """Write files. Each replaces an older one in one step. No old content is lost.

    Args:
        files: what is written, by path. A file with the same content already is left as it is.
        private: those of the files that only the owner may read.

    Returns:
        For each file that was replaced the copy of the old one.

    Raises:
        ConfigError: a file cannot be written. Every file has its old content then; the message names a file that could
            not get it back, and its copy. Folders that were made may stay.
    """
    new = {path: content for path, content in files.items() if not path.is_file() or path.read_bytes() != content}
    copies: dict[Path, Path] = {}
    replaced: list[Path] = []
    path = Path()
    try:
        with ExitStack() as stack:
            for path in files:
                _sweep(path)
            staged: dict[Path, Path] = {}
            for path, content in new.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                staged[path] = _staged(path, content, stack, mode=MODE if path in private else _mode_of(path))
            for path in [path for path in new if path.is_file()]:
                copies[path] = _copy(path, MODE if path in private else _mode_of(path))
            for path, fresh in staged.items():
                fresh.replace(path)
                replaced.append(path)
            for path in private:
                path.chmod(MODE)
    except BaseException as error:
        lost = _roll_back(replaced, copies)
        if not isinstance(error, OSError):
            raise
        raise ConfigError("\n".join([f"{path} cannot be written: {error.strerror or error}", *lost])) from error
    return copies


def _sweep(path: Path) -> None:
    """Remove the staged files of runs that were killed. A run that goes on holds a lock on its own."""
    with contextlib.suppress(OSError):
        beside = [each for each in path.parent.iterdir() if each.name.startswith(f".{path.name}-")]
        for left in [each for each in beside if each.name.endswith(_STAGED)]:
            with contextlib.suppress(OSError), left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


def _staged(path: Path, content: bytes, stack: ExitStack, *, mode: int) -> Path:
    """A file with the content beside ``path``, which is removed at the end unless it has been moved."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=_STAGED, dir=path.parent)
    fresh = Path(name)
    file = stack.enter_context(os.fdopen(number, "wb"))  # open until the end, for its lock
    stack.callback(fresh.unlink, missing_ok=True)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.write(content)
    file.flush()
    os.fsync(file.fileno())
    fresh.chmod(mode)
    return fresh


def _copy(path: Path, mode: int) -> Path:
    """A copy of a file under a name that is free."""
    number = 1
    while (copy := path.with_name(f"{path.name}.old{number}")).exists():
        number += 1
    copy.touch(mode=mode)
    copy.write_bytes(path.read_bytes())
    return copy


def _roll_back(replaced: list[Path], copies: Mapping[Path, Path]) -> list[str]:
    """Give files their old content back, and remove the other copies. Returns what could not be done."""
    lost: list[str] = []
    for path in replaced:
        try:
            if path in copies:
                copies[path].replace(path)
            else:
                path.unlink()
        except OSError as error:
            kept = f"its old content is in {copies[path]}" if path in copies else "remove it"
            lost.append(f"{path} is new already: {kept} ({error.strerror or error})")
    for path, copy in copies.items():
        if path not in replaced:
            with contextlib.suppress(OSError):
                copy.unlink(missing_ok=True)
    return lost


def _mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777 if path.is_file() else 0o644
