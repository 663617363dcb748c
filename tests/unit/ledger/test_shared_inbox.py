"""Several hosts on one inbox: what breaks without this is that a message is answered twice, never, or out of order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Protocol

import msgspec
import psycopg
import pytest
import structlog

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.admin import hosts_command
from llmagent_os.config import Settings
from llmagent_os.errors import LedgerError
from llmagent_os.events import Conversation, Event, Message, Sender
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Accepted, HostCard, Ledger, UnfinishedEvent
from llmagent_os.ledger.postgresql_server import lock_number
from llmagent_os.ledger.pseudonyms import make_pseudonym
from llmagent_os.ledger.shared_membership import SharedMembership

PLATFORMS = ("memory",)
KEY = bytes(32)


def message(event_id: str, channel: str = "c1", user: str = "u1") -> Message:
    room = Conversation(platform="memory", channel=channel)
    return Message(event_id=event_id, conversation=room, sender=Sender(user), text=event_id, message_id=event_id)


class Taker:
    """A host without adapters: it takes events up, and a test finishes them."""

    def __init__(self, ledger: Ledger, local: tuple[str, ...] = ()) -> None:
        self.ledger = ledger
        self.taken: list[UnfinishedEvent] = []  #: given by others, or left by them
        self.own: list[str] = []  #: accepted here, to be run here
        self.heard: list[str] = []  #: both, in the order in which this host heard of them
        self._local = local
        self._looking: asyncio.Task[None] | None = None

    @property
    def membership(self) -> SharedMembership:
        assert isinstance(self.ledger.membership, SharedMembership)
        return self.ledger.membership

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What the membership does beside."""
        found: list[asyncio.Task[None]] = vars(self.membership)["_tasks"]
        return found

    @property
    def ids(self) -> list[str]:
        """All that this host is to run, in the order in which it heard of it."""
        return [row.event.event_id for row in self.taken]

    async def join(self, *, looks: bool = True) -> Taker:
        self.taken += await self.ledger.claim(PLATFORMS, self._local)
        if looks:
            self._looking = asyncio.create_task(self.ledger.keep_looking(self.take))
        return self

    async def accept(self, event: Message, most: int = 99, of_sender: int | None = None) -> Accepted:
        return await self.ledger.accept(event, max_pending=most, max_pending_of_sender=of_sender, stored=self._stored)

    def take(self, row: UnfinishedEvent) -> None:
        self.taken.append(row)
        self.heard.append(row.event.event_id)

    def _stored(self, event: Event) -> None:
        self.own.append(event.event_id)
        self.heard.append(event.event_id)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():  # noqa: ASYNC110  # asked again: the test ends as soon as it is true
                await asyncio.sleep(0.02)

    def freeze(self) -> None:
        """Stop as SIGSTOP does: no sign of life, nothing heard, nothing looked for."""
        for task in (self._looking, *self.tasks):
            if task is not None:
                task.cancel()

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        await self.ledger.leave()
        await self.ledger.close()


class Join(Protocol):
    """Opens hosts on one ledger."""

    async def __call__(
        self, name: str, *, lease: float = 60.0, looks: bool = True, local: tuple[str, ...] = ()
    ) -> Taker: ...


@pytest.fixture
async def host(postgresql_url: str) -> AsyncGenerator[Join]:
    """Opens hosts on one ledger."""
    opened: list[Taker] = []

    async def join(name: str, *, lease: float = 60.0, looks: bool = True, local: tuple[str, ...] = ()) -> Taker:
        ledger = await Ledger.open(postgresql_url, host=HostCard(name=name, lease_seconds=lease))
        taker = Taker(ledger, local)
        opened.append(taker)
        return await taker.join(looks=looks)

    yield join
    for taker in opened:
        with contextlib.suppress(LedgerError):
            await taker.close()


async def both(host: Join, *, lease: float = 60.0, looks: bool = True) -> tuple[Taker, Taker]:
    """Two hosts that know of each other."""
    a, b = await host("a", lease=lease, looks=looks), await host("b", lease=lease, looks=looks)
    await a.membership.look_around()
    return a, b


def channel_of(taker: Taker, other: Taker) -> str:
    """A conversation that the hosts give to ``taker``."""
    for number in range(200):
        channel = f"c{number}"
        name = make_pseudonym(KEY, Conversation(platform="memory", channel=channel).key)
        if other.membership.chosen(name, "memory", here=False) == taker.membership.number:
            return channel
    raise AssertionError("no conversation is given to that host")


