"""What breaks without this: a bot with its ledger on a server starts wrongly, or keeps what people sent otherwise."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psycopg
import pytest
import sqlalchemy as sa
from alembic import command

from llmagent_os.adapter import Reply
from llmagent_os.admin import db_command
from llmagent_os.config import Settings
from llmagent_os.errors import BadEventError, LedgerError
from llmagent_os.ledger import Accepted, Ledger, erasure, postgresql_compaction, postgresql_database
from llmagent_os.ledger.connection import host_lock, is_made, open_database
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.location import with_schema
from llmagent_os.ledger.membership import HostCard
from llmagent_os.ledger.migrate import config
from llmagent_os.ledger.postgresql_server import lock_number, make_engine
from llmagent_os.ledger.schema import REVISION, metadata
from llmagent_os.storage.migration_steps import step_back
from llmagent_os.storage.open_ends import open_end
from tests.postgresql_server import Server
from tests.unit.ledger.samples import interaction, message, reward, without_completions

SECRET = "pa55-word"


@pytest.fixture
async def ledger(postgresql_url: str) -> AsyncIterator[Ledger]:
    found = await Ledger.open(postgresql_url)
    yield found
    await found.close()


def take_back(url: str, revision: str) -> None:
    """Run every migration's way back, from the newest to the one after ``revision``."""
    engine = make_engine(url)
    with engine.begin() as connection:
        settings = config()
        settings.attributes["connection"] = connection
        command.downgrade(settings, revision)
    engine.dispose()


