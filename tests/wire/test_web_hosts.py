"""The web chat of two hosts that share a database. What breaks without this: a page whose browser is on another host
shows nothing of what is said, or shows words that were erased.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from llmagent_os.adapter import Reply
from llmagent_os.events import Message
from llmagent_os.ledger.announcements import Announcements
from llmagent_os.ledger.shared_rows import CHANNEL, SharedRows
from tests.wire.contract import Inbox
from tests.wire.page import FakePage
from tests.wire.test_web import Site, message, serving


@contextlib.contextmanager
def listening(url: str, announcements: Announcements) -> Generator[None]:
    """Hand over what is announced at the database, from a thread of its own, as a host does."""
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(f"LISTEN {CHANNEL}".encode())
    announcements.hears_others = True
    ended = threading.Event()

    def hear() -> None:
        while not ended.is_set():
            for notice in connection.notifies(timeout=0.1):
                announcements.tell(notice.payload)

    thread = threading.Thread(target=hear)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        connection.close()


@contextlib.asynccontextmanager
async def host(url: str, inbox: Inbox, data: Path) -> AsyncGenerator[Site]:
    """One of the hosts, with a data folder of its own."""
    announcements = Announcements()
    with listening(url, announcements), contextlib.closing(SharedRows(url)) as rows:
        async with serving(inbox, data, shared=rows, announcements=announcements) as site:
            yield site


@pytest.fixture
async def hosts(postgresql_url: str, inbox: Inbox, tmp_path: Path) -> AsyncIterator[tuple[Site, Site]]:
    async with (
        host(postgresql_url, inbox, tmp_path / "one") as one,
        host(postgresql_url, inbox, tmp_path / "other") as other,
    ):
        yield one, other


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


async def test_a_page_on_another_host_shows_what_is_said(hosts: tuple[Site, Site], inbox: Inbox) -> None:
    one, other = hosts
    page = await one.page(person="ana")
    await page.act(message("hello"))
    second = await other.page(person="ana")
    await second.until(lambda: [item["text"] for item in second.listed()] == ["hello"])
    (said,) = inbox.of(Message)
    await other.adapter.send(said.conversation, Reply("good morning"), key="k1", reply_to=said.message_id)
    await page.until(lambda: [item["text"] for item in page.listed()] == ["hello", "good morning"])
    await second.act(message("are you there?", 2))
    await page.until(lambda: [item["text"] for item in page.listed()][2:] == ["are you there?"])
    await page.act(
        {
            "type": "reaction",
            "id": "reaction-1",
            "message_id": page.listed()[1]["message_id"],
            "emoji": "👍",
            "on": True,
        }
    )
    await second.until(lambda: second.listed()[1].get("reactions") == ["👍"])


async def test_two_hosts_that_send_the_same_reply_show_it_once(hosts: tuple[Site, Site], inbox: Inbox) -> None:
    """After a lease was lost, the second host sends what the first was sending."""
    one, other = hosts
    page = await one.page(person="ana")
    await page.act(message("hello"))
    (said,) = inbox.of(Message)
    sends = [site.adapter.send(said.conversation, Reply("good morning"), key="k1") for site in (one, other) * 3]
    receipts = await asyncio.gather(*sends)
    assert len({receipt.message_ids for receipt in receipts}) == 1
    await page.until(lambda: len(page.listed()) == 2)
    found = await other.adapter.transcript.since(said.conversation.channel, 0)
    assert len(found.items) == 2


def shows_all(page: FakePage) -> bool:
    return len(page.listed()) == 21


async def test_replies_at_the_same_moment_are_all_kept_in_one_order(hosts: tuple[Site, Site], inbox: Inbox) -> None:
    one, other = hosts
    page = await one.page(person="ana")
    await page.act(message("hello"))
    (said,) = inbox.of(Message)
    sends = [
        site.adapter.send(said.conversation, Reply(f"{number}"), key=f"k{number}-{site is one}")
        for number in range(10)
        for site in hosts
    ]
    await asyncio.gather(*sends)
    second = await other.page(person="ana")
    for each in (page, second):
        await each.until(partial(shows_all, each))
    assert [item["message_id"] for item in page.listed()] == [item["message_id"] for item in second.listed()]


async def test_what_one_host_erases_is_gone_on_the_other(hosts: tuple[Site, Site], inbox: Inbox) -> None:
    one, other = hosts
    page = await one.page(person="ana")
    await page.act(message("the zeppelin"))
    (said,) = inbox.of(Message)
    assert await other.adapter.forget(said.sender.user_id) == 1
    assert await one.adapter.export(said.sender.user_id) == []
    fresh = await one.page(person="ana")
    assert fresh.listed() == []
