"""What breaks without this: an upgrade loses rows, stops halfway, or cannot be taken back.

Every revision was released: somebody has a ledger that is at it.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.connection import host_lock, open_database
from llmagent_os.ledger.migrate import config
from llmagent_os.ledger.schema import REVISION
from llmagent_os.storage.migration_steps import known_revisions, losses, revision_before, step_back
from llmagent_os.storage.open_ends import open_end
from tests.unit.storage.rows import fill, rows_of

REVISIONS = known_revisions()

#: The first revision that was released with PostgreSQL.
FIRST_ON_SERVER = "0029"

#: What migrations move or drop on purpose, by the revision that does: these rows are tested in ``test_migrate``.
MOVED = {
    "0005": {"interactions"},
    "0007": {"policy_parts", "policy_progress"},
    "0008": {"guesses", "inbox"},
}

#: By table and column, what a row has that the way back keeps: it drops states that begin with the parts of others, or
#: leave people out. A test of its own has such states.
KEPT_BACK: dict[tuple[str, str], Any] = {("policy_states", "floor"): 0, ("policy_states", "parent"): None}

#: What only the way back changes: dead letters become events that were given up, and pseudonyms of members go.
CHANGED_BACK = {"0006": {"inbox"}, "0008": {"members"}}


def make_at(file: Path, revision: str) -> None:
    """Make a ledger as the version of ``revision`` made it, with rows in every table."""
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
    engine.dispose()
    with closing(sqlite3.connect(file)) as database, database:
        for name in tables_of(file):
            put_rows(database, name)
        database.execute("PRAGMA journal_mode = WAL")


def tables_of(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as database:
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'ale%'"
        )
        return [name for (name,) in database.execute(query)]


def put_rows(database: sqlite3.Connection, table: str, count: int = 6) -> None:
    """Add rows whose values say which they are."""
    dice = random.Random(table)
    columns = database.execute(f"PRAGMA table_info({table})").fetchall()
    for number in range(1, count + 1):
        values: list[Any] = []
        for _, name, kind, _, _, _ in columns:
            if (table, name) in KEPT_BACK:
                values.append(KEPT_BACK[table, name])
                continue
            match kind:
                case "INTEGER":
                    values.append(number)
                case "FLOAT":
                    values.append(dice.random() + number)
                case "BOOLEAN":
                    values.append(number % 2)
                case "BLOB":
                    values.append(bytes([0, number, 255]))
                case _:
                    values.append(f'{{"event_id": "{table}.{name}.{number}"}}')
        marks = ", ".join("?" * len(values))
        database.execute(f"INSERT INTO {table} VALUES ({marks})", values)


def content(file: Path, columns_of: Path | None = None) -> dict[str, dict[str, list[Any]]]:
    """By table and column, the values, in the order of the rows; of the columns that another file has, too."""
    found: dict[str, dict[str, list[Any]]] = {}
    others = {} if columns_of is None else {name: columns(columns_of, name) for name in tables_of(columns_of)}
    with closing(sqlite3.connect(file)) as database:
        for table in tables_of(file):
            names = [name for name in columns(file, table) if columns_of is None or name in others.get(table, ())]
            rows = database.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
            places = {name: place for place, name in enumerate(columns(file, table))}
            found[table] = {name: [row[places[name]] for row in rows] for name in names}
    return found


def columns(file: Path, table: str) -> list[str]:
    with closing(sqlite3.connect(file)) as database:
        return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def revision_of(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def moved_after(revision: str) -> set[str]:
    later = REVISIONS[REVISIONS.index(revision) + 1 :]
    return {table for each in later for table in MOVED.get(each, ())}


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_ledger_of_every_released_version_keeps_its_rows(tmp_path: Path, revision: str) -> None:
    """An upgrade would cost a user what people said and liked."""
    file = tmp_path / "ledger.db"
    make_at(file, revision)
    before = content(file)
    open_database(f"sqlite:///{file}").close()
    assert revision_of(file) == REVISION
    after = content(file)
    kept = set(before) - moved_after(revision)
    assert len(kept) >= len(before) - 5
    for table in kept:
        for column, values in before[table].items():
            if table == "keys":  # the ledger makes its own key besides
                assert set(values) <= set(after[table][column])
            else:
                assert after[table][column] == values, f"{table}.{column}"


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_one_step_back_and_forward_again_changes_nothing_else(tmp_path: Path, revision: str) -> None:
    """Who goes back to the version before because of a fault would lose more than what that version cannot know."""
    file = tmp_path / "ledger.db"
    make_at(file, revision)
    before = content(file)
    with open_end(f"sqlite:///{file}", tmp_path) as end:
        assert step_back(end) == revision_before(revision)
    assert revision_of(file) == revision_before(revision)
    smaller = tmp_path / "smaller.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(smaller)) as target:
        source.backup(target)
    touched = MOVED.get(revision, set()) | CHANGED_BACK.get(revision, set())
    for table, values in content(file).items():
        if table not in touched:
            assert values == {name: before[table][name] for name in values}, table
    open_database(f"sqlite:///{file}").close()
    for table, values in content(file, columns_of=smaller).items():
        if table not in moved_after(revision_before(revision)) | touched | {"keys"}:
            assert values == content(smaller, columns_of=file).get(table, values), table


@pytest.mark.parametrize("revision", [each for each in REVISIONS[1:] if each not in ("0006", "0015")])
def test_what_a_step_back_loses_is_said(tmp_path: Path, revision: str) -> None:
    """Nobody would know until it is missed. An index, and dead letters that become failures, are no loss."""
    file = tmp_path / "ledger.db"
    make_at(file, revision)
    with open_end(f"sqlite:///{file}", tmp_path) as end:
        end.begin_reading()
        assert losses(end, revision)


def test_an_empty_ledger_loses_nothing(tmp_path: Path, database_url: str) -> None:
    """Whoever has just upgraded goes back without a question."""
    open_database(database_url).close()
    with open_end(database_url, tmp_path) as end:
        end.begin_reading()
        assert losses(end, REVISION) == []


def filled(url: str, data: Path) -> None:
    """Make a ledger with rows in every table, none of which a step back drops by itself."""
    open_database(url).close()
    fill(url, data)
    open_database(url).close()  # it makes its own key, which was filled over
    with open_end(url, data) as end:
        end.begin_writing()
        end.sql.execute(sa.text("UPDATE policy_states SET floor = 0, parent = NULL"))
        end.sql.execute(sa.text("UPDATE policy_parts SET body = state"))  # else nobody needs most of the bodies
        end.commit()


#: The tables that the newest steps back drop, with what is in them.
DROPPED = {"policy_changes"}


def test_the_newest_step_back_works_on_each_database(tmp_path: Path, database_url: str) -> None:
    """As far back as the first revision that the database was released with."""
    filled(database_url, tmp_path)
    with open_end(database_url, tmp_path) as end:
        before = {name: 0 if name in DROPPED else count for name, count in end.counts().items()}
    path = REVISIONS[REVISIONS.index(FIRST_ON_SERVER) :]
    for revision in reversed(path[:-1]):
        with open_end(database_url, tmp_path) as end:
            assert step_back(end) == revision
        with open_end(database_url, tmp_path) as end:
            assert end.revision() == revision
    if database_url.startswith("postgresql"):
        with open_end(database_url, tmp_path) as end, pytest.raises(LedgerError, match="is the first of this kind"):
            step_back(end)
    open_database(database_url).close()
    with open_end(database_url, tmp_path) as end:
        assert (end.revision(), end.counts()) == (REVISION, before)


def rows_on_server(url: str, data: Path) -> dict[str, list[dict[str, Any]]]:
    """By table, the rows, each with its columns by name."""
    with open_end(url, data) as end:
        names = end.table_names() - {"alembic_version"}
        rows = {name: end.sql.execute(sa.text(f'SELECT * FROM "{name}"')).mappings().all() for name in names}
        return {name: sorted((dict(row) for row in found), key=repr) for name, found in rows.items()}


@pytest.mark.parametrize("revision", REVISIONS[REVISIONS.index(FIRST_ON_SERVER) : -1])
def test_a_ledger_on_a_server_of_every_released_version_keeps_its_rows(
    tmp_path: Path, postgresql_url: str, revision: str
) -> None:
    """As in a file. And the columns are those of a new ledger: a number of more than four bytes would be refused."""
    filled(postgresql_url, tmp_path)
    new = shape_on_server(postgresql_url, tmp_path)
    with open_end(postgresql_url, tmp_path) as end:
        while end.revision() != revision:
            step_back(end)
    before = rows_on_server(postgresql_url, tmp_path)
    open_database(postgresql_url).close()
    after = rows_on_server(postgresql_url, tmp_path)
    for table, rows in before.items():
        kept = [{name: row[name] for name in rows[0]} for row in after[table]] if rows else after[table]
        assert sorted(kept, key=repr) == sorted(rows, key=repr), table
    assert shape_on_server(postgresql_url, tmp_path) == new


def shape_on_server(url: str, data: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The columns, indexes, conditions and counters of all tables, as the server describes them."""
    queries = {
        "columns": "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2",
        "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() "
        "ORDER BY 1, 2",
        "conditions": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2",
        "counters": "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = current_schema() "
        "ORDER BY 1",
        "triggers": "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
    }
    with open_end(url, data) as end:
        return {name: [tuple(row) for row in end.sql.execute(sa.text(text))] for name, text in queries.items()}