def run(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Run SQL; returns the rows of the last statement."""
    rows: list[tuple[object, ...]] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
            rows = cursor.fetchall() if cursor.description else []
    return rows


# ── starting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def own_schema(postgresql: Server, url: str, role: str) -> str:
    """The URL of ``role``, which is made anew, for a schema of its own in the database of ``url``."""
    run(url, f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'", f"CREATE SCHEMA {role} AUTHORIZATION {role}")
    name = str(sa.make_url(url).database)
    return with_schema(postgresql.url(name, user=role, password=SECRET), role)


async def test_work_that_counts_has_not_failed_where_the_role_may_not_wait_for_the_disk(
    postgresql: Server, postgresql_url: str
) -> None:
    """It would be run again, or a message that is answered would be called lost."""
    url = own_schema(postgresql, postgresql_url, "waiter")
    functions = run(postgresql_url, "SELECT oid::regprocedure FROM pg_proc WHERE proname = 'pg_logical_emit_message'")
    run(postgresql_url, *(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC" for (name,) in functions))
    ledger, calls = await Ledger.open(url), list[str]()

    def work(database: Database) -> str:
        calls.append(database.sql.execute(sa.text("SHOW synchronous_commit")).scalar_one())
        return "done"

    assert await ledger._writer.run(work) == "done"  # pyright: ignore[reportPrivateUsage]
    assert calls == ["on"], "the disk is waited for by the commit itself"
    event = message("1")
    assert await ledger.accept(event, max_pending=9) is Accepted.NEW
    await ledger.close()


async def test_a_right_that_is_taken_away_while_a_host_runs(postgresql: Server, postgresql_url: str) -> None:
    url = own_schema(postgresql, postgresql_url, "late_waiter")
    ledger, calls = await Ledger.open(url), list[int]()
    functions = run(postgresql_url, "SELECT oid::regprocedure FROM pg_proc WHERE proname = 'pg_logical_emit_message'")
    run(postgresql_url, *(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC" for (name,) in functions))

    def note(_: Database) -> None:
        calls.append(len(calls))

    for _ in range(2):
        await ledger._writer.run(note)  # pyright: ignore[reportPrivateUsage]
    assert calls == [0, 1]
    await ledger.close()


async def test_a_url_with_two_servers_lets_a_host_join(postgresql_url: str) -> None:
    url = postgresql_url + "&host=" + str(sa.make_url(postgresql_url).query["host"])
    ledger = await Ledger.open(url, host=HostCard(name="one"))
    await ledger.claim(("web",))
    assert ledger.membership.report()["alive"] == 1
    await ledger.close()


async def test_a_wrong_start_says_what_to_check_and_shows_no_password(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_database, "START_SECONDS", 0.0)
    postgresql.run(f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    wrong = {
        postgresql.url(user="guest", password=f"{SECRET}-no"): "check the user and the password",
        postgresql.url("no_such_database", user="guest", password=SECRET): "create the database first",
        postgresql.url(user="guest", password=SECRET): "GRANT CREATE",
        f"postgresql://guest:{SECRET}@/x?host=/nowhere&connect_timeout=1": "check that the server runs",
    }
    for url, says in wrong.items():
        with pytest.raises(LedgerError, match=says) as caught:
            await Ledger.open(url)
        assert SECRET not in str(caught.value)
        assert SECRET not in repr(caught.value.__cause__)


async def test_two_hosts_that_start_at_the_same_moment_make_the_tables_once(postgresql: Server) -> None:
    url = postgresql.new_database("template1")
    barrier = threading.Barrier(2)

    def opened() -> None:
        barrier.wait()
        open_database(url).close()

    await asyncio.gather(asyncio.to_thread(opened), asyncio.to_thread(opened))
    assert run(url, "SELECT version_num FROM alembic_version") == [(REVISION,)]
    postgresql.drop(url)


async def test_a_newer_ledger_is_refused_and_stays_as_it_is(postgresql_url: str) -> None:
    run(postgresql_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="upgrade llmagent-os"):
        await Ledger.open(postgresql_url)
    assert run(postgresql_url, "SELECT version_num FROM alembic_version") == [("9999",)]


def columns(url: str) -> list[tuple[object, ...]]:
    return run(
        url,
        "SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY 1, 2",
    )


async def test_an_older_ledger_is_migrated_to_the_same_tables(postgresql_url: str) -> None:
    before = columns(postgresql_url)
    await asyncio.to_thread(take_back, postgresql_url, "0026")
    await (await Ledger.open(postgresql_url)).close()
    assert columns(postgresql_url) == before


def test_text_is_sorted_by_its_bytes_and_numbers_have_eight(postgresql_url: str) -> None:
    """Else paging by text ends early, and a big number is refused on this database alone."""
    kinds = {(kind, collation) for _, _, kind, _, collation in columns(postgresql_url) if kind in ("text", "integer")}
    assert kinds == {("text", "C")}
    assert len(columns(postgresql_url)) == sum(len(table.c) for table in metadata.tables.values()) + 1


async def test_another_schema_of_the_same_database_is_another_ledger(postgresql_url: str, ledger: Ledger) -> None:
    """``llmagent-os chat`` would answer what the bot was asked."""
    url = with_schema(postgresql_url, 'cha"t')
    assert not await asyncio.to_thread(is_made, url)
    other = await Ledger.open(url)
    assert await asyncio.to_thread(is_made, url)
    await ledger.claim()
    await other.claim()
    await ledger.accept(message("1"), max_pending=9)
    assert await other.unfinished() == []
    assert await other.tag() != await ledger.tag()
    await other.close()


async def test_whoever_must_be_alone_is_refused_until_the_last_host_has_gone(
    postgresql_url: str, ledger: Ledger
) -> None:
    """``llmagent-os db restore`` would take the tables away from a host that answers."""
    second, lock = await Ledger.open(postgresql_url, host=HostCard(name="other-host")), host_lock(postgresql_url)
    assert lock is not None
    await ledger.claim()
    await second.claim()
    with pytest.raises(LedgerError, match=r"already runs on the ledger .*other-host \(.*Stop all hosts"):
        await asyncio.to_thread(lock.acquire)
    await ledger.leave()
    assert await asyncio.to_thread(lock.is_held)
    with pytest.raises(LedgerError, match="already runs"):
        await asyncio.to_thread(lock.acquire)
    await second.close()
    assert not await asyncio.to_thread(lock.is_held)
    await asyncio.to_thread(lock.acquire)
    third = await Ledger.open(postgresql_url, host=HostCard(lease_seconds=1.0))
    with pytest.raises(LedgerError, match="a command that must be alone on the ledger runs"):
        await third.claim()
    await third.close()
    await asyncio.to_thread(lock.release)
    await ledger.claim()


async def test_a_host_that_is_cut_off_still_keeps_out_whoever_must_be_alone(
    postgresql_url: str, ledger: Ledger
) -> None:
    """It may be sending a reply that it has to note: its lock is gone, but not its time."""
    await ledger.claim()
    lock = host_lock(postgresql_url)
    assert lock is not None
    number = "pid <> pg_backend_pid() AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
    assert run(postgresql_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {number}") != []
    with pytest.raises(LedgerError, match="already runs"):
        await asyncio.to_thread(lock.acquire)
    assert await asyncio.to_thread(lock.is_held)


async def test_an_older_ledger_is_not_changed_while_a_host_runs_on_it(postgresql_url: str, ledger: Ledger) -> None:
    """The host would fail at its next message."""
    await ledger.claim()
    run(postgresql_url, "UPDATE alembic_version SET version_num = '0031'")
    with pytest.raises(LedgerError, match="already runs"):
        await Ledger.open(postgresql_url)
    assert run(postgresql_url, "SELECT version_num FROM alembic_version") == [("0031",)]


# ── what people send ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["a\x00b", "\x00", "\x1a0\x1a1\x00\x1a", "x" * 2**20, "\ud83d\ude00 é", "'; DROP--%s"])
async def test_any_text_comes_back_as_it_was_sent(ledger: Ledger, text: str) -> None:
    """PostgreSQL's text has no U+0000. Whoever sends one would stop the bot, or be answered to something else."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    said = message(f"id {text[:99]}", text=text, user=f"u{text[:99]}")
    assert await ledger.accept(said, max_pending=9) is Accepted.NEW
    assert await ledger.accept(said, max_pending=9) is Accepted.DUPLICATE
    assert [each.event for each in await ledger.unfinished()] == [said]
    kept = interaction(said, text)
    await ledger.prepare(said, Reply(text), kept)
    assert await ledger.history(kept.conversation_key, kept.user_id, 9) == [without_completions(kept)]


async def test_texts_that_differ_stay_different(ledger: Ledger) -> None:
    for text in ("a\x00", "a", "a\x1a0", "a\x1a"):
        assert await ledger.accept(message("1", platform=text), max_pending=9) is Accepted.NEW


async def test_what_cannot_be_stored_fails_alone(ledger: Ledger) -> None:
    with pytest.raises(BadEventError):
        await ledger.accept(message("1", text="\ud800"), max_pending=9)
    said = message("2")
    await ledger.accept(said, max_pending=9)
    kept = msgspec.structs.replace(interaction(said), turn_index=2**70)
    beside = asyncio.create_task(ledger.accept(message("3"), max_pending=9))
    with pytest.raises(LedgerError, match="out of range"):
        await ledger.prepare(said, None, kept)
    assert await beside is Accepted.NEW


def until_one_waits(url: str) -> None:
    """Until somebody waits for a turn."""
    while not run(url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        time.sleep(0.01)


# ── turns ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_host_writes_when_it_is_its_turn_and_reads_at_any_time(ledger: Ledger, postgresql_url: str) -> None:
    """Rows of two hosts would be committed in another order than their numbers, and readers miss some."""
    await ledger.accept(message("1"), max_pending=9)
    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number("turn", "public"),))
        assert not await ledger.is_reply("web", "c", "m")
        assert await ledger.was_accepted("web", "1")
        writing = asyncio.create_task(ledger.add_reward(reward("r", "i")))
        await asyncio.to_thread(until_one_waits, postgresql_url)
        assert not writing.done()
        other.commit()
        assert await writing


