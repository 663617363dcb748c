"""Changes a ledger and the files beside it together: both or neither, also after a crash at any moment.

New files wait in a folder of their own. A note says which they are, and by which row of the ledger one sees that the
ledger was changed. The ledger's commit decides: with the row in it, whoever comes next puts the files in their places;
without it, they are deleted. All functions block.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from llmagent_os.sealing.key_files import replace_file, sync_folder

#: The folder, inside a data folder, in which files wait.
WAITING_FOLDER = ".waiting-for-ledger"

#: Names the row of ``keys`` that is in a ledger until the files that belong to its change are in their places.
CHANGE_MARK = "change of files"

_NEW, _OLD, _NOTE, _LOCK = "new", "old", "note.json", ".waiting-for-ledger.lock"

#: Adds the row that decides.
MARK = "INSERT OR REPLACE INTO keys (name, value) VALUES (?, ?)"


class _Note(msgspec.Struct, frozen=True):
    """What is to be done once the ledger was changed."""

    ledger: str
    token: str  #: the value of the row that decides
    places: dict[str, bool]  #: paths in the data folder, and whether there is something new for them
    decided: bool = False  #: the ledger is on a server, and has committed


class SwappedFiles:
    """New files of a data folder, which wait for a change of the ledger."""

    def __init__(self, data: Path) -> None:
        """Finish or undo what a command before has left, and begin.

        Raises:
            BlockingIOError: another command is at it.
            OSError: the folder cannot be written.
        """
        self._data = data
        self._waiting = data / WAITING_FOLDER
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(data)
        try:
            _settle(data)
            self.new = self._waiting / _NEW  #: where the new files are written, at their places in a data folder
            self.new.mkdir(mode=0o700, parents=True)
        except BaseException:
            os.close(self._lock)
            raise

    def note(self, ledger: Path, places: Iterable[str]) -> str:
        """Have everything ready. Returns the value of the row :data:`CHANGE_MARK`, which the ledger's commit adds.

        Args:
            ledger: the file.
            places: paths in the data folder that get what is in :attr:`new`, or nothing.
        """
        for folder, _, names in os.walk(self.new):
            for name in names:
                _sync(Path(folder, name))
            sync_folder(Path(folder))
        token = secrets.token_hex(16)
        found = {place: (self.new / place).exists() for place in places}
        replace_file(self._waiting / _NOTE, msgspec.json.encode(_Note(str(ledger.absolute()), token, found)))
        return token

    def decide(self) -> None:
        """Note that the ledger was changed, where it is on a server and cannot be asked by whoever comes next."""
        file = self._waiting / _NOTE
        note = msgspec.json.decode(file.read_bytes(), type=_Note)
        replace_file(file, msgspec.json.encode(msgspec.structs.replace(note, decided=True)))

    def close(self) -> None:
        """Put the new files in their places, if the ledger was changed; else delete them."""
        if self._lock < 0:
            return
        try:
            _settle(self._data)
        finally:
            os.close(self._lock)
            self._lock = -1


def settle_files(data: Path) -> None:
    """Finish or undo what a command has left that was killed. Nothing is done while one runs."""
    if not (data / WAITING_FOLDER).exists():
        return
    with contextlib.suppress(BlockingIOError):
        lock = _locked(data)
        try:
            _settle(data)
        finally:
            os.close(lock)


def _locked(data: Path) -> int:
    handle = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _settle(data: Path) -> None:
    waiting = data / WAITING_FOLDER
    if (waiting / _NOTE).exists():
        note = msgspec.json.decode((waiting / _NOTE).read_bytes(), type=_Note)
        ledger = Path(note.ledger)
        if note.decided or _token_in(ledger) == note.token:
            for place, has_new in note.places.items():
                _put(data, waiting, place, has_new=has_new)
            sync_folder(data)
            if not note.decided:
                _take_token_out(ledger)
    if waiting.exists():
        (waiting / _NOTE).unlink(missing_ok=True)
        sync_folder(waiting)
        shutil.rmtree(waiting)


def _put(data: Path, waiting: Path, place: str, *, has_new: bool) -> None:
    """May have been done, or half done, before."""
    if has_new and not (waiting / _NEW / place).exists():
        return
    if (data / place).exists():
        (waiting / _OLD / place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / place).rename(waiting / _OLD / place)
    if has_new:
        (data / place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (waiting / _NEW / place).rename(data / place)
        sync_folder((data / place).parent)


def _token_in(ledger: Path) -> str | None:
    if not ledger.exists():
        return None
    with contextlib.closing(sqlite3.connect(ledger)) as database:
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'keys'").fetchone() is None:
            return None
        row = database.execute("SELECT value FROM keys WHERE name = ?", (CHANGE_MARK,)).fetchone()
    return None if row is None else str(row[0])


def _take_token_out(ledger: Path) -> None:
    with contextlib.closing(sqlite3.connect(ledger)) as database, database:
        database.execute("DELETE FROM keys WHERE name = ?", (CHANGE_MARK,))


def _sync(file: Path) -> None:
    with file.open("rb") as handle:
        os.fsync(handle.fileno())
