"""Deletes the words of old conversations, and keeps what policies learn from: choices, moments and rewards."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.ledger.connection import WIPE_DUE, Database
from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.schema import completions, interactions, keys, rewards
from llmagent_os.ledger.sealed_columns import seal

#: How many interactions are looked at in one transaction.
PAGE_ROWS = 500

#: The fields of a context that hold words, or name what somebody wrote.
_WORDS = ("reply", "buttons", "message_id")

#: An interaction without calls of tools, as JSON.
_NO_CALLS = "[]"


def delete_old_words(database: Database, before: float, after: int) -> tuple[int, int | None]:
    """Empty interactions that are older than a moment, and delete their completions, among :data:`PAGE_ROWS` rows.

    Their bytes leave the file at the next start of a host, or with the next erasure. Which rows are empty is seen from
    the rows: a number that is kept would stand for others, since SQLite gives the numbers of erased rows again.

    Args:
        database: inside a transaction.
        before: the moment, in seconds since 1970.
        after: the row after which to begin; at first 0.

    Returns:
        How many interactions were emptied, and the row after which to go on. None: that was the last one.
    """
    page = sa.select(interactions.c.seq).where(interactions.c.seq > after).order_by(interactions.c.seq).limit(PAGE_ROWS)
    last = database.sql.execute(sa.select(sa.func.max(page.subquery().c.seq))).scalar()
    if last is None:
        return 0, None
    names = ("seq", "interaction_id", "user_id", "context", "said", "completion", "tool_calls")
    old = (interactions.c.seq > after, interactions.c.seq <= last, interactions.c.created_at < before)
    found = database.sql.execute(sa.select(*(interactions.c[name] for name in names)).where(*old)).all()
    rows = [row for row in found if _has_words(row)]
    if not rows:
        return 0, last
    for row in rows:
        context = seal(database, row.user_id, _without_words(row.context))
        empty = {"said": "", "completion": "", "tool_calls": _NO_CALLS, "context": context}
        database.sql.execute(sa.update(interactions).where(interactions.c.seq == row.seq).values(empty))
    theirs = [row.interaction_id for row in rows]
    database.sql.execute(sa.delete(completions).where(completions.c.interaction_id.in_(theirs)))
    # A reason that was tapped is a code and no words: the policy learns it again from the ledger.
    written = sa.func.opened(rewards.c.raw_value).startswith("words:")
    words = rewards.c.kind.not_in(("reaction", "reason")) | ((rewards.c.kind == "reason") & written)
    database.sql.execute(sa.update(rewards).where(words, rewards.c.interaction_id.in_(theirs)).values(raw_value=""))
    database.sql.execute(insert_or_ignore(keys).values(name=WIPE_DUE, value=""))
    return len(rows), last


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
