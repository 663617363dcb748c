"""Which columns of the ledger hold what people said, and are sealed where the ledger's folder is mounted.

All other columns stay readable: ids, times, rewards, states, the choices of policies and what was learned from them.

Writers seal (:func:`seal`, :func:`sealed_values`, :func:`sealed_row`). Readers do nothing: the connection opens every
text that the database returns. A condition on what is sealed is for Python: no database has the keys. Each value is
sealed by the key of the account that its row is about.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.database import SEALED_MARK, WIPE_DUE, Database
from llmagent_os.ledger.host_lock import HostLock
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.schema import (
    completions,
    contacts,
    damaged,
    held,
    identities,
    inbox,
    interactions,
    keys,
    members,
    memories,
    open_questions,
    records,
    requests,
    rewards,
    timers,
)

_log = structlog.stdlib.get_logger(__name__)

#: By table, the columns that are sealed.
SEALED: Mapping[str, frozenset[str]] = {
    inbox.name: frozenset({"body", "reply"}),
    interactions.name: frozenset({"context", "completion", "tool_calls", "said"}),
    completions.name: frozenset(
        {"prompt", "prompt_token_ids", "completion", "tool_calls", "token_ids", "reasoning", "messages"}
    ),
    rewards.name: frozenset({"raw_value"}),
    records.name: frozenset({"body"}),
    memories.name: frozenset({"topic", "value", "text", "said"}),
    contacts.name: frozenset({"name", "given_name", "conversation", "sender"}),
    timers.name: frozenset({"conversation", "sender"}),
    held.name: frozenset({"body"}),
    open_questions.name: frozenset({"conversation"}),
    identities.name: frozenset({"filled"}),
    members.name: frozenset({"name"}),
    requests.name: frozenset({"name"}),
    damaged.name: frozenset({"body"}),
}

#: By table, the column with the account whose key seals.
_OWNERS: Mapping[str, sa.Column[str]] = {
    inbox.name: inbox.c.user_id,
    interactions.name: interactions.c.user_id,
    completions.name: interactions.c.user_id,
    rewards.name: rewards.c.rater_id,
    records.name: records.c.user_id,
    memories.name: memories.c.user_id,
    contacts.name: contacts.c.identity,
    timers.name: timers.c.user_id,
    held.name: held.c.user_id,
    open_questions.name: open_questions.c.user_id,
    identities.name: identities.c.identity,
    members.name: members.c.identity,
    requests.name: requests.c.identity,
    damaged.name: damaged.c.user_id,
}

#: How many rows are sealed at once when encryption is turned on.
PAGE_ROWS = 500

#: How often a lock is asked for that another host has.
LOCK_PAUSE_SECONDS = 0.2


def seal(database: Database, owner: str, text: str | None) -> str | None:
    """``text``, sealed by the key of ``owner``. What is empty says nothing, and stays as it is."""
    if database.ring is None or not text:
        return text
    return database.ring.seal_text(owner, text)


def sealed_values(database: Database, table: sa.Table, owner: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row of ``table``, by column, for a statement of SQLAlchemy."""
    if database.ring is None:
        return dict(values)
    columns = SEALED[table.name]
    return {name: seal(database, owner, value) if name in columns else value for name, value in values.items()}


def sealed_row(
    database: Database, table: sa.Table, names: tuple[str, ...], owner: str, row: tuple[Any, ...]
) -> tuple[Any, ...]:
    """The values of a row of ``table``, in the order of ``names``, for a compiled statement."""
    if database.ring is None:
        return row
    columns = SEALED[table.name]
    return tuple(
        seal(database, owner, value) if name in columns else value for name, value in zip(names, row, strict=True)
    )


def seal_existing(database: Database, lock: HostLock | None, patience: float = 0.0) -> None:
    """Seal what was written before the folder was mounted, once. Needs no open transaction.

    Args:
        database: whose folder is mounted.
        lock: keeps a host out that does not know the keys; None: the ledger is in memory.
        patience: for how many seconds another host is waited for, which does the same.

    Raises:
        LedgerError: a host runs on the ledger.
    """
    if not _taken_to_seal(database, lock, time.monotonic() + patience):
        return
    try:
        with database.transaction():
            count = sum(_seal_table(database, keys.metadata.tables[name]) for name in SEALED)
            database.sql.execute(sa.insert(keys).values(name=SEALED_MARK, value=""))
            if count:  # what stood there before must not stay in free pages: if this fails, the next host does it
                database.sql.execute(insert_or_ignore(keys).values(name=WIPE_DUE, value=""))
        if count:
            _log.info("the ledger is encrypted now", rows=count)
            try:
                database.compact()
            except LedgerError as error:
                _log.warning("what stood there before is wiped later", why=str(error))
                return
            database.sql.execute(sa.delete(keys).where(keys.c.name == WIPE_DUE))
            database.checkpoint()
    finally:
        if lock is not None:
            lock.release()


def _taken_to_seal(database: Database, lock: HostLock | None, until: float) -> bool:
    """Take the lock to seal a ledger. False: it is sealed, or there are no keys to seal it with."""
    marked = sa.select(keys.c.name).where(keys.c.name == SEALED_MARK)
    while database.ring is not None and database.sql.execute(marked).first() is None:
        try:
            if lock is not None:
                lock.acquire()
        except LedgerError:
            if time.monotonic() > until:
                raise
            time.sleep(LOCK_PAUSE_SECONDS)
            continue
        if database.sql.execute(marked).first() is None:
            return True
        if lock is not None:  # another host has sealed it since it was asked
            lock.release()
    return False


def _seal_table(database: Database, table: sa.Table) -> int:
    names, key = sorted(SEALED[table.name]), [*table.primary_key]
    query = sa.select(
        *key, _OWNERS[table.name].label("owner"), *(table.c[name].label(f"text {name}") for name in names)
    )
    if table is completions:
        of_interaction = interactions.c.interaction_id == completions.c.interaction_id
        query = query.select_from(completions.outerjoin(interactions, of_interaction))
    count, page = 0, query.order_by(*key).limit(PAGE_ROWS)
    while rows := database.sql.execute(page).all():
        for row in rows:
            place, owner, texts = row[: len(key)], row[len(key)], row[len(key) + 1 :]
            sealed = {name: seal(database, owner or "", text) for name, text in zip(names, texts, strict=True)}
            this = (column == value for column, value in zip(key, place, strict=True))
            database.sql.execute(sa.update(table).where(*this).values(sealed))
        count += len(rows)
        last = sa.tuple_(*(sa.literal(value, column.type) for column, value in zip(key, rows[-1], strict=False)))
        page = query.where(sa.tuple_(*key) > last).order_by(*key).limit(PAGE_ROWS)
    return count
