"""The lock of whoever must be alone on a ledger in PostgreSQL. The server releases it when the connection ends.

Hosts share the lock: see ``shared_membership``. A host that is cut off from the server has lost its share, and may
still be writing a reply. So a host also counts as running as long as its row says that it is alive.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger import host_statements
from llmagent_os.ledger.location import locate
from llmagent_os.ledger.membership import HostRow, living_hosts
from llmagent_os.ledger.postgresql_server import described, driver_of, lock_number, make_engine, make_schema

#: How many hosts an error names.
_NAMED_HOSTS = 3


class ServerLock:
    """An advisory lock, held by a connection of its own."""

    def __init__(self, url: str) -> None:
        """Args: ``url`` is the ledger's."""
        self._url = url
        self._name = locate(url).name
        self._connection: sa.Connection | None = None

    def acquire(self) -> None:
        connection = self._connect()
        try:
            taken = _try(connection, "pg_try_advisory_lock", self._number(connection))
            check_alone(connection, self._name, taken=taken)
        except BaseException:
            _close(connection)
            raise
        self._connection = connection

    def is_held(self) -> bool:
        connection = self._connect()
        try:
            taken = _try(connection, "pg_try_advisory_lock", self._number(connection))
            return not taken or bool(hosts_of(connection))
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


def hosts_of(connection: sa.Connection) -> list[HostRow]:
    """The hosts that are alive. A ledger of an earlier version knows none."""
    if connection.execute(sa.text("SELECT to_regclass('hosts')")).scalar() is None:
        return []
    driver = driver_of(connection)
    rows = driver.execute(host_statements.HOSTS).fetchall()
    return living_hosts(rows, driver.execute(host_statements.LEASES).fetchall())


def keep_hosts_out(connection: sa.Connection, name: str, schema: str) -> None:
    """Keep hosts out until the open transaction of ``connection`` ends.

    Args:
        connection: in a transaction.
        name: of the ledger, for the error.
        schema: of its tables.

    Raises:
        LedgerError: one runs.
    """
    taken = _try(connection, "pg_try_advisory_xact_lock", lock_number("host", schema))
    check_alone(connection, name, taken=taken)


def check_alone(connection: sa.Connection, name: str, *, taken: bool) -> None:
    """Check that no host runs.

    Args:
        connection: to the database.
        name: of the ledger, for the error.
        taken: whether nobody had the lock.

    Raises:
        LedgerError: one runs; the error names it.
    """
    hosts = hosts_of(connection)
    if hosts:
        named = ", ".join(f"{host.name} ({host.process})" for host in hosts[:_NAMED_HOSTS])
        more = f" and {len(hosts) - _NAMED_HOSTS} more" if len(hosts) > _NAMED_HOSTS else ""
        seconds = max(host.alive_for for host in hosts)
        raise LedgerError(
            f"a host already runs on the ledger {name}: {named}{more}. Stop all hosts first. One that was killed "
            f"counts for {seconds:.0f} seconds more at most"
        )
    if not taken:
        raise LedgerError(
            f"a host, or a command that must be alone, already runs on the ledger {name}: stop the host, or wait until "
            "the command has ended"
        )


def _try(connection: sa.Connection, function: str, number: int) -> bool:
    return bool(connection.execute(sa.text(f"SELECT {function}({number})")).scalar())


def _close(connection: sa.Connection) -> None:
    connection.invalidate()  # the server releases the lock as the connection ends
    engine = connection.engine
    connection.close()
    engine.dispose()
