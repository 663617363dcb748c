"""What breaks without this: a message costs two waits for the disk, or is answered and lost, or ends every process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from llmagent_os.adapter import Reply
from llmagent_os.errors import LedgerError
from llmagent_os.events import Event
from llmagent_os.host.host import Host
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Accepted, Ledger
from llmagent_os.ledger import early_start as module
from llmagent_os.ledger.schema import inbox
from llmagent_os.ledger.sqlite_database import SqliteDatabase
from llmagent_os.testing import EchoHandler, MemoryAdapter, running
from tests.unit.ledger.samples import message


async def claimed(url: str) -> Ledger:
    """A ledger whose host has begun."""
    ledger = await Ledger.open(url)
    await ledger.claim()
    await ledger.keep_looking(lambda _: None)
    return ledger


class Begun:
    """What was begun, and what could not be stored."""

    def __init__(self) -> None:
        self.stored: list[Event] = []
        self.unstored: list[Event] = []

    async def accept(self, ledger: Ledger, event: Event) -> Accepted:
        return await ledger.accept(event, max_pending=9, stored=self.stored.append, unstored=self.unstored.append)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each commit."""
    counted: list[bool] = []
    commit = SqliteDatabase.commit

    def counting(database: SqliteDatabase) -> None:
        commit(database)
        counted.append(True)

    monkeypatch.setattr(SqliteDatabase, "commit", counting)
    return counted


async def test_an_event_and_its_answer_share_one_commit(tmp_path: Path, commits: list[bool]) -> None:
    """Each commit waits for the disk: two of them make every quick answer twice as dear."""
    ledger, begun = await claimed(f"sqlite:///{tmp_path}/ledger.db"), Begun()
    commits.clear()
    accepting = asyncio.create_task(begun.accept(ledger, event := message("a")))
    await asyncio.sleep(0)
    assert begun.stored == [event], "it is begun before it is on disk"
    assert not accepting.done(), "the platform is not told before it is"
    assert await ledger.prepare(event, Reply("hi"))
    assert await accepting is Accepted.NEW
    assert len(commits) == 1
    await ledger.leave()
    await ledger.close()


async def test_an_event_without_an_answer_is_stored_all_the_same(tmp_path: Path) -> None:
    """A model takes long, and the platform must not wait for it."""
    ledger, begun = await claimed(f"sqlite:///{tmp_path}/ledger.db"), Begun()
    assert await begun.accept(ledger, event := message("a")) is Accepted.NEW
    assert [row.event for row in await ledger.unfinished()] == [event]
    await ledger.leave()
    await ledger.close()


async def test_a_redelivery_is_known_also_while_the_first_is_not_on_disk(tmp_path: Path) -> None:
    ledger, begun = await claimed(f"sqlite:///{tmp_path}/ledger.db"), Begun()
    event = message("a")
    first, second = await asyncio.gather(begun.accept(ledger, event), begun.accept(ledger, event))
    assert first is Accepted.NEW
    assert second is Accepted.DUPLICATE
    assert begun.stored == [event]
    await ledger.finish(event, None)
    await ledger.leave()
    await ledger.close()
    again = await claimed(f"sqlite:///{tmp_path}/ledger.db")
    assert await begun.accept(again, event) is Accepted.DUPLICATE, "also after a restart"
    assert begun.stored == [event]
    await again.leave()
    await again.close()


async def test_after_a_process_that_was_killed_every_event_is_stored_before_it_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that ends the process before its commit leaves no count of its tries: it would do so for ever."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    killed = await claimed(url)
    await killed.close()  # without leave(): as far as the ledger knows, the process was killed
    ledger, begun = await claimed(url), Begun()
    accepting = asyncio.create_task(begun.accept(ledger, message("a")))
    await asyncio.sleep(0)
    assert begun.stored == []
    await accepting
    assert len(begun.stored) == 1
    await ledger.leave()
    await ledger.close()
    peaceful = await claimed(url)
    accepting = asyncio.create_task(begun.accept(peaceful, message("b", channel="d")))
    await asyncio.sleep(0)
    assert len(begun.stored) == 2, "a host that ended by itself is trusted again"
    await accepting
    await peaceful.close()
    monkeypatch.setattr(module, "CAUTIOUS_SECONDS", 0.0)  # as an hour later
    later = await claimed(url)
    accepting = asyncio.create_task(begun.accept(later, message("c", channel="e")))
    await asyncio.sleep(0)
    assert len(begun.stored) == 3
    await accepting
    await later.close()


