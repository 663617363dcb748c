"""The registry of stores: whatever keeps something about people can export it and erase it.

A part that keeps something about people is a :class:`Store`, and :mod:`llmagent_os.privacy.known_stores` registers it.
``/forget`` and ``llmagent-os profile forget`` are one call of :meth:`Stores.erase`, ``llmagent-os profile export`` is
one call of :meth:`Stores.export`. The terms are those of the GDPR: a data subject (article 4), whose right of access
(article 15) is the export, and whose right to erasure (article 17) is the erasure.

>>> import asyncio
>>> from llmagent_os.identity import parse
>>> subject = DataSubject.of([parse("slack:T1:U7"), parse("telegram::4711")])
>>> subject.person_id, subject.ids_on("telegram")
('slack:T1:U7', ('4711',))
>>> asyncio.run(Stores().export(subject))
{}
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any, Protocol, Self, runtime_checkable

import msgspec
import structlog

from llmagent_os.errors import ConfigError
from llmagent_os.identity import Identity, PersonId, parts_of, person_kept_under

_log = structlog.stdlib.get_logger(__name__)

#: Seconds between two rounds of deleting what is too old.
PRUNE_PERIOD_SECONDS = 24 * 60 * 60.0


class DataSubject(msgspec.Struct, frozen=True):
    """The person about whom something is exported or erased."""

    person_id: PersonId  #: the identity under which the person's profile is kept: the first one
    identities: tuple[Identity, ...]  #: all accounts of the person, in the order in which they were linked

    @classmethod
    def of(cls, identities: Iterable[Identity]) -> Self:
        """Make the subject from all identities of one person, the one with the profile first.

        Raises:
            ConfigError: there is no identity, or one of them is not written ``platform:workspace:id``.
        """
        found = tuple(identities)
        if not found:
            raise ConfigError("a person has at least one identity, written platform:workspace:id")
        for identity in found:
            parts_of(identity)
        return cls(person_kept_under(found[0]), found)

    def ids_on(self, platform: str) -> tuple[str, ...]:
        """The platform's own ids of the person, each once."""
        parts = (parts_of(identity) for identity in self.identities)
        return tuple(dict.fromkeys(own_id for name, _, own_id in parts if name == platform))

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms on which the person has an account, each once."""
        return tuple(dict.fromkeys(parts_of(identity)[0] for identity in self.identities))


class Holds(msgspec.Struct, frozen=True, kw_only=True):
    """Where a store keeps its data. A test compares this with the tables and files that there really are."""

    tables: frozenset[str] = frozenset()  #: tables of the ledger
    #: files and folders below the data folder, as patterns (``*`` stands for anything but ``/``); a folder covers all
    #: that is in it
    paths: tuple[str, ...] = ()
    #: tables in which an erasure leaves the person's identities, and the reason for each
    leaves: dict[str, str] = msgspec.field(default_factory=dict[str, str])

    def covers(self, path: PurePath) -> bool:
        """Whether the store keeps ``path``, which is relative to the data folder.

        >>> holds = Holds(paths=("ledger.db*", "*/files"))
        >>> [holds.covers(PurePath(path)) for path in ("ledger.db-wal", "slack/files/U7/1/a.txt", "slack/log.txt")]
        [True, True, False]
        """
        return any(_begins(path.parts, PurePath(pattern).parts) for pattern in self.paths)


def _begins(parts: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    """Whether the first of ``parts`` fit ``patterns`` one by one."""
    return len(parts) >= len(patterns) and all(map(fnmatchcase, parts, patterns))


class EraseOrder(IntEnum):
    """When a store is erased. A lower number is erased earlier."""

    QUEUE = -1  #: what waits to be answered, and what is being answered: it would write to the others again
    DISK = 0  #: files, profiles and transcripts
    #: The ledger is the last on disk. It knows which identities are one person: after a crash the erasure is asked for
    #: again, and must find the same identities.
    LEDGER = 1
    MEMORY = 2  #: what a running bot has computed from the ledger: earlier, it could be read in again from there
    KEYS = 3  #: the keys of what is encrypted: after a crash, the stores before must be able to find what they erase


class Store(Protocol):
    """One place that keeps something about people."""

    @property
    def name(self) -> str:
        """The store's name, which no other registered store has."""
        ...

    @property
    def unit(self) -> str:
        """What :meth:`erase` counts, as an English noun in the singular."""
        ...

    @property
    def order(self) -> EraseOrder:
        """When the store is erased."""
        ...

    @property
    def holds(self) -> Holds:
        """Where the store keeps its data."""
        ...

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """Everything that is kept about ``subject``, as a JSON object by kind. Lists of one kind are joined."""
        ...

    async def erase(self, subject: DataSubject) -> int:
        """Erase everything that is kept about ``subject``. Erasing twice is no error.

        Returns:
            How many units were erased.
        """
        ...

    async def prune(self) -> int:
        """Delete what is older than :mod:`llmagent_os.privacy.retention` allows. Returns how many units."""
        ...


