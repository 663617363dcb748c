"""The transcript of the web chat that two hosts write at once. What breaks without this: one host's change undoes the
other's, and a page never shows a message that was written while it was opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.adapters.web.transcript_items import Item, ItemRange
from llmagent_os.adapters.web.transcript_rows import TranscriptRows
from llmagent_os.adapters.web.transcript_statements import Statements
from llmagent_os.events import now
from tests.shared_rows import opened_rows

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def kept(postgresql_url: str, request: pytest.FixtureRequest) -> tuple[TranscriptRows, TranscriptRows]:
    """What keeps the transcript, for each of two hosts."""
    return TranscriptRows(opened_rows(postgresql_url, request)), TranscriptRows(opened_rows(postgresql_url, request))


@pytest.fixture
async def hosts(kept: tuple[TranscriptRows, TranscriptRows]) -> AsyncIterator[tuple[Transcript, Transcript]]:
    one, other = Transcript(kept[0]), Transcript(kept[1])
    yield one, other
    await one.close()
    await other.close()


def said(message_id: str) -> Item:
    return Item(message_id=message_id, author="bot", text="hello", at=now())


async def until_waiting(database: psycopg.AsyncConnection[Any], count: int) -> None:
    """Wait until so many transactions wait for a lock."""
    async with asyncio.timeout(60):
        waiting = 0
        while waiting < count:
            ((waiting,),) = await (await database.execute(WAITING)).fetchall()


async def test_two_hosts_change_a_message_at_once(hosts: tuple[Transcript, Transcript], postgresql_url: str) -> None:
    one, other = hosts
    conversation = await one.begin("ana")
    await one.add(conversation, said("m1"))
    async with (
        await psycopg.AsyncConnection.connect(postgresql_url) as holder,
        await psycopg.AsyncConnection.connect(postgresql_url, autocommit=True) as looks,
    ):
        await holder.execute("SELECT 1 FROM web_conversations FOR UPDATE")
        changes = asyncio.gather(
            one.change(conversation, "m1", text="good morning"), other.change(conversation, "m1", pressed="up")
        )
        await until_waiting(looks, 2)
        await holder.commit()
        await changes
    found = await one.get(conversation, "m1")
    assert found is not None and (found.text, found.pressed) == ("good morning", "up")


async def test_a_held_message_is_changed_and_shown_at_once(
    hosts: tuple[Transcript, Transcript], postgresql_url: str
) -> None:
    one, other = hosts
    conversation = await one.begin("ana")
    await one.hold(conversation, said("m1"))
    async with (
        await psycopg.AsyncConnection.connect(postgresql_url) as holder,
        await psycopg.AsyncConnection.connect(postgresql_url, autocommit=True) as looks,
    ):
        await holder.execute("SELECT 1 FROM web_conversations FOR UPDATE")
        changes = asyncio.gather(one.change(conversation, "m1", reactions=("👍",)), other.show(conversation, "m1"))
        await until_waiting(looks, 2)
        await holder.commit()
        await changes
    found = await one.get(conversation, "m1")
    assert found is not None and found.seq and found.reactions == ("👍",)


async def test_a_message_that_comes_while_a_page_is_opened_is_shown(
    hosts: tuple[Transcript, Transcript], kept: tuple[TranscriptRows, TranscriptRows]
) -> None:
    conversation = await hosts[0].begin("ana")
    await hosts[0].add(conversation, said("m0"))
    written: list[Item] = []

    def opened(db: sa.Connection, tables: Statements) -> ItemRange:
        def between(*_: object) -> None:
            if not written:
                written.append(said("m1"))
                kept[1].run(lambda db, tables: tables.insert(db, conversation, written[0], shown=True))

        event.listen(db, "after_cursor_execute", between)
        return tables.latest(db, conversation, tables.messages.c.seq > 0, 200)

    page = kept[0].run(opened)
    later = await hosts[0].since(conversation, page.seq)
    shown = {msgspec.json.decode(raw)["message_id"] for raw in (*page.items, *later.items)}
    assert written and shown == {"m0", "m1"}
