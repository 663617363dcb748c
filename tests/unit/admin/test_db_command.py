"""What breaks without this: whoever runs an installation is told nonsense by ``llmagent-os db``."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import host_lock, open_database
from llmagent_os.ledger.membership import HostCard
from llmagent_os.ledger.postgresql_server import make_engine
from llmagent_os.ledger.schema import REVISION
from llmagent_os.storage.migration_steps import known_revisions
from llmagent_os.storage.open_ends import open_end
from tests.unit.storage.rows import fill

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, warm_python: Path) -> Run:
    """Runs ``llmagent-os db``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLMAGENT_OS_")}

    def command(*arguments: str, url: str = "") -> subprocess.CompletedProcess[str]:
        ours = {"LLMAGENT_OS_DATA": str(tmp_path / "data"), "LLMAGENT_OS_DATABASE_URL": url}
        return subprocess.run(
            [warm_python.with_name("llmagent-os"), "db", *arguments],
            cwd=tmp_path,
            env=kept | ours,
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def made(url: str, data: Path) -> None:
    data.mkdir(exist_ok=True)
    open_database(url).close()
    fill(url, data)


def test_status_says_what_there_is(tmp_path: Path, run: Run, database_url: str) -> None:
    """Before anything else is done."""
    made(database_url, tmp_path / "data")
    shown = run("status", url=database_url)
    assert shown.returncode == 0, shown.stderr
    assert f"revision: {REVISION} (this version's)" in shown.stdout
    assert "held by: nobody" in shown.stdout
    assert "  rewards" in shown.stdout
    lock = host_lock(database_url)
    assert lock is not None
    lock.acquire()
    assert "held by: a host" in run("status", url=database_url).stdout
    lock.release()


async def test_every_host_of_a_server_is_named_and_keeps_out_whatever_must_be_alone(
    tmp_path: Path, run: Run, postgresql_url: str
) -> None:
    """One of several hosts would be forgotten, and lose the tables under it."""
    await asyncio.to_thread(made, postgresql_url, tmp_path / "data")
    (tmp_path / "backups").mkdir()
    done = await asyncio.to_thread(run, "backup", "backups", url=postgresql_url)
    assert done.returncode == 0, done.stderr
    (backup,) = (tmp_path / "backups").iterdir()
    hosts = [await Ledger.open(postgresql_url, host=HostCard(name=name, lease_seconds=60)) for name in ("one", "two")]
    for host in hosts:
        await host.claim(["web"])
    shown = await asyncio.to_thread(run, "status", url=postgresql_url)
    assert "held by: 2 hosts: one, two" in shown.stdout
    assert [line.split()[1] for line in shown.stdout.splitlines() if "platforms web" in line] == ["one", "two"]
    await hosts[0].close()
    other = f"sqlite:///{tmp_path}/other.db"
    await asyncio.to_thread(made, other, tmp_path / "data")
    for command in (
        *(("downgrade", "--yes"), ("restore", str(backup), "--replace"), ("copy", "--to", other)),
        ("copy", other, postgresql_url, "--replace"),
    ):
        refused = await asyncio.to_thread(run, *command, url=postgresql_url)
        assert (refused.returncode, "two" in refused.stderr) == (1, True), (command, refused.stderr)
    await asyncio.to_thread(at_revision, postgresql_url, known_revisions()[-2])
    refused = await asyncio.to_thread(run, "upgrade", url=postgresql_url)
    assert (refused.returncode, "two" in refused.stderr) == (1, True), refused.stderr
    await asyncio.to_thread(at_revision, postgresql_url, REVISION)
    await hosts[1].close()
    done = await asyncio.to_thread(run, "restore", str(backup), "--replace", url=postgresql_url)
    assert done.returncode == 0, done.stderr


def at_revision(url: str, revision: str) -> None:
    """Have the tables of a server say that they are of another revision."""
    engine = make_engine(url)
    with engine.connect() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :number"), {"number": revision})
    engine.dispose()


def test_a_move_there_and_back_is_shown_and_compared(tmp_path: Path, run: Run, postgresql_url: str) -> None:
    """With counts and digests, and what to do next."""
    here = f"sqlite:///{tmp_path}/data/ledger.db"
    made(here, tmp_path / "data")
    done = run("copy", "--to", postgresql_url)
    assert done.returncode == 0, done.stderr
    assert "rows copied and compared" in done.stdout
    assert "Set LLMAGENT_OS_DATABASE_URL to the new database." in done.stdout
    assert run("copy", "--to", postgresql_url).returncode == 1
    same = run("copy", here, postgresql_url, "--verify-only")
    assert (same.returncode, "The same on both sides" in same.stdout) == (0, True), same.stderr
    with open_end(postgresql_url, tmp_path / "data") as end:
        end.begin_writing()
        end.sql.exec_driver_sql("UPDATE rewards SET op = 'x' WHERE seq = 3")
        end.commit()
    other = run("copy", here, postgresql_url, "--verify-only")
    assert other.returncode == 1
    assert "rewards: the row '3' has another op" in other.stderr
    back = run("copy", postgresql_url, f"sqlite:///{tmp_path}/back.db")
    assert back.returncode == 0, back.stderr


def test_a_host_keeps_the_move_out_unless_it_is_told(tmp_path: Path, run: Run, database_url: str) -> None:
    """What it writes during the move would be lost."""
    made(database_url, tmp_path / "data")
    lock = host_lock(database_url)
    assert lock is not None
    lock.acquire()
    refused = run("copy", "--to", f"sqlite:///{tmp_path}/other.db", url=database_url)
    assert refused.returncode == 1
    assert "stop it, or give --online" in refused.stderr
    done = run("copy", "--online", "--to", f"sqlite:///{tmp_path}/other.db", url=database_url)
    assert done.returncode == 0, done.stderr
    lock.release()


def test_one_step_back_asks_before_it_loses_something(tmp_path: Path, run: Run, database_url: str) -> None:
    """And forward again."""
    open_database(database_url).close()
    back = run("downgrade", url=database_url)
    assert back.returncode == 0, back.stderr
    before = known_revisions()[-2]
    assert f"revision {REVISION} → {before}" in back.stdout
    assert "which" not in back.stderr
    assert f"→ {REVISION}" in run("upgrade", url=database_url).stdout
    assert "nothing to do" in run("upgrade", url=database_url).stdout


def test_what_a_step_back_would_lose_is_listed(tmp_path: Path, run: Run) -> None:
    """With the numbers of rows."""
    url = f"sqlite:///{tmp_path}/data/ledger.db"
    made(url, tmp_path / "data")
    while open_at(tmp_path / "data" / "ledger.db") != "0029":
        assert run("downgrade", "--yes").returncode == 0
    asked = run("downgrade")
    assert asked.returncode == 2
    assert "would lose what the earlier one does not know" in asked.stderr
    assert "records.version: of" in asked.stderr
    assert "then give --yes" in asked.stderr
    assert open_at(tmp_path / "data" / "ledger.db") == "0029"
    done = run("downgrade", "--yes")
    assert "Lost: records.version" in done.stdout


def open_at(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_a_backup_and_its_way_back(tmp_path: Path, run: Run, database_url: str) -> None:
    """Into a folder, and from its file."""
    made(database_url, tmp_path / "data")
    (tmp_path / "backups").mkdir()
    done = run("backup", "backups", url=database_url)
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "backups").iterdir()
    assert f"{file.name}: " in done.stdout
    assert run("restore", str(file), url=database_url).returncode == 1
    back = run("restore", str(file), "--replace", url=database_url)
    assert back.returncode == 0, back.stderr
    assert "are restored" in back.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("status",), 2, "there is no ledger"),
        (("copy",), 2, "name the database to copy into"),
        (("copy", "--to", "mysql://x/y"), 2, "SQLite or PostgreSQL"),
        (("copy", "sqlite:///a.db", "sqlite:///a.db"), 2, "name the same database"),
        (("copy", "sqlite:///a.db", "sqlite:///b.db"), 2, "there is no ledger a.db"),
        (("backup", "x"), 2, "there is no ledger"),
        (("restore", "x"), 2, "there is no file x"),
        (("downgrade",), 2, "there is no ledger"),
        (("status", "now"), 2, "unexpected extra argument"),
    ],
)
def test_mistakes_are_said_in_a_line(run: Run, arguments: tuple[str, ...], code: int, message: str) -> None:
    """Never with a traceback."""
    done = run(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert message in done.stderr


def test_a_server_that_is_not_there_is_said(run: Run) -> None:
    """With what to check."""
    done = run("status", url="postgresql://bot:secret@127.0.0.1:1/bots")
    assert (done.returncode, "Traceback" in done.stderr, "secret" in done.stderr) == (1, False, False), done.stderr
    assert "check that the server runs" in done.stderr
