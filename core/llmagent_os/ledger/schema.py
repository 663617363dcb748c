"""Declares the ledger's tables. Times are seconds since 1970 in UTC. JSON columns hold fields of the structs in
``values``.

On PostgreSQL, text is sorted by its bytes, and a whole number has eight of them, as on SQLite. The end of this file
sees to that: a column is declared as ``sa.Text`` or ``sa.Integer``.

A change of a table needs a new file in ``migrations/versions``, and its number in :data:`REVISION`. A migration uses
the types of ``column_types``: else the column is another one on PostgreSQL than in a new ledger.
"""

from __future__ import annotations

import sqlalchemy as sa

from llmagent_os.ledger.column_types import TEXT, WHOLE
from llmagent_os.ledger.shared_tables import metadata as metadata

#: The newest migration. A ledger that is at it needs no migration, and Alembic is not imported.
REVISION = "0032"

_NUMBER: sa.Float[float] = sa.Float()

#: Values of ``inbox.state``. A dead letter was tried as often as anything is, and can be run again. Then it is revived
#: until the host takes it up, and waiting after that.
WAITING, PREPARED, DONE, FAILED, DEAD = range(5)
REVIVED = -1

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
    sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),  # how often the handler was begun
    # The next three are used only where several hosts share the inbox.
    sa.Column("conversation", sa.Text),  # a pseudonym of the conversation's key
    sa.Column("host", sa.Integer),  # the number of the host that runs the event and may write its row; null: none
    # Another host gave the event to this one, which has not taken it up yet.
    sa.Column("given", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("platform", "event_id"),
)
#: Revived, waiting or prepared. Written as text: SQLite uses a partial index only where it sees the same condition.
UNFINISHED = sa.text("state < 2")
#: A start reads the unfinished rows only, however long the history is.
sa.Index("ix_inbox_unfinished", inbox.c.seq, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)
#: What hosts that share an inbox ask with every event: who runs the conversation, what a host has, and how much of a
#: sender waits. Where one host is alone, no row is in these indexes.
OF_CONVERSATION, OF_HOST = sa.text("state < 2 AND conversation IS NOT NULL"), sa.text("state < 2 AND host IS NOT NULL")
sa.Index("ix_inbox_conversation", inbox.c.conversation, sqlite_where=OF_CONVERSATION, postgresql_where=OF_CONVERSATION)
sa.Index("ix_inbox_host", inbox.c.host, sqlite_where=OF_HOST, postgresql_where=OF_HOST)
sa.Index("ix_inbox_sender", inbox.c.user_id, sqlite_where=OF_HOST, postgresql_where=OF_HOST)

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
    # The bot chose to say nothing to what people said to each other. The row has none of their words.
    sa.Column("silent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", _NUMBER, nullable=False),
    sa.Column("has_words", sa.Boolean, nullable=False, server_default=sa.true()),  # they are kept for a time only
    sa.Index(None, "user_id", "conversation_key", "seq"),
    sa.Index(None, "conversation_key"),
)
#: The bot has said something.
IS_SAID = ~interactions.c.silent
#: A conversation's replies are found among any number of silences.
sa.Index(
    "ix_interactions_said",
    *(interactions.c.conversation_key, interactions.c.user_id, interactions.c.seq),
    sqlite_where=IS_SAID,
    postgresql_where=IS_SAID,
)
#: Not emptied yet.
HAS_WORDS = interactions.c.has_words == sa.true()
#: Deleting old words reads the rows only that have some.
sa.Index("ix_interactions_words", interactions.c.created_at, sqlite_where=HAS_WORDS, postgresql_where=HAS_WORDS)

#: What models wrote for the interactions. A table of its own, because it is big and only training reads it. A null is
#: what an older revision did not keep.
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
    sa.Column("reasoning", sa.Text, nullable=False, server_default=""),
    sa.Column("messages", sa.Text),  # JSON
    sa.Column("tools", sa.Text),  # the key of ``tool_sets``; empty: no tool could be called
)

#: The tools that models could call, each set once. With the messages, a prompt can be made again from them.
tool_sets = sa.Table(
    "tool_sets",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),  # ``chat.tools_sha256``
    sa.Column("tools", sa.Text, nullable=False),  # JSON
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
    sa.Index(None, "user_id", "seq"),
    sa.Index(None, "rater_id", "seq"),
)

