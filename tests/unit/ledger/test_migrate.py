"""What breaks without this: an upgrade cannot open the ledger of the version before, or loses what is in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import connect
from llmagent_os.ledger.migrate import config
from llmagent_os.ledger.schema import REVISION, metadata
from tests.unit.ledger.samples import SIX, execute, moved, reminder_request


def test_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    """Else a fresh install works and an upgraded one does not, or the other way round."""
    assert ScriptDirectory.from_config(config()).get_heads() == [REVISION]
    database = connect(tmp_path / "ledger.db", "FULL")
    assert compare_metadata(MigrationContext.configure(database.sql), metadata) == []
    database.close()


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


async def test_a_ledger_from_before_timers_is_brought_up_to_date(tmp_path: Path) -> None:
    """And keeps what it holds."""
    settings = config()
    database = connect(tmp_path / "ledger.db", "FULL")
    with database.sql.begin():
        settings.attributes["connection"] = database.sql
        command.downgrade(settings, "0001")
    database.close()
    execute(tmp_path, "INSERT INTO records (user_id, plugin, key, body) VALUES ('u', 'calendar', 'e', '{}')")
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    assert await ledger.records("calendar", Identity("u")).get("e") == {}
    await ledger.timers("calendar", reminder_request()).set("a", SIX)
    assert len(await moved(ledger, SIX)) == 1
    await ledger.close()
