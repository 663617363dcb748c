"""Writes several files at once: all of them, or none. What is replaced is kept beside the new file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from llmagent_os.errors import ConfigError

MODE = 0o600  #: of files that hold secrets, and of their copies


def write_files(files: Mapping[Path, bytes], private: frozenset[Path] = frozenset()) -> dict[Path, Path]:
    """Write files. Each replaces an older one in one step. No old content is lost.

    Args:
        files: what is written, by path. A file with the same content already is left as it is.
        private: those of the files that only the owner may read.

    Returns:
        For each file that was replaced the copy of the old one.

    Raises:
        ConfigError: a file cannot be written. No file has changed then.
    """
    new = {path: content for path, content in files.items() if not path.is_file() or path.read_bytes() != content}
    copies: dict[Path, Path] = {}
    path = Path()
    try:
        with ExitStack() as stack:
            staged: dict[Path, Path] = {}
            for path, content in new.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                staged[path] = _staged(path, content, stack, mode=MODE if path in private else _mode_of(path))
            for path in [path for path in new if path.is_file()]:
                copies[path] = _copy(path, MODE if path in private else _mode_of(path))
            for path, fresh in staged.items():
                fresh.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
    for path in private:
        path.chmod(MODE)
    return copies


def _staged(path: Path, content: bytes, stack: ExitStack, *, mode: int) -> Path:
    """A file with the content beside ``path``, which is removed at the end unless it has been moved."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    fresh = Path(name)
    stack.callback(fresh.unlink, missing_ok=True)
    with os.fdopen(number, "wb") as file:
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


def _mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777 if path.is_file() else 0o644
