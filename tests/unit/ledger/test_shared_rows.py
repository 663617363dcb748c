"""The tables that several hosts share. What breaks without this: words of people in a log, and a person with a long
name whose profile can neither be changed nor erased.
"""

from __future__ import annotations

import traceback
from functools import partial
from pathlib import Path

import psycopg
import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.announcements import PROFILES, Announcements
from llmagent_os.ledger.shared_rows import CHANNEL
from llmagent_os.ledger.shared_tables import web_transcript
from llmagent_os.storage.open_ends import open_end
from tests.shared_rows import opened_rows

WORDS = "said in confidence"
ROW = {"id": "c1", "person": "ana", "title": WORDS, "created_at": "", "last_seq": 0}


@pytest.fixture
def refusing(postgresql_url: str, request: pytest.FixtureRequest) -> str:
    """A database that refuses the row, and quotes it."""
    opened_rows(postgresql_url, request)
    with psycopg.connect(postgresql_url) as database:
        database.execute("ALTER TABLE web_conversations ADD CONSTRAINT short CHECK (length(title) < 5)")
    return postgresql_url


def test_a_refused_row_is_not_in_the_traceback(refusing: str, request: pytest.FixtureRequest) -> None:
    rows = opened_rows(refusing, request)
    with pytest.raises(LedgerError, match="violates check constraint") as caught:
        rows.run(lambda db: db.execute(web_transcript.conversations.insert().values(ROW)))
    assert WORDS not in "".join(traceback.format_exception(caught.value))


def test_a_command_that_is_refused_a_row_does_not_show_it(refusing: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="violates check constraint") as caught, open_end(refusing, tmp_path) as end:
        end.sql.execute(web_transcript.conversations.insert().values(ROW))
    assert WORDS not in "".join(traceback.format_exception(caught.value))


def test_what_has_a_long_name_is_announced_by_its_kind(postgresql_url: str, request: pytest.FixtureRequest) -> None:
    rows = opened_rows(postgresql_url, request)
    with psycopg.connect(postgresql_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}".encode())
        for name in ("ana", "ö" * 4000):
            rows.run(partial(rows.announce, what=f"{PROFILES}/{name}"))
        announcements, heard = Announcements(), list[str | None]()
        announcements.listen(PROFILES, heard.append)
        for notice in listener.notifies(timeout=60, stop_after=2):
            announcements.tell(notice.payload)
    assert heard == ["ana", None]
