"""The statements of every message's path, compiled once.

Built and checked by SQLAlchemy, run on the driver's own cursor: going through SQLAlchemy's execution costs more than
SQLite itself does, and these run three times a message (``benchmarks/hosting.py``).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from llmagent_os.ledger.schema import DONE, FAILED, PREPARED, identities, inbox, interactions, members, rewards, sent

_DIALECT = sqlite.dialect()


def _bind(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name)


_this_event = sa.and_(inbox.c.platform == _bind("of_platform"), inbox.c.event_id == _bind("of_event"))


def _compiled(statement: sa.ClauseElement, *order: str) -> str:
    """The statement as SQL that takes a tuple of ``order``."""
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    names = tuple(getattr(compiled, "positiontup", None) or ())
    if names != order:
        raise ValueError(f"{statement} takes {names}, not {order}")
    return str(compiled)


def _literal(value: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(value), sa.Integer)


_ACCEPT = ("platform", "event_id", "user_id", "body", "accepted_at")
accept = _compiled(
    sqlite.insert(inbox).values({name: _bind(name) for name in _ACCEPT}).on_conflict_do_nothing(), *_ACCEPT
)

prepare = _compiled(
    sa.update(inbox)
    .where(_this_event)
    .values(
        state=_literal(PREPARED),
        reply=_bind("reply"),
        interaction_id=_bind("interaction_id"),
        why=_bind("why"),
    ),
    *("reply", "interaction_id", "why", "of_platform", "of_event"),
)

INTERACTION = tuple(str(column.name) for column in interactions.columns if column.name != "seq")
interaction = _compiled(
    sqlite.insert(interactions).values({name: _bind(name) for name in INTERACTION}).on_conflict_do_nothing(),
    *INTERACTION,
)

REWARD = tuple(str(column.name) for column in rewards.columns if column.name != "seq")
reward = _compiled(
    sqlite.insert(rewards).values({name: _bind(name) for name in REWARD}).on_conflict_do_nothing(),
    *REWARD,
)

#: A finished row keeps what tells a redelivery, and nothing about the person.
finish = _compiled(
    sa.update(inbox)
    .where(_this_event)
    .values(state=_literal(DONE), user_id=sa.literal_column("''"), body=sa.null(), reply=sa.null()),
    *("of_platform", "of_event"),
)

fail = _compiled(
    sa.update(inbox).where(_this_event).values(state=_literal(FAILED), why=_bind("why"), reply=sa.null()),
    *("why", "of_platform", "of_event"),
)

#: Joins one of the platform's messages to the interaction of an event; to nothing where the event has none.
join = _compiled(
    sqlite.insert(sent)
    .from_select(
        ["platform", "channel", "message_id", "interaction_id"],
        sa.select(_bind("platform"), _bind("channel"), _bind("message_id"), inbox.c.interaction_id).where(
            _this_event, inbox.c.interaction_id.is_not(None)
        ),
    )
    .on_conflict_do_nothing(),
    *("platform", "channel", "message_id", "of_platform", "of_event"),
)

_mine = identities.alias("mine")
#: The person that an identity is part of.
person = _compiled(sa.select(identities.c.person).where(identities.c.identity == _bind("identity")), "identity")
#: All of the person's identities, in order.
linked = _compiled(
    sa.select(identities.c.identity)
    .join(_mine, _mine.c.person == identities.c.person)
    .where(_mine.c.identity == _bind("identity"))
    .order_by(identities.c.place),
    "identity",
)
member = _compiled(sa.select(members.c.identity).where(members.c.identity == _bind("identity")), "identity")