#: The learned states of behaviour policies: a cache, which is learned again from the rewards where it is missing. Each
#: policy has one state that it decides by. Beside it there may be one that is being learned again.
policy_states = sa.Table(
    "policy_states",
    metadata,
    sa.Column("state", sa.Integer, primary_key=True),  # never used again for another state
    sa.Column("policy", sa.Text, nullable=False, index=True),
    sa.Column("live", sa.Boolean, nullable=False),  # false: it is being learned again, and nothing is decided by it
    sa.Column("through", sa.Integer, nullable=False),  # the row of the last reward that was learned from
    # The row up to which its parts have learned. What was learned after it is learned again from the rewards.
    sa.Column("base", sa.Integer, nullable=False, server_default=sa.text("0")),
    # Who was last heard up to this row may have no part: it is made of their own rewards when they write.
    sa.Column("floor", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("0")),  # rises with every change
    # Of a state that is learned again: the state that it began with, whose parts up to row ``origin`` are its own.
    sa.Column("parent", sa.Integer),
    sa.Column("origin", sa.Integer, nullable=False, server_default=sa.text("0")),
    # The first row that the state did not learn as it is in the ledger now. Null: the state is what the ledger says.
    sa.Column("stale_from", sa.Integer),
    sa.Column("epoch", sa.Integer, nullable=False),  # rises when rows go, or belong to another person
    sqlite_autoincrement=True,
)
#: The rows at which a state can be taken up again. Up to there it is what the ledger says.
policy_snapshots = sa.Table(
    "policy_snapshots",
    metadata,
    sa.Column("state", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("through", sa.Integer, primary_key=True, autoincrement=False),
)
#: The parts of a state, in the versions that the state and its snapshots need.
policy_parts = sa.Table(
    "policy_parts",
    metadata,
    sa.Column("state", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Text, primary_key=True),  # a person; empty: shared by all people
    sa.Column("through", sa.Integer, primary_key=True, autoincrement=False),  # the row up to which it was learned
    sa.Column("body", sa.Integer, index=True),  # in ``policy_bodies``; null: the part is missing from here on
    sa.Index(None, "state", "through"),
)
#: Whose rewards a state has learned since its parts were last stored, one row for each reward.
policy_changes = sa.Table(
    "policy_changes",
    metadata,
    sa.Column("state", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("through", sa.Integer, primary_key=True, autoincrement=False),  # the row of the reward
    sa.Column("part", sa.Text, nullable=False),  # the person
    sa.Index(None, "state", "part"),
)
#: The bytes of parts. A table of its own: states share them, and bytes are not copied when a state is.
policy_bodies = sa.Table(
    "policy_bodies",
    metadata,
    sa.Column("body", sa.Integer, primary_key=True),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)

#: Small documents of plugins, one set for every person.
records = sa.Table(
    "records",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("plugin", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # JSON
    # The identity with whose person this one shares it, as the two sides of an invitation; null: with nobody.
    sa.Column("shared_with", sa.Text, index=True),
    # Of the plugin's records, by which it knows the form of the document.
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Index("ix_records_plugin_key", "plugin", "key"),
)

#: Facts and preferences that people stated about themselves.
memories = sa.Table(
    "memories",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),  # by which the person names it
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),  # the person's own words
    sa.Column("source", sa.Text, nullable=False),  # the ``event_key`` of the message
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("room", sa.Text, nullable=False),  # where it was said
    sa.Column("is_private", sa.Boolean, nullable=False),  # nobody else reads there
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("said_at", _NUMBER, nullable=False),
    sa.Column("said_again_at", _NUMBER),  # when it was last stated again; null: once only
    sa.Column("ended_at", _NUMBER),  # when something else was stated; null: it holds
    sa.Index(None, "user_id", "number"),
)

#: People whom others may find by name, where a plugin asks for that.
contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False, index=True),  # with its platform; empty: it has no workspaces
    sa.Column("name", sa.Text, nullable=False),  # that the platform shows
    sa.Column("given_name", sa.Text, nullable=False),  # that the person gave
    sa.Column("hidden", sa.Boolean, nullable=False),  # nobody finds the person
    sa.Column("conversation", sa.Text),  # JSON: where the person last wrote in private; null: nowhere yet
    sa.Column("sender", sa.Text),  # JSON
    sa.Column("direct_at", _NUMBER),  # when that was noted
)

