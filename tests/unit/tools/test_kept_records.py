"""What a plugin keeps: a new version must find what the old one wrote, and damage nothing that a newer one wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from llmagent_os.errors import LedgerError, PluginError
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.plugin import Plugin
from llmagent_os.records import MemoryRecords, MemorySharedRecords, Record, Records, VersionedRecords
from llmagent_os.timers import MemoryTimers
from llmagent_os.tools.kept_records import KeepingLimits, kept_records, kept_shared, kept_timers
from tests.unit.tools.test_registry import context

#: Opens a plugin's records in the form of a version.
Open = Callable[[int], Records]

calls: list[tuple[int, str]] = []  # the version and the title that a migration was given


def first(record: Record) -> Record:
    calls.append((1, record["title"]))
    return {"name": record["title"], "from": 1}


def second(record: Record) -> Record | None:
    calls.append((2, record["name"]))
    return None if record["name"] == "old" else {**record, "from": 2}


def notes(version: int, **declared: object) -> Plugin:
    migrations = {number: each for number, each in {1: first, 2: second}.items() if number < version}
    members = {"name": "notes", "records_version": version, "migrations": migrations, **declared}
    return cast("Plugin", type("Notes", (Plugin,), members)())


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


@pytest.fixture(params=["twin", "ledger"])
async def inner(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VersionedRecords]:
    if request.param == "twin":
        yield MemoryRecords()
        return
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    yield cast("VersionedRecords", ledger.records("notes", Identity("web::u1")))
    await ledger.close()


@pytest.fixture
def opened(inner: VersionedRecords) -> Open:
    return lambda version: kept_records(inner, notes(version), KeepingLimits())


async def test_a_document_goes_through_every_migration_once(opened: Open) -> None:
    one, three = opened(1), opened(3)
    for title in ("a", "b", "old"):
        await one.put(title, {"title": title})
    reads = await asyncio.gather(three.items(), three.items(), three.get("a"))
    assert reads[0] == reads[1] == [("a", {"name": "a", "from": 2}), ("b", {"name": "b", "from": 2})]
    assert reads[2] == {"name": "a", "from": 2}
    calls.clear()
    assert await three.items() == reads[0]
    assert await three.get("old") is None
    assert calls == [], "what was migrated is kept so"
    await three.put("b", {"name": "new"})
    assert await opened(3).get("b") == {"name": "new"}


async def test_a_migration_does_not_undo_what_was_written_meanwhile(inner: VersionedRecords, opened: Open) -> None:
    await opened(1).put("a", {"title": "a"})
    ((_, old, version),) = await inner.versions("a")
    await opened(2).put("a", {"name": "changed"})
    assert not await inner.replace("a", old, version, {"name": "a"}, 2)
    assert await opened(2).get("a") == {"name": "changed"}


async def test_what_a_newer_version_wrote_is_refused_and_left_alone(opened: Open) -> None:
    """Somebody installs the version before again."""
    await opened(3).put("a", {"name": "a"})
    for work in (opened(1).get("a"), opened(1).items()):
        with pytest.raises(PluginError, match=r"written by version 3 .* knows version 1: install the newer plugin"):
            await work
    for other in (opened(1).put("a", {"title": "x"}), opened(2).delete("a")):
        with pytest.raises(LedgerError, match="version 3"):
            await other
    assert await opened(3).get("a") == {"name": "a"}


async def test_a_migration_that_fails_leaves_the_document(inner: VersionedRecords) -> None:
    await kept_records(inner, notes(1), KeepingLimits()).put("a", {"other": 1})
    with pytest.raises(PluginError, match=r"from version 1 failed at the record 'a', .*KeyError"):
        await kept_records(inner, notes(2), KeepingLimits()).get("a")
    assert await inner.versions("a") == [("a", {"other": 1}, 1)]


async def test_what_other_people_keep_is_read_in_the_new_form() -> None:
    theirs = MemoryRecords()
    await theirs.put("vote", {"title": "soup"})
    shared = kept_shared(MemorySharedRecords({PersonId("web::bo"): theirs}), notes(2))
    assert await shared.under("vote") == [("web::bo", {"name": "soup", "from": 1})]
    assert await theirs.get("vote") == {"title": "soup"}, "only the person's own call changes it"


async def test_what_a_plugin_keeps_has_a_limit(inner: VersionedRecords) -> None:
    """One that writes in a loop would fill the disk with one person's documents."""
    limits = KeepingLimits(records=2, record_bytes=100, timers=2)
    records = kept_records(inner, notes(1), limits)
    for number in (1, 2, 1, 2):
        await records.put(str(number), {"n": number})
    with pytest.raises(PluginError, match="keeps 2 records for one person; no more"):
        await records.put("3", {})
    await records.put("1", {"n": "changed"})
    assert await records.delete("2")
    await records.put("3", {})
    with pytest.raises(PluginError, match="at most 100 are allowed"):
        await records.put("1", {"n": "x" * 100})
    small = kept_records(inner, notes(1), KeepingLimits(total_bytes=200, record_bytes=150))
    await small.put("1", {"n": "x" * 100})
    with pytest.raises(PluginError, match=r"would keep \d+ bytes for one person; at most 200 are allowed"):
        await small.put("3", {"n": "x" * 100})
    await small.put("1", {"n": "y" * 100})
    timers = kept_timers(MemoryTimers(), notes(1), limits)
    now = context().now
    for key in ("a", "b", "a"):
        await timers.set(key, now + timedelta(hours=1))
    with pytest.raises(PluginError, match="has 2 timers for one person"):
        await timers.set("c", now)
    assert await timers.cancel("a")
    await timers.set("c", now)


async def test_the_ledger_counts_the_timers_of_one_plugin(tmp_path: Path) -> None:
    from tests.unit.ledger.samples import message

    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    timers: Any = ledger.timers("notes", message("e1"))
    await timers.set("a", context().now)
    await timers.set("b", context().now)
    await ledger.timers("other", message("e1")).set("c", context().now)
    assert (await timers.count(but=""), await timers.count(but="a")) == (2, 1)
    await ledger.close()
