"""The statements of every message's path, compiled once.

SQLAlchemy builds and checks them; the driver's own cursor runs them. SQLAlchemy's execution costs more than SQLite
itself does, and three of these run for every message (``benchmarks/hosting.py``).

A statement is its text for SQLite. :func:`for_postgresql` gives the same statement as PostgreSQL takes it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, NewType

import sqlalchemy as sa

from llmagent_os.ledger.portable import SQLITE, insert_or_ignore, postgresql_dialect, upsert
from llmagent_os.ledger.schema import (
    DEAD,
    DONE,
    FAILED,
    PREPARED,
    UNFINISHED,
    completions,
    identities,
    inbox,
    interactions,
    members,
    rewards,
    sent,
    tool_sets,
    usage,
)

#: A compiled statement, which :attr:`Database.execute` takes.
Statement = NewType("Statement", str)

#: What the statements were compiled from, and the order of their parameters.
_sources: dict[Statement, tuple[sa.ClauseElement, tuple[str, ...]]] = {}


def _bind(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name)


_this_event = sa.and_(inbox.c.platform == _bind("of_platform"), inbox.c.event_id == _bind("of_event"))


def _compiled(statement: sa.ClauseElement, *order: str) -> Statement:
    """The statement as SQL that takes a tuple of the parameters named in ``order``."""
    compiled = Statement(_text(statement, order, SQLITE))
    _sources[compiled] = statement, order
    return compiled


@cache
def for_postgresql(statement: Statement) -> bytes:
    """The same statement for PostgreSQL, with the same parameters in the same order."""
    source, order = _sources[statement]
    return _text(source, order, postgresql_dialect()).encode()


def _text(statement: sa.ClauseElement, order: tuple[str, ...], dialect: sa.Dialect) -> str:
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    names = tuple(getattr(compiled, "positiontup", None) or ())
    if names != order:
        raise ValueError(f"{statement} takes {names}, not {order}")
    return str(compiled)


def _compiled_insert(table: sa.Table, columns: tuple[str, ...]) -> Statement:
    return _compiled(insert_or_ignore(table).values({name: _bind(name) for name in columns}), *columns)


def _literal(value: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(value), sa.Integer)


#: Puts an event into the inbox, unless it is there. Takes platform, event id, identity, the event as JSON, the time,
#: and 1 if the handler is begun at once, else 0.
ACCEPT_EVENT = _compiled(
    insert_or_ignore(inbox).values(
        platform=_bind("platform"),
        event_id=_bind("event_id"),
        user_id=_bind("user_id"),
        body=_bind("body"),
        accepted_at=_bind("accepted_at"),
        tries=_bind("tries"),
    ),
    *("platform", "event_id", "user_id", "body", "accepted_at", "tries"),
)

#: The columns of an interaction, in the order that :data:`INSERT_INTERACTION` takes.
INTERACTION_COLUMNS = tuple(
    str(column.name) for column in interactions.columns if column.name not in ("seq", "has_words")
)
#: Adds an interaction, unless one with its id is there.
INSERT_INTERACTION = _compiled_insert(interactions, INTERACTION_COLUMNS)

#: The columns of a completion, in the order that :data:`INSERT_COMPLETION` takes.
COMPLETION_COLUMNS = tuple(str(column.name) for column in completions.columns)
#: Adds a completion, unless one with its interaction's id and its position is there.
INSERT_COMPLETION = _compiled_insert(completions, COMPLETION_COLUMNS)

#: Keeps a set of tools, unless it is kept already. Takes the set's SHA-256 and the tools as JSON.
INSERT_TOOL_SET = _compiled_insert(tool_sets, ("sha256", "tools"))

#: The columns of a reward, in the order that :data:`INSERT_REWARD` takes.
REWARD_COLUMNS = tuple(str(column.name) for column in rewards.columns if column.name != "seq")
#: Adds a reward, unless one with its id is there.
INSERT_REWARD = _compiled_insert(rewards, REWARD_COLUMNS)


class EventStatements(NamedTuple):
    """What is said about an event in the inbox. Each takes the event's platform and the pseudonym of its id last; where
    hosts share the inbox, also the number of its host after them: of another host's event, no row is found.
    """

    begin: Statement  #: notes that the handler is begun with it
    take_back_try: Statement  #: takes back what ``begin`` noted
    #: keeps what was decided for it; takes the reply as JSON, the interaction's id, and what went wrong
    prepare: Statement
    #: finishes it; the row keeps what tells a redelivery, and nothing about the person
    finish: Statement
    fail: Statement  #: gives it up; takes what went wrong
    bury: Statement  #: keeps it as a dead letter; takes what went wrong
    #: joins one of the platform's messages to its interaction, if it has one; takes platform, channel and id of it
    join_message: Statement


def _about_events(*fence: sa.ColumnElement[bool], last: tuple[str, ...] = ()) -> EventStatements:
    this = sa.and_(_this_event, *fence)
    unfinished = sa.and_(_this_event, UNFINISHED, *fence)
    key = ("of_platform", "of_event", *last)
    wrong: dict[str, Any] = {"why": _bind("why"), "reply": sa.null()}
    prepared: dict[str, Any] = {
        "state": _literal(PREPARED),
        "reply": _bind("reply"),
        "interaction_id": _bind("interaction_id"),
        "why": _bind("why"),
    }
    done: dict[str, Any] = {
        "state": _literal(DONE),
        "user_id": sa.literal_column("''"),
        "body": sa.null(),
        "reply": sa.null(),
        "interaction_id": sa.null(),  # it is made of the event's id
        **({"conversation": sa.null(), "host": sa.null()} if fence else {}),  # without other hosts they are empty
    }
    less = {"tries": inbox.c.tries - _literal(1)}
    message = sa.select(_bind("platform"), _bind("channel"), _bind("message_id"), inbox.c.interaction_id)
    joined = insert_or_ignore(sent).from_select(
        ["platform", "channel", "message_id", "interaction_id"],
        message.where(this, inbox.c.interaction_id.is_not(None)),
    )
    update = sa.update(inbox)
    return EventStatements(
        begin=_compiled(update.where(unfinished).values(tries=inbox.c.tries + _literal(1)), *key),
        take_back_try=_compiled(update.where(this, inbox.c.tries > _literal(0)).values(less), *key),
        prepare=_compiled(update.where(unfinished).values(prepared), *("reply", "interaction_id", "why", *key)),
        finish=_compiled(update.where(this).values(done), *key),
        fail=_compiled(update.where(unfinished).values(state=_literal(FAILED), **wrong), *("why", *key)),
        bury=_compiled(update.where(unfinished).values(state=_literal(DEAD), **wrong), *("why", *key)),
        join_message=_compiled(joined, *("platform", "channel", "message_id", *key)),
    )


OF_ANY_HOST = _about_events()
OF_ONE_HOST = _about_events(inbox.c.host == sa.bindparam("of_host", type_=sa.Integer), last=("of_host",))

_mine = identities.alias("mine")
#: The person that an identity is part of; no row where the identity is linked to no other. Takes the identity.
SELECT_PERSON = _compiled(sa.select(identities.c.person).where(identities.c.identity == _bind("identity")), "identity")
#: All identities of the person that an identity is part of, in the order in which they were linked. Takes the identity.
SELECT_LINKED = _compiled(
    sa.select(identities.c.identity)
    .join(_mine, _mine.c.person == identities.c.person)
    .where(_mine.c.identity == _bind("identity"))
    .order_by(identities.c.place),
    "identity",
)
#: The identity, if it was let in, also before it was forgotten. Takes the identity twice.
SELECT_MEMBER = _compiled(
    sa.select(members.c.identity).where(
        sa.or_(members.c.identity == _bind("identity"), members.c.identity == _bind("same"))
    ),
    *("identity", "same"),
)

#: The columns of a sum of what was used, in the order that :data:`ADD_USAGE` takes.
USAGE_COLUMNS = tuple(str(column.name) for column in usage.columns)
#: Of these, the sums.
_SUMS = USAGE_COLUMNS[USAGE_COLUMNS.index("begins") + 1 :]
_new_usage = upsert(usage, {name: usage.c[name] + sa.literal_column(f"excluded.{name}") for name in _SUMS})
#: Adds to what was used in a period, whether or not there is a row.
ADD_USAGE = _compiled(_new_usage.values({name: _bind(name) for name in USAGE_COLUMNS}), *USAGE_COLUMNS)

#: Whether a message was counted. Takes bot, scope, subject and period.
SELECT_COUNTED = _compiled(
    sa.select(usage.c.messages).where(
        usage.c.bot == _bind("of_bot"),
        usage.c.scope == _bind("of_scope"),
        usage.c.subject == _bind("name"),
        usage.c.period == _bind("of_period"),
    ),
    *("of_bot", "of_scope", "name", "of_period"),
)

#: What was used by a subject, or under its pseudonym. Takes bot, scope, subject, subject, period and beginning.
SELECT_USAGE = _compiled(
    sa.select(*(usage.c[name] for name in _SUMS)).where(
        usage.c.bot == _bind("of_bot"),
        usage.c.scope == _bind("of_scope"),
        sa.or_(usage.c.subject == _bind("name"), usage.c.subject == _bind("again")),
        usage.c.period == _bind("of_period"),
        usage.c.begins == _bind("at"),
    ),
    *("of_bot", "of_scope", "name", "again", "of_period", "at"),
)
