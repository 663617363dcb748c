"""What breaks without this: a plugin's tests pass on the twin in memory, and the ledger loses or shares its data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.records import MemoryRecords, Records


@pytest.fixture(params=["twin", "memory", "disk"])
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    if request.param == "twin":
        yield MemoryRecords()
        return
    ledger = await Ledger.open("sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/ledger.db")
    yield ledger.records("calendar", Identity("web::u1"))
    await ledger.close()


async def test_a_record_can_be_put_read_replaced_and_deleted(records: Records) -> None:
    assert await records.get("b") is None
    await records.put("b", {"title": "lunch 🍜", "guests": ["Ana"], "at": None})
    await records.put("a", {"title": "dentist"})
    await records.put("b", {"title": "dinner"})
    assert await records.get("b") == {"title": "dinner"}
    assert await records.items() == [("a", {"title": "dentist"}), ("b", {"title": "dinner"})]
    assert await records.delete("b")
    assert not await records.delete("b")
    assert await records.items() == [("a", {"title": "dentist"})]


async def test_changing_what_was_read_changes_nothing_stored(records: Records) -> None:
    await records.put("a", {"guests": ["Ana"]})
    read = await records.get("a")
    assert read is not None
    read["guests"].append("Ben")
    assert await records.get("a") == {"guests": ["Ana"]}


@pytest.mark.parametrize("value", [{"half": "\ud83d"}, {"object": object()}])
async def test_what_json_cannot_hold_is_refused_by_key(records: Records, value: dict[str, object]) -> None:
    with pytest.raises(LedgerError, match="'a'"):
        await records.put("a", value)
    assert await records.items() == []


async def test_what_json_changes_is_changed_in_the_twin_too(records: Records) -> None:
    await records.put("a", {"when": datetime(2026, 1, 2), "pair": (1, 2)})
    assert await records.get("a") == {"when": "2026-01-02T00:00:00", "pair": [1, 2]}


async def test_nobody_sees_another_persons_or_another_plugins_records() -> None:
    ledger = await Ledger.open("sqlite://")
    await ledger.records("calendar", Identity("web::u1")).put("a", {"title": "secret"})
    for other in (ledger.records("calendar", Identity("web::u2")), ledger.records("finance", Identity("web::u1"))):
        assert await other.get("a") is None
        assert await other.items() == []
        assert not await other.delete("a")
    await ledger.close()
