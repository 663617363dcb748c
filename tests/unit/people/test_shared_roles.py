"""Who may do what, on two hosts: one host would go on believing what the other knows to be over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from llmagent_os.errors import AdapterError
from llmagent_os.events import Conversation, Event, Message, Sender, now
from llmagent_os.identity import Identity
from llmagent_os.ledger import HostCard, Ledger
from llmagent_os.people.access import Access
from llmagent_os.people.platform_roles import PlatformRoles

ANA, PLACE = Identity("slack:T1:ana"), "slack:T1"


class Workspace:
    """What an adapter says of who administers the workspace; None: it does not know."""

    def __init__(self, says: bool | None) -> None:
        self.says = says

    async def administers(self, conversation: Conversation, user_id: str) -> bool:
        if self.says is None:
            raise AdapterError("nobody has said so lately")
        return self.says


class Machine:
    """A host's view of who may do what."""

    def __init__(self, ledger: Ledger, says: bool | None) -> None:
        self.ledger, self.workspace = ledger, Workspace(says)
        self.roles = PlatformRoles(ledger, {"slack": self.workspace})
        self.access = Access(ledger, access="pairing", platform_roles=self.roles)


@pytest.fixture
async def pair(postgresql_url: str) -> AsyncGenerator[tuple[Machine, Machine]]:
    """The adapter of the second host does not know who is an admin."""
    ledgers = [await Ledger.open(postgresql_url, host=HostCard(name=name, lease_seconds=60.0)) for name in "ab"]
    for ledger in ledgers:
        await ledger.claim(("slack",))
    await until(lambda: all_hear(ledgers))
    yield Machine(ledgers[0], True), Machine(ledgers[1], None)
    for ledger in ledgers:
        await ledger.leave()
        await ledger.close()


async def all_hear(ledgers: list[Ledger]) -> bool:
    return all(ledger.membership.hears for ledger in ledgers)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await true():  # noqa: ASYNC110  # asked again: the test ends as soon as it is true
            await asyncio.sleep(0.02)


def said() -> Event:
    room = Conversation(platform="slack", workspace="T1", channel="D1")
    return Message(event_id="e1", conversation=room, sender=Sender("ana"), text="hello", message_id="m1")


async def is_admin(machine: Machine, wanted: bool) -> bool:
    return machine.access.is_admin(ANA) is wanted


async def test_a_role_that_one_host_hears_of_counts_on_the_other_and_ends_there(pair: tuple[Machine, Machine]) -> None:
    a, b = pair
    assert await is_admin(b, False)
    await a.roles.ask(said())
    await until(lambda: is_admin(b, True))
    await b.roles.ask(said())
    assert await is_admin(b, True), "though its own adapter does not know"
    a.workspace.says, b.workspace.says = False, True  # the adapter of b still answers from memory
    a.roles = PlatformRoles(a.ledger, {"slack": a.workspace})
    await a.roles.ask(said())
    await until(lambda: is_admin(b, False))
    await b.roles.ask(said())
    assert await is_admin(b, False)


async def test_who_is_let_in_or_out_at_one_host_is_so_at_once_at_the_other(pair: tuple[Machine, Machine]) -> None:
    a, b = pair
    assert not await b.access.admits_identity(ANA)
    await a.ledger.members.allow(ANA, "command line", now())
    assert await b.access.admits_identity(ANA)
    await a.ledger.members.revoke(ANA)
    assert not await b.access.admits_identity(ANA)
