"""Two hosts on one PostgreSQL ledger: what people see when one stops, hangs, or erases somebody."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial

import pytest

from llmagent_os.adapter import Accept
from llmagent_os.events import Conversation, Event, Message
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import HostCard, Ledger
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.shared_membership import SharedMembership
from llmagent_os.ledger.writer import Writer
from llmagent_os.testing import EchoHandler, MemoryAdapter


class SharedPlatform(MemoryAdapter):
    """One of several adapters of the same platform: people see what any of them posts."""

    def __init__(self, seen: MemoryAdapter | None = None) -> None:
        super().__init__()
        self.standing_by = asyncio.Event()
        self.receiving = asyncio.Event()
        if seen is not None:
            self.posted = seen.posted

    @property
    def has_one_connection(self) -> bool:
        return True

    async def run(self, accept: Accept) -> None:
        self.receiving.set()
        try:
            await super().run(accept)
        finally:
            self.receiving.clear()

    async def stand_by(self) -> None:
        self.standing_by.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.standing_by.clear()


class Waiter(EchoHandler):
    """Answers when it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        outcome = await super().handle(event, draft)
        await self.may_answer.wait()
        return outcome


class Running:
    """A host that runs in this process, with its ledger and its platform."""

    def __init__(self, ledger: Ledger, platform: SharedPlatform, handler: Waiter) -> None:
        self.ledger, self.platform, self.handler = ledger, platform, handler
        self.host = Host(handler, ledger, [platform], limits=Limits(shutdown_seconds=20.0))
        self.task = asyncio.create_task(self.host.run())

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
    def handled(self) -> list[str]:
        return [event.text for event in self.handler.handled if isinstance(event, Message)]

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(postgresql_url: str) -> AsyncGenerator[Start]:
    """Starts hosts on one ledger."""
    started: list[Running] = []

    async def begin(name: str, lease: float = 30.0) -> Running:
        ledger = await Ledger.open(postgresql_url, host=HostCard(name=name, lease_seconds=lease))
        running = Running(ledger, SharedPlatform(started[0].platform if started else None), Waiter())
        started.append(running)
        has_connection = running.platform.receiving if len(started) == 1 else running.platform.standing_by
        await until(has_connection.is_set)
        for each in started:
            await each.membership.look_around()
        return running

    yield begin
    for running in started:
        running.handler.may_answer.set()
        await running.stop()
        await running.ledger.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  # asked again: the test ends as soon as it is true
            await asyncio.sleep(0.02)


def _pseudonym(key: str, database: Database) -> str:
    return database.pseudonym(key)


async def channel_of(running: Running) -> str:
    """A conversation that the hosts give to this one."""

    writer: Writer = vars(running.ledger)["_writer"]
    for number in range(300):
        key = Conversation(platform="memory", channel=f"c{number}").key
        name = await writer.run(partial(_pseudonym, key))
        if running.membership.chosen(name, "memory", here=False) == running.membership.number:
            return f"c{number}"
    raise AssertionError("no conversation is given to that host")


async def test_the_host_without_the_connection_answers_too_and_gets_it_when_the_other_stops(start: Start) -> None:
    a, b = await start("a"), await start("b")
    assert a.platform.receiving.is_set() and b.platform.standing_by.is_set()
    for each in (a, b):
        each.handler.may_answer.set()
    await a.platform.say("to b", channel=await channel_of(b))
    await until(lambda: len(a.platform.posted) == 1)
    assert (a.handled, b.handled) == ([], ["to b"])
    await a.stop()
    await until(b.platform.receiving.is_set)
    await b.platform.say("again", channel="c1", event_id="another")
    await until(lambda: [sent.reply.text for sent in b.platform.posted] == ["to b", "again"])


async def test_a_stopping_host_finishes_what_runs_and_gives_the_rest_away_at_once(start: Start) -> None:
    a, b = await start("a"), await start("b")
    b.handler.may_answer.set()
    here = await channel_of(a)
    await a.platform.say("first", channel=here)
    await a.platform.say("second", channel=here)
    await until(lambda: a.handled == ["first"])
    stopping = asyncio.create_task(a.stop())
    await until(lambda: a.host.taking is False)
    await a.platform.say("while it stops", channel="elsewhere")  # the platform still delivers to it
    await until(lambda: b.handled == ["while it stops"])
    a.handler.may_answer.set()
    await stopping
    await until(lambda: len(b.platform.posted) == 3)
    assert a.handled == ["first"] and b.handled == ["while it stops", "second"]
    of_here = [sent.reply.text for sent in b.platform.posted if sent.conversation.channel == here]
    assert of_here == ["first", "second"]
    assert await b.ledger.unfinished() == []


async def test_a_host_that_hung_drops_what_it_ran_and_joins_again(start: Start) -> None:
    a, b = await start("a", 4.0), await start("b", 4.0)
    b.handler.may_answer.set()
    number, here = a.membership.number, await channel_of(a)
    await a.platform.say("hello", channel=here)
    await until(lambda: a.handled == ["hello"])
    for task in a.tasks:  # as a process that is stopped: it says nothing and hears nothing
        task.cancel()
    await until(lambda: [sent.reply.text for sent in a.platform.posted] == ["hello"])
    assert b.handled == ["hello"]
    back = asyncio.create_task(a.membership.keep_alive())
    await until(lambda: a.membership.number not in (0, number))
    a.handler.may_answer.set()
    await until(lambda: a.platform.receiving.is_set() or a.platform.standing_by.is_set())
    await back
    assert len(a.platform.posted) == 1, "the answer of the slow host was sent as well"
    assert a.host.taking


async def test_whoever_is_erased_on_one_host_is_answered_by_none(start: Start) -> None:
    a, b = await start("a"), await start("b")
    here = await channel_of(b)
    message = a.platform.message("remember me", channel=here, user="ana")
    await a.platform.deliver(message)
    await until(lambda: b.handled == ["remember me"])
    identities: list[Identity] = [identity_of(message)]
    await a.host.drop_events(identities)
    assert b.ledger.membership.is_shared
    assert not vars(b.host)["_dispatcher"].is_answering(message.conversation.key), (
        "the handler still decides for that person"
    )
    b.handler.may_answer.set()
    assert await a.ledger.unfinished() == []
    assert a.platform.posted == []


async def test_an_erasure_of_many_accounts_with_long_names_reaches_the_other_hosts(start: Start) -> None:
    """A text that is too long for PostgreSQL comes without its words: nobody could tell what to drop."""
    a, b = await start("a"), await start("b")
    heard: list[str] = []
    b.membership.watch("erase", heard.append)
    here = await channel_of(b)
    message = a.platform.message("remember me", channel=here, user="ana")
    await a.platform.deliver(message)
    await until(lambda: b.handled == ["remember me"])
    others: list[Identity] = [Identity(f"memory:ü{number}\n{'ü' * 150}") for number in range(60)]
    await a.host.drop_events([*others, identity_of(message)])
    told = [identity for text in heard for identity in json.loads(text)["identities"]]
    assert told == [*others, identity_of(message)]
    assert not vars(b.host)["_dispatcher"].is_answering(message.conversation.key)
