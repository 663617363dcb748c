"""Puts what a backup holds into an installation, into the kind of database that it has: whichever it came from."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.ledger.audit_triggers import TRIGGERS
from llmagent_os.ledger.schema import REVISION, metadata
from llmagent_os.sealing.master_keys import MasterKey
from llmagent_os.sealing.mounts import KEYS_FOLDER, mount, unmount
from llmagent_os.storage.archive_file import Archive, ArchiveError, Manifest, open_archive
from llmagent_os.storage.copying import copy_rows
from llmagent_os.storage.data_places import TRANSCRIPT, is_known, place_of
from llmagent_os.storage.homes import HOMES, PLACES
from llmagent_os.storage.migration_steps import known_revisions, step_forward
from llmagent_os.storage.open_ends import explained, lasting, open_end
from llmagent_os.storage.progress import Progress
from llmagent_os.storage.sqlite_end import SqliteEnd
from llmagent_os.storage.swapped_files import CHANGE_MARK, MARK, SwappedFiles

#: Free room that a disk must have beside what is restored.
SPARE_BYTES = 16 * 2**20


class RestoreReport(msgspec.Struct, frozen=True):
    """What was restored."""

    manifest: Manifest
    files: int  #: of the data folder
    revision: str  #: of the ledger now


def restore(
    path: Path,
    url: str,
    data: Path,
    progress: Progress,
    *,
    replace: bool = False,
    masters: Sequence[MasterKey] = (),
) -> RestoreReport:
    """Put what a backup holds into the ledger and the data folder. Until the end, both stay as they are.

    Args:
        path: of the backup.
        url: of the ledger.
        data: the data folder.
        progress: is told how far it is.
        replace: what is there may go.
        masters: open what is encrypted, where files of the backup become rows of a server.

    Raises:
        ConfigError: there is no such file.
        ArchiveError: the backup is damaged, is none, or is of a later version.
        LedgerError: a host runs, something is there already, or the database refuses.
    """
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    ledger = lasting(url).file
    with explained(str(path)), open_archive(path) as archive:
        _check(archive)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_room(archive, data)
        try:
            files = SwappedFiles(data)
        except BlockingIOError as error:
            raise LedgerError(f"another command changes what is in {data}: wait until it has ended") from error
        try:
            image = files.new.parent / "ledger.db"
            archive.write_ledger(image)
            _check_image(path, image, archive.manifest)
            names = list(archive.files())
            for name in names:
                archive.write_file(name, files.new)
            _check_transcript(path, files.new / TRANSCRIPT)
            with open_end(f"sqlite:///{image}", files.new) as end:
                step_forward(end)
            # Profiles of people whom the restored ledger does not know must not stay.
            places = {place_of(name) for name in names} | PLACES
            if not archive.manifest.with_keys:
                places.discard(KEYS_FOLDER)
            if ledger is not None:
                _into_sqlite(image, ledger, data, files, places, replace=replace)
            else:
                if archive.manifest.encrypted and not archive.manifest.with_keys:
                    _fetch_keys(url, data, files)
                with _opened(archive.manifest, data, files, masters):
                    _into_postgres(image, url, data, files, places, progress, replace=replace)
        finally:
            files.close()
        return RestoreReport(archive.manifest, len(names), REVISION)


def _check(archive: Archive) -> None:
    """Refuse what this version cannot restore."""
    manifest = archive.manifest
    if manifest.revision not in known_revisions():
        raise ArchiveError(
            f"{archive.path} is at revision {manifest.revision}, and this version knows revisions up to {REVISION}: "
            "restore it with the version of llmagent-os that wrote it, or a later one"
        )
    strange = next((name for name in archive.files() if not is_known(name)), None)
    if strange is not None:
        raise ArchiveError(f"{archive.path} is no backup of this program: it has a file {strange!r}")


def _check_room(archive: Archive, data: Path) -> None:
    needed = 2 * archive.manifest.ledger_size + sum(each.size for each in archive.manifest.members) + SPARE_BYTES
    free = shutil.disk_usage(data).free
    if needed > free:
        raise LedgerError(
            f"{archive.path} needs {needed / 2**20:,.0f} MiB where {data} lies, and {free / 2**20:,.0f} MiB are free"
        )


def _check_image(path: Path, image: Path, manifest: Manifest) -> None:
    """Refuse a database that does more than hold rows, or that is not what the manifest says."""
    try:
        with closing(sqlite3.connect(image)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            parts = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
            strange = [name for kind, name, sql in parts if not _is_plain(kind, name, sql or "")]
            if strange:
                raise ArchiveError(f"{path} is no backup of this program: its ledger has {strange[0]!r}")
            (sound,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
            tables = [name for kind, name, _ in parts if kind == "table"]
            tables = [name for name in tables if not name.startswith(("sqlite_", "alembic_"))]
            rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    except (sqlite3.Error, TypeError) as error:
        raise ArchiveError(f"{path} is damaged: its ledger cannot be read ({error})") from error
    if (sound, revision, rows) != ("ok", manifest.revision, manifest.rows):
        raise ArchiveError(f"{path} is damaged: its ledger is not what its manifest says")


def _is_plain(kind: str, name: str, sql: str) -> bool:
    words = sql.upper().split()
    if kind == "trigger":
        return TRIGGERS.get(name) == sql
    return kind in ("table", "index") and words[:2] != ["CREATE", "VIRTUAL"] and '"' not in name


def _check_transcript(path: Path, file: Path) -> None:
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            kinds = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
            (sound,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise ArchiveError(f"{path} is damaged: the web chat's transcript cannot be read ({error})") from error
    if sound != "ok" or not all(_is_plain(kind, name, sql or "") for kind, name, sql in kinds):
        raise ArchiveError(f"{path} is damaged: the web chat's transcript is no such file")


def _fetch_keys(url: str, data: Path, files: SwappedFiles) -> None:
    """Lay the keys that the server has, or else those of the data folder, to the files of a backup without keys.

    Raises:
        ConfigError: there are none: what the backup holds could never be read.
    """
    home = HOMES["account_keys"]
    with open_end(url, data) as target:
        target.begin_reading()
        rows = target.read(metadata.tables[home.table]) if home.table in target.table_names() else iter(())
        if home.write_all(files.new, rows):
            return
    if not home.write_all(files.new, home.read_all(data)):
        raise ConfigError(
            f"the backup was made without the keys of accounts, and neither the database nor {data} has them: restore "
            f"it over the installation that has them, or put their folder back first ({data / KEYS_FOLDER})"
        )


@contextlib.contextmanager
def _opened(manifest: Manifest, data: Path, files: SwappedFiles, masters: Sequence[MasterKey]) -> Generator[None]:
    """Have what is encrypted in the backup opened, and sealed again in rows, by the keys of the backup."""
    if not manifest.encrypted:
        yield
        return
    if not masters:
        raise ConfigError(
            "the backup is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY or LLMAGENT_OS_ENCRYPTION_KEY_FILE to its key"
        )
    for folder in (files.new, data):
        mount(folder, masters, keys=files.new / KEYS_FOLDER)
    try:
        yield
    finally:
        for folder in (files.new, data):
            unmount(folder)


def _check_free(end: str, filled: dict[str, int], data: Path, places: Iterable[str], *, replace: bool) -> None:
    there = sorted(place for place in places if (data / place).exists())
    if (filled or there) and not replace:
        what = [f"rows in {', '.join(list(filled)[:4])}"] if filled else []
        what += [f"{data / place}" for place in there]
        raise LedgerError(
            f"{end} is not empty: there are {' and '.join(what)}. Restore into an empty installation, or lose these "
            "with --replace"
        )


def _into_sqlite(
    image: Path, ledger: Path, data: Path, files: SwappedFiles, places: set[str], *, replace: bool
) -> None:
    with open_end(f"sqlite:///{ledger}", data) as target:
        if not isinstance(target, SqliteEnd):
            raise LedgerError(f"{target.name} is no SQLite file")
        target.lock()
        _check_free(target.name, target.filled() if target.revision() else {}, data, places, replace=replace)
        token = files.note(ledger, places)
        with closing(sqlite3.connect(image, isolation_level=None)) as source:
            source.execute(MARK, (CHANGE_MARK, token))
            target.driver.execute("PRAGMA synchronous = FULL")
            source.backup(target.driver)
        target.driver.execute("PRAGMA journal_mode = WAL")
        files.close()


def _into_postgres(
    image: Path, url: str, data: Path, files: SwappedFiles, places: set[str], progress: Progress, *, replace: bool
) -> None:
    with open_end(f"sqlite:///{image}", files.new) as source, open_end(url, data) as target:
        source.begin_reading()
        target.begin_writing()
        _check_free(target.name, target.filled(), data, places - PLACES, replace=replace)
        copy_rows(source, target, progress, replace=True)
        files.note(data, places - PLACES)
        target.commit()
        files.decide()