@pytest.fixture(autouse=True)
async def known_key(postgresql_url: str) -> None:
    """Gives the ledger a key of its pseudonyms that the tests know."""
    async with await psycopg.AsyncConnection.connect(postgresql_url, autocommit=True) as connection:
        await connection.execute("DELETE FROM keys WHERE name = 'pseudonyms'")
        await connection.execute("INSERT INTO keys (name, value) VALUES ('pseudonyms', %s)", (KEY.hex(),))


async def test_an_event_delivered_to_two_hosts_at_once_is_run_by_one(host: Join) -> None:
    """A platform that gets no acknowledgement in time delivers again, perhaps to another host."""
    a, b = await both(host)
    results = await asyncio.gather(*(taker.accept(message("1")) for taker in (a, b) for _ in range(5)))
    assert sorted(result.value for result in results) == ["duplicate"] * 9 + ["new"]
    await a.until(lambda: len(a.own) + len(b.own) + len(a.taken) + len(b.taken) == 1)


async def test_a_conversation_stays_with_its_host_and_in_order_whoever_takes_the_messages(
    host: Join,
) -> None:
    a, b = await both(host)
    there = channel_of(b, a)
    for number in range(40):
        assert await (a, b)[number % 2].accept(message(f"{number}", there)) is Accepted.NEW
    await b.until(lambda: len(b.heard) == 40)
    assert b.heard == [str(number) for number in range(40)]
    assert a.heard == []


async def test_a_host_takes_up_what_it_was_given_before_it_runs_what_it_accepts_itself(
    host: Join,
) -> None:
    """It hears of what it was given a moment later than of what it accepts: a person's messages would change places."""
    a, b = await both(host, looks=False)
    there = channel_of(b, a)
    await a.accept(message("1", there))
    await b.accept(message("2", there))
    assert b.own == ["2"]
    looking = asyncio.create_task(b.ledger.keep_looking(b.take))
    await b.until(lambda: b.ids == ["1"])
    await b.accept(message("3", there))
    await a.accept(message("4", there))
    await b.accept(message("5", there))
    assert b.heard == ["2", "1", "3", "4", "5"]
    looking.cancel()