async def test_rows_of_two_ledgers_are_seen_in_the_order_of_their_numbers(postgresql_url: str) -> None:
    """What policies learned would lack the rows that appeared behind their cursor."""
    one, two, reader = [await Ledger.open(postgresql_url) for _ in range(3)]

    async def write(ledger: Ledger, name: str) -> None:
        for number in range(60):
            await ledger.add_reward(reward(f"{name}{number}", "i"))

    writing = asyncio.gather(write(one, "a"), write(two, "b"))
    seen: list[int] = []
    while len(seen) < 120:
        ended = writing.done()
        page = await reader.rewards_after(seen[-1] if seen else 0, 7)
        seen += [row.seq for row in page]
        assert page or not ended, "a row appeared behind the cursor"
    await writing
    assert len(set(seen)) == 120
    for ledger in (one, two, reader):
        await ledger.close()


async def test_a_note_of_a_damaged_row_is_written_by_a_read(ledger: Ledger, postgresql_url: str) -> None:
    said = message("1")
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, None, interaction(said))
    run(postgresql_url, "UPDATE interactions SET context = 'no json'")
    assert await ledger.latest_replies(9) != []
    assert await ledger.history(said.conversation.key, interaction(said).user_id, 9) == []
    assert run(postgresql_url, 'SELECT "table" FROM damaged') == [("interactions",)]


