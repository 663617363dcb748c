"""What a PostgreSQL server says of itself and of a ledger on it. Nothing is made or changed."""

from __future__ import annotations

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.location import locate
from llmagent_os.ledger.postgresql_server import (
    ASK_SECONDS,
    connect_first,
    described,
    driver_of,
    make_engine,
    place_of_tables,
)
from llmagent_os.ledger.postgresql_tables import revision


def has_tables(url: str) -> bool:
    """Whether there is a ledger at ``url``.

    Raises:
        LedgerError: the server cannot be asked; the error says what to check.
    """
    engine = make_engine(url)
    try:
        with connect_first(engine, locate(url).name, patience=0.0) as sql:
            return revision(sql) is not None
    finally:
        engine.dispose()


class ServerState(msgspec.Struct, frozen=True):
    """What a server says of itself and of a ledger on it."""

    version: str
    revision: str | None  #: of the tables; None: there are none
    schema: str
    may_create: bool  #: the role may make tables in the schema
    is_encrypted: bool  #: the connection is
    is_near: bool  #: the server is on this machine


def server_state(url: str) -> ServerState:
    """Ask the server of a ledger about itself.

    Raises:
        LedgerError: it does not answer; the error says what to check.
    """
    engine, name = make_engine(url, wait=ASK_SECONDS), locate(url).name
    try:
        with connect_first(engine, name, patience=0.0) as sql:
            driver = driver_of(sql)
            schema, may_create = place_of_tables(sql, url)
            return ServerState(
                version=driver.info.parameter_status("server_version") or "?",
                revision=revision(sql),
                schema=schema,
                may_create=may_create,
                is_encrypted=driver.pgconn.ssl_in_use,
                is_near=driver.info.host.startswith("/") or driver.info.hostaddr in ("127.0.0.1", "::1"),
            )
    except SQLAlchemyError as error:
        raise LedgerError(f"the ledger {name} cannot be read: {described(error)}") from None
    finally:
        engine.dispose()
