"""A host whose ledger is on a server. What breaks without this: a cut of the network loses a message for good."""

from __future__ import annotations

import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.host.busy_notices import NOT_STORED
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, MemoryAdapter, running
from tests.postgresql_server import Server
from tests.unit.ledger.cutting_proxy import cutting_proxy


async def test_a_message_that_could_not_be_stored_is_offered_again_and_answered_once(
    postgresql: Server, postgresql_url: str
) -> None:
    async with cutting_proxy(postgresql.folder) as proxy:
        ledger, platform = await Ledger.open(proxy.url(postgresql_url)), MemoryAdapter()
        async with running(Host(EchoHandler(), ledger, [platform])):
            await platform.say("first")
            await platform.sent(1)
            proxy.refuses = True
            proxy.cut_all()
            with pytest.raises(LedgerError, match="cannot be reached"):
                await platform.say("again", event_id="2")
            assert [sent.reply.text for sent in (await platform.sent(2))[1:]] == [str(NOT_STORED)]
            proxy.refuses = False
            assert await platform.say("again", event_id="2"), "it was not taken before"
            assert not await platform.say("again", event_id="2")
            assert [sent.reply.text for sent in await platform.sent(3)] == ["first", str(NOT_STORED), "again"]
        await ledger.close()


async def test_a_message_whose_commit_was_cut_is_answered_although_the_platform_was_told_otherwise(
    postgresql: Server, postgresql_url: str
) -> None:
    """The platform offers it again, and the ledger says that it has it: nobody would run it before the next start."""
    async with cutting_proxy(postgresql.folder) as proxy:
        ledger, platform = await Ledger.open(proxy.url(postgresql_url)), MemoryAdapter()
        async with running(Host(EchoHandler(), ledger, [platform])):
            await platform.say("first")
            await platform.sent(1)
            proxy.cut, proxy.refuses = "after", True
            with pytest.raises(LedgerError):
                await platform.say("again", event_id="2")
            proxy.refuses = False
            assert not await platform.say("again", event_id="2"), "it is in the inbox"
            texts = [sent.reply.text for sent in await platform.sent(3)]
            assert texts == ["first", str(NOT_STORED), "again"]
        await ledger.close()


async def test_what_a_crash_left_unanswered_is_answered_by_the_next_host(postgresql_url: str) -> None:
    ledger, platform = await Ledger.open(postgresql_url), MemoryAdapter()
    await ledger.accept(platform.message("are you there?"), max_pending=9)
    await ledger.close()
    again = await Ledger.open(postgresql_url)
    async with running(Host(EchoHandler(), again, [platform])):
        assert [sent.reply.text for sent in await platform.sent(1)] == ["are you there?"]
    await again.close()
