"""What breaks without this: a file of the user's is overwritten, others can read it, or an error names no remedy."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llmagent_os.errors import LedgerError, LLMAgentOSError
from llmagent_os.ledger import Ledger, sqlite_database
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.sqlite_database import connect
from tests.unit.ledger.samples import execute, message


async def test_closed_is_closed(ledger: Ledger) -> None:
    """A message would be taken that is stored nowhere."""
    await ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        await ledger.accept(message("1"), max_pending=9)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ledger.db", "sqlite:///"),
        ("mysql://db/ledger", "PostgreSQL"),
        ("sqlite:////proc/no/ledger.db", "/proc/no/ledger.db"),
    ],
)
async def test_a_wrong_url_is_named_with_what_to_write(url: str, says: str) -> None:
    """Whoever sets the bot up would not know what to write instead."""
    with pytest.raises(LLMAgentOSError, match=says):
        await Ledger.open(url)


async def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    """A mistyped path would cost the user a photo."""
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"\xff\xd8\xff" * 1000)
    with pytest.raises(LedgerError, match=r"holiday\.jpg"):
        await Ledger.open(f"sqlite:///{path}")
    assert path.read_bytes() == b"\xff\xd8\xff" * 1000


async def test_a_ledger_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """An older version would write rows that the newer one cannot read."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    await (await Ledger.open(url)).close()
    execute(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="upgrade llmagent-os"):
        await Ledger.open(url)


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    """Every account of the machine could read what people say to the bot."""
    connect(tmp_path / "ledger.db", "FULL").close()
    assert (tmp_path / "ledger.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("opened", "level"), [("NORMAL", 1), ("FULL", 2), ("EXTRA", 3)])
def test_commits_wait_for_the_disk_only_where_they_have_to(tmp_path: Path, opened: str, level: int) -> None:
    """An accepted message would not survive a power cut, or every reply would wait for the disk once more."""
    database = connect(tmp_path / "ledger.db", opened)

    def synchronous() -> object:
        return database.execute("PRAGMA synchronous").fetchone()[0]

    assert synchronous() == level
    database.wait_for_disk(False)
    assert synchronous() == 1
    database.wait_for_disk(True)
    assert synchronous() == level
    database.close()


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite calls it an I/O error where it cannot make the files beside the ledger."""

    def full(_path: Path, _synchronous: str) -> Database:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr(sqlite_database, "_connect", full)
    with pytest.raises(LedgerError, match=r"disk I/O error$"):
        connect(tmp_path / "ledger.db", "FULL")
    monkeypatch.setattr(sqlite_database, "LEAST_FREE_BYTES", 2**62)
    with pytest.raises(LedgerError, match="The disk is full: free some space where"):
        connect(tmp_path / "ledger.db", "FULL")
