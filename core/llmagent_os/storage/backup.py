"""Writes a backup of a whole installation into one file, with the host running."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.ledger.database import SEALED_MARK
from llmagent_os.ledger.sqlite_database import BUSY_MILLISECONDS
from llmagent_os.sealing.mounts import mount, ring_of, unmount
from llmagent_os.storage.archive_file import (
    DATA,
    FORMAT,
    LEDGER,
    Manifest,
    Member,
    compress,
    digest_of,
    write_archive,
)
from llmagent_os.storage.copying import copy_rows
from llmagent_os.storage.data_places import TRANSCRIPT, files_to_keep, place_of
from llmagent_os.storage.homes import PLACES
from llmagent_os.storage.open_ends import explained, lasting, open_end
from llmagent_os.storage.progress import Progress
from llmagent_os.storage.sqlite_end import SqliteEnd

#: The ending of a backup in a folder.
ENDING = ".llmagent-os-backup"


class BackupReport(msgspec.Struct, frozen=True):
    """What was written."""

    path: Path
    size: int  #: in bytes
    manifest: Manifest


def write_backup(
    url: str,
    data: Path,
    to: Path,
    at: datetime,
    progress: Progress,
    *,
    with_keys: bool = True,
    with_files: bool = False,
) -> BackupReport:
    """Write a backup, of one state of the ledger. Only its owner may read it.

    Args:
        url: of the ledger.
        data: the data folder.
        to: the new file, or a folder that gets one.
        at: now, in UTC.
        progress: is told how far it is.
        with_keys: with the keys of accounts. Without them nobody can read what is encrypted in the backup, unless they
            have these keys from elsewhere.
        with_files: with LoRAs, and with the files that people sent and got.

    Raises:
        ConfigError: there is such a file, or no ledger.
        LedgerError: the ledger cannot be read, or the backup cannot be written.
    """
    path = to / f"{at:%Y-%m-%dT%H%M%SZ}{ENDING}" if to.is_dir() else to
    if path.exists():
        raise ConfigError(f"{path} is there already: name another file, or a folder")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent}: make it, or name another file")
    with explained(str(path)), tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as folder:
        work = Path(folder)
        image, files = work / "ledger.db", work / "data"
        backend, folders = _take_ledger(url, data, image, files, progress)
        kept: dict[str, Path] = {}
        for base in folders:
            for file in files_to_keep(base, with_keys=with_keys, with_files=with_files):
                if base is data and len(folders) > 1 and place_of(file.as_posix()) in PLACES:
                    continue  # left from before the move to a server: what counts are the rows
                kept.setdefault(DATA + file.as_posix(), base / file)
        if (transcript := kept.get(DATA + TRANSCRIPT)) is not None:  # the web chat may write it meanwhile
            kept[DATA + TRANSCRIPT] = work / "web.db"
            copy_database(transcript, work / "web.db")
        packed = work / LEDGER
        progress.begin("compressing", 0)
        compress(image, packed)
        progress.end()
        manifest = _manifest(backend, image, {LEDGER: packed, **kept}, at, with_keys=with_keys)
        return BackupReport(path, write_archive(path, manifest, {LEDGER: packed, **kept}), manifest)


def _take_ledger(url: str, data: Path, image: Path, files: Path, progress: Progress) -> tuple[str, tuple[Path, ...]]:
    """Write the ledger into an SQLite file. Returns what it was in, and the data folders of its files, best first."""
    ledger = lasting(url).file
    if ledger is not None:
        if not ledger.is_file():
            raise ConfigError(f"there is no ledger {ledger}: nothing to back up")
        progress.begin("reading the ledger", 0)
        copy_database(ledger, image)
        progress.end()
        return SqliteEnd.backend, (data,)
    files.mkdir(mode=0o700)
    with _sealed_like(data, files), open_end(url, data) as source, open_end(f"sqlite:///{image}", files) as target:
        source.begin_reading()
        copy_rows(source, target, progress)
        target.commit()
        backend = source.backend
    with closing(sqlite3.connect(image)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    return backend, (files, data)


@contextmanager
def _sealed_like(data: Path, folder: Path) -> Generator[None]:
    """Have the files below ``folder`` sealed as those below ``data`` are."""
    ring = ring_of(data)
    if ring is not None:
        mount(folder, ring.masters, keys=ring.kept, key_file=ring.key_file)
    try:
        yield
    finally:
        unmount(folder)


def copy_database(file: Path, to: Path) -> None:
    """Copy an SQLite database that others may be writing, in one state of it, and check the copy.

    Raises:
        LedgerError: the database is damaged.
    """
    to.touch(mode=0o600)
    with (
        closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(to)) as target,
    ):
        source.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        (found,) = target.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise LedgerError(f"{file} is damaged ({found}): `sqlite3 FILE .recover` saves what can be read")


def _manifest(backend: str, image: Path, files: dict[str, Path], at: datetime, *, with_keys: bool) -> Manifest:
    with closing(sqlite3.connect(image)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if "alembic_version" not in names:
            raise LedgerError("the ledger has no revision: it is no ledger of this program")
        tables = [name for name in names if not name.startswith(("sqlite_", "alembic_"))]
        rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in sorted(tables)}
        (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        mark = "SELECT 1 FROM keys WHERE name = ?"
        encrypted = "keys" in names and database.execute(mark, (SEALED_MARK,)).fetchone() is not None
    size, sha256 = digest_of(image)
    return Manifest(
        format=FORMAT,
        program=version("llmagent-os"),
        made_at=at.isoformat(timespec="seconds"),
        backend=backend,
        revision=str(revision),
        encrypted=encrypted,
        with_keys=with_keys,
        rows=rows,
        ledger_size=size,
        ledger_sha256=sha256,
        members=tuple(Member(name, *digest_of(file)) for name, file in files.items()),
    )
