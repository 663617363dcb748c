"""The lock of the one host that runs on a ledger: the contract, and the lock of a ledger in a file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from llmagent_os.errors import LedgerError


class HostLock(Protocol):
    """Held by one process at a time, at most until that process ends, even by a crash."""

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LedgerError: another host holds the lock; the error says which, or the lock cannot be asked for.
        """
        ...

    def is_held(self) -> bool:
        """Whether a host runs on the ledger. Asked from another process; the lock is not taken."""
        ...

    def release(self) -> None:
        """Release the lock, if it is held."""
        ...


class FileLock:
    """A file lock that one process holds at a time. The system releases it when the process ends, even by a crash."""

    def __init__(self, path: Path) -> None:
        """Args: ``path`` is the ledger's file; the lock is the file beside it whose name ends in ``.host``."""
        self.path = path.with_name(path.name + ".host")
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock and write this process's number into its file.

        Raises:
            LedgerError: another host holds the lock; the error names its process.
        """
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(file, 32).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise LedgerError(
                f"another host (process {holder}) already runs on this ledger, as {self.path} says: "
                "stop it, or give this one a data folder of its own (LLMAGENT_OS_DATA)"
            ) from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def is_held(self) -> bool:
        """Whether a host runs on the ledger. Asked from another process; the lock is not taken."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(file)
        return False

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
