"""Connections to a PostgreSQL server: how they are made, what they need to know, and what went wrong with one."""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import Any, TypeAlias, cast

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.ledger.location import SCHEMA, locate
from llmagent_os.sealing.key_ring import KeyRing

try:
    import psycopg
except ImportError as error:  # a psycopg without libpq raises this too
    raise ConfigError(
        "a ledger in PostgreSQL needs the extra `postgres`: pip install 'llmagent-os[postgres]'"
    ) from error

from llmagent_os.ledger.postgresql_text import adapt

#: A connection for an event loop.
AsyncConnection: TypeAlias = "psycopg.AsyncConnection[Any]"

_log = structlog.stdlib.get_logger(__name__)

#: What the URL may say otherwise. A server that does not answer is noticed within these times.
_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "llmagent-os",
    "client_encoding": "utf8",
}

#: How long a transaction waits for its turn, and for how long another host may hold the turn without doing anything.
TURN_MILLISECONDS, IDLE_MILLISECONDS = 15_000, 5_000

#: The first version of PostgreSQL that tells what became of a transaction by a number that is never used again.
LEAST_VERSION = 13

#: How long a start waits for a server that does not answer yet, and the longest pause between two tries.
START_SECONDS, MAX_PAUSE_SECONDS = 30.0, 3.0

#: Error classes and codes of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
_REMEDIES = {
    "28": "check the user and the password in LLMAGENT_OS_DATABASE_URL, and pg_hba.conf on the server",
    "3D000": "create the database first (CREATE DATABASE … OWNER …), or correct its name in LLMAGENT_OS_DATABASE_URL",
    "42501": (
        "the role may not do this: make it the owner of the database, or GRANT CREATE, USAGE ON SCHEMA … to it "
        "(docs/database.md lists what it needs)"
    ),
    "53100": "the server's disk is full: free some space there",
    "53300": "the server has no connection left: raise max_connections, or stop another program",
    "55P03": "another host holds the turn for too long: look for one that hangs (docs/database.md)",
    "57014": "the server's statement_timeout is too short for this role: raise it (ALTER ROLE … SET statement_timeout)",
    "25006": "the server only reads: LLMAGENT_OS_DATABASE_URL must name the primary, not a replica",
}


#: How long a command waits that only asks whether the server answers, unless the URL says otherwise.
ASK_SECONDS = 5


def make_engine(url: str, ring: KeyRing | None = None, connections: int = 1, *, wait: int | None = None) -> sa.Engine:
    """The pool of connections to the database that ``url`` names. Each is checked before it is lent.

    Args:
        url: of the ledger.
        ring: opens what is sealed; None: it stays as it is.
        connections: so many stay open.
        wait: for how many seconds a server that does not answer is waited for, unless the URL says so.

    A connection begins no transaction by itself. All text goes through :mod:`llmagent_os.ledger.postgresql_text`.
    """
    parsed = sa.make_url(url)
    schema = _schema_of(parsed)
    query = {name: value for name, value in parsed.query.items() if name != SCHEMA}
    waits = {} if wait is None else {"connect_timeout": str(wait)}
    engine = sa.create_engine(
        parsed.set(drivername="postgresql+psycopg", query={**_DEFAULTS, **waits, **query}),
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=True,
        pool_size=connections,
        max_overflow=9,
        hide_parameters=True,
        use_native_hstore=False,
    )

    def connected(driver: psycopg.Connection[Any], _record: object) -> None:
        driver.autocommit = True
        adapt(driver, ring)
        if schema:
            driver.execute("SELECT set_config('search_path', %s, false)", (_quoted(schema),))
        driver.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MILLISECONDS}".encode())

    event.listen(engine, "connect", connected)
    return engine


async def connect_beside(url: str) -> AsyncConnection:
    """A connection for an event loop, beside those of the ledger's thread. Each statement is a transaction."""
    parsed = sa.make_url(url)
    schema, given = _schema_of(parsed), parsed.translate_connect_args(username="user", database="dbname")
    query = {name: value for name, value in parsed.query.items() if name != SCHEMA}
    # Several hosts, as ``?host=a&host=b``, are one text for libpq.
    query = {name: value if isinstance(value, str) else ",".join(value) for name, value in query.items()}
    options: dict[str, Any] = {**_DEFAULTS, **given, **query}
    connection = await psycopg.AsyncConnection.connect(autocommit=True, **options)
    if schema:
        await connection.execute("SELECT set_config('search_path', %s, false)", (_quoted(schema),))
    return connection