async def test_an_error_shows_no_values_of_rows(ledger: Ledger) -> None:
    """PostgreSQL tells the whole row that it refuses, and logs keep that."""
    bad = sa.insert(metadata.tables["keys"]).values(name="zeppelin", value=None)
    with pytest.raises(LedgerError, match="null value in column") as caught:
        await ledger._writer.run(lambda database: database.sql.execute(bad))  # pyright: ignore[reportPrivateUsage]
    assert "zeppelin" not in "".join(traceback.format_exception(caught.value))


# ── audit and erasure ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE audit SET detail = 'x'",
        "UPDATE audit SET at = 1",
        "UPDATE audit SET actor = 'web::bo'",
    ],
)
def test_the_audit_log_is_only_added_to(postgresql_url: str, statement: str) -> None:
    row = "(at, actor, role, action, subject, detail) VALUES (1.5, 'web::ana', 'owner', 'approve', 'web::u', 'why')"
    run(postgresql_url, f"INSERT INTO audit {row}")
    with pytest.raises(psycopg.Error, match="only added to"):
        run(postgresql_url, statement)
    run(postgresql_url, "UPDATE audit SET actor = '~pseudonym', subject = '~other'")


async def test_what_was_erased_is_in_no_table_of_the_server(
    ledger: Ledger, postgresql_url: str, postgresql: Server
) -> None:
    said = message("1", user="ana", text="zeppelin")
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, Reply(said.text), interaction(said, said.text))
    await ledger.finish(said, None)
    run(postgresql_url, "CHECKPOINT")
    assert b"zeppelin" in tables(postgresql, postgresql_url)
    await ledger.forget(interaction(said).user_id)
    await asyncio.to_thread(until_wiped, postgresql_url)
    run(postgresql_url, "CHECKPOINT")
    assert b"zeppelin" not in tables(postgresql, postgresql_url)


async def test_what_another_program_still_sees_is_erased_as_soon_as_it_does_not(
    ledger: Ledger, postgresql_url: str, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL keeps a deleted row for every older transaction, also when it writes the table anew."""
    monkeypatch.setattr(erasure, "WIPE_PAUSE_SECONDS", 0.01)
    said = message("1", user="ana", text="zeppelin")
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, None, interaction(said))
    with psycopg.connect(postgresql_url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        await ledger.forget(interaction(said).user_id)
        run(postgresql_url, "CHECKPOINT")
        assert b"zeppelin" in tables(postgresql, postgresql_url)
        assert run(postgresql_url, "SELECT 1 FROM keys WHERE name = 'wipe due'")
    await asyncio.to_thread(until_wiped, postgresql_url)
    run(postgresql_url, "CHECKPOINT")
    assert b"zeppelin" not in tables(postgresql, postgresql_url)


async def test_the_ledger_goes_on_while_a_backup_sees_what_was_erased(
    ledger: Ledger, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``pg_dump`` holds a lock on every table: whoever waits for a stronger one holds up all that come later."""
    monkeypatch.setattr(erasure, "WIPE_PAUSE_SECONDS", 0.01)
    said = message("1", user="ana", text="zeppelin")
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, None, interaction(said))
    async with asyncio.timeout(60):
        with psycopg.connect(postgresql_url) as dump:
            dump.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for table in metadata.sorted_tables:
                dump.execute(f'LOCK TABLE "{table.name}" IN ACCESS SHARE MODE'.encode())
            await ledger.forget(interaction(said).user_id)
            assert await ledger.accept(message("2"), max_pending=9) is Accepted.NEW
            assert run(postgresql_url, "SELECT 1 FROM keys WHERE name = 'wipe due'")
            waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"
            assert run(postgresql_url, waits) == []
        await asyncio.to_thread(until_wiped, postgresql_url)


