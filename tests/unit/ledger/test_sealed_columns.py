"""Encryption that is turned on. What breaks without this: what was written before stays readable on the disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llmagent_os.adapter import Reply
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.sqlite_database import SqliteDatabase
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import mount, unmount
from tests.unit.ledger import samples


async def test_what_a_failed_sealing_left_in_the_file_goes_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    said = samples.message("1", user="ana", text="zeppelin")
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, Reply(said.text), samples.interaction(said, said.text))
    await ledger.finish(said, None)
    await ledger.close()
    compacted, closed = list[SqliteDatabase](), list[SqliteDatabase]()
    compact, close = SqliteDatabase.compact, SqliteDatabase.close

    def full(database: SqliteDatabase) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    def noted(database: SqliteDatabase) -> None:
        compacted.append(database)
        compact(database)

    def closing(database: SqliteDatabase) -> None:
        closed.append(database)
        close(database)

    mount(tmp_path, [new_master_key()], keys=tmp_path.with_name("keys of the test"))
    try:
        with monkeypatch.context() as patched:
            patched.setattr(SqliteDatabase, "compact", full)
            patched.setattr(SqliteDatabase, "close", closing)
            with pytest.raises(Exception, match="full"):
                await Ledger.open(url)
        assert len(closed) == 1, "its file is not left open"
        monkeypatch.setattr(SqliteDatabase, "compact", noted)
        for times in (1, 1):  # only once
            ledger = await Ledger.open(url)
            await ledger.claim()
            assert len(compacted) == times
            assert b"zeppelin" not in samples.all_bytes(tmp_path)
            await ledger.close()
    finally:
        unmount(tmp_path)