class FileToExport(msgspec.Struct, frozen=True):
    """A file that is kept about a person."""

    name: str  #: its path in an archive, with ``/``; made of the platform or the kind, and the file's own name
    size: int  #: in bytes, about
    read: Callable[[], bytes]  #: gives the bytes; blocks, and raises OSError where the file cannot be read


@runtime_checkable
class HoldsFiles(Protocol):
    """A store that keeps files besides what :meth:`Store.export` says of them."""

    async def files(self, subject: DataSubject) -> list[FileToExport]:
        """The files that are kept about ``subject``."""
        ...


class Erased(msgspec.Struct, frozen=True):
    """What one store has erased."""

    store: str  #: the store's name
    count: int  #: how many units
    unit: str  #: what was counted, in the singular
    problem: str = ""  #: why the store could not be opened; then it has erased nothing

    def __str__(self) -> str:
        return f"{self.store}: {self.count} {self.unit}{'' if self.count == 1 else 's'}"


class Stores:
    """All stores of one installation."""

    def __init__(self, stores: Iterable[Store] = ()) -> None:
        self._stores: dict[str, Store] = {}
        for store in stores:
            self.register(store)

    def register(self, store: Store) -> None:
        """Add ``store``.

        Raises:
            ConfigError: another store has its name.
        """
        if store.name in self._stores:
            raise ConfigError(f"there are two stores named {store.name!r}: give one of them another name")
        self._stores[store.name] = store

    def __iter__(self) -> Iterator[Store]:
        """All stores in the order in which they are erased; of one order, as they were registered."""
        return iter(sorted(self._stores.values(), key=lambda store: store.order))

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """Everything that is kept about ``subject``, from all stores, as one JSON object by kind.

        Raises:
            ValueError: two stores export the same kind, and not both of them as a list.
            LLMAgentOSError: a store cannot be read.
        """
        found: dict[str, Any] = {}
        for store in self:
            for kind, kept in (await store.export(subject)).items():
                if kind not in found:
                    found[kind] = kept
                elif isinstance(found[kind], list) and isinstance(kept, list):
                    found[kind] = [*found[kind], *kept]
                else:
                    raise ValueError(f"store {store.name!r} exports {kind!r}, which another store has exported already")
        return found

    async def files(self, subject: DataSubject) -> list[FileToExport]:
        """The files that are kept about ``subject``, from all stores."""
        return [file for store in self if isinstance(store, HoldsFiles) for file in await store.files(subject)]

    async def erase(self, subject: DataSubject, *, pass_over: bool = False) -> tuple[Erased, ...]:
        """Erase everything that is kept about ``subject``, in the fixed order of :class:`EraseOrder`.

        The first store that fails ends the erasure. Ask again: the stores before it have nothing left to erase.

        Args:
            subject: the person.
            pass_over: go on after a store that cannot be opened as the installation is configured, and log what it may
                still keep. The person who asks cannot mend that, and everything else must be erased all the same.

        Returns:
            What each store has erased, in the same order.

        Raises:
            ConfigError: a store cannot be opened, and ``pass_over`` is false.
            LLMAgentOSError: a store cannot be read or written.
        """
        erased: list[Erased] = []
        for store in self:
            try:
                erased.append(Erased(store.name, await store.erase(subject), store.unit))
            except ConfigError as error:
                if not pass_over:
                    raise
                _log.error(
                    "a person was not erased here: mend the configuration, then run llmagent-os profile forget",
                    store=store.name,
                    identities=subject.identities,
                    error=str(error),
                )
                erased.append(Erased(store.name, 0, store.unit, problem=str(error)))
        return tuple(erased)

    async def prune(self) -> tuple[Erased, ...]:
        """Delete what is too old from every store. A store that fails is logged, and the others are still pruned."""
        pruned: list[Erased] = []
        for store in self:
            try:
                pruned.append(Erased(store.name, await store.prune(), store.unit))
            except Exception as error:  # tomorrow it is tried again
                _log.error("what is too old could not be deleted", store=store.name, error=repr(error))
        return tuple(pruned)

    async def prune_daily(self) -> None:
        """Delete what is too old now and every day, until cancelled."""
        while True:
            await self.prune()
            await asyncio.sleep(PRUNE_PERIOD_SECONDS)
