"""What breaks without this: one person's bad message costs other people theirs, because they share a transaction."""

from __future__ import annotations

import asyncio
from pathlib import Path

from llmagent_os.errors import LedgerError
from llmagent_os.events import Event
from llmagent_os.ledger import Accepted, Ledger
from llmagent_os.ledger.group_commit import ThreadWriter
from llmagent_os.ledger.sqlite_database import connect
from tests.unit.ledger.samples import message


async def test_work_that_fails_does_not_spoil_what_shares_its_transaction(tmp_path: Path) -> None:
    """Many people's messages are committed together: one bad one must not lose the others."""
    writer = ThreadWriter(lambda: connect(tmp_path / "ledger.db", "FULL"))
    await writer.start()
    insert = "INSERT INTO records (user_id, plugin, key, body) VALUES ('u', 'p', ?, '{}')"

    async def put(key: str | None) -> int:
        return await writer.run(lambda database: database.execute(insert, (key,)).rowcount)

    found = await asyncio.gather(*map(put, ("a", "b", None, "c")), return_exceptions=True)
    assert [isinstance(each, LedgerError) for each in found] == [False, False, True, False]
    count = await writer.run(lambda database: database.execute("SELECT count(*) FROM records").fetchone())
    assert count == (3,)
    await writer.close()


async def test_one_callback_that_fails_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """Work of many callers shares a transaction: a fault of one of them must not leave the others hanging."""
    opened = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")

    def fail(_: Event) -> None:
        raise RuntimeError("no room")

    async with asyncio.timeout(10):
        found = await asyncio.gather(
            opened.accept(message("a"), max_pending=9, stored=fail),
            opened.accept(message("b"), max_pending=9),
            return_exceptions=True,
        )
    assert isinstance(found[0], RuntimeError)
    assert found[1] is Accepted.NEW
    await opened.close()
