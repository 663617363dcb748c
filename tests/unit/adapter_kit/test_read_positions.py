"""Read positions. What breaks without this: what people write while the bot is away is never answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmagent_os.adapter_kit.read_positions import MAX_PLACES, Position, ReadPositions
from llmagent_os.errors import LedgerError
from llmagent_os.records import MemoryRecords, Record


class FailingRecords(MemoryRecords):
    """A store whose disk is full while ``full``."""

    full = False

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    async def put(self, key: str, record: Record) -> None:
        if self.full:
            raise LedgerError("the disk is full")
        await super().put(key, record)
        self.written.set()


async def reread(store: MemoryRecords) -> dict[str, Position]:
    """The positions as the next process finds them."""
    positions = ReadPositions(store, "read", order=int)
    await positions.load()
    return dict(positions)


async def test_a_place_is_stored_as_soon_as_it_is_followed() -> None:
    """A crash right after the first message of a conversation would make the bot forget the conversation."""
    store = MemoryRecords()
    await ReadPositions(store, "read", order=int).follow({"C1": Position("5", "G1")})
    assert await reread(store) == {"C1": Position("5", "G1")}


async def test_following_a_place_again_does_not_set_its_position_back() -> None:
    positions = ReadPositions(MemoryRecords(), "read", order=int)
    await positions.follow({"C1": Position("5")})
    positions.advance("C1", "9")
    await positions.follow({"C1": Position("6")})
    assert positions["C1"].newest == "9"


@pytest.mark.parametrize(("order", "older", "newer"), [(int, "99", "100"), (str, "1700000000.000100", "1700000000.2")])
async def test_a_position_moves_forward_only(order: Any, older: str, newer: str) -> None:
    """Messages may arrive out of order; one that is read late must not make the others be read again."""
    positions = ReadPositions(MemoryRecords(), "read", order=order)
    await positions.follow({"C1": Position(older)})
    positions.advance("C1", newer)
    positions.advance("C1", older)
    assert positions["C1"].newest == newer


async def test_a_place_that_the_bot_is_no_part_of_is_not_followed() -> None:
    positions = ReadPositions(MemoryRecords(), "read", order=int)
    positions.advance("C1", "5")
    assert dict(positions) == {}


async def test_a_place_that_was_left_is_not_read_after_a_restart() -> None:
    store = MemoryRecords()
    positions = ReadPositions(store, "read", order=int)
    await positions.follow({"C1": Position("5"), "C2": Position("6")})
    positions.forget("C1")
    await positions.save()
    assert list(await reread(store)) == ["C2"]


async def test_the_places_with_the_latest_activity_are_kept() -> None:
    positions = ReadPositions(MemoryRecords(), "read", order=int)
    await positions.follow({f"C{number}": Position("1") for number in range(MAX_PLACES)})
    positions.advance("C0", "2")
    await positions.follow({"new": Position("1")})
    assert "C0" in positions
    assert "C1" not in positions
    assert len(positions) == MAX_PLACES


async def test_a_store_that_fails_loses_nothing() -> None:
    """A full disk would end the bot, or the positions would never be stored again."""
    store = FailingRecords()
    positions = ReadPositions(store, "read", order=int)
    await positions.follow({"C1": Position("5")})
    store.full = True
    positions.advance("C1", "6")
    await positions.save()
    store.full = False
    await positions.save()
    assert (await reread(store))["C1"].newest == "6"


async def test_changes_are_stored_while_the_bot_runs() -> None:
    store = FailingRecords()
    positions = ReadPositions(store, "read", order=int)
    await positions.follow({"C1": Position("5")})
    store.written.clear()
    saving = asyncio.create_task(positions.keep_saving(0.0))
    positions.advance("C1", "6")
    await store.written.wait()
    saving.cancel()
    assert (await reread(store))["C1"].newest == "6"


async def test_a_document_of_another_version_does_not_end_the_bot() -> None:
    store = MemoryRecords()
    await store.put("read", {"channels": "none"})
    assert await reread(store) == {}


async def test_what_an_earlier_version_wrote_is_read() -> None:
    """Whoever updates the bot would lose what was written during the update."""
    store = MemoryRecords()
    await store.put("read", {"newest": [["C1", "5"], ["C1 7", "8"]], "seen": 1700000000.0})
    positions = ReadPositions(store, "read", order=str)
    await positions.load()
    assert dict(positions) == {"C1": Position("5"), "C1 7": Position("8")}
    assert positions.caught_up_at == 1700000000.0


async def test_until_when_nothing_was_missed_is_stored() -> None:
    """Who wrote to the bot for the first time during an outage is found by this time."""
    store = MemoryRecords()
    positions = ReadPositions(store, "read", order=int)
    await positions.load()
    assert positions.caught_up_at is None
    positions.mark_caught_up(1700000000.0)
    await positions.save()
    again = ReadPositions(store, "read", order=int)
    await again.load()
    assert again.caught_up_at == 1700000000.0


async def test_a_damaged_position_is_left_out_and_the_others_are_read() -> None:
    """The adapter could not start, or would fail at every message of that place."""
    store = MemoryRecords()
    await store.put("read", {"channels": {"C1": {"newest": "not a number"}, "C2": {"newest": "5"}}})
    positions = ReadPositions(store, "read", order=int)
    await positions.load()
    positions.advance("C1", "7")
    assert dict(positions) == {"C2": Position("5")}