def connect_first(engine: sa.Engine, name: str, patience: float = START_SECONDS) -> sa.Connection:
    """A connection for a start: a server that is starting itself is waited for.

    Args:
        engine: of the database.
        name: of the ledger, for errors.
        patience: for how many seconds it is tried again.

    Raises:
        LedgerError: there is none; the error says what to check.
    """
    until, pause = time.monotonic() + patience, 0.2
    while True:
        try:
            found = engine.connect()
        except SQLAlchemyError as error:
            if not is_away(error) or time.monotonic() + pause > until:
                raise LedgerError(f"cannot open the ledger {name}: {described(error)}") from None
            _log.warning("the database does not answer; trying again", ledger=name, why=described(error))
        else:
            return _checked(found, name)
        time.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


def _checked(sql: sa.Connection, name: str) -> sa.Connection:
    driver = driver_of(sql)
    is_utf8 = driver.info.parameter_status("server_encoding") == "UTF8"
    if is_utf8 and driver.info.server_version >= LEAST_VERSION * 10_000:
        return sql
    sql.close()
    raise LedgerError(
        f"cannot open the ledger {name}: it needs PostgreSQL {LEAST_VERSION} or later, and a database in UTF-8"
    )


def driver_of(sql: sa.Connection) -> psycopg.Connection[Any]:
    """The driver's connection behind SQLAlchemy's."""
    return cast("psycopg.Connection[Any]", sql.connection.driver_connection)


def is_away(error: Exception) -> bool:
    """Whether an error means that the server cannot be reached, or is starting or stopping."""
    cause = getattr(error, "orig", None) or error
    if not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = cause.sqlstate or ""
    if state:
        return state.startswith(("08", "57P"))
    # libpq refuses a wrong password and a missing database without a code.
    return not _remedy_of_text(str(cause))


def wrapped(error: Exception) -> DBAPIError:
    """An error of the driver as SQLAlchemy's, which is what the ledger expects. Values of rows are not in it."""
    found = DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=False)
    return cast(DBAPIError, found)


def described(error: Exception) -> str:
    """What the server said, without values of rows and without a password, and what to do about it."""
    cause = getattr(error, "orig", None) or error
    if not isinstance(cause, psycopg.Error):
        return f"{type(cause).__name__}: {cause}"
    state, said = cause.sqlstate or "", cause.diag.message_primary or str(cause).strip().splitlines()[0]
    remedy = next((text for code, text in _REMEDIES.items() if state.startswith(code)), "")
    remedy = remedy or _remedy_of_text(said)
    if not remedy and is_away(cause):
        remedy = "check that the server runs, and its host and port in LLMAGENT_OS_DATABASE_URL"
    return f"{said}; {remedy}" if remedy else said


def _remedy_of_text(said: str) -> str:
    """For an error while connecting, which has no code."""
    if "password authentication failed" in said or "no password supplied" in said or "no pg_hba.conf entry" in said:
        return _REMEDIES["28"]
    if 'role "' in said and "does not exist" in said:
        return _REMEDIES["28"]
    if 'database "' in said and "does not exist" in said:
        return _REMEDIES["3D000"]
    if "too many clients" in said or "remaining connection slots" in said:
        return _REMEDIES["53300"]
    return ""


def make_schema(sql: sa.Connection, url: str) -> str:
    """Make the schema that ``url`` names, if it does, and return the schema that tables are made in.

    Raises:
        LedgerError: there is none.
    """
    named = _schema_of(sa.make_url(url))
    if named and not _is_there(sql, named):
        driver_of(sql).execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(named)}".encode())
    found: str | None = sql.execute(sa.text("SELECT current_schema()")).scalar()
    if found is None:
        raise LedgerError(
            f"cannot open the ledger {locate(url).name}: no schema of the role's search_path is there; "
            "name one: ?schema=llmagent_os"
        )
    return found


def place_of_tables(sql: sa.Connection, url: str) -> tuple[str, bool]:
    """The schema that tables are in or will be made in, and whether the role may make some there."""
    named = _schema_of(sa.make_url(url))
    if named and not _is_there(sql, named):
        query = sa.text("SELECT has_database_privilege(current_database(), 'CREATE')")
        return named, bool(sql.execute(query).scalar())
    row = sql.execute(sa.text("SELECT current_schema(), has_schema_privilege(current_schema(), 'CREATE')")).one()
    return str(row[0] or ""), bool(row[1])


def _is_there(sql: sa.Connection, schema: str) -> bool:
    return sql.execute(sa.text("SELECT to_regnamespace(:name)"), {"name": _quoted(schema)}).scalar() is not None


def lock_number(purpose: str, schema: str) -> int:
    """The number of an advisory lock. Locks of other schemas and of other programs have other numbers.

    >>> lock_number("turn", "public") == lock_number("turn", "public") != lock_number("host", "public")
    True
    """
    raw = blake2b(f"llmagent-os\0{purpose}\0{schema}".encode(), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)


def _schema_of(parsed: sa.URL) -> str:
    found = parsed.query.get(SCHEMA, "")
    return found if isinstance(found, str) else found[-1]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
