"""Keys of the installation that are made once, at random, and kept in the table ``keys``."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.schema import keys
from llmagent_os.ledger.writer import Writer

_KEY_BYTES = 32


async def secret_key(writer: Writer, name: str) -> bytes:
    """The key of this name. It is made where there is none; of several processes that make it, the first one wins."""

    def work(database: Database) -> bytes:
        made = insert_or_ignore(keys).values(name=name, value=secrets.token_hex(_KEY_BYTES))
        database.sql.execute(made)
        return bytes.fromhex(database.sql.execute(sa.select(keys.c.value).where(keys.c.name == name)).scalar_one())

    return await writer.run(work)
