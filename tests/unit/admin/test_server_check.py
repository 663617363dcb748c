"""What breaks without this: commands of an installation with its ledger on a server fail, or see nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from llmagent_os.adapter import Reply
from llmagent_os.admin import dead_letters_command, hosts_command, profile_command
from llmagent_os.admin.damage_check import check_damage
from llmagent_os.admin.doctor import _ledger, examine  # pyright: ignore[reportPrivateUsage]
from llmagent_os.admin.findings import Finding
from llmagent_os.admin.security_audit import check_admins
from llmagent_os.admin.waiting_check import check_waiting
from llmagent_os.config import Settings
from llmagent_os.errors import LedgerError
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import is_made
from llmagent_os.ledger.schema import REVISION
from tests.postgresql_server import Server
from tests.unit.ledger.samples import interaction, message

SAID = message("1", user="ana", text="zeppelin")


@pytest.fixture
def settings(tmp_path: Path, postgresql_url: str) -> Settings:
    return Settings.load(env_file=None, data=tmp_path / "data", database_url=postgresql_url)


def texts(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.state, finding.text) for finding in findings]


async def looked(settings: Settings) -> list[tuple[str, str]]:
    return texts(await asyncio.to_thread(lambda: list(_ledger(settings))))


async def test_the_doctor_says_how_the_server_and_the_tables_are(settings: Settings, postgresql: Server) -> None:
    ((state, text), letters) = await looked(settings)
    assert (state, letters) == ("ok", ("ok", "none"))
    assert "PostgreSQL 16" in text and text.endswith(f"at revision {REVISION}")
    empty = settings.model_copy(update={"database_url": settings.chat_ledger_url})
    ((state, text),) = await looked(empty)
    assert state == "ok" and "will be created" in text
    wrong = settings.model_copy(update={"database_url": postgresql.url("nowhere", user="nobody", password="pa55")})
    ((state, text),) = await looked(wrong)
    assert state == "problem" and "check the user and the password" in text and "pa55" not in text


async def test_the_doctor_lists_what_was_given_up_what_waits_and_what_is_damaged(settings: Settings) -> None:
    ledger = await Ledger.open(settings.ledger_url)
    await ledger.accept(SAID, max_pending=9)
    await ledger.bury(SAID, "the model crashed")
    await ledger.close()
    with psycopg.connect(settings.ledger_url, autocommit=True) as database:
        database.execute("INSERT INTO held (user_id, body, at) VALUES ('web::ana', '{}', 1)")
        database.execute(
            "INSERT INTO damaged (\"table\", key, user_id, why, found_at) VALUES ('records', 'k', '', 'torn', 1)"
        )
    assert any("the model crashed" in text for _, text in await looked(settings))
    (waiting,) = await asyncio.to_thread(lambda: list(check_waiting(settings)))
    assert waiting.state == "problem" and "1 messages are answered later" in waiting.text
    damage = texts([finding async for finding in check_damage(settings) if finding.section == "damage"])
    assert [text.partition("records")[2] for _, text in damage] == [" k: torn (found 1970-01-01 00:00:01 UTC)"]
    assert "Put back: 1" in await dead_letters_command.run_again(settings, (), every=True)


async def test_a_person_is_exported_and_forgotten_from_the_command_line(settings: Settings) -> None:
    ledger = await Ledger.open(settings.ledger_url)
    await ledger.accept(SAID, max_pending=9)
    await ledger.prepare(SAID, Reply("hi"), interaction(SAID))
    await ledger.finish(SAID, None)
    await ledger.close()
    archive = settings.data.parent / "ana.zip"
    await profile_command.export_archive(settings, "web::ana", archive)
    assert b"zeppelin" in await asyncio.to_thread(_unpacked, archive)
    await profile_command.forget(settings, "web::ana")
    after = await Ledger.open(settings.ledger_url)
    assert await after.latest_replies(9) == []
    await after.close()
    assert not await asyncio.to_thread(is_made, settings.chat_ledger_url), "it was only looked for"
    assert await check_admins(settings) != []


def _unpacked(archive: Path) -> bytes:
    from zipfile import ZipFile

    with ZipFile(archive) as file:
        return b"".join(file.read(name) for name in file.namelist())


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A port that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def taken(server: socket.socket) -> int:
    """How many connections a server was asked for."""
    server.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


async def test_a_server_that_says_nothing_is_asked_once_and_all_else_is_checked(
    silent: socket.socket, tmp_path: Path
) -> None:
    """Each check would wait for it again, and the last one would end the command without any finding."""
    url = f"postgres://u:p@127.0.0.1:{silent.getsockname()[1]}/x?connect_timeout=2"
    settings = Settings.load(env_file=None, data=tmp_path / "data", database_url=url)
    findings = await examine(lambda: settings, "calendar", env_file=None)
    (problem,) = (finding for finding in findings if finding.section == "ledger")
    assert "postgresql://u:***@127.0.0.1" in problem.text and "check that the server runs" in problem.text
    assert {"plugins", "adapters"} <= {finding.section for finding in findings}
    assert taken(silent) == 1
    with pytest.raises(LedgerError, match="check that the server runs"):
        await hosts_command.listing(settings)
    assert taken(silent) == 1
