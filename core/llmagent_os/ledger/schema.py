"""Declares the ledger's tables. Times are seconds since 1970 in UTC. JSON columns hold fields of the structs in
``values``.

A change of a table needs a new file in ``migrations/versions``, and its number in :data:`REVISION`.
"""

from __future__ import annotations

import sqlalchemy as sa

#: The newest migration. A ledger that is at it needs no migration, and Alembic is not imported.
REVISION = "0008"

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

_NUMBER: sa.Float[float] = sa.Float()

#: Values of ``inbox.state``.
WAITING, PREPARED, DONE, FAILED = range(4)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),  # rises in the order of arrival
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),  # as a pseudonym: only compared, and kept after an erasure
    sa.Column("user_id", sa.Text, nullable=False),  # the identity; emptied when done
    sa.Column("body", sa.Text),  # the event as JSON; emptied when done
    sa.Column("state", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("reply", sa.Text),  # the reply as JSON, until it is sent
    sa.Column("interaction_id", sa.Text),
    sa.Column("why", sa.Text),  # what went wrong
    sa.Column("accepted_at", _NUMBER, nullable=False),
    sa.UniqueConstraint("platform", "event_id"),
)
#: Waiting or prepared. Written as text: SQLite uses a partial index only where it sees the same condition.
UNFINISHED = sa.text("state < 2")
#: A start reads the unfinished rows only, however long the history is.
sa.Index("ix_inbox_unfinished", inbox.c.seq, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)

interactions = sa.Table(
    "interactions",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("interaction_id", sa.Text, nullable=False, unique=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("episode_id", sa.Text, nullable=False),
    sa.Column("turn_index", sa.Integer, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("conversation_key", sa.Text, nullable=False),
    sa.Column("context", sa.Text, nullable=False),  # JSON
    sa.Column("action", sa.Text, nullable=False),  # JSON
    sa.Column("action_dist", sa.Text, nullable=False),  # JSON
    sa.Column("pscore", _NUMBER, nullable=False),
    sa.Column("policy_version", sa.Text, nullable=False),
    sa.Column("completion", sa.Text, nullable=False),
    sa.Column("lora_version", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("tool_calls", sa.Text, nullable=False),  # JSON
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("created_at", _NUMBER, nullable=False),
    sa.Index(None, "user_id", "conversation_key", "seq"),
    sa.Index(None, "conversation_key"),
)

#: What models wrote for the interactions. A table of its own, because it is big and only training reads it. A null is
#: what revision 0004 and older did not keep.
completions = sa.Table(
    "completions",
    metadata,
    sa.Column("interaction_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),  # the order of writing, from 0
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("prompt_token_ids", sa.Text),  # JSON
    sa.Column("completion", sa.Text, nullable=False),
    sa.Column("tool_calls", sa.Text, nullable=False),  # JSON
    sa.Column("token_ids", sa.Text, nullable=False),  # JSON
    sa.Column("behavior_logprobs", sa.Text, nullable=False),  # JSON
    sa.Column("temperature", _NUMBER),
    sa.Column("constraint", sa.Text),  # JSON
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("model_hash", sa.Text, nullable=False),
    sa.Column("lora_version", sa.Text, nullable=False),
    sa.Column("masked", sa.Boolean),
    sa.Column("sent", sa.Boolean, nullable=False),
)

#: Which reply a platform's message belongs to. A long reply is several messages.
sent = sa.Table(
    "sent",
    metadata,
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("interaction_id", sa.Text, nullable=False, index=True),
)

rewards = sa.Table(
    "rewards",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("reward_id", sa.Text, nullable=False, unique=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("interaction_id", sa.Text, nullable=False, index=True),
    sa.Column("rater_id", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("op", sa.Text, nullable=False),
    sa.Column("raw_value", sa.Text, nullable=False),
    sa.Column("reward", _NUMBER, nullable=False),
    sa.Column("mapping_version", sa.Text, nullable=False),
    sa.Column("at", _NUMBER, nullable=False),
)

#: What behaviour policies have learned: a cache, which is learned again from the rewards where it is missing.
policy_parts = sa.Table(
    "policy_parts",
    metadata,
    sa.Column("policy", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),  # a person; empty: shared by all people
    sa.Column("body", sa.LargeBinary, nullable=False),
)
policy_progress = sa.Table(
    "policy_progress",
    metadata,
    sa.Column("policy", sa.Text, primary_key=True),
    sa.Column("through", sa.Integer, nullable=False),  # the row of the last reward that was learned from
)

#: Small documents of plugins, one set for every person.
records = sa.Table(
    "records",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("plugin", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # JSON
)

#: Moments at which plugins want to be woken: one for every person, plugin and key.
timers = sa.Table(
    "timers",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("plugin", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", _NUMBER, nullable=False, index=True),  # when it moves into the inbox
    sa.Column("due", _NUMBER, nullable=False),  # the moment that the plugin asked for; earlier than ``at`` in a new try
    sa.Column("tries", sa.Integer, nullable=False),  # how often the plugin has failed to answer
    sa.Column("conversation", sa.Text, nullable=False),  # JSON
    sa.Column("sender", sa.Text, nullable=False),  # JSON
)

#: Which identities (``identity.identity_of``) are one person. One that is linked to no other has no row.
identities = sa.Table(
    "identities",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),  # the first of the person's identities, whose profile all of them use
    sa.Column("place", sa.Integer, nullable=False),  # the order in which they were linked, from 0
    sa.Column("filled", sa.Text),  # JSON: gaps of the profile that this identity's profile filled; null: not yet
    sa.Column("linked_at", _NUMBER, nullable=False),
    sa.Index(None, "person", "place"),
)

#: Codes that link two identities; at most one code for an identity.
link_codes = sa.Table(
    "link_codes",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),  # the identity that issued it
    sa.Column("code", sa.Text, nullable=False, unique=True),
    sa.Column("expires_at", _NUMBER, nullable=False),
    sa.Column("used_by", sa.Text),  # the same event, run again after a crash, gets the same answer
    sa.Column("joined", sa.Text),  # the person that ``used_by`` was until then
    sa.Column("wrong", sa.Integer, nullable=False, server_default=sa.text("0")),  # wrong codes that began as this one
)

#: How many wrong codes an identity has given in the last hour.
guesses = sa.Table(
    "guesses",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),  # as a pseudonym: forgetting oneself must not uncount them
    sa.Column("since", _NUMBER, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
)

#: Identities that were let in.
members = sa.Table(
    "members",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),  # a pseudonym after the person was forgotten
    sa.Column("name", sa.Text, nullable=False),  # the name that the identity had then; empty after an erasure
    sa.Column("approved_at", _NUMBER, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
)

#: The ledger's own key, for :mod:`llmagent_os.ledger.pseudonyms`.
keys = sa.Table(
    "keys",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

#: Identities that ask to be let in. What they said is not kept.
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("told_at", _NUMBER, nullable=False),  # when the person was last told the code
    sa.Column("told_for", sa.Text, nullable=False),  # the key of the event that this answered
    sa.Column("expires_at", _NUMBER, nullable=False),
)
