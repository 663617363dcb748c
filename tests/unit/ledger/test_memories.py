"""Memories in the ledger: numbers, links, and what is deleted. What breaks without this: `forget 3` deletes 4."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.memories import KEEP_ENDED_DAYS, MemoryChange, NewMemory
from llmagent_os.people.linking import Links
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import mount, unmount

ANA, BEN = Identity("web:local:ana"), Identity("slack:T1:ben")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def new(value: str, topic: str = "likes") -> NewMemory:
    return NewMemory(
        topic=topic, value=value, text=f"You like {value}", source="web:1", room="r", is_private=True, said_at=NOON
    )


async def keep(ledger: Ledger, who: Identity, *values: str) -> None:
    await ledger.memories.change(who, lambda _: MemoryChange(add=tuple(new(value) for value in values)))


def files_with(folder: Path, text: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


@pytest.fixture
async def memory_ledger() -> Ledger:
    return await Ledger.open("sqlite://")


async def test_numbers_stay_when_others_are_deleted(memory_ledger: Ledger) -> None:
    await keep(memory_ledger, ANA, "blues", "chess", "tea")
    await memory_ledger.memories.change(ANA, lambda _: MemoryChange(erase=(1,)))
    assert [(one.number, one.value) for one in await memory_ledger.memories.of(ANA)] == [(2, "chess"), (3, "tea")]


async def test_linked_accounts_share_memories_under_different_numbers(memory_ledger: Ledger) -> None:
    await keep(memory_ledger, ANA, "blues")
    await keep(memory_ledger, BEN, "chess")
    links = Links(memory_ledger, None)
    await links.join(BEN, await links.issue(ANA))
    both = await memory_ledger.memories.of(ANA)
    assert sorted((one.number, one.value) for one in both) == [(1, "blues"), (2, "chess")]
    await links.leave(BEN)
    assert [one.value for one in await memory_ledger.memories.of(BEN)] == ["chess"]


async def test_a_memory_is_deleted_with_what_it_replaced(memory_ledger: Ledger) -> None:
    await keep(memory_ledger, ANA, "blues")
    await memory_ledger.memories.change(ANA, lambda _: MemoryChange(add=(new("chess"),), end=(1,)))
    assert [one.value for one in await memory_ledger.memories.of(ANA, ended=True)] == ["blues"]
    await memory_ledger.memories.change(ANA, lambda _: MemoryChange(erase=(2,)))
    assert await memory_ledger.memories.of(ANA, ended=True) == []


async def test_memories_are_sealed_where_the_folder_is_mounted(tmp_path: Path) -> None:
    """And can be read, ended and deleted by what they say, though no two sealed values are equal."""
    mount(tmp_path, [new_master_key()])
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    said = NewMemory(
        topic="favourite:zeppelin",
        value="Graf zeppelin",
        text="Your favourite zeppelin is the Graf zeppelin",
        said="my favourite zeppelin is the Graf zeppelin",
        source="web:1",
        room="r",
        is_private=True,
        said_at=NOON,
    )
    await ledger.memories.change(ANA, lambda _: MemoryChange(add=(said,)))
    assert files_with(tmp_path, b"zeppelin") == []
    now = said.with_statement(said.topic, "Hindenburg", "Your favourite zeppelin is the Hindenburg", "no, Hindenburg")
    await ledger.memories.change(ANA, lambda _: MemoryChange(add=(now,), end=(1,)))
    assert [one.value for one in await ledger.memories.of(ANA, ended=True)] == ["Graf zeppelin"]
    assert [one["said"] for one in (await ledger.export(ANA))["memories"]] == [said.said, "no, Hindenburg"]
    await ledger.memories.change(ANA, lambda _: MemoryChange(erase=(2,)))
    assert await ledger.memories.of(ANA, ended=True) == []
    await ledger.close()
    unmount(tmp_path)


async def test_what_ended_is_deleted_after_a_month(memory_ledger: Ledger) -> None:
    old = datetime.fromtimestamp(time.time(), UTC) - timedelta(days=KEEP_ENDED_DAYS + 1)
    await keep(memory_ledger, ANA, "blues")
    late = NewMemory(topic="likes", value="tea", source="s", room="r", is_private=True, said_at=old)
    await memory_ledger.memories.change(ANA, lambda _: MemoryChange(add=(late,), end=(1,)))
    assert await memory_ledger.memories.prune() == 1
    assert [one.value for one in await memory_ledger.memories.of(ANA)] == ["tea"]
