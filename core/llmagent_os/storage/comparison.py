"""Compares two databases row by row, and gives each table a digest.

The rows are read by other means than those that copied them. Each side is read once, in the order of the primary key,
with a few rows in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.ledger.postgresql_escapes import without_nul
from llmagent_os.sealing.mounts import ring_of
from llmagent_os.storage.database_end import DatabaseEnd, Row, key_text
from llmagent_os.storage.homes import HOMES
from llmagent_os.storage.progress import Progress, told

#: How many differences are named for each table.
NAMED_DIFFERENCES = 5


class TableComparison(msgspec.Struct, frozen=True):
    """What came of comparing one table."""

    table: str
    source_rows: int
    target_rows: int
    source_digest: str  #: SHA-256 of all rows, in the order of the primary key
    target_digest: str
    differences: tuple[str, ...] = ()  #: the first few, in words

    @property
    def is_same(self) -> bool:
        """Whether both sides hold the same rows."""
        return self.source_digest == self.target_digest and self.source_rows == self.target_rows


class _Side:
    """The rows of a table on one side, with the digest of those that were read."""

    def __init__(self, table: sa.Table, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._sha256 = hashlib.sha256()
        self._key_places = [place for place, column in enumerate(table.c) if column.primary_key]
        self.count = 0
        self.row: Row | None = None
        self.encoded = b""
        self.advance()

    def advance(self) -> None:
        """Go to the next row. None: there is none."""
        self.row = next(self._rows, None)
        if self.row is not None:
            self.encoded = encode_row(self.row)
            self._sha256.update(len(self.encoded).to_bytes(8) + self.encoded)
            self.count += 1

    @property
    def key(self) -> tuple[Any, ...]:
        """By which rows are ordered; texts by their bytes, as both databases order them."""
        values = self.row or ()
        return tuple(
            without_nul(values[place]).encode("utf-8", "replace") if isinstance(values[place], str) else values[place]
            for place in self._key_places
        )

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()


def encode_row(row: Row) -> bytes:
    """The values of a row as bytes: equal for equal values only. Floats are compared bit by bit.

    SQLite keeps no negative zero: it is the same as zero here.
    """
    return msgspec.msgpack.encode(tuple(value + 0.0 if type(value) is float else value for value in row))


def compare_table(
    table: sa.Table, source: DatabaseEnd, target: DatabaseEnd, total: int, progress: Progress
) -> TableComparison:
    """Compare ``table`` on both sides, each in its open transaction."""
    left = _Side(table, told(_canonical(table, source), f"comparing {table.name}", total, progress))
    right = _Side(table, _canonical(table, target))
    found: list[str] = []
    more = 0

    def note(what: str) -> None:
        nonlocal more
        if len(found) < NAMED_DIFFERENCES:
            found.append(f"{table.name}: {what}")
        else:
            more += 1

    while left.row is not None or right.row is not None:
        if left.row is not None and right.row is not None and left.encoded == right.encoded:
            left.advance()
            right.advance()
        elif right.row is None or (left.row is not None and left.key < right.key):
            note(f"the row {key_text(table, left.row or ())!r} is missing in {target.name}")
            left.advance()
        elif left.row is None or right.key < left.key:
            note(f"the row {key_text(table, right.row)!r} is not in {source.name}")
            right.advance()
        else:
            note(f"the row {key_text(table, left.row)!r} has another {_differing(table, left.row, right.row)}")
            left.advance()
            right.advance()
    if more:
        found.append(f"{table.name}: and {more} rows more")
    return TableComparison(table.name, left.count, right.count, left.digest, right.digest, tuple(found))


def _canonical(table: sa.Table, end: DatabaseEnd) -> Iterator[Row]:
    """The rows of a table, the same whether they are files or rows."""
    home = HOMES.get(table.name)
    if home is None:
        return end.read_again(table)
    ring = ring_of(end.data)
    return (home.canonical(row, ring) for row in end.read_again(table))


def _differing(table: sa.Table, left: Row, right: Row) -> str:
    pairs = zip(table.c, left, right, strict=True)
    return ", ".join(column.name for column, one, other in pairs if encode_row((one,)) != encode_row((other,)))
