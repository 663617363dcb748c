"""Deletes the words of old conversations, and keeps what policies learn from: choices, moments and rewards."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.ledger.connection import WIPE_DUE, Database
from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.portable import insert_or_ignore, upsert
from llmagent_os.ledger.schema import completions, interactions, keys, rewards
from llmagent_os.ledger.sealed_columns import seal

#: How many interactions are emptied in one transaction.
PAGE_ROWS = 500

#: Names the row of ``keys`` with the last row of ``interactions`` that was emptied.
_EMPTIED = "words deleted through"

#: The fields of a context that hold words, or name what somebody wrote.
_WORDS = ("reply", "buttons", "message_id")


def delete_old_words(database: Database, before: float) -> int:
    """Empty at most :data:`PAGE_ROWS` interactions that are older than a moment, and delete their completions.

    Their bytes leave the file at the next start of a host, or with the next erasure.

    Args:
        database: inside a transaction.
        before: the moment, in seconds since 1970.

    Returns:
        How many interactions were emptied.
    """
    mark = database.sql.execute(sa.select(keys.c.value).where(keys.c.name == _EMPTIED)).scalar()
    columns = (interactions.c.seq, interactions.c.interaction_id, interactions.c.user_id, interactions.c.context)
    old = (interactions.c.seq > int(mark or 0), interactions.c.created_at < before)
    rows = database.sql.execute(sa.select(*columns).where(*old).order_by(interactions.c.seq).limit(PAGE_ROWS)).all()
    if not rows:
        return 0
    for row in rows:
        context = seal(database, row.user_id, _without_words(row.context))
        empty = {"said": "", "completion": "", "tool_calls": "[]", "context": context}
        database.sql.execute(sa.update(interactions).where(interactions.c.seq == row.seq).values(empty))
    theirs = [row.interaction_id for row in rows]
    database.sql.execute(sa.delete(completions).where(completions.c.interaction_id.in_(theirs)))
    words = (rewards.c.kind != "reaction", rewards.c.interaction_id.in_(theirs))
    database.sql.execute(sa.update(rewards).where(*words).values(raw_value=""))
    database.sql.execute(upsert(keys).values(name=_EMPTIED, value=str(rows[-1].seq)))
    database.sql.execute(insert_or_ignore(keys).values(name=WIPE_DUE, value=""))
    return len(rows)


def _without_words(context: str) -> str:
    try:
        held: dict[str, Any] = msgspec.json.decode(context, type=dict[str, Any])
    except UNREADABLE:  # a damaged row: nothing of it is read by anybody
        held = {}
    return msgspec.json.encode({name: value for name, value in held.items() if name not in _WORDS}).decode()
