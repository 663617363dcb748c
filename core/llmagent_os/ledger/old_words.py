"""Deletes the words of old conversations, and keeps what policies learn from: choices, moments and rewards."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.database import WIPE_DUE, Database
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.schema import HAS_WORDS, completions, interactions, keys, rewards
from llmagent_os.ledger.sealed_columns import seal

#: How many interactions are emptied in one transaction.
PAGE_ROWS = 500

#: The fields of a context that hold words, or name what somebody wrote.
_WORDS = ("reply", "buttons", "message_id")

#: An interaction without calls of tools, as JSON.
_NO_CALLS = "[]"


def delete_old_words(database: Database, before: float) -> tuple[int, bool]:
    """Empty the oldest :data:`PAGE_ROWS` interactions that are older than a moment, and delete their completions.

    Their bytes leave the file at the next start of a host, or with the next erasure. Rows that were emptied are not
    read again, however many they are.

    Args:
        database: inside a transaction.
        before: the moment, in seconds since 1970.

    Returns:
        How many interactions were emptied, and whether these were the last ones.
    """
    names = ("seq", "interaction_id", "user_id", "context", "said", "completion", "tool_calls")
    query = (
        sa.select(*(interactions.c[name] for name in names))
        .where(HAS_WORDS, interactions.c.created_at < before)
        .order_by(interactions.c.created_at)
        .limit(PAGE_ROWS)
    )
    rows = database.sql.execute(query).all()
    if not rows:
        return 0, True
    for row in rows:
        context = seal(database, row.user_id, _without_words(row.context))
        empty = {"said": "", "completion": "", "tool_calls": _NO_CALLS, "context": context, "has_words": False}
        database.sql.execute(sa.update(interactions).where(interactions.c.seq == row.seq).values(empty))
    theirs = [row.interaction_id for row in rows]
    database.sql.execute(sa.delete(completions).where(completions.c.interaction_id.in_(theirs)))
    here = rewards.c.interaction_id.in_(theirs)
    said = rewards.c.kind.not_in(("reaction", "reason"))
    database.sql.execute(sa.update(rewards).where(here, said).values(raw_value=""))
    # A reason that was tapped is a code and no words: the policy learns it again from the ledger.
    reasons = sa.select(rewards.c.seq, rewards.c.raw_value).where(here, rewards.c.kind == "reason")
    for row in database.sql.execute(reasons).all():
        if row.raw_value.startswith("words:"):
            database.sql.execute(sa.update(rewards).where(rewards.c.seq == row.seq).values(raw_value=""))
    database.sql.execute(upsert(keys).values(name=WIPE_DUE, value=""))
    return sum(map(_has_words, rows)), len(rows) < PAGE_ROWS


def _has_words(row: sa.Row[Any]) -> bool:
    if row.said or row.completion or row.tool_calls != _NO_CALLS:
        return True
    context: str = row.context
    return context != _without_words(context)


def _without_words(context: str) -> str:
    try:
        held: dict[str, Any] = msgspec.json.decode(context, type=dict[str, Any])
    except UNREADABLE:  # a damaged row: nothing of it is read by anybody
        held = {}
    return msgspec.json.encode({name: value for name, value in held.items() if name not in _WORDS}).decode()
