"""Checks a ledger on a database server, for ``llmagent-os doctor``: the server, the tables and what waits in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import sqlalchemy as sa

from llmagent_os.admin import dead_letters_command
from llmagent_os.admin.findings import SERVER_AWAY, Finding
from llmagent_os.errors import LLMAgentOSError
from llmagent_os.ledger.connection import open_reading
from llmagent_os.ledger.location import locate
from llmagent_os.ledger.schema import DEAD, REVISION, damaged, held, inbox, silences
from llmagent_os.ledger.shared_tables import web_transcript

_TLS_REMEDY = "add ?sslmode=verify-full to the URL, or sslmode=require where the server's certificate is not checked"


def check_server(url: str) -> Iterator[Finding]:
    """Whether the server answers, what version the tables are of, and which events were given up."""
    from llmagent_os.ledger.postgresql_state import server_state

    try:
        state = server_state(url)
    except LLMAgentOSError as error:
        yield Finding("ledger", "problem", str(error), SERVER_AWAY)
        return
    name = f"{locate(url).name} (PostgreSQL {state.version})"
    if not state.is_near and not state.is_encrypted:
        text = f"{name}: what people say crosses the network unencrypted"
        yield Finding("ledger", "problem", text, _TLS_REMEDY)
    if not state.may_create and state.revision != REVISION:
        text = f"{name}: the role may not make tables in the schema {state.schema}"
        yield Finding("ledger", "problem", text, f"GRANT CREATE, USAGE ON SCHEMA {state.schema} TO the role")
    elif state.revision is None:
        yield Finding("ledger", "ok", f"{name}: will be created at revision {REVISION}")
    elif state.revision != REVISION:
        yield Finding("ledger", "note", f"{name}: at revision {state.revision}; the next start brings it to {REVISION}")
    else:
        yield Finding("ledger", "ok", f"{name}: at revision {state.revision}")
        yield from dead_letters_command.as_findings(_dead_letters(url))


def waiting_on_server(url: str, now: float) -> tuple[int, float | None, int] | None:
    """How many messages are answered later, when the first is due, and in how many places the bot is silent.

    None: the ledger cannot be read; another check says so.
    """
    later = sa.select(sa.func.count(), sa.func.min(held.c.at))
    silent = sa.select(sa.func.count()).select_from(silences).where(silences.c.until > now)
    try:
        with closing(open_reading(url)) as database:
            count, first = database.sql.execute(later).one()
            return count, first, database.sql.execute(silent).scalar_one()
    except LLMAgentOSError:
        return None


def damaged_on_server(url: str) -> list[tuple[str, str, str, str]] | None:
    """The notes of damaged rows, the newest first: table, key, why and when. None: the ledger cannot be read."""
    tables = (damaged, web_transcript.damaged)
    names = ("table", "key", "why", "found_at")
    query = sa.union_all(*(sa.select(*(table.c[name] for name in names)) for table in tables)).order_by(
        sa.desc("found_at")
    )
    try:
        with closing(open_reading(url)) as database:
            return [
                (row.table, row.key, row.why, f"{_moment(row.found_at):%F %T}") for row in database.sql.execute(query)
            ]
    except LLMAgentOSError:
        return None


def _dead_letters(url: str) -> list[tuple[int, str, float, int, str | None]]:
    columns = (inbox.c.seq, inbox.c.platform, inbox.c.accepted_at, inbox.c.tries, inbox.c.why)
    query = sa.select(*columns).where(inbox.c.state == DEAD).order_by(inbox.c.seq)
    with closing(open_reading(url)) as database:
        return [(row.seq, row.platform, row.accepted_at, row.tries, row.why) for row in database.sql.execute(query)]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
