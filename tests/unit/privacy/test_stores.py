"""The registry of stores. What breaks without this: a person is erased in part, or their export lacks something."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import pytest

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.identity import Identity
from llmagent_os.privacy.stores import DataSubject, Erased, EraseOrder, Holds, Stores

ANA = DataSubject.of([Identity("slack:T1:U7"), Identity("telegram::4711"), Identity("slack:T2:U7")])


class NotesStore:
    """A store in memory that notes when it was erased."""

    unit = "note"
    holds = Holds()

    def __init__(self, name: str, order: EraseOrder, log: list[str], **kept: Any) -> None:
        self.name = name
        self.order = order
        self.failing = False
        self._log = log
        self._kept = kept

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        return self._kept

    async def erase(self, subject: DataSubject) -> int:
        if self.failing:
            raise LedgerError(f"{self.name} cannot be written")
        self._log.append(self.name)
        return len(subject.identities)

    async def prune(self) -> int:
        return await self.erase(ANA)


def test_a_subject_is_one_person_on_several_platforms() -> None:
    """An id of one platform must never be looked for on another, where it is somebody else's."""
    assert ANA.person_id == "slack:T1:U7"
    assert ANA.platforms == ("slack", "telegram")
    assert (ANA.ids_on("slack"), ANA.ids_on("telegram"), ANA.ids_on("web")) == (("U7",), ("4711",), ())


@pytest.mark.parametrize("wrong", [[], ["sam"], ["web:local:ana", "web:local:"]])
def test_what_is_no_identity_is_refused(wrong: list[Identity]) -> None:
    """A typo would otherwise report that there was nothing to erase."""
    with pytest.raises(ConfigError, match="platform:workspace:id"):
        DataSubject.of(wrong)


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("ledger.db", True),
        ("ledger.db-wal", True),
        ("telegram/files/4711/m1/a.txt", True),
        ("telegram/log.txt", False),
        ("backup/ledger.db", False),
        ("a/b/files", False),
    ],
)
def test_a_pattern_covers_a_folder_and_what_is_in_it_and_nothing_else(path: str, covered: bool) -> None:
    """Or a new folder would pass for one that is erased."""
    assert Holds(paths=("ledger.db*", "*/files")).covers(PurePath(path)) is covered


async def test_the_ledger_is_erased_after_everything_on_disk_in_whatever_order_stores_come() -> None:
    """It knows which accounts are one person: a second try after a crash must still find them all."""
    log: list[str] = []
    stores = Stores(
        [
            NotesStore("memory", EraseOrder.MEMORY, log),
            NotesStore("ledger", EraseOrder.LEDGER, log),
            NotesStore("files", EraseOrder.DISK, log),
            NotesStore("profiles", EraseOrder.DISK, log),
        ]
    )
    assert [str(each) for each in await stores.erase(ANA)] == [
        "files: 3 notes",
        "profiles: 3 notes",
        "ledger: 3 notes",
        "memory: 3 notes",
    ]
    assert log == ["files", "profiles", "ledger", "memory"]
    assert str(Erased("files", 1, "message")) == "files: 1 message"


async def test_an_erasure_that_fails_says_so_and_leaves_the_ledger() -> None:
    """A person must not be told that they are forgotten while their transcript is still there."""
    log: list[str] = []
    files = NotesStore("files", EraseOrder.DISK, log)
    files.failing = True
    stores = Stores([NotesStore("ledger", EraseOrder.LEDGER, log), files])
    with pytest.raises(LedgerError, match="files cannot be written"):
        await stores.erase(ANA)
    assert log == []
    files.failing = False
    await stores.erase(ANA)
    assert log == ["files", "ledger"]


async def test_one_store_that_cannot_be_pruned_does_not_keep_the_others_from_it() -> None:
    """Old files would otherwise pile up for as long as a ledger is busy."""
    log: list[str] = []
    files = NotesStore("files", EraseOrder.DISK, log)
    files.failing = True
    assert await Stores([files, NotesStore("ledger", EraseOrder.LEDGER, log)]).prune() == (Erased("ledger", 3, "note"),)


async def test_an_export_joins_what_several_stores_keep_of_one_kind() -> None:
    """Two ledgers, for one: neither of them may hide what is in the other."""
    log: list[str] = []
    stores = Stores(
        [
            NotesStore("ledger", EraseOrder.LEDGER, log, rewards=[1], profile={"name": "Ana"}),
            NotesStore("chat ledger", EraseOrder.LEDGER, log, rewards=[2], timers=[]),
        ]
    )
    assert await stores.export(ANA) == {"rewards": [1, 2], "profile": {"name": "Ana"}, "timers": []}
    stores.register(NotesStore("copy", EraseOrder.MEMORY, log, profile={"name": "Eva"}))
    with pytest.raises(ValueError, match="'copy' exports 'profile'"):
        await stores.export(ANA)


def test_two_stores_of_one_name_are_refused() -> None:
    """One would take the place of the other, which would never be erased again."""
    log: list[str] = []
    with pytest.raises(ConfigError, match="two stores named 'files'"):
        Stores([NotesStore("files", EraseOrder.DISK, log), NotesStore("files", EraseOrder.DISK, log)])
