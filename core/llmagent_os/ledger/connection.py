"""Opens the ledger that a URL names, whichever database keeps it."""

from __future__ import annotations

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.host_lock import FileLock, HostLock
from llmagent_os.ledger.location import locate
from llmagent_os.ledger.sqlite_database import connect, connect_to_read


def open_database(url: str, synchronous: str = "FULL") -> Database:
    """Open the ledger at ``url`` and bring its tables up to date.

    Args:
        url: of the ledger.
        synchronous: what a commit waits for: see ``Ledger.open``.

    Raises:
        ConfigError: ``url`` names no ledger, or the driver of its database is missing.
        LedgerError: the ledger cannot be opened, is no ledger, or is newer than this version.
    """
    if synchronous not in ("FULL", "NORMAL", "EXTRA"):
        raise LedgerError(f"ledger: synchronous is FULL, NORMAL or EXTRA, not {synchronous!r}")
    location = locate(url)
    if not location.on_server:
        return connect(location.file, synchronous)
    from llmagent_os.ledger.postgresql_database import connect as connect_server

    return connect_server(url, lasting=synchronous != "NORMAL")


def open_reading(url: str) -> Database:
    """Open the ledger at ``url`` only to read it, beside the process that writes it.

    Raises:
        ConfigError: ``url`` names no ledger that another process can have.
        LedgerError: the ledger cannot be opened, or another version of this program has made it.
    """
    location = locate(url)
    if location.file is not None:
        return connect_to_read(location.file)
    if location.in_memory:
        raise LedgerError("a ledger in memory is read by its own process only")
    from llmagent_os.ledger.postgresql_database import connect_to_read as connect_server

    return connect_server(url)


def is_made(url: str) -> bool:
    """Whether there is a ledger at ``url`` that another process can open. It is not made by asking. Blocks.

    Raises:
        ConfigError: ``url`` names no ledger.
        LedgerError: its server cannot be asked.
    """
    location = locate(url)
    if not location.on_server:
        return location.file is not None and location.file.exists()
    from llmagent_os.ledger.postgresql_database import has_tables

    return has_tables(url)


def host_lock(url: str) -> HostLock | None:
    """The lock of the one host that runs on the ledger at ``url``. None: it is in memory, and no other can."""
    location = locate(url)
    if location.file is not None:
        return FileLock(location.file)
    if location.in_memory:
        return None
    from llmagent_os.ledger.postgresql_lock import ServerLock

    return ServerLock(url)
