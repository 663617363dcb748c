"""``llmagent-os db``: shows, moves, backs up and restores what an installation keeps, and changes its revision."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from llmagent_os.admin.db_progress import DbProgress
from llmagent_os.admin.hosts_command import host_line
from llmagent_os.config import Settings
from llmagent_os.config.user_path import user_url
from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.events import now
from llmagent_os.ledger.connection import open_database
from llmagent_os.ledger.key_rows import KeyRows
from llmagent_os.ledger.schema import REVISION
from llmagent_os.privacy.encryption import master_keys, mount_data
from llmagent_os.storage.backup import write_backup
from llmagent_os.storage.copying import CopyReport, compare_rows, copy_rows
from llmagent_os.storage.database_end import DatabaseEnd
from llmagent_os.storage.migration_steps import known_revisions, losses, revision_before, step_back
from llmagent_os.storage.open_ends import lasting, open_end
from llmagent_os.storage.restore import restore


def status(settings: Settings) -> str:
    """Return the database, its revision, its size, who runs on it, and how many rows each table has.

    Raises:
        LedgerError: the database cannot be reached.
    """
    with _existing(settings.ledger_url, settings.data) as end:
        end.begin_reading()
        found = end.revision()
        lines = [f"{end.backend}: {end.name}", f"revision: {found or 'none'}{_compared(found)}"]
        lines += [f"size: {_size(end.size())}", f"held by: {end.holder() or 'nobody'}"]
        lines += [f"  {host_line(host)}" for host in end.hosts()]
        counts = end.counts() if found else {}
    width = max(map(len, counts), default=0)
    rows = [f"  {name:<{width}}  {count:>12,}" for name, count in counts.items() if count]
    empty = [name for name, count in counts.items() if not count]
    lines += ["rows:", *rows] if rows else ["rows: none"]
    return "\n".join([*lines, *([f"empty: {', '.join(empty)}"] if empty else [])])


def upgrade(settings: Settings) -> str:
    """Bring the ledger to this version's revision; return from where to where.

    Raises:
        LedgerError: a host runs on it, it is of a later version, or the database refuses.
    """
    with _existing(settings.ledger_url, settings.data) as end:
        before, name = end.revision(), end.name
    if before == REVISION:
        return f"{name} is at revision {REVISION}, this version's: nothing to do."
    begun = time.monotonic()
    _migrate(settings.ledger_url)
    return f"{name}: revision {before or 'none'} → {REVISION}, in {_seconds(begun)}."


def downgrade(settings: Settings, *, yes: bool) -> str:
    """Take the ledger one revision back; return from where to where.

    Raises:
        ConfigError: something would be lost, and not ``yes``; the error says what.
        LedgerError: a host runs, there is nothing to go back to, or the database refuses.
    """
    begun = time.monotonic()
    with _existing(settings.ledger_url, settings.data) as end:
        before = end.revision()
        if before is None:
            raise LedgerError(f"{end.name} holds no ledger: is the URL right?")
        to = revision_before(before, end.first_revision)
        lost = losses(end, before)
        if lost and not yes:
            list_ = "\n".join(f"  {line}" for line in lost)
            raise ConfigError(
                f"going back from revision {before} to {to} would lose what the earlier one does not know:\n{list_}\n"
                "make a backup with `llmagent-os db backup`, then give --yes"
            )
    with _existing(settings.ledger_url, settings.data) as end:
        step_back(end)
        name = end.name
    lines = [f"{name}: revision {before} → {to}, in {_seconds(begun)}."]
    lines += [f"Lost: {line}" for line in lost]
    return "\n".join(
        [*lines, "Run the earlier version of llmagent-os now: this one goes forward again when it starts."]
    )


def copy(settings: Settings, source: str, target: str, *, verify_only: bool, online: bool, replace: bool) -> str:
    """Copy the installation from one database into another, or only compare them; return what was done.

    Raises:
        ConfigError: a URL names no database, or both the same.
        LedgerError: a host runs, the target is not empty, or a database refuses.
        CopyMismatchError: the two sides differ; the error names tables and keys.
    """
    begun, source, target = time.monotonic(), user_url(source), user_url(target)
    if lasting(source) == lasting(target):
        raise ConfigError("the two URLs name the same database")
    progress = DbProgress()
    with closing(_Ended(progress)), _mounted(settings, source), _existing(source, settings.data) as left:
        if not online:
            _hold(left)
        opened = _existing if verify_only else open_end
        with opened(target, settings.data) as right:
            left.begin_reading()
            if verify_only:
                right.begin_reading()
                report = compare_rows(left, right, progress)
            else:
                if right.holder():
                    raise LedgerError(f"{right.name} is in use by {right.holder()}: stop it first")
                report = copy_rows(left, right, progress, replace=replace)
                right.commit()
            names = left.name, right.name
    if report.differences:
        raise LedgerError("\n".join(["the two databases are not the same:", *report.differences]))
    return "\n".join(_copied(report, *names, _seconds(begun), verify_only=verify_only))


def backup(settings: Settings, to: Path, *, with_keys: bool, with_files: bool) -> str:
    """Write a backup into a file, or into a new file of a folder; return what is in it.

    Raises:
        ConfigError: there is such a file, or no ledger.
        LedgerError: the ledger cannot be read, or the backup cannot be written.
    """
    begun = time.monotonic()
    progress = DbProgress()
    with closing(_Ended(progress)):
        report = write_backup(
            settings.ledger_url, settings.data, to, now(), progress, with_keys=with_keys, with_files=with_files
        )
    manifest = report.manifest
    rows, files = sum(manifest.rows.values()), len(manifest.members) - 1
    lines = [f"{report.path}: {rows:,} rows and {files:,} files, {_size(report.size)}, in {_seconds(begun)}."]
    if manifest.encrypted:
        lines.append("What people said is encrypted in it: it is of use only with the master key, which is not in it.")
        if not manifest.with_keys:
            lines.append("The keys of accounts are not in it either: keep a copy of the folder `keys` elsewhere.")
    else:
        lines.append("It holds what people said, as it is: keep it as safe as the data folder.")
    return "\n".join(lines)


def restore_backup(settings: Settings, path: Path, *, replace: bool) -> str:
    """Put what a backup holds into the installation; return what that was.

    Raises:
        ConfigError: there is no such file.
        LedgerError: the backup is damaged, a host runs, something is there already, or the database refuses.
    """
    begun = time.monotonic()
    progress = DbProgress()
    with closing(_Ended(progress)):
        masters = master_keys(settings)
        report = restore(path, settings.ledger_url, settings.data, progress, replace=replace, masters=masters)
    manifest = report.manifest
    rows = sum(manifest.rows.values())
    lines = [f"{rows:,} rows and {report.files:,} files of {manifest.made_at} are restored, in {_seconds(begun)}."]
    if manifest.revision != report.revision:
        lines.append(f"Revision {manifest.revision} → {report.revision}.")
    lines.append("Who has asked to be forgotten since then is back in it: erase them again (`profile forget`).")
    return "\n".join(lines)


class _Ended:
    """Takes the bar away, whatever happens."""

    def __init__(self, progress: DbProgress) -> None:
        self.close = progress.end


@contextmanager
def _mounted(settings: Settings, url: str) -> Generator[None]:
    """Have the files of the data folder sealed and opened by the keys that the database at ``url`` goes with."""
    ring = mount_data(settings.model_copy(update={"database_url": url}))
    try:
        yield
    finally:
        if ring is not None and isinstance(ring.kept, KeyRows):
            ring.kept.close()


@contextmanager
def _existing(url: str, data: Path) -> Generator[DatabaseEnd]:
    """A database that must be there: a wrong path is no reason to make a file."""
    file = lasting(url).file
    if file is not None and not file.is_file():
        raise ConfigError(f"there is no ledger {file}: is the path right?")
    with open_end(url, data) as end:
        yield end


def _hold(end: DatabaseEnd) -> None:
    holder = end.holder()
    if holder:
        raise LedgerError(
            f"{end.name} is in use by {holder}: stop it, or give --online to copy what is there at this moment"
        )
    end.lock()


def _migrate(url: str) -> None:
    open_database(url).close()


def _compared(found: str | None) -> str:
    if found == REVISION:
        return " (this version's)"
    if found is None:
        return f" (the next start makes the tables, at {REVISION})"
    if found in known_revisions():
        return f" (this version's is {REVISION}: the next start, or `llmagent-os db upgrade`, brings it there)"
    return f" (of a later version of llmagent-os: this one knows {REVISION} at most)"


def _copied(report: CopyReport, source: str, target: str, seconds: str, *, verify_only: bool) -> list[str]:
    width = max(len(each.table) for each in report.tables)
    lines = [
        f"  {each.table:<{width}}  {each.source_rows:>12,}  {each.source_digest[:16]}"
        for each in report.tables
        if each.source_rows
    ]
    if verify_only:
        return [*lines, f"The same on both sides: {report.rows:,} rows, in {seconds}."]
    return [
        *lines,
        f"{source} → {target}: {report.rows:,} rows copied and compared, in {seconds}.",
        "Set LLMAGENT_OS_DATABASE_URL to the new database. The old one still holds everything, and `/forget` does not "
        "reach it: delete it, and the files that moved with it, once you do not need them.",
    ]


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB" if count >= 2**20 else f"{count / 2**10:,.0f} KiB"


def _seconds(begun: float) -> str:
    return f"{time.monotonic() - begun:,.1f} s"
