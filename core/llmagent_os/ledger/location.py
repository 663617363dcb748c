"""Where a ledger is: in memory, in a file, or in a schema of a PostgreSQL database."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from llmagent_os.errors import ConfigError

#: The part of a PostgreSQL URL that names the schema of the tables.
SCHEMA = "schema"

_REMEDY = (
    "write sqlite:///path/to/ledger.db or postgresql://user:password@host/database; leave LLMAGENT_OS_DATABASE_URL "
    "empty for the file in the data folder"
)


class Location(msgspec.Struct, frozen=True):
    """What a ledger's URL names."""

    backend: Literal["sqlite", "postgresql"]
    file: Path | None  #: of SQLite; None: it is in memory, or on a server
    name: str  #: as people may read it: without a password

    @property
    def on_server(self) -> bool:
        """Whether a database server keeps the ledger."""
        return self.backend == "postgresql"

    @property
    def in_memory(self) -> bool:
        """Whether the ledger is gone when the process ends."""
        return self.file is None and not self.on_server


@lru_cache(maxsize=64)
def locate(url: str) -> Location:
    """What ``url`` names.

    Raises:
        ConfigError: ``url`` names no ledger.

    >>> locate("postgresql://bot:secret@db/bots").name
    'postgresql://bot:***@db/bots'
    >>> locate("postgresql://bot:sec@ret@db/bots")
    Traceback (most recent call last):
    llmagent_os.errors.ConfigError: the ledger's URL has more than one `@`: write the one in the user or password as %40
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        # The text may hold a password: it is not shown.
        raise ConfigError(f"the ledger's address is no database URL; {_REMEDY}") from error
    if "@" in (parsed.host or ""):
        # The host has the end of the password: it is not shown.
        raise ConfigError("the ledger's URL has more than one `@`: write the one in the user or password as %40")
    name = _name(parsed)
    if parsed.get_backend_name() == "sqlite":
        in_memory = parsed.database in (None, "", ":memory:")
        return Location("sqlite", None if in_memory else Path(str(parsed.database)), name)
    if parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        raise ConfigError(f"ledger {name!r}: a ledger is kept in SQLite or PostgreSQL; {_REMEDY}")
    if not parsed.database:
        raise ConfigError(f"ledger {name!r}: the URL names no database; {_REMEDY}")
    return Location("postgresql", None, name)


def file_of(url: str) -> Path | None:
    """The file of a ledger. None: it is in memory, or on a database server.

    Raises:
        ConfigError: ``url`` names no ledger.

    >>> file_of("sqlite:///var/ledger.db")
    PosixPath('var/ledger.db')
    """
    return locate(url).file


def file_url(file: Path) -> str:
    """The URL of the ledger in ``file``.

    >>> file_url(Path("/var/ledger.db"))
    'sqlite:////var/ledger.db'
    """
    return sa.URL.create("sqlite", database=str(file)).render_as_string()


def with_schema(url: str, schema: str) -> str:
    """``url`` for another schema of the same PostgreSQL database.

    >>> with_schema("postgresql://bot:secret@db/bots", "chat")
    'postgresql://bot:secret@db/bots?schema=chat'
    """
    return sa.make_url(url).update_query_dict({SCHEMA: schema}).render_as_string(hide_password=False)


def _name(parsed: sa.URL) -> str:
    secrets = {name: "***" for name in parsed.query if "password" in name}
    return parsed.update_query_dict(secrets).render_as_string() if secrets else parsed.render_as_string()
