"""Copies a whole installation's rows from one database into another, verified row by row.

The source is read in one snapshot. The target is written and verified in one transaction: whatever cuts the copy
leaves the target as it was.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.schema import REVISION, metadata
from llmagent_os.storage.comparison import TableComparison, compare_table
from llmagent_os.storage.database_end import LEASES, OF_RUNNING_HOSTS, DatabaseEnd, Row
from llmagent_os.storage.progress import Progress, told


class CopyMismatchError(LedgerError):
    """What was written is not what was read."""


class CopyReport(msgspec.Struct, frozen=True):
    """What is on both sides."""

    tables: tuple[TableComparison, ...]

    @property
    def rows(self) -> int:
        """How many rows the source has."""
        return sum(each.source_rows for each in self.tables)

    @property
    def differences(self) -> tuple[str, ...]:
        """What is not the same on both sides, in words."""
        return tuple(line for each in self.tables for line in each.differences)


def check_revision(end: DatabaseEnd) -> None:
    """Check that a database is of this version.

    Raises:
        LedgerError: it has no tables, or they are of another version.
    """
    found = end.revision()
    if found is None:
        raise LedgerError(f"{end.name} holds no ledger: is the URL right?")
    if found != REVISION:
        raise LedgerError(
            f"{end.name} is at revision {found}, and this version works with {REVISION}: "
            "bring it there with `llmagent-os db upgrade`, or use the version of llmagent-os that wrote it"
        )


def copy_rows(source: DatabaseEnd, target: DatabaseEnd, progress: Progress, *, replace: bool = False) -> CopyReport:
    """Copy everything from ``source``, whose reading has begun, into ``target``. The caller commits and closes.

    Args:
        source: at this version's revision.
        target: where everything goes; its tables are made anew.
        progress: is told how far the copy is.
        replace: what the target holds may go.

    Raises:
        LedgerError: a side cannot be used, a row cannot be written, or the target holds something.
        CopyMismatchError: the target's rows are not the source's. The error names tables and keys.
    """
    check_revision(source)
    target.begin_writing()
    target.revision()  # refuses the tables of others
    filled = target.filled()
    if filled and not replace:
        few = ", ".join(f"{name} ({count})" for name, count in list(filled.items())[:4])
        raise LedgerError(
            f"{target.name} is not empty: it has rows in {few}. Name an empty database, or lose these with --replace"
        )
    if not source.shared_files(target):
        target.begin_files()
    numbers, leases = _of_running_hosts(target)
    target.drop_tables()
    target.make_tables()
    target.write(metadata.tables[LEASES], leases)
    tables = tables_of(source, target)
    totals = {table.name: source.count(table.name) for table in tables}
    for table in tables:
        target.write(table, told(source.read(table), f"copying {table.name}", totals[table.name], progress))
    counters = source.counters()
    target.set_counters({**counters, **{name: max(number, counters.get(name, 0)) for name, number in numbers.items()}})
    report = CopyReport(tuple(compare_table(t, source, target, totals[t.name], progress) for t in tables))
    if not all(each.is_same for each in report.tables):
        raise CopyMismatchError("\n".join(["the copy is not what was read, and was undone:", *report.differences]))
    return report


def _of_running_hosts(end: DatabaseEnd) -> tuple[dict[str, int], list[Row]]:
    """What was given to hosts of this database, and must not be given again: their last number, and all leases."""
    names = end.table_names()
    numbers = {name: number for name, number in end.counters().items() if name in OF_RUNNING_HOSTS}
    return numbers, list(end.read(metadata.tables[LEASES])) if LEASES in names else []


def compare_rows(source: DatabaseEnd, target: DatabaseEnd, progress: Progress) -> CopyReport:
    """Compare two databases whose reading has begun.

    Raises:
        LedgerError: one of them is not of this version.
    """
    for end in (source, target):
        check_revision(end)
    return CopyReport(
        tuple(
            compare_table(table, source, target, source.count(table.name), progress)
            for table in tables_of(source, target)
        )
    )


def tables_of(source: DatabaseEnd, target: DatabaseEnd) -> list[sa.Table]:
    """The tables to copy: not those that are the same files on both sides, nor what belongs to running hosts."""
    left_out = source.shared_files(target) | OF_RUNNING_HOSTS
    return [table for table in metadata.sorted_tables if table.name not in left_out]
