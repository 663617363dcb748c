"""Where the wrapped keys of accounts are: in a folder of one machine, or in a database that several hosts share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

#: Tells a wrapped key from the one that takes its place. None: there is none.
Version: TypeAlias = object


class KeptKeys(Protocol):
    """Keeps wrapped keys by their ids. The methods block, and may be called in any thread.

    All raise OSError where the keys cannot be read or written.
    """

    @property
    def is_late(self) -> bool:
        """Whether the keys can be read only after the ring was made: once the ledger is open."""
        ...

    @property
    def where(self) -> str:
        """Where the keys are, for people."""
        ...

    @property
    def what(self) -> str:
        """What they seal, for people."""
        ...

    @property
    def address(self) -> str:
        """From which another process opens the same keys: the folder, or the URL of the database."""
        ...

    def name(self, key_id: bytes) -> str:
        """One key, for people."""
        ...

    def salt(self) -> bytes:
        """The random bytes from which the ids of keys are made: the same ones for ever."""
        ...

    def changing(self) -> AbstractContextManager[None]:
        """Run the block while no other process makes, wraps or destroys a key, where that cannot be done at once."""
        ...

    def place(self, key_id: bytes) -> str:
        """What :meth:`version` takes. It is asked for once: the version is, at every value that is sealed."""
        ...

    def version(self, place: str) -> Version:
        """Which key is there; None: there is none."""
        ...

    def is_old(self, place: str, version: Version) -> bool:
        """Whether a key that is held in memory must be read again before it opens anything."""
        ...

    def has(self, key_id: bytes) -> bool:
        """Whether there is a key."""
        ...

    def read(self, key_id: bytes) -> bytes | None:
        """The wrapped key; None: there is none, or none any more."""
        ...

    def all(self) -> list[bytes]:
        """The ids of all keys."""
        ...

    def make(self, key_id: bytes, wrapped: Callable[[], bytes]) -> None:
        """Keep a new key, unless there is one."""
        ...

    def replace(self, key_id: bytes, wrapped: bytes, before: bytes) -> None:
        """Keep the same key in another wrapping, unless it is not as it was ``before``."""
        ...

    def destroy(self, key_id: bytes) -> bool:
        """Leave nothing of a key. Returns whether there was one."""
        ...
