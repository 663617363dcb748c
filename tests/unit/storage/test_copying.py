"""What breaks without this: an installation that moves to another database loses something, or runs on half a copy."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.ledger import Accepted, Ledger
from llmagent_os.ledger.connection import host_lock, open_database
from llmagent_os.ledger.membership import HostCard
from llmagent_os.ledger.schema import metadata
from llmagent_os.storage.copying import CopyMismatchError, CopyReport, compare_rows, copy_rows
from llmagent_os.storage.database_end import OF_RUNNING_HOSTS
from llmagent_os.storage.homes import HOMES
from llmagent_os.storage.open_ends import open_end
from llmagent_os.storage.progress import Silent
from tests.postgresql_server import Server
from tests.unit.ledger.samples import interaction, message, reward, without_completions
from tests.unit.storage.rows import fill, rows_of


def new(folder: Path, name: str = "ledger") -> str:
    """The URL of a new ledger in a folder."""
    url = f"sqlite:///{folder}/{name}.db"
    folder.mkdir(exist_ok=True)
    open_database(url).close()
    return url


def copied(source: str, target: str, data: Path, *, replace: bool = False) -> CopyReport:
    with open_end(source, data) as left, open_end(target, data) as right:
        left.begin_reading()
        report = copy_rows(left, right, Silent(), replace=replace)
        right.commit()
        return report


def compared(source: str, target: str, data: Path) -> CopyReport:
    with open_end(source, data) as left, open_end(target, data) as right:
        left.begin_reading()
        right.begin_reading()
        return compare_rows(left, right, Silent())


def test_every_value_of_every_table_comes_back_from_postgresql_as_it_was(tmp_path: Path, postgresql_url: str) -> None:
    """Floats to the last bit, NULs, great numbers, NULL, bytes: a policy would learn otherwise, a text would be cut."""
    source = new(tmp_path / "a")
    fill(source, tmp_path / "a")
    report = copied(source, postgresql_url, tmp_path / "a")
    assert report.rows >= 30 * (len(metadata.tables) - len(HOMES) - len(OF_RUNNING_HOSTS))
    assert compared(source, postgresql_url, tmp_path / "a").differences == ()
    (tmp_path / "b").mkdir()
    copied(postgresql_url, f"sqlite:///{tmp_path}/b/ledger.db", tmp_path / "b")
    before, after = rows_of(tmp_path / "a" / "ledger.db"), rows_of(tmp_path / "b" / "ledger.db")
    after["keys"] = [row for row in after["keys"] if row[0] != b"change of files"]
    assert after == before, "the numbers that are not used again (sqlite_sequence) are among them"


async def test_a_copied_ledger_goes_on_where_the_first_one_stopped(tmp_path: Path, postgresql_url: str) -> None:
    """New rows would take numbers of old ones, or a redelivered message would be answered a second time."""
    source = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(source)
    event = message("1")
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("hi"), interaction(event))
    await ledger.finish(event, Receipt(("m1",)))
    await ledger.add_reward(reward("2", "web:1"))
    await ledger.close()
    await asyncio.to_thread(copied, source, postgresql_url, tmp_path)
    moved = await Ledger.open(postgresql_url)
    assert await moved.accept(event, max_pending=9) is Accepted.DUPLICATE
    assert [each.interaction for each in await moved.replies_after(0, 9)] == [without_completions(interaction(event))]
    again = message("3")
    await moved.accept(again, max_pending=9)
    await moved.prepare(again, Reply("hi"), interaction(again))
    assert [each.seq for each in await moved.replies_after(0, 9)] == [1, 2]
    await moved.close()


async def test_numbers_of_hosts_and_fences_of_leases_never_go_back(tmp_path: Path, postgresql_url: str) -> None:
    """A host that was cut off, and wakes up after the restore, would act in the name of a new one."""
    numbers: list[int] = []
    for _ in range(3):
        ledger = await Ledger.open(postgresql_url, host=HostCard(name="one"))
        await ledger.claim(("web",))
        numbers.append(ledger.membership.report()["number"])
        await ledger.membership.while_held("a lease", lambda: asyncio.sleep(0))
        await ledger.close()
    assert numbers == [1, 2, 3]
    source = new(tmp_path)
    await asyncio.to_thread(copied, source, postgresql_url, tmp_path, replace=True)
    ledger = await Ledger.open(postgresql_url, host=HostCard(name="one"))
    await ledger.claim(("web",))
    assert ledger.membership.report()["number"] == 4
    await ledger.membership.while_held("a lease", lambda: asyncio.sleep(0))
    with psycopg.connect(postgresql_url) as database:
        assert database.execute("SELECT fence FROM leases WHERE name = 'a lease'").fetchall() == [(4,)]
    await ledger.close()


def test_a_difference_names_its_table_and_its_row(tmp_path: Path, postgresql_url: str) -> None:
    """Whoever reads it must know what to look at."""
    source = new(tmp_path)
    fill(source, tmp_path)
    copied(source, postgresql_url, tmp_path)
    with open_end(postgresql_url, tmp_path) as end:
        end.begin_writing()
        end.sql.execute(sa.text("UPDATE rewards SET reward = 0.25 WHERE seq = 7"))
        end.sql.execute(sa.text("DELETE FROM sent WHERE interaction_id IS NOT NULL AND message_id LIKE '%12'"))
        end.sql.execute(sa.text("INSERT INTO keys VALUES ('more', 'x')"))
        end.commit()
    found = compared(source, postgresql_url, tmp_path)
    assert {each.table for each in found.tables if not each.is_same} == {"sent", "rewards", "keys"}
    text = "\n".join(found.differences)
    assert "rewards: the row '7' has another reward" in text
    assert "sent: the row" in text
    assert "is missing in postgresql" in text
    assert "keys: the row 'more' is not in sqlite" in text


def test_a_copy_that_was_changed_on_its_way_is_undone(tmp_path: Path, postgresql: Server, postgresql_url: str) -> None:
    """A trigger, an extension or a fault of the server may change what is written: nobody would notice."""
    source = new(tmp_path)
    fill(source, tmp_path)
    copied(source, postgresql_url, tmp_path)
    empty = postgresql.new_database("template0")
    with open_end(source, tmp_path) as left, open_end(empty, tmp_path) as right:
        left.begin_reading()
        make = right.make_tables

        def with_rule() -> None:
            make()
            right.sql.execute(
                sa.text(
                    "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN NEW.reward := NEW.reward + 1; RETURN NEW; END $$"
                )
            )
            right.sql.execute(
                sa.text("CREATE TRIGGER spoil BEFORE INSERT ON rewards FOR EACH ROW EXECUTE FUNCTION spoil()")
            )

        right.make_tables = with_rule  # type: ignore[method-assign]
        with pytest.raises(CopyMismatchError, match="rewards: the row '1' has another reward"):
            copy_rows(left, right, Silent())
    with open_end(empty, tmp_path) as end:
        assert end.table_names() == frozenset()
    postgresql.drop(empty)


def test_nothing_is_written_over_without_being_told(tmp_path: Path, database_url: str) -> None:
    """A wrong URL would cost another installation."""
    source = new(tmp_path / "a")
    fill(source, tmp_path / "a")
    open_database(database_url).close()
    copied(source, database_url, tmp_path)  # a ledger that was only opened is empty
    with pytest.raises(LedgerError, match="is not empty: it has rows in"):
        copied(source, database_url, tmp_path)
    copied(source, database_url, tmp_path, replace=True)
    assert compared(source, database_url, tmp_path).differences == ()


def test_a_host_on_the_target_keeps_the_copy_out(tmp_path: Path, database_url: str) -> None:
    """It would go on with numbers and keys that are no longer there."""
    source = new(tmp_path / "a")
    open_database(database_url).close()
    lock = host_lock(database_url)
    assert lock is not None
    lock.acquire()
    with pytest.raises(LedgerError, match="already runs on"):
        copied(source, database_url, tmp_path)
    lock.release()
    copied(source, database_url, tmp_path)


_KILLED = """
import os, signal, sys
from pathlib import Path
from llmagent_os.storage.copying import copy_rows
from llmagent_os.storage.open_ends import open_end
class Killer:
    left = int(sys.argv[4])
    def begin(self, what, total): self.step()
    def advance(self, count): pass
    def end(self): self.step()
    def step(self):
        Killer.left -= 1
        if not Killer.left: os.kill(os.getpid(), signal.SIGKILL)
