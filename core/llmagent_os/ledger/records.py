"""Plugins' records in the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from llmagent_os.ledger.connection import Database
from llmagent_os.ledger.schema import records
from llmagent_os.ledger.writer import Writer
from llmagent_os.records import Record, decode_record, encode_record


class LedgerRecords:
    """What one plugin keeps about one person, in the table ``records``."""

    def __init__(self, writer: Writer, plugin: str, user_id: str) -> None:
        """Use ``Ledger.records``."""
        self._writer = writer
        self._plugin = plugin
        self._user_id = user_id
        self._mine = sa.and_(records.c.user_id == user_id, records.c.plugin == plugin)

    async def get(self, key: str) -> Record | None:
        query = sa.select(records.c.body).where(self._mine, records.c.key == key)
        raw: str | None = await self._writer.run(lambda database: database.sql.scalar(query))
        return None if raw is None else decode_record(raw)

    async def put(self, key: str, record: Record) -> None:
        body = encode_record(key, record)
        statement = insert(records).values(user_id=self._user_id, plugin=self._plugin, key=key, body=body)
        statement = statement.on_conflict_do_update(
            index_elements=[records.c.user_id, records.c.plugin, records.c.key], set_={"body": body}
        )
        await self._writer.run(lambda database: database.sql.execute(statement).rowcount)

    async def delete(self, key: str) -> bool:
        statement = sa.delete(records).where(self._mine, records.c.key == key)
        return await self._writer.run(lambda database: database.sql.execute(statement).rowcount > 0)

    async def items(self) -> list[tuple[str, Record]]:
        query = sa.select(records.c.key, records.c.body).where(self._mine).order_by(records.c.key)

        def work(database: Database) -> list[tuple[str, Record]]:
            return [(row.key, decode_record(row.body)) for row in database.sql.execute(query)]

        return await self._writer.run(work)
