"""What breaks without this: an upgrade cannot open the ledger of the version before, or loses what is in it."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from llmagent_os.adapter import Reply
from llmagent_os.errors import LedgerError
from llmagent_os.identity import Identity
from llmagent_os.ledger import CompletionRecord, Ledger
from llmagent_os.ledger.host_lock import FileLock
from llmagent_os.ledger.migrate import config, upgrade
from llmagent_os.ledger.schema import REVISION, metadata
from llmagent_os.ledger.sqlite_database import connect
from tests.unit.ledger.samples import SIX, completions, execute, interaction, message, moved, reminder_request


def test_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    """Else a fresh install works and an upgraded one does not, or the other way round."""
    assert ScriptDirectory.from_config(config()).get_heads() == [REVISION]
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.begin() as migrated:
        upgrade(migrated, tmp_path / "migrated.db")
        assert compare_metadata(MigrationContext.configure(migrated), metadata) == []
    database = connect(tmp_path / "ledger.db", "FULL")
    database.close()
    assert parts(tmp_path / "ledger.db") == parts(tmp_path / "migrated.db"), "a new file skips the migrations"
    engine.dispose()


def parts(path: Path) -> dict[str, object]:
    """By name, what each table is made of, and the words of each trigger and index."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        found: dict[str, object] = {}
        for kind, name, sql in database.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
            columns = database.execute(
                f"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{name}')"
            ).fetchall()
            counts = "AUTOINCREMENT" in str(sql), "WITHOUT ROWID" in str(sql), "CHECK" in str(sql)
            found[name] = (sorted(columns), counts) if kind == "table" else " ".join(str(sql).split())
        return found