async def test_a_notification_that_gets_lost_is_made_good(host: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    def hears_nothing(membership: SharedMembership, topic: str, what: str) -> None: ...

    monkeypatch.setattr(SharedMembership, "_call", hears_nothing)
    a, b = await both(host)
    there = channel_of(b, a)
    await a.accept(message("1", there))
    await b.until(lambda: b.ids == ["1"])


async def test_an_erasure_drops_what_other_hosts_have_and_spares_what_asks_for_it(host: Join) -> None:
    """Without this, `/forget` fails wherever the ledger is on a server."""
    a, b = await both(host)
    here, there = channel_of(a, b), channel_of(b, a)
    asks = message("asks", here)
    for event in (asks, message("waits here", here), message("waits there", there), message("other", there, "u2")):
        await a.accept(event)
    assert await a.ledger.drop_unfinished([identity_of(asks)], besides=[asks]) == 2
    assert {row.event.event_id for row in await b.ledger.unfinished()} == {"asks", "other"}


async def test_what_was_heard_in_a_recording_is_kept_by_the_host_that_runs_it(host: Join) -> None:
    a, b = await both(host)
    spoken = message("spoken", channel_of(a, b))
    await a.accept(spoken)
    heard = msgspec.structs.replace(spoken, text="what was said")
    await b.ledger.put_instead(msgspec.structs.replace(spoken, text="of a host that runs it no more"))
    assert [row.event for row in await a.ledger.unfinished()] == [spoken]
    await a.ledger.put_instead(heard)
    assert [row.event for row in await a.ledger.unfinished()] == [heard]


async def test_limits_hold_for_all_hosts_together(host: Join) -> None:
    a, b = await both(host)
    assert await a.accept(message("1"), most=2) is Accepted.NEW
    assert await b.accept(message("2"), most=2) is Accepted.NEW
    assert await a.accept(message("3"), most=2) is Accepted.FULL
    assert await b.accept(message("1"), most=2) is Accepted.DUPLICATE
    assert await b.accept(message("4", "c2"), of_sender=2) is Accepted.SENDER_FULL


async def test_a_dead_host_is_taken_over_in_order_and_with_its_tries(host: Join) -> None:
    a, b = await both(host, lease=2.0)
    there = channel_of(a, b)
    for number in range(3):
        await a.accept(message(f"{number}", there))
    assert a.own == ["0", "1", "2"]
    assert await a.ledger.begin(message("1", there))
    a.freeze()
    await b.until(lambda: len(b.taken) == 3)
    assert b.ids == ["0", "1", "2"]
    assert [row.tries for row in b.taken] == [1, 1, 0], "an event that ends the process each time is never given up"


@pytest.mark.parametrize("stage", ["begin", "prepare", "finish", "fail", "bury"])
async def test_a_host_that_was_only_slow_writes_nothing_after_its_lease(host: Join, stage: str) -> None:
    a, b = await both(host, lease=2.0)
    there = channel_of(a, b)
    event = message("1", there)
    await a.accept(event)
    a.freeze()
    await b.until(lambda: b.ids == ["1"])
    match stage:
        case "begin":
            assert not await a.ledger.begin(event)
        case "prepare":
            assert not await a.ledger.prepare(event, Reply("too late"))
        case "finish":
            await a.ledger.finish(event, Receipt(("m1",)))
        case "fail":
            await a.ledger.fail(event, "it was slow")
        case _:
            await a.ledger.bury(event, "it was slow")
    (row,) = await b.ledger.unfinished()
    assert (row.event.event_id, row.prepared, row.reply) == ("1", False, None)
    assert await b.ledger.prepare(event, Reply("in time")), "the host that has taken over can no longer answer"
    await b.ledger.finish(event, Receipt(("m1",)))
    assert await b.ledger.unfinished() == []


async def test_a_slow_host_finds_out_by_its_own_clock_and_by_the_database(host: Join) -> None:
    a, b = await both(host, lease=2.0)
    assert a.membership.may_act()
    for task in a.tasks:
        task.cancel()
    await b.until(lambda: not a.membership.may_act())
    await b.until(lambda: len(b.membership.live) == 1)
    back = asyncio.create_task(a.membership.keep_alive())
    await a.membership.lost()
    await back


async def test_what_a_host_hands_over_at_its_end_goes_to_the_others_except_what_runs(host: Join) -> None:
    a, b = await both(host)
    running = channel_of(a, b)
    await a.accept(message("1", running))
    await a.accept(message("2", running))
    for number in range(20):
        await a.accept(message(f"x{number}", f"d{number}"))
    mine = {event_id for event_id in a.own if event_id.startswith("x")}
    await a.membership.retire()
    await a.ledger.hand_over([message("1", running).conversation.key])
    await b.until(lambda: mine <= set(b.ids))
    assert "1" not in b.ids
    assert await a.accept(message("3", "e1")) is Accepted.NEW, "a stopping host loses what it still receives"
    assert "3" not in a.own
    await a.ledger.finish(message("1", running), None)
    await a.ledger.hand_over()
    await b.until(lambda: {"2", "3"} <= {*b.ids, *b.own})


async def test_hosts_that_start_at_the_same_moment_share_what_was_left(host: Join, postgresql_url: str) -> None:
    alone = await Ledger.open(postgresql_url)  # no host: nothing is anybody's
    for number in range(40):
        await alone.accept(message(f"{number}", f"c{number % 8}"), max_pending=99)
    await alone.close()
    a, b = await asyncio.gather(host("a"), host("b"))
    await a.until(lambda: len(a.taken) + len(b.taken) == 40)
    for channel in range(8):
        of_a = [event_id for event_id in a.ids if int(event_id) % 8 == channel]
        of_b = [event_id for event_id in b.ids if int(event_id) % 8 == channel]
        assert [] in (of_a, of_b), "two hosts have the same conversation"
        assert [*of_a, *of_b] == [str(number) for number in range(channel, 40, 8)]


async def test_the_clocks_of_hosts_do_not_matter(host: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    a, b = await both(host, lease=2.0)
    await a.accept(message("1", channel_of(a, b)))
    await asyncio.gather(*(taker.membership.look_around() for taker in (a, b)))
    assert len(a.membership.live) == len(b.membership.live) == 2
    assert b.ids == []


async def test_rows_of_leases_and_hosts_that_nobody_wrote_do_no_harm(host: Join, postgresql_url: str) -> None:
    connection = await psycopg.AsyncConnection.connect(postgresql_url, autocommit=True)
    async with connection:
        await connection.execute("INSERT INTO leases VALUES ('duty', 4711, 9, 1e18), ('', -1, -1, 0)")
        await connection.execute(
            "INSERT INTO hosts (name, process, platforms, version, started_at, alive_until, stopping, waiting) "
            "VALUES ('', '', '', '', 'NaN', '-Infinity', true, -5)"
        )
        a = await host("a")
        held = asyncio.Event()

        async def work() -> None:
            held.set()

        await asyncio.wait_for(a.membership.while_held("duty", work), 30)
        await a.accept(message("1"))
        await connection.execute("UPDATE inbox SET host = 4711")  # no host has that number
        await a.until(lambda: a.ids == ["1"])
    assert [row.name for row in await a.membership.hosts()] == ["a"]


async def test_one_host_holds_a_lease_and_another_gets_it_when_it_stops_or_dies(host: Join) -> None:
    a, b = await both(host, lease=2.0)
    holders: list[str] = []

    async def hold(name: str) -> None:
        holders.append(name)
        await asyncio.get_running_loop().create_future()

    stands_by = asyncio.Event()

    async def stand_by() -> None:
        stands_by.set()
        await asyncio.get_running_loop().create_future()

    first = asyncio.create_task(a.membership.while_held("duty", lambda: hold("a")))
    await a.until(lambda: holders == ["a"])
    second = asyncio.create_task(b.membership.while_held("duty", lambda: hold("b"), stand_by))
    await asyncio.wait_for(stands_by.wait(), 30)
    assert holders == ["a"]
    first.cancel()
    await b.until(lambda: holders == ["a", "b"])
    third = asyncio.create_task(a.membership.while_held("duty", lambda: hold("a again")))
    b.freeze()
    await a.until(lambda: holders == ["a", "b", "a again"])
    for task in (second, third):
        task.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)


async def test_a_timer_that_is_moved_reaches_the_host_of_its_conversation(host: Join) -> None:
    from llmagent_os.events import now

    a, b = await both(host)
    there = channel_of(b, a)
    event = message("1", there)
    await a.ledger.timers("p", event).set("tick", now())
    await a.ledger.move_due_timers(now(), limit=9)
    await b.until(lambda: len(b.taken) == 1)
    assert a.taken == []


async def test_what_a_host_accepts_while_it_claims_the_inbox_is_in_what_it_claims(host: Join) -> None:
    """The row is this host's already, and what was to run it is dropped: the event was lost until the next start."""
    a = await host("a", looks=False)
    await a.ledger.leave()
    accepting: list[asyncio.Task[Accepted]] = []
    stop = a.membership.watch("hosts", lambda _: accepting.append(asyncio.create_task(a.accept(message("1")))))
    await a.join(looks=False)  # it has a number, and sees the hosts, before it claims
    stop()
    results = [await task for task in accepting]
    assert (results[0], set(results[1:])) in ((Accepted.NEW, set()), (Accepted.NEW, {Accepted.DUPLICATE}))
    assert a.ids == ["1"]


async def test_a_host_that_has_left_accepts_nothing(host: Join) -> None:
    """It would run the event under no number, and another host runs the same."""
    a, b = await both(host)
    await a.ledger.leave()
    with pytest.raises(LedgerError, match="deliver the event again"):
        await a.accept(message("1"))
    assert (a.own, await b.ledger.unfinished()) == ([], [])
    assert await b.accept(message("1")) is Accepted.NEW


async def test_work_that_waited_while_its_host_left_stores_nothing(host: Join, postgresql_url: str) -> None:
    a, b = await both(host)
    with psycopg.connect(postgresql_url) as turn:
        turn.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number("turn", "public"),))
        waiting = asyncio.create_task(a.accept(message("1")))
        await asyncio.sleep(0)  # it is asked for, and waits for the turn
        await a.ledger.leave()
    with pytest.raises(LedgerError, match="deliver the event again"):
        await waiting
    assert (a.own, await b.ledger.unfinished()) == ([], [])


