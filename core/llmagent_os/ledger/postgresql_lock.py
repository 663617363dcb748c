"""The lock of whoever must be alone on a ledger in PostgreSQL. The server releases it when the connection ends.

Hosts share the lock: see ``shared_membership``.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.location import locate
from llmagent_os.ledger.postgresql_server import described, lock_number, make_engine, make_schema


class ServerLock:
    """An advisory lock, held by a connection of its own."""

    def __init__(self, url: str) -> None:
        """Args: ``url`` is the ledger's."""
        self._url = url
        self._name = locate(url).name
        self._connection: sa.Connection | None = None

    def acquire(self) -> None:
        connection = self._connect()
        if not _try(connection, "pg_try_advisory_lock", self._number(connection)):
            _close(connection)
            raise LedgerError(
                f"another host already runs on the ledger {self._name}: stop it, or give this one a database or a "
                "schema of its own (LLMAGENT_OS_DATABASE_URL)"
            )
        self._connection = connection

    def is_held(self) -> bool:
        connection = self._connect()
        try:
            return not _try(connection, "pg_try_advisory_lock", self._number(connection))
        finally:
            _close(connection)

    def release(self) -> None:
        if self._connection is not None:
            _close(self._connection)
            self._connection = None

    def _connect(self) -> sa.Connection:
        try:
            return make_engine(self._url).connect()
        except SQLAlchemyError as error:
            raise LedgerError(f"the ledger {self._name} cannot be reached: {described(error)}") from None

    def _number(self, connection: sa.Connection) -> int:
        return lock_number("host", make_schema(connection, self._url))


def _try(connection: sa.Connection, function: str, number: int) -> bool:
    return bool(connection.execute(sa.text(f"SELECT {function}({number})")).scalar())


def _close(connection: sa.Connection) -> None:
    connection.invalidate()  # the server releases the lock as the connection ends
    engine = connection.engine
    connection.close()
    engine.dispose()
