"""What breaks without this: a person is not reminded, is reminded twice, or in the wrong conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.events import decode, encode
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Ledger
from tests.unit.ledger.samples import MINUTE, SIX, all_bytes, execute, moved, reminder_request


async def test_what_rings_says_whose_it_is_and_where_it_was_asked(on_disk: Ledger) -> None:
    """A reminder would go to another person or another channel."""
    await on_disk.timers("calendar", reminder_request()).set("tea", SIX)
    (event,) = await moved(on_disk, SIX)
    assert (event.plugin, event.key, event.at, event.tries) == ("calendar", "tea", SIX, 0)
    assert (event.conversation, event.sender) == (reminder_request().conversation, reminder_request().sender)
    assert identity_of(event) == identity_of(reminder_request())
    assert decode(encode(event)) == event
    assert [row.event for row in await on_disk.unfinished()] == [event]


async def test_only_so_many_ring_at_once_and_the_rest_follow_in_order(on_disk: Ledger) -> None:
    """After a long stop, all reminders would flood the host at once, or come in the wrong order."""
    for number in range(5):
        await on_disk.timers("calendar", reminder_request()).set(str(number), SIX + number * MINUTE)
    assert [event.key for event in await moved(on_disk, SIX + 4 * MINUTE, limit=2)] == ["0", "1"]
    assert await on_disk.move_due_timers(SIX + 3 * MINUTE, limit=2) == SIX + 4 * MINUTE, "the next one"
    assert await on_disk.move_due_timers(SIX + 4 * MINUTE, limit=2) is None
    assert [row.event.at for row in await on_disk.unfinished()] == [SIX + number * MINUTE for number in range(5)]


@pytest.mark.parametrize("step", ["DELETE ON timers", "INSERT ON inbox"])
async def test_a_crash_between_the_two_steps_leaves_it_as_it_was(on_disk: Ledger, tmp_path: Path, step: str) -> None:
    """Whichever of them fails, the timer is still set and not in the inbox, and rings once afterwards."""
    await on_disk.timers("calendar", reminder_request()).set("a", SIX)
    execute(tmp_path, f"CREATE TRIGGER dies AFTER {step} BEGIN SELECT RAISE(ABORT, 'killed'); END")
    with pytest.raises(LedgerError, match="killed"):
        await moved(on_disk, SIX)
    assert await on_disk.unfinished() == []
    execute(tmp_path, "DROP TRIGGER dies")
    assert len(await moved(on_disk, SIX)) == 1
    assert len(await on_disk.unfinished()) == 1
    assert await moved(on_disk, SIX) == []


async def test_a_timer_that_cannot_be_read_does_not_keep_the_others_waiting(on_disk: Ledger, tmp_path: Path) -> None:
    """One damaged row would leave everybody without reminders."""
    await on_disk.timers("calendar", reminder_request()).set("a", SIX)
    await on_disk.timers("calendar", reminder_request()).set("b", SIX)
    execute(tmp_path, "UPDATE timers SET sender = '{' WHERE key = 'a'")
    assert [event.key for event in await moved(on_disk, SIX)] == ["b"]
    assert await on_disk.move_due_timers(SIX, limit=9) is None


async def test_a_postponed_timer_comes_again_as_it_was(on_disk: Ledger) -> None:
    """A reminder whose plugin had failed once would be lost, or come for another moment."""
    await on_disk.timers("calendar", reminder_request()).set("a", SIX)
    (event,) = await moved(on_disk, SIX)
    await on_disk.finish(event, None)
    await on_disk.postpone(event, SIX + MINUTE)
    assert await moved(on_disk, SIX) == []
    (again,) = await moved(on_disk, SIX + MINUTE)
    assert (again.key, again.at, again.tries, again.conversation) == ("a", SIX, 1, event.conversation)
    assert again.event_id != event.event_id


async def test_what_a_plugin_has_set_since_is_not_postponed(on_disk: Ledger) -> None:
    """A new reminder would be overwritten by the old one."""
    timers = on_disk.timers("calendar", reminder_request())
    await timers.set("a", SIX)
    (event,) = await moved(on_disk, SIX)
    await timers.set("a", SIX + MINUTE)
    await on_disk.postpone(event, SIX + 9 * MINUTE)
    assert [each.at for each in await moved(on_disk, SIX + 9 * MINUTE)] == [SIX + MINUTE]


async def test_what_has_rung_says_nothing_about_the_person(on_disk: Ledger, tmp_path: Path) -> None:
    """The inbox would keep what a person wanted to be reminded of."""
    await on_disk.timers("calendar", reminder_request("ana-of-the-covert")).set("ring:covert", SIX)
    (event,) = await moved(on_disk, SIX)
    await on_disk.finish(event, None)
    await on_disk.close()
    assert b"covert" not in all_bytes(tmp_path)