def test_a_state_that_an_earlier_version_does_not_know_goes_whole(tmp_path: Path, database_url: str) -> None:
    """It would decide by parts that are missing. What it was to become is learned again from the rewards."""
    filled(database_url, tmp_path)
    with open_end(database_url, tmp_path) as end:
        end.begin_writing()
        end.sql.execute(sa.text("UPDATE policy_states SET floor = 5 WHERE state = 2"))
        end.sql.execute(sa.text("UPDATE policy_states SET parent = 2 WHERE state = 3"))
        end.sql.execute(sa.text("UPDATE policy_states SET base = 7, through = 9 WHERE state = 4"))
        end.commit()
    with open_end(database_url, tmp_path) as end:
        while end.revision() != "0031":
            step_back(end)
        for table in ("policy_states", "policy_parts", "policy_snapshots"):
            states = set(end.sql.execute(sa.text(f"SELECT state FROM {table}")).scalars())
            assert {1, 4} <= states, table
            assert not states & {2, 3}, table
        bodies = set(end.sql.execute(sa.text("SELECT body FROM policy_bodies")).scalars())
        assert bodies == set(end.sql.execute(sa.text("SELECT state FROM policy_parts")).scalars())
        through = end.sql.execute(sa.text("SELECT through FROM policy_states WHERE state = 4")).scalar_one()
        assert through == 7, "the earlier version learns the rest from there"


