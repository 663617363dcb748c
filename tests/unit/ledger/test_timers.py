"""What breaks without this: somebody is not reminded, is reminded twice, or of what they had taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from llmagent_os.errors import LedgerError
from llmagent_os.events import Conversation, Event, Message, Sender, Timer, decode, encode
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import connect
from llmagent_os.ledger.migrate import config
from llmagent_os.timers import MemoryTimers, Timers

SIX = datetime(2026, 11, 22, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def said(user: str = "ana", channel: str = "c") -> Message:
    room = Conversation(platform="web", workspace="w", channel=channel, thread="t", kind="group")
    return Message(event_id="1", conversation=room, sender=Sender(user, "Ana"), text="remind me", message_id="m")


class Bench:
    """Timers of either kind, and the way they ring."""

    def __init__(self, timers: Timers, ledger: Ledger | None) -> None:
        self.timers = timers
        self._ledger = ledger

    async def ring(self, now: datetime) -> list[tuple[str, datetime]]:
        if self._ledger is None:
            assert isinstance(self.timers, MemoryTimers)
            return self.timers.ring(now)
        return [(event.key, event.at) for event in await rung(self._ledger, now)]


async def rung(ledger: Ledger, now: datetime, limit: int = 100) -> list[Timer]:
    """What is new in the inbox once it has rung."""
    found: list[Event] = []
    await ledger.ring_timers(now, limit=limit, stored=found.append)
    return [event for event in found if isinstance(event, Timer)]


@pytest.fixture(params=["twin", "memory", "disk"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    if request.param == "twin":
        yield Bench(MemoryTimers(), None)
        return
    ledger = await Ledger.open("sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/ledger.db")
    yield Bench(ledger.timers("calendar", said()), ledger)
    await ledger.close()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    await opened.close()


async def test_a_timer_rings_when_it_is_due_and_once(bench: Bench) -> None:
    await bench.timers.set("b", SIX + MINUTE)
    await bench.timers.set("a", SIX + 2 * MINUTE)
    await bench.timers.set("c", SIX)
    assert await bench.ring(SIX - timedelta(microseconds=1)) == []
    assert await bench.ring(SIX) == [("c", SIX)]
    assert await bench.ring(SIX + 9 * MINUTE) == [("b", SIX + MINUTE), ("a", SIX + 2 * MINUTE)]
    assert await bench.ring(SIX + 99 * MINUTE) == []


async def test_a_later_call_replaces_the_moment_and_cancel_takes_it_away(bench: Bench) -> None:
    await bench.timers.set("a", SIX)
    await bench.timers.set("a", SIX + MINUTE)
    assert await bench.ring(SIX) == []
    assert await bench.timers.cancel("a")
    assert not await bench.timers.cancel("a")
    assert await bench.ring(SIX + MINUTE) == []


async def test_a_turn_that_runs_again_sets_its_timer_again_and_nobody_is_reminded_twice(bench: Bench) -> None:
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
    with pytest.raises(LedgerError, match=says):
        await bench.timers.set(key, at)
    assert await bench.ring(SIX + MINUTE) == []


async def test_what_rings_says_whose_it_is_and_where_it_was_asked(ledger: Ledger) -> None:
    await ledger.timers("calendar", said()).set("tea", SIX)
    (event,) = await rung(ledger, SIX)
    assert (event.plugin, event.key, event.at, event.tries) == ("calendar", "tea", SIX, 0)
    assert (event.conversation, event.sender) == (said().conversation, said().sender)
    assert identity_of(event) == identity_of(said())
    assert decode(encode(event)) == event
    assert [row.event for row in await ledger.unfinished()] == [event]


async def test_plugins_and_people_do_not_share_timers(ledger: Ledger) -> None:
    await ledger.timers("calendar", said()).set("a", SIX)
    for other in (ledger.timers("finance", said()), ledger.timers("calendar", said("ben"))):
        assert not await other.cancel("a")
        await other.set("a", SIX)
    assert len({event.event_id for event in await rung(ledger, SIX)}) == 3


async def test_only_so_many_ring_at_once_and_the_rest_follow_in_order(ledger: Ledger) -> None:
    for number in range(5):
        await ledger.timers("calendar", said()).set(str(number), SIX + number * MINUTE)
    assert [event.key for event in await rung(ledger, SIX + 4 * MINUTE, limit=2)] == ["0", "1"]
    assert await ledger.ring_timers(SIX + 3 * MINUTE, limit=2) == SIX + 4 * MINUTE, "the next one"
    assert await ledger.ring_timers(SIX + 4 * MINUTE, limit=2) is None
    assert [row.event.at for row in await ledger.unfinished()] == [SIX + number * MINUTE for number in range(5)]


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def execute(folder: Path, statement: str) -> None:
    engine = sa.create_engine(f"sqlite:///{folder}/ledger.db")
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


@pytest.mark.parametrize("step", ["DELETE ON timers", "INSERT ON inbox"])
async def test_a_crash_between_the_two_steps_leaves_it_as_it_was(ledger: Ledger, tmp_path: Path, step: str) -> None:
    """Whichever of them fails, the timer is still set and not in the inbox, and rings once afterwards."""
    await ledger.timers("calendar", said()).set("a", SIX)
    execute(tmp_path, f"CREATE TRIGGER dies AFTER {step} BEGIN SELECT RAISE(ABORT, 'killed'); END")
    with pytest.raises(LedgerError, match="killed"):
        await rung(ledger, SIX)
    assert await ledger.unfinished() == []
    execute(tmp_path, "DROP TRIGGER dies")
    assert len(await rung(ledger, SIX)) == 1
    assert len(await ledger.unfinished()) == 1
    assert await rung(ledger, SIX) == []


async def test_a_timer_that_cannot_be_read_does_not_keep_the_others_waiting(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.timers("calendar", said()).set("a", SIX)
    await ledger.timers("calendar", said()).set("b", SIX)
    execute(tmp_path, "UPDATE timers SET sender = '{' WHERE key = 'a'")
    assert [event.key for event in await rung(ledger, SIX)] == ["b"]
    assert await ledger.ring_timers(SIX, limit=9) is None


async def test_a_postponed_timer_comes_again_as_it_was(ledger: Ledger) -> None:
    await ledger.timers("calendar", said()).set("a", SIX)
    (event,) = await rung(ledger, SIX)
    await ledger.finish(event, None)
    await ledger.postpone(event, SIX + MINUTE)
    assert await rung(ledger, SIX) == []
    (again,) = await rung(ledger, SIX + MINUTE)
    assert (again.key, again.at, again.tries, again.conversation) == ("a", SIX, 1, event.conversation)
    assert again.event_id != event.event_id


async def test_what_a_plugin_has_set_since_is_not_postponed(ledger: Ledger) -> None:
    timers = ledger.timers("calendar", said())
    await timers.set("a", SIX)
    (event,) = await rung(ledger, SIX)
    await timers.set("a", SIX + MINUTE)
    await ledger.postpone(event, SIX + 9 * MINUTE)
    assert [each.at for each in await rung(ledger, SIX + 9 * MINUTE)] == [SIX + MINUTE]


async def test_a_forgotten_person_is_not_reminded_and_nothing_of_theirs_is_left(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.timers("calendar", said("ana-of-the-secret")).set("ring:secret", SIX)
    await ledger.timers("calendar", said("ben")).set("a", SIX)
    (kept,) = (await ledger.export(identity_of(said("ben"))))["timers"]
    assert (kept["plugin"], kept["key"], kept["at"]) == ("calendar", "a", "2026-11-22T18:00:00Z")
    assert await ledger.forget(identity_of(said("ana-of-the-secret"))) == 1
    assert [event.sender.user_id for event in await rung(ledger, SIX)] == ["ben"]
    assert b"secret" not in all_bytes(tmp_path)


async def test_what_has_rung_says_nothing_about_the_person(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.timers("calendar", said("ana-of-the-secret")).set("ring:secret", SIX)
    (event,) = await rung(ledger, SIX)
    await ledger.finish(event, None)
    await ledger.close()
    assert b"secret" not in all_bytes(tmp_path)


async def test_a_ledger_from_before_timers_is_brought_up_to_date(tmp_path: Path) -> None:
    """And keeps what it holds."""
    settings = config()
    database = connect(tmp_path / "ledger.db", "FULL")
    with database.sql.begin():
        settings.attributes["connection"] = database.sql
        command.downgrade(settings, "0001")
    database.close()
    execute(tmp_path, "INSERT INTO records (user_id, plugin, key, body) VALUES ('u', 'calendar', 'e', '{}')")
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    assert await ledger.records("calendar", "u").get("e") == {}
    await ledger.timers("calendar", said()).set("a", SIX)
    assert len(await rung(ledger, SIX)) == 1
    await ledger.close()
