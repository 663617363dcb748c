"""The files of keys: made once, replaced whole, and destroyed so that nothing of them is left. All functions block."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Generator
from pathlib import Path


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """Run the block while no other process, and no other holder in this one, has locked the folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def version_of(file: str) -> tuple[int, int] | None:
    """Which key file is there; None: there is none. It takes a third of the time of a Path, at each value."""
    try:
        found = os.stat(file)  # noqa: PTH116
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def changed_at(file: Path | None) -> int:
    """When a file was last replaced; 0: there is none."""
    try:
        return 0 if file is None else file.stat().st_ino ^ file.stat().st_mtime_ns
    except OSError:
        return 0


def made_once(file: Path, make: Callable[[], bytes]) -> bytes:
    """What ``file`` holds. It is made where there is none; of two processes that do, the first one wins."""
    if not file.exists():
        part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        _write(part, make())
        with contextlib.suppress(FileExistsError):
            os.link(part, file)
        part.unlink()
        sync_folder(file.parent)
    return file.read_bytes()


def shred(file: Path) -> bool:
    """Overwrite a file where it is, as far as the disk allows it, and remove it. Returns whether there was one."""
    try:
        with file.open("r+b") as handle:
            handle.write(b"\0" * os.fstat(handle.fileno()).st_size)
            handle.flush()
            os.fsync(handle.fileno())
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def remove_blank(file: Path) -> None:
    """Remove a key file that is all zeros: an older version stopped while it destroyed the key."""
    try:
        with file.open("rb") as handle:
            if not is_blank(handle.read()):
                return
            # Of two processes that find it, the second must not remove the new key that the first makes.
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(handle.fileno()), file.stat()):
                file.unlink()
    except FileNotFoundError:
        return
    sync_folder(file.parent)


def is_blank(content: bytes) -> bool:
    """Whether a file was overwritten with zeros."""
    return bool(content) and not any(content)


def replace_file(file: Path, content: bytes) -> None:
    """Give ``file`` another content: whoever reads it sees the old one or the new one."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    _write(part, content)
    part.replace(file)
    sync_folder(file.parent)


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in ``folder``."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
