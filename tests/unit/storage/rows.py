"""Rows for every table of a ledger, with all that is hard to carry from one database to another."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from llmagent_os.ledger.schema import metadata
from llmagent_os.storage.database_end import OF_RUNNING_HOSTS, DatabaseEnd
from llmagent_os.storage.homes import HOMES
from llmagent_os.storage.open_ends import open_end

ODD_TEXTS = (
    *(
        "",
        "plain",
        "👍🏽 ümläut 汉字",
        "with\x00nul",
        "\x1a",
        "\x1a0",
        "a\x1a1b\x00",
        "\\N",
        "\t\n\r\\.",
        "'\"",
        "\x02S1x",
    ),
    *("\ufffd\uffff", "x" * 5000),
)
ODD_NUMBERS = (0.1, 1 / 3, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), -1.5, 1764000000.123456, 0.0)
ODD_INTEGERS = (0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
ODD_BYTES = (b"", b"\x00", bytes(range(256)), b"\\x00")


def odd_value(column: sa.Column[Any], number: int, dice: random.Random) -> Any:
    """A value for a column; unlike all others where it must be."""
    if column.primary_key or column.name in (
        "position",
        "seq",
        "code",
        "reward_id",
        "interaction_id",
        "name",
        "job_id",
    ):
        if isinstance(column.type, sa.Integer):
            return number + 1
        if isinstance(column.type, sa.Float):
            return number / 7
        return f"{ODD_TEXTS[number % len(ODD_TEXTS)]}{number}"
    if column.nullable and dice.random() < 0.3:
        return None
    if isinstance(column.type, sa.Boolean):
        return dice.random() < 0.5
    if isinstance(column.type, sa.Integer):
        return dice.choice(ODD_INTEGERS)
    if isinstance(column.type, sa.Float):
        return dice.choice(ODD_NUMBERS)
    if isinstance(column.type, sa.LargeBinary):
        return dice.choice(ODD_BYTES)
    return dice.choice(ODD_TEXTS) + (str(number) if column.unique else "")


def odd_rows(table: sa.Table, count: int, seed: int = 0) -> Iterator[tuple[Any, ...]]:
    """Rows of ``table``, the same ones for the same seed."""
    dice = random.Random(f"{table.name}{seed}")
    unique = {
        column.name for each in table.constraints if isinstance(each, sa.UniqueConstraint) for column in each.columns
    }
    for number in range(count):
        row = [odd_value(column, number, dice) for column in table.c]
        for place, column in enumerate(table.c):
            if column.name in unique and isinstance(column.type, sa.Text):
                row[place] = f"{row[place]}{number}"
        yield tuple(row)


def fill(url: str, data: Path, count: int = 30) -> None:
    """Fill every table of the new ledger at ``url`` that is in the database itself."""
    with open_end(url, data) as end:
        end.begin_writing()
        for table in metadata.sorted_tables:
            if table.name not in HOMES and table.name not in OF_RUNNING_HOSTS:  # that would be hosts that run
                put(end, table, count)
        end.set_counters({"audit": count + 70})
        end.commit()


def put(end: DatabaseEnd, table: sa.Table, count: int) -> None:
    """Replace the rows of one table."""
    if table.name != "audit":
        end.sql.execute(sa.delete(table))
    end.write(table, odd_rows(table, count))


def rows_of(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of an SQLite file, by table."""
    with closing(sqlite3.connect(file)) as database:
        database.text_factory = bytes
        names = [name.decode() for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(database.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}