with open_end(sys.argv[1], Path(sys.argv[3])) as left, open_end(sys.argv[2], Path(sys.argv[3])) as right:
    left.begin_reading()
    copy_rows(left, right, Killer())
    right.commit()
"""


@pytest.mark.parametrize("step", [1, 20, 90, 130])
def test_a_copy_that_is_killed_leaves_the_target_as_it_was(tmp_path: Path, database_url: str, step: int) -> None:
    """A host would start on half a copy."""
    source = new(tmp_path / "a")
    fill(source, tmp_path / "a", 5)
    open_database(database_url).close()
    with open_end(database_url, tmp_path) as end:
        before = end.counts()
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, source, database_url, str(tmp_path), str(step)], check=False, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL
    with open_end(database_url, tmp_path) as end:
        assert end.counts() == before
    copied(source, database_url, tmp_path)
    assert compared(source, database_url, tmp_path).differences == ()


def test_a_server_that_goes_away_is_said_and_harms_nothing(
    tmp_path: Path, postgresql: Server, postgresql_url: str
) -> None:
    """The error must name the database, and the next try must work."""
    source = new(tmp_path)
    fill(source, tmp_path)

    class Cut(Silent):
        def begin(self, what: str, total: int) -> None:
            if what == "copying rewards":
                postgresql.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    f"WHERE datname = '{postgresql_url.rpartition('?')[0].rpartition('/')[2]}'"
                )

    with pytest.raises(LedgerError, match=r"^postgresql://"), open_end(source, tmp_path) as left:  # noqa: SIM117
        with open_end(postgresql_url, tmp_path) as right:
            left.begin_reading()
            copy_rows(left, right, Cut())
    copied(source, postgresql_url, tmp_path)


def test_who_may_make_no_tables_is_told_what_to_do(tmp_path: Path, postgresql: Server, postgresql_url: str) -> None:
    """A server's own words do not say it."""
    name = postgresql_url.rpartition("?")[0].rpartition("/")[2]
    postgresql.run("DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'x'")
    postgresql.run(
        "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC", database=name
    )
    with pytest.raises(LedgerError, match="make it the owner of the database, or GRANT CREATE"):
        copied(new(tmp_path), postgresql.url(name, user="reader", password="x"), tmp_path)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "nonsense", "postgresql://host"])
def test_a_wrong_url_is_a_mistake_of_whoever_wrote_it(tmp_path: Path, url: str) -> None:
    """And no traceback."""
    with pytest.raises(ConfigError), open_end(url, tmp_path):
        pass


def test_tables_of_another_program_are_left_alone(tmp_path: Path, postgresql: Server) -> None:
    """A database is often shared by several programs."""
    url = postgresql.new_database("template0")
    name = url.rpartition("?")[0].rpartition("/")[2]
    postgresql.run("CREATE TABLE theirs (a integer)", database=name)
    with pytest.raises(LedgerError, match="holds tables that are not this program's, such as theirs"):
        copied(new(tmp_path), url, tmp_path, replace=True)
    postgresql.drop(url)