@pytest.mark.parametrize("end", ["finish", "drop", "erase"])
async def test_nothing_of_a_conversation_stays_in_a_row_that_is_done(host: Join, postgresql_url: str, end: str) -> None:
    """The pseudonym of a direct conversation tells to whoever has the ledger's key that two events are one person's."""
    a = await host("a")
    event = message("1")
    await a.accept(event)
    match end:
        case "finish":
            await a.ledger.finish(event, None)
        case "drop":
            assert await a.ledger.drop_unfinished([identity_of(event)]) == 1
        case _:
            await a.ledger.fail(event, "it broke")
            assert await a.ledger.forget(identity_of(event))
    with psycopg.connect(postgresql_url) as connection:
        rows = connection.execute("SELECT conversation, host, given, body, user_id FROM inbox").fetchall()
    assert rows[0][:2] == (None, None)
    assert rows[0][3] is None and rows[0][4] == ""
    assert await a.accept(event) is Accepted.DUPLICATE


async def test_two_hosts_of_the_same_name_are_told_so(host: Join, postgresql_url: str, tmp_path: Path) -> None:
    """They share one place among the hosts, and nobody can tell them apart."""
    await host("twin", looks=False)
    with structlog.testing.capture_logs() as logs:
        await host("twin", looks=False)
        await host("other", looks=False)
    warned = [line["host"] for line in logs if "same name" in line["event"]]
    assert warned == ["twin"]
    settings = Settings.load(env_file=None, data=tmp_path, database_url=postgresql_url)
    listed = await hosts_command.listing(settings)
    assert "Several hosts are called twin" in listed and "called other" not in listed