#: Who wrote to the bot in which group.
encounters = sa.Table(
    "encounters",
    metadata,
    sa.Column("room", sa.Text, primary_key=True),  # a pseudonym of the conversation
    sa.Column("identity", sa.Text, primary_key=True, index=True),
    sa.Column("at", _NUMBER, nullable=False),  # when that was last noted
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
    # The person did not ask for this moment: quiet hours hold the timer back.
    sa.Column("deferrable", sa.Boolean, nullable=False, server_default=sa.false()),
)

#: Messages that are answered at a later moment: when the bot works again.
held = sa.Table(
    "held",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),  # rises in the order of arrival
    sa.Column("user_id", sa.Text, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),  # the event as JSON
    sa.Column("at", _NUMBER, nullable=False, index=True),  # when it moves into the inbox
)

#: Until when the bot is silent in a conversation, and why.
silences = sa.Table(
    "silences",
    metadata,
    sa.Column("conversation_key", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True, index=True),  # the account that brought it about
    sa.Column("until", _NUMBER, nullable=False),
    sa.Column("begun_by", sa.Text, nullable=False),  # the key of the event that brought it about
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

#: When identities were linked or unlinked in the last hour.
link_changes = sa.Table(
    "link_changes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("identity", sa.Text, nullable=False, index=True),
    sa.Column("at", _NUMBER, nullable=False),
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

#: The ledger's own key, for :mod:`llmagent_os.ledger.pseudonyms`; and a mark while erased rows are to be wiped.
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

#: Rows of the other tables that could not be read; see ``damaged_rows``.
damaged = sa.Table(
    "damaged",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("table", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),  # the values that name the row in its table, with spaces in between
    sa.Column("user_id", sa.Text, nullable=False, index=True),  # whom it is about; empty: no one person
    sa.Column("body", sa.Text),  # JSON: all columns of a row that left its table; null: the row is still there
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("found_at", _NUMBER, nullable=False),
    sa.Index(None, "table", "key"),
)

#: Versions of LoRAs. A row stays when the version's files are deleted: it says what became of them.
lora_versions = sa.Table(
    "lora_versions",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("bot", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),  # a person, at the personal level; emptied when they take it back
    sa.Column("parent", sa.Text, nullable=False, index=True),
    sa.Column("base_model", sa.Text, nullable=False),
    sa.Column("base_hash", sa.Text, nullable=False),
    sa.Column("data_hash", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("withdrawn", sa.Integer, nullable=False),
    sa.Column("through", sa.Integer, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("evaluation", sa.Text, nullable=False),  # JSON
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("stale_since", _NUMBER),
    sa.Column("created_at", _NUMBER, nullable=False),
    sa.Column("promoted_at", _NUMBER),
    sa.Column("revision", sa.Integer, nullable=False, index=True),  # the greatest tells readers that something changed
    sa.Index(None, "bot", "stage"),
)

#: Whose words and reactions a version was trained on. The accounts are those that the person had linked by then: who
#: unlinks one later can take back what it gave.
lora_contributors = sa.Table(
    "lora_contributors",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),  # the name
    sa.Column("identity", sa.Text, primary_key=True, index=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("withdrawn_at", _NUMBER),  # when the person took something back
)

#: The tests of canaries: which replies were looked at, and how the test is done.
canary_tests = sa.Table(
    "canary_tests",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),  # the name
    sa.Column("bot", sa.Text, nullable=False),
    sa.Column("through", sa.Integer, nullable=False),
    sa.Column("rewards_from", sa.Integer, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),  # JSON; empty until somebody counts
    sa.Column("against", sa.Text, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("ended", sa.Boolean, nullable=False),
)

#: The conversations that were counted in tests of canaries, in the order in which they began. The e-values are made of
#: them. A row stays when the person is erased, without the person and with the reward 0.
canary_conversations = sa.Table(
    "canary_conversations",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("version", sa.Text, nullable=False, index=True),  # the canary's name
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("by_canary", sa.Boolean, nullable=False),
    sa.Column("reward", _NUMBER, nullable=False),
    sa.Column("begun_at", _NUMBER, nullable=False),
)

#: Trainings that were asked for.
training_jobs = sa.Table(
    "training_jobs",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("job_id", sa.Text, nullable=False, unique=True),
    sa.Column("bot", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),  # a person, at the personal level
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("options", sa.Text, nullable=False),  # JSON
    sa.Column("through", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("lease", sa.Integer, nullable=False),
    sa.Column("lease_until", _NUMBER),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("cancelling", sa.Boolean, nullable=False),
    sa.Column("progress", sa.Text, nullable=False),  # JSON
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("seconds", _NUMBER, nullable=False),
    sa.Column("created_at", _NUMBER, nullable=False),
    sa.Column("started_at", _NUMBER),
    sa.Column("finished_at", _NUMBER),
    sa.UniqueConstraint("bot", "key"),
    sa.Index(None, "bot", "status"),
)

#: What kind of person the policy of a bot has found each person to be. Computed from the rewards.
personas = sa.Table(
    "personas",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),  # never used again: a changed row has a new one
    sa.Column("bot", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("persona", sa.Text, nullable=False),  # its name, as ``verbosity=brief``; empty: none
    # JSON: how often the policy has chosen each style for the person lately. Null: to be counted again, since other
    # accounts are the person's now.
    sa.Column("shares", sa.Text),
    sa.Column("through", sa.Integer, nullable=False),  # the last row of rewards that was counted
    sa.UniqueConstraint("bot", "person"),
    sqlite_autoincrement=True,
)

#: What was used of a bot, by period, so that a budget is known without reading the history.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("bot", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),  # person, channel or bot
    # An identity, which is a pseudonym after the person was forgotten; a channel; or empty.
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("period", sa.Text, primary_key=True),  # hour, day or month
    sa.Column("begins", _NUMBER, primary_key=True),
    sa.Column("messages", sa.Integer, nullable=False),
    sa.Column("prompt_tokens", sa.Integer, nullable=False),
    sa.Column("completion_tokens", sa.Integer, nullable=False),
    sa.Column("money", _NUMBER, nullable=False),
    sa.Column("embedded_tokens", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("heard_seconds", _NUMBER, nullable=False, server_default=sa.text("0")),
    sa.Column("spoken_seconds", _NUMBER, nullable=False, server_default=sa.text("0")),
    sa.Index(None, "period", "begins"),
)

#: What admins and approvals did. Rows are only added: triggers refuse to delete one, and to change what was done.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", _NUMBER, nullable=False),
    sa.Column("actor", sa.Text, nullable=False, index=True),  # an identity, its pseudonym, or ``command line``
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, index=True),  # whom or what it was done to; a pseudonym, too
    sa.Column("detail", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

#: Which accounts administer a workspace or a group on its platform, as the platform has said.
platform_admins = sa.Table(
    "platform_admins",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("place", sa.Text, primary_key=True),  # platform and workspace; of a group, its channel too
    sa.Column("since", _NUMBER, nullable=False),
    sa.Column("confirmed_at", _NUMBER, nullable=False),  # when the platform said it last
)

#: Where the questions for the reason of a thumb down stand that are still open.
open_questions = sa.Table(
    "open_questions",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("interaction_id", sa.Text, primary_key=True),  # the reply that the question is about
    sa.Column("conversation", sa.Text, nullable=False),  # JSON: where the question stands
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("asked_at", _NUMBER, nullable=False),
)

#: The hosts that share this ledger. Times are the database's: what a host's own clock shows does not matter. A host
#: whose ``alive_until`` has passed is dead for all others, and its row is deleted.
hosts = sa.Table(
    "hosts",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),  # never used again: a host that was dead gets another one
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("process", sa.Text, nullable=False),  # machine and process id
    sa.Column("platforms", sa.Text, nullable=False),  # the names of its adapters, separated by spaces
    sa.Column("version", sa.Text, nullable=False),  # of the program
    sa.Column("started_at", _NUMBER, nullable=False),
    sa.Column("alive_until", _NUMBER, nullable=False),
    sa.Column("stopping", sa.Boolean, nullable=False),  # it is given nothing more
    sa.Column("waiting", sa.Integer, nullable=False),  # events that it has, as it last said
    sqlite_autoincrement=True,
)

#: What only one of several hosts may do: a connection to a platform, setting off timers, learning. A lease is valid as
#: long as its host is alive.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("host", sa.Integer, nullable=False),  # its number
    sa.Column("fence", sa.Integer, nullable=False),  # rises whenever a host takes the lease; never goes back
    sa.Column("since", _NUMBER, nullable=False),
)


def _types_of_every_database() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            if type(column.type) is sa.Text:
                column.type = TEXT
            elif type(column.type) is sa.Integer:
                column.type = WHOLE


_types_of_every_database()
