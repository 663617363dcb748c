"""Lists what is damaged: rows of the databases, and profiles. Part of ``llmagent-os doctor``.

Nothing is changed. The databases are opened read-only.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from llmagent_os.admin.findings import Finding
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.ledger.connection import is_made
from llmagent_os.people.kept_places import KeptPlaces

#: How many damaged rows and profiles are listed, of each file and of all profiles.
MAX_LISTED = 20

_ROW_REMEDY = (
    "what the row held is kept; the person's `llmagent-os profile export` shows it. When you are done with it, delete "
    "its line from the table `damaged`"
)


async def check_damage(settings: Settings) -> AsyncIterator[Finding]:
    """The findings about every database in the data folder and about all profiles."""
    for file in _databases(settings):
        for finding in _rows(file):
            yield finding
    for finding in await asyncio.to_thread(_on_server, settings):
        yield finding
    try:
        places = KeptPlaces(settings.ledger_url, settings.data)
    except ConfigError:  # the check of the ledger says so
        return
    profiles = places.profiles()
    try:
        if places.shared is not None and not await asyncio.to_thread(is_made, settings.ledger_url):
            return
        problems, count = await profiles.problems(), await profiles.count()
    except (ConfigError, LedgerError) as error:  # the check of the ledger says what to do
        yield Finding("profiles", "problem", f"they cannot be read: {error}", "see the ledger, above")
        return
    finally:
        await asyncio.to_thread(places.close)
    for path, why in problems[:MAX_LISTED]:
        remedy = "correct the file; one in `damaged` can be moved back, or deleted when nobody needs it"
        yield Finding("profiles", "problem", why if path in why else f"{path}: {why}", remedy)
    if len(problems) > MAX_LISTED:
        yield Finding("profiles", "note", f"{len(problems) - MAX_LISTED} more damaged profiles")
    if not problems:
        yield Finding("profiles", "ok", f"{count}, all readable" if count else "none yet")


def _databases(settings: Settings) -> list[Path]:
    """The ledgers, and the files of adapters."""
    from llmagent_os.ledger.location import file_of

    files = set[Path]()
    for url in (settings.ledger_url, settings.chat_ledger_url):
        with suppress(ConfigError, LedgerError):  # the check of the ledger says so
            file = file_of(url)
            files |= {file} if file is not None and file.is_file() else set()
    return sorted(files | {*settings.data.glob("*.db"), *settings.data.glob("*/*.db")})


def _rows(file: Path) -> Iterator[Finding]:
    query = 'SELECT "table", "key", why, datetime(found_at, \'unixepoch\') FROM damaged ORDER BY seq DESC'
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.text_factory = _text
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'damaged'").fetchone():
                return
            rows = database.execute(query).fetchall()
    except sqlite3.Error as error:
        if file.name != "ledger.db":  # the check of the ledger says so
            yield Finding("damage", "problem", f"{file} cannot be read: {error}", "stop the host and restore a backup")
        return
    yield from _listed(str(file), rows)


def _on_server(settings: Settings) -> list[Finding]:
    from llmagent_os.ledger.location import locate

    with suppress(ConfigError, LedgerError):
        location = locate(settings.ledger_url)
        if location.on_server:
            from llmagent_os.admin.server_check import damaged_on_server

            return list(_listed(location.name, damaged_on_server(settings.ledger_url) or []))
    return []


def _listed(name: str, rows: Sequence[tuple[str, str, str, str]]) -> Iterator[Finding]:
    for table, key, why, at in rows[:MAX_LISTED]:
        yield Finding("damage", "problem", f"{name}: {table} {key}: {why} (found {at} UTC)", _ROW_REMEDY)
    if len(rows) > MAX_LISTED:
        yield Finding("damage", "note", f"{name}: {len(rows) - MAX_LISTED} more damaged rows")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
