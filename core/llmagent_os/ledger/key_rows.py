"""Keeps the wrapped keys of accounts as rows of the database that several hosts share.

The master keys are in no database. A host asks for the version of a key at most once in :data:`CHECK_SECONDS`, and at
once where another host has announced that it has destroyed it. What a host seals for a person within this time after
another host has forgotten them is erased with them.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import sqlalchemy as sa

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.announcements import KEYS, Announcements
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import account_keys
from llmagent_os.sealing.kept_keys import Version

T = TypeVar("T")

#: How long a version is believed without asking again.
CHECK_SECONDS = 1.0

#: Versions that are held in memory.
MAX_VERSIONS = 20_000

#: The id of the row with the random bytes from which the ids of keys are made.
_SALT = "salt"


class KeyRows:
    """The rows of one database. See :class:`~llmagent_os.sealing.kept_keys.KeptKeys`."""

    is_late = True  #: the ledger makes the table

    def __init__(self, url: str, announcements: Announcements | None = None) -> None:
        """Args:
        url: of the ledger.
        announcements: by which this host hears of destroyed keys; None: it asks for their versions only.
        """
        self.address = url  #: opens the same keys in another process
        self._shared = SharedRows(url, connections=1)
        self._versions = dict[str, tuple[float, Version]]()  # by key, with the moment at which it was read
        self.listen(announcements or Announcements())

    def listen(self, announcements: Announcements) -> None:
        """Hear of keys that other hosts destroy."""
        announcements.listen(KEYS, self._hear)

    @property
    def where(self) -> str:
        """The table, for people."""
        return f"the table account_keys of {self._shared.place}"

    @property
    def what(self) -> str:
        """What the keys seal, for people."""
        return self._shared.place

    def name(self, key_id: bytes) -> str:
        """The row, for people."""
        return f"the row {key_id.hex()} of {self.where}"

    def salt(self) -> bytes:
        """The random bytes; of two hosts that make them, the first one wins."""
        if (kept := self._body(_SALT)) is None:
            self._insert(_SALT, secrets.token_bytes(32))
            kept = self._body(_SALT)
        if kept is None:
            raise OSError(f"{self.where} keeps nothing")
        return kept

    def changing(self) -> AbstractContextManager[None]:
        """Nothing: each change is one statement."""
        return contextlib.nullcontext()

    def place(self, key_id: bytes) -> str:
        """The id as text."""
        return key_id.hex()

    def version(self, place: str) -> Version:
        """Which key is there, or was a moment ago."""
        known = self._versions.get(place)
        if known is not None and time.monotonic() - known[0] < CHECK_SECONDS:
            return known[1]
        query = sa.select(account_keys.c.version).where(account_keys.c.key_id == place)
        at, found = time.monotonic(), self._read(lambda db: db.execute(query).scalar())
        if len(self._versions) >= MAX_VERSIONS:
            self._versions.clear()
        self._versions[place] = (at, found)
        return found

    def is_old(self, place: str, version: Version) -> bool:
        """Whether another host has destroyed or wrapped the key since."""
        return self.version(place) != version

    def has(self, key_id: bytes) -> bool:
        """Whether there is a row."""
        return self._body(key_id.hex()) is not None

    def read(self, key_id: bytes) -> bytes | None:
        """The wrapped key."""
        return self._body(key_id.hex())

    def all(self) -> list[bytes]:
        """The ids of all keys."""
        query = sa.select(account_keys.c.key_id).where(account_keys.c.key_id != _SALT).order_by(account_keys.c.key_id)
        return [bytes.fromhex(each) for each in self._read(lambda db: db.execute(query).scalars().all())]

    def make(self, key_id: bytes, wrapped: Callable[[], bytes]) -> None:
        """Add the row, unless there is one."""
        self._versions.pop(key_id.hex(), None)
        self._insert(key_id.hex(), wrapped())
        self._versions.pop(key_id.hex(), None)

    def replace(self, key_id: bytes, wrapped: bytes, before: bytes) -> None:
        """Change the row that holds ``before``."""
        same = sa.and_(account_keys.c.key_id == key_id.hex(), account_keys.c.body == before)
        change = account_keys.update().where(same).values(body=wrapped, version=_new_version())
        self._run(lambda db: db.execute(change))
        self._versions.pop(key_id.hex(), None)

    def destroy(self, key_id: bytes) -> bool:
        """Delete the row, and tell all hosts."""

        def work(db: sa.Connection) -> bool:
            found = db.execute(account_keys.delete().where(account_keys.c.key_id == key_id.hex())).rowcount
            self._shared.announce(db, f"{KEYS}/{key_id.hex()}")
            return found > 0

        found = self._run(work)
        self._versions.pop(key_id.hex(), None)
        return found

    def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        self._shared.close()

    def _hear(self, name: str | None) -> None:
        if name is None:
            self._versions.clear()
        else:
            self._versions.pop(name, None)

    def _body(self, key_id: str) -> bytes | None:
        query = sa.select(account_keys.c.body).where(account_keys.c.key_id == key_id)
        return self._read(lambda db: db.execute(query).scalar())

    def _insert(self, key_id: str, body: bytes) -> None:
        there = sa.select(account_keys.c.key_id).where(account_keys.c.key_id == key_id)
        row = {"key_id": key_id, "version": _new_version(), "body": body}

        def work(db: sa.Connection) -> None:
            if db.execute(there).first() is None:  # where another host adds it now, the second try finds it
                db.execute(account_keys.insert().values(**row))

        self._run(work)

    def _read(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            return self._shared.read(work)
        except LedgerError as error:
            raise OSError(str(error)) from error

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            return self._shared.run(work)
        except LedgerError as error:
            raise OSError(str(error)) from error


def _new_version() -> str:
    return secrets.token_hex(8)