def test_alembic_costs_nothing_at_a_start_that_needs_no_migration(tmp_path: Path) -> None:
    """Every start would take longer and need more memory."""
    connect(tmp_path / "ledger.db", "FULL").close()
    program = f"""
import asyncio, sys
from llmagent_os.ledger import Ledger
async def main():
    await (await Ledger.open("sqlite:///{tmp_path}/ledger.db")).close()
asyncio.run(main())
print([name for name in ("alembic", "torch", "prometheus_client", "aiohttp") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def at_revision(folder: Path, revision: str) -> None:
    """Make a ledger as the code of ``revision`` made it, or take the ledger that is there back to that revision."""
    settings = config()
    database = connect(folder / "ledger.db", "FULL")
    with database.sql.begin():
        settings.attributes["connection"] = database.sql
        command.downgrade(settings, revision)
    database.close()


def test_a_ledger_that_an_older_host_runs_on_is_not_changed(tmp_path: Path) -> None:
    """A command of the new version, such as ``people approve``, would make every later message fail there."""
    at_revision(tmp_path, "0004")
    lock = FileLock(tmp_path / "ledger.db")
    lock.acquire()
    with pytest.raises(LedgerError, match="already runs on this ledger"):
        connect(tmp_path / "ledger.db", "FULL")
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0004",)]
    lock.release()
    connect(tmp_path / "ledger.db", "FULL").close()
    lock.acquire()  # whoever migrated the file does not keep it
    lock.release()


#: Interactions of revision 0004. By id: context, prompt, completion, token ids, log-probabilities, LoRA and model.
OLD = {
    "sent": ('{"reply": "hi"}', "<|user|>hello", "hi", "[5, 6]", "[-0.5, -0.25]", "ana@1", "tiny"),
    "from a server": ('{"reply": "hi"}', "", "hi\n", "[]", "[]", "base", "gpt"),
    "replaced": ('{"reply": "Written."}', "<|user|>hello", "hi", "[]", "[]", "base", "tiny"),
    "a failed tool": ("{}", "<|user|>hello", "", "[]", "[]", "base", "tiny"),
    "damaged": ("{", "<|user|>hello", "hi", "[]", "[]", "base", "tiny"),
    "a command": ('{"reply": "Help."}', "", "", "[]", "[]", "", ""),
}


def insert_old(folder: Path) -> None:
    columns = (
        *("interaction_id", "context", "prompt", "completion", "token_ids", "behavior_logprobs", "adapter_version"),
        *("model", "event_id", "episode_id", "turn_index", "user_id", "conversation_key", "action", "action_dist"),
        *("pscore", "policy_version", "tool_calls", "said", "created_at"),
    )
    rest = ("e", "ep", 0, "u", "c", "{}", "{}", 0.5, "p", "[]", "hello", 0.0)
    marks = ", ".join("?" * len(columns))
    with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as database, database:
        rows = [(interaction_id, *values, *rest) for interaction_id, values in OLD.items()]
        database.executemany(f"INSERT INTO interactions ({', '.join(columns)}) VALUES ({marks})", rows)


async def test_completions_of_a_ledger_from_before_them_are_moved_and_read_as_what_they_are(tmp_path: Path) -> None:
    """An upgrade would lose what models wrote, or training would take it for more than it is."""
    at_revision(tmp_path, "0004")
    insert_old(tmp_path)
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    found = {key: await ledger.completions_of(key) for key in OLD}
    (sent,) = found["sent"]
    assert sent == CompletionRecord(
        prompt="<|user|>hello",
        prompt_token_ids=None,
        completion="hi",
        token_ids=(5, 6),
        behavior_logprobs=(-0.5, -0.25),
        temperature=None,
        constraint=None,
        model="tiny",
        lora_version="ana@1",
        messages=None,
        tools=None,
        masked=False,
        sent=True,
    )
    assert sent.sampled is None
    assert {key: [(each.sent, each.masked) for each in written] for key, written in found.items()} == {
        "sent": [(True, False)],
        "from a server": [(True, None)],
        "replaced": [(False, None)],
        "a failed tool": [(False, None)],
        "damaged": [(False, None)],
        "a command": [],
    }
    turns = [each.interaction for each in await ledger.replies_after(0, 9)]
    assert [turn and (turn.completion, turn.lora_version, turn.model) for turn in turns] == [
        ("hi", "ana@1", "tiny"),
        ("hi\n", "base", "gpt"),
        ("hi", "base", "tiny"),
        ("", "base", "tiny"),
        None,
        ("", "", ""),
    ]
    await ledger.close()


async def test_the_move_of_completions_can_be_undone(tmp_path: Path) -> None:
    """Whoever has to go back to the version before must not lose what it kept."""
    at_revision(tmp_path, "0004")
    insert_old(tmp_path)
    connect(tmp_path / "ledger.db", "FULL").close()
    at_revision(tmp_path, "0004")
    columns = "context, prompt, completion, token_ids, behavior_logprobs, adapter_version, model"
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        rows = database.execute(f"SELECT interaction_id, {columns} FROM interactions ORDER BY seq").fetchall()
    assert {row[0]: row[1:] for row in rows} == OLD


async def test_completions_from_before_their_messages_are_kept(tmp_path: Path) -> None:
    """An upgrade would lose what models wrote, or training would take their chats for empty ones."""
    file = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(file)
    event = message("1")
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("hi"), interaction(event))
    await ledger.close()
    at_revision(tmp_path, "0010")
    ledger = await Ledger.open(file)
    first, last = completions()
    assert await ledger.completions_of("web:1") == tuple(
        msgspec.structs.replace(each, messages=None, tools=None) for each in (first, last)
    )
    assert await ledger.tool_set(first.tools or "") is None
    await ledger.close()


async def test_a_ledger_from_before_timers_is_brought_up_to_date(tmp_path: Path) -> None:
    """And keeps what it holds."""
    at_revision(tmp_path, "0001")
    execute(tmp_path, "INSERT INTO records (user_id, plugin, key, body) VALUES ('u', 'calendar', 'e', '{}')")
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    assert await ledger.records("calendar", Identity("u")).get("e") == {}
    await ledger.timers("calendar", reminder_request()).set("a", SIX)
    assert len(await moved(ledger, SIX)) == 1
    await ledger.close()
