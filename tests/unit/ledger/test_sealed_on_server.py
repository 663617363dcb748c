"""What breaks without this: a database server reads what people said, though the installation has a key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from llmagent_os.adapter import Reply
from llmagent_os.errors import LedgerError
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger import ledger as ledger_module
from llmagent_os.ledger.connection import host_lock
from llmagent_os.ledger.postgresql_lock import ServerLock
from llmagent_os.ledger.postgresql_server import lock_number
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import mount, mount_all, mounted, unmount
from tests.unit.ledger.samples import SIX, interaction, message, reward, without_completions

SAID = message("1", user="ana", text="zeppelin \x00\x1a0")
TURN = interaction(SAID, "about a zeppelin")


@pytest.fixture
def key(tmp_path: Path) -> Iterator[None]:
    mount(tmp_path, [new_master_key()], server=True)
    yield
    unmount(tmp_path)


async def answered(ledger: Ledger) -> None:
    await ledger.accept(SAID, max_pending=9)
    await ledger.prepare(SAID, Reply("zeppelin"), TURN)
    await ledger.finish(SAID, None)


def stored(url: str) -> str:
    """All that the server can read of what was said and answered."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT interactions::text FROM interactions").fetchall()
        rows += connection.execute("SELECT completions::text FROM completions").fetchall()
        rows += connection.execute("SELECT rewards::text FROM rewards").fetchall()
    return str(rows)


async def test_the_server_cannot_read_what_people_said(key: None, postgresql_url: str) -> None:
    ledger = await Ledger.open(postgresql_url)
    await answered(ledger)
    assert "zeppelin" not in stored(postgresql_url)
    assert await ledger.history(TURN.conversation_key, TURN.user_id, 9) == [without_completions(TURN)]
    written = await ledger.completions_of(TURN.interaction_id)
    assert [each.completion for each in written] == ["", "about a zeppelin"]
    await ledger.close()


async def test_what_was_written_before_is_sealed_at_the_next_start(postgresql_url: str, tmp_path: Path) -> None:
    plain = await Ledger.open(postgresql_url)
    await answered(plain)
    await plain.close()
    assert "zeppelin" in stored(postgresql_url)
    mount(tmp_path, [new_master_key()], server=True)
    try:
        ledger = await Ledger.open(postgresql_url)
        assert "zeppelin" not in stored(postgresql_url)
        assert await ledger.history(TURN.conversation_key, TURN.user_id, 9) == [without_completions(TURN)]
        await ledger.close()
        mounts = mounted()
    finally:
        unmount(tmp_path)
    with pytest.raises(LedgerError, match="is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY"):
        await Ledger.open(postgresql_url)
    mount_all(mounts)  # as a process does that the host starts
    try:
        reader = Ledger.open_to_read(postgresql_url)
        assert await reader.history(TURN.conversation_key, TURN.user_id, 9) == [without_completions(TURN)]
        await reader.close()
    finally:
        unmount(tmp_path)


async def test_what_is_sealed_is_compared_all_the_same(key: None, database_url: str, tmp_path: Path) -> None:
    """A condition in SQL would find nothing: the same words are sealed to another text each time."""
    ledger = await Ledger.open(database_url)
    await answered(ledger)
    rated = reward("r", TURN.interaction_id, rater=TURN.user_id, user=TURN.user_id)
    await ledger.add_reward(rated)
    for number, said in enumerate(("words:zeppelin", "too long")):
        reason = msgspec.structs.replace(rated, reward_id=f"reason{number}", kind="reason", raw_value=said)
        await ledger.add_reward(reason)
    opinions = await ledger.opinions(PersonId(TURN.user_id), ())
    assert opinions == []  # the context has no features
    await ledger.delete_old_words(SIX)
    assert {each.raw_value for each in await ledger.rewards_of(TURN.interaction_id)} == {"👍", "", "too long"}
    await ledger.close()


async def test_a_host_that_starts_while_another_one_seals_waits_for_it(
    key: None, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts that start together with a new key would end, all but one."""
    sealing = host_lock(postgresql_url)  # another process
    assert sealing is not None
    await asyncio.to_thread(sealing.acquire)
    asked = asyncio.Event()
    acquire, loop = ServerLock.acquire, asyncio.get_running_loop()

    def noted(lock: ServerLock) -> None:
        try:
            acquire(lock)
        finally:
            loop.call_soon_threadsafe(asked.set)

    monkeypatch.setattr(ServerLock, "acquire", noted)
    opening = asyncio.create_task(Ledger.open(postgresql_url))
    await asyncio.wait_for(asked.wait(), 60)
    assert not opening.done()
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("INSERT INTO keys (name, value) VALUES ('sealed', '')")
    sealing.release()
    ledger = await asyncio.wait_for(opening, 60)
    await answered(ledger)
    assert "zeppelin" not in stored(postgresql_url)
    await ledger.close()


async def test_a_host_without_the_key_is_not_waited_for_without_end(
    key: None, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "SEAL_PATIENCE_SECONDS", 0.3)
    with psycopg.connect(postgresql_url, autocommit=True) as running:
        running.execute("SELECT pg_advisory_lock_shared(%s)", (lock_number("host", "public"),))
        with pytest.raises(LedgerError, match="already runs on the ledger"):
            await Ledger.open(postgresql_url)