async def test_a_table_that_another_program_has_locked_is_written_anew_later(
    ledger: Ledger, postgresql_url: str, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "WIPE_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(postgresql_compaction, "LOCK_MILLISECONDS", 100)
    said = message("1", user="ana", text="zeppelin")
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, None, interaction(said))
    async with asyncio.timeout(60):
        with psycopg.connect(postgresql_url) as other:
            other.execute("LOCK TABLE inbox IN ACCESS SHARE MODE")
            await ledger.forget(interaction(said).user_id)
            assert await ledger.accept(message("2"), max_pending=9) is Accepted.NEW
            assert run(postgresql_url, "SELECT 1 FROM keys WHERE name = 'wipe due'")
        await asyncio.to_thread(until_wiped, postgresql_url)
    run(postgresql_url, "CHECKPOINT")
    assert b"zeppelin" not in tables(postgresql, postgresql_url)


def test_a_role_without_rights_sees_that_another_ones_transaction_is_older(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as other, psycopg.connect(postgresql_url, autocommit=True) as connection:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        connection.execute("CREATE ROLE plain; SET ROLE plain")
        try:
            with pytest.raises(LedgerError, match="older transaction"):
                postgresql_compaction.wait_for_older(connection, threading.Event())
            other.rollback()
            postgresql_compaction.wait_for_older(connection, threading.Event())
        finally:
            connection.execute("RESET ROLE; DROP ROLE plain")


def until_wiped(url: str) -> None:
    while run(url, "SELECT 1 FROM keys WHERE name = 'wipe due'"):
        time.sleep(0.02)


def tables(server: Server, url: str) -> bytes:
    """All that the files of a database hold."""
    name = sa.make_url(url).database
    ((number,),) = run(url, f"SELECT oid::int FROM pg_database WHERE datname = '{name}'")
    folder = Path(server.folder) / "data" / "base" / str(number)
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize("known_by", ["its row", "its lock"])
def test_tables_are_not_migrated_under_hosts_of_another_version(
    postgresql_url: str, tmp_path: Path, known_by: str
) -> None:
    """What such a host writes next fits the tables no more."""
    with open_end(postgresql_url, tmp_path) as end:
        before = step_back(end)
    with psycopg.connect(postgresql_url, autocommit=True) as old:
        if known_by == "its lock":
            old.execute("SELECT pg_advisory_lock_shared(%s)", (lock_number("host", "public"),))
        else:
            old.execute(
                "INSERT INTO hosts (name, process, platforms, version, started_at, alive_until, stopping, waiting) "
                "VALUES ('old', 'p', 'web', '0.0.1', 0, extract(epoch from now()) + 600, false, 0)"
            )
        words = (
            r"a host already runs .*: old \(p\)\. Stop all"
            if known_by == "its row"
            else "a host, .* already runs .*: stop"
        )
        settings = Settings.load(env_file=None, data=tmp_path, database_url=postgresql_url)
        for start in (lambda: open_database(postgresql_url).close(), lambda: db_command.upgrade(settings)):
            with pytest.raises(LedgerError, match=words):
                start()
        assert run(postgresql_url, "SELECT version_num FROM alembic_version") == [(before,)]
        old.execute("UPDATE hosts SET alive_until = 0")  # it has died
    assert REVISION in db_command.upgrade(settings)
    assert run(postgresql_url, "SELECT version_num FROM alembic_version") == [(REVISION,)]