async def refuse_inbox(ledger: Ledger, tmp_path: Path) -> Callable[[], None]:
    """Have the database refuse every new event. Returns what ends this."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/ledger.db")
    with engine.begin() as sql:
        sql.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no space'); END")

    def mend() -> None:
        with engine.begin() as sql:
            sql.exec_driver_sql("DROP TRIGGER full")
        engine.dispose()

    return mend


async def test_an_event_that_cannot_be_stored_is_taken_back(tmp_path: Path) -> None:
    """Else it is answered, and again when its platform delivers it again."""
    ledger, begun = await claimed(f"sqlite:///{tmp_path}/ledger.db"), Begun()
    mend = await refuse_inbox(ledger, tmp_path)
    accepting = asyncio.create_task(begun.accept(ledger, event := message("a")))
    await asyncio.sleep(0)
    assert await ledger.prepare(event, Reply("hi")) is False, "nothing may be sent"
    with pytest.raises(LedgerError, match="no space"):
        await accepting
    assert begun.stored == begun.unstored == [event]
    ledger.let_go(event)
    mend()
    assert await begun.accept(ledger, event) is Accepted.NEW
    await ledger.leave()
    await ledger.close()


async def test_a_person_whose_message_could_not_be_stored_is_answered_once_it_can(tmp_path: Path) -> None:
    ledger, platform, handler = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db"), MemoryAdapter(), EchoHandler()
    async with running(Host(handler, ledger, [platform])) as host:
        await platform.say("hello")
        await platform.sent(1)
        mend = await refuse_inbox(ledger, tmp_path)
        event = platform.message("are you there?", event_id="e2")
        with pytest.raises(LedgerError):
            await platform.deliver(event)
        await platform.until(lambda: host.metrics.queue_depth == 0)
        mend()
        assert await platform.deliver(event)
        await platform.until(lambda: any(sent.reply.text == "are you there?" for sent in platform.posted))
        await platform.until(lambda: host.metrics.queue_depth == 0)
        assert await ledger.unfinished() == []
    assert [sent.reply.text for sent in platform.posted].count("are you there?") == 1
    await ledger.close()


async def test_a_message_after_an_erasure_is_answered(tmp_path: Path) -> None:
    """It was written after the erasure was asked for, so the erasure must not take it."""
    ledger, begun = await claimed(f"sqlite:///{tmp_path}/ledger.db"), Begun()
    old, new = message("a"), message("b", channel="d")
    await begun.accept(ledger, old)
    order: list[str] = []
    erasing = asyncio.create_task(ledger.drop_unfinished([identity_of(old)], then=lambda: order.append("erased")))
    await asyncio.sleep(0)
    await ledger.accept(
        new, max_pending=9, stored=lambda _: order.append("stored"), unstored=lambda _: order.append("unstored")
    )
    assert await erasing == 1
    assert order == ["erased", "stored"]
    assert [row.event for row in await ledger.unfinished()] == [new]
    await ledger.leave()
    await ledger.close()


async def test_a_caller_who_is_cancelled_loses_nothing(tmp_path: Path) -> None:
    """A connection ends while its event waits: the event is being answered, so it must be stored."""
    ledger, begun = await claimed(f"sqlite:///{tmp_path}/ledger.db"), Begun()
    accepting = asyncio.create_task(begun.accept(ledger, event := message("a")))
    await asyncio.sleep(0)
    accepting.cancel()
    await asyncio.wait([accepting])
    assert await ledger.prepare(event, Reply("hi"))
    await ledger.close()
    engine = sa.create_engine(f"sqlite:///{tmp_path}/ledger.db")
    with engine.connect() as sql:
        assert sql.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one() == 1
    engine.dispose()