def test_a_newer_ledger_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    """What this version does not know, it must not touch."""
    file = tmp_path / "ledger.db"
    open_database(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="is at a revision that this version does not know"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes() == before
    with (
        open_end(f"sqlite:///{file}", tmp_path) as end,
        pytest.raises(LedgerError, match="is not known to this version"),
    ):
        step_back(end)
    assert file.read_bytes() == before


def test_a_newer_ledger_on_a_server_is_refused(tmp_path: Path, postgresql_url: str) -> None:
    """The same."""
    with open_end(postgresql_url, tmp_path) as end:
        end.begin_writing()
        end.sql.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        end.commit()
    with pytest.raises(LedgerError, match="is at a revision that this version does not know"):
        open_database(postgresql_url)
    with open_end(postgresql_url, tmp_path) as end, pytest.raises(LedgerError, match="is not known to this version"):
        step_back(end)


def test_a_step_back_under_a_host_is_refused(tmp_path: Path, database_url: str) -> None:
    """The host would fail at its next message."""
    open_database(database_url).close()
    lock = host_lock(database_url)
    assert lock is not None
    lock.acquire()
    with open_end(database_url, tmp_path) as end, pytest.raises(LedgerError, match="already runs on"):
        step_back(end)
    lock.release()


_KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from llmagent_os.ledger.connection import open_database
from llmagent_os.storage.migration_steps import step_back
from llmagent_os.storage.open_ends import open_end
left = int(sys.argv[3])
def note(connection, cursor, statement, parameters, context, many):
    global left
    if statement.strip().startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sa.event.listen(sa.Engine, "after_cursor_execute", note)
if sys.argv[2] == "forward":
    open_database(sys.argv[1]).close()
else:
    with open_end(sys.argv[1], Path(sys.argv[4])) as end:
        step_back(end)
"""


def killed_at(url: str, way: str, statement: int, data: Path) -> bool:
    """Run a migration in a process that kills itself after so many statements. Returns whether it did."""
    arguments = [sys.executable, "-c", _KILLED, url, way, str(statement), str(data)]
    done = subprocess.run(arguments, check=False, env=os.environ, capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("revision", ["0001", "0004", "0007", "0027"])
@pytest.mark.parametrize("statement", [1, 3, 9])
def test_an_upgrade_that_is_killed_leaves_the_old_version_whole(tmp_path: Path, revision: str, statement: int) -> None:
    """Neither version could open half of an upgrade."""
    file = tmp_path / "ledger.db"
    make_at(file, revision)
    before = rows_of(file)
    if killed_at(f"sqlite:///{file}", "forward", statement, tmp_path):
        assert rows_of(file) == before
        open_database(f"sqlite:///{file}").close()
    assert revision_of(file) == REVISION


@pytest.mark.parametrize("way", ["back", "forward"])
@pytest.mark.parametrize("statement", [1, 4])
def test_a_step_that_is_killed_leaves_each_database_whole(
    tmp_path: Path, database_url: str, statement: int, way: str
) -> None:
    """The same on a server, and backwards."""
    open_database(database_url).close()
    fill(database_url, tmp_path, 5)
    if way == "forward":
        with open_end(database_url, tmp_path) as end:
            step_back(end)
    with open_end(database_url, tmp_path) as end:
        before = end.revision(), end.counts()
    assert killed_at(database_url, way, statement, tmp_path)
    with open_end(database_url, tmp_path) as end:
        assert (end.revision(), end.counts()) == before
