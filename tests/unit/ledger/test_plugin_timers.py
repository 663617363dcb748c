"""What breaks without this: a plugin's tests pass on the twin in memory, and the ledger forgets reminders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.ledger import Ledger
from llmagent_os.timers import MemoryTimers, Timers
from tests.unit.ledger.samples import MINUTE, SIX, moved, reminder_request


class Bench:
    """Timers of either kind, and the way they ring."""

    def __init__(self, timers: Timers, ledger: Ledger | None) -> None:
        self.timers = timers
        self._ledger = ledger

    async def ring(self, now: datetime) -> list[tuple[str, datetime]]:
        if self._ledger is None:
            assert isinstance(self.timers, MemoryTimers)
            return self.timers.ring(now)
        return [(event.key, event.at) for event in await moved(self._ledger, now)]


@pytest.fixture(params=["twin", "memory", "disk"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    if request.param == "twin":
        yield Bench(MemoryTimers(), None)
        return
    ledger = await Ledger.open("sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/ledger.db")
    yield Bench(ledger.timers("calendar", reminder_request()), ledger)
    await ledger.close()


async def test_a_timer_rings_when_it_is_due_and_once(bench: Bench) -> None:
    """A reminder would come early, twice or never."""
    await bench.timers.set("b", SIX + MINUTE)
    await bench.timers.set("a", SIX + 2 * MINUTE)
    await bench.timers.set("c", SIX)
    assert await bench.ring(SIX - timedelta(microseconds=1)) == []
    assert await bench.ring(SIX) == [("c", SIX)]
    assert await bench.ring(SIX + 9 * MINUTE) == [("b", SIX + MINUTE), ("a", SIX + 2 * MINUTE)]
    assert await bench.ring(SIX + 99 * MINUTE) == []


async def test_a_later_call_replaces_the_moment_and_cancel_takes_it_away(bench: Bench) -> None:
    """A person would be reminded of what they have moved or cancelled."""
    await bench.timers.set("a", SIX)
    await bench.timers.set("a", SIX + MINUTE)
    assert await bench.ring(SIX) == []
    assert await bench.timers.cancel("a")
    assert not await bench.timers.cancel("a")
    assert await bench.ring(SIX + MINUTE) == []


async def test_a_turn_that_runs_again_sets_its_timer_again_and_nobody_is_reminded_twice(bench: Bench) -> None:
    """After a crash, a turn runs again: a reminder that was given would be given again."""
    for _ in range(2):
        await bench.timers.set("a", SIX.astimezone())  # whatever zone it is written in
        await bench.ring(SIX)
    await bench.timers.set("a", SIX)
    assert await bench.ring(SIX) == []
    await bench.timers.set("a", SIX + MINUTE)
    assert await bench.ring(SIX + MINUTE) == [("a", SIX + MINUTE)], "the next moment is another one"


@pytest.mark.parametrize(
    ("key", "at", "says"),
    [
        ("tea", datetime(2026, 1, 1), "time zone"),
        ("", SIX, "0 characters"),
        ("x" * 201, SIX, "201"),
        ("\ud83d", SIX, "text"),
    ],
)
async def test_a_timer_that_cannot_be_kept_is_refused(bench: Bench, key: str, at: datetime, says: str) -> None:
    """A plugin would believe that it has set a reminder which never comes."""
    with pytest.raises(LedgerError, match=says):
        await bench.timers.set(key, at)
    assert await bench.ring(SIX + MINUTE) == []


async def test_plugins_and_people_do_not_share_timers(on_disk: Ledger) -> None:
    """One person could cancel another person's reminder."""
    await on_disk.timers("calendar", reminder_request()).set("a", SIX)
    for other in (on_disk.timers("finance", reminder_request()), on_disk.timers("calendar", reminder_request("ben"))):
        assert not await other.cancel("a")
        await other.set("a", SIX)
    assert len({event.event_id for event in await moved(on_disk, SIX)}) == 3


async def test_a_timer_that_is_set_again_elsewhere_rings_where_it_was_set(tmp_path: Path) -> None:
    """A reminder of a group would move into the private conversation in which its time was changed."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    asked = reminder_request()
    elsewhere = msgspec.structs.replace(
        asked, event_id="elsewhere", conversation=msgspec.structs.replace(asked.conversation, channel="elsewhere")
    )
    await ledger.timers("calendar", asked).set("a", SIX)
    await ledger.timers("calendar", elsewhere).set("a", SIX + MINUTE)
    (rung,) = await moved(ledger, SIX + MINUTE)
    assert (rung.at, rung.conversation) == (SIX + MINUTE, asked.conversation)
    await ledger.close()
