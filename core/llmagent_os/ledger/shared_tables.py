"""Declares the tables of what one machine keeps in files beside its ledger, and several hosts share as rows.

With SQLite these tables are there and empty: profiles, secrets, keys and the web chat's transcript stay in the data
folder. ``schema`` adds the ledger's own tables to the same metadata.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

_NUMBER: sa.Float[float] = sa.Float()

#: One profile a person, with the changes before it.
profiles = sa.Table(
    "profiles",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),  # rises with each change: a change names the one it has read
    sa.Column("body", sa.LargeBinary, nullable=False),  # JSON; sealed where there is a key
)

#: Profiles that could not be read. What could be read of them went on as the person's profile.
damaged_profiles = sa.Table(
    "damaged_profiles",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("found_at", _NUMBER, nullable=False),
)

#: What people gave to plugins, such as passwords.
secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),  # sealed where there is a key
    sa.Column("at", _NUMBER, nullable=False),  # when it was given
)

#: The keys of accounts, each wrapped by a master key, which is in no database. ``salt`` is a row of its own.
account_keys = sa.Table(
    "account_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),  # a keyed hash of the account, in hexadecimal; or ``salt``
    sa.Column("version", sa.Text, nullable=False),  # random: another one for each key that was made or wrapped
    sa.Column("body", sa.LargeBinary, nullable=False),
)


class TranscriptTables(NamedTuple):
    """The tables of the web chat's transcript: in a file of its own, or with the prefix ``web_`` beside the ledger."""

    conversations: sa.Table
    messages: sa.Table
    files: sa.Table  #: that messages show, by the part of their addresses that nobody can guess
    acts: sa.Table  #: that were taken: a page may send an action again, also over an old connection
    damaged: sa.Table  #: messages that could not be read; ``llmagent-os doctor`` lists them


def transcript_tables(holder: sa.MetaData, prefix: str = "") -> TranscriptTables:
    """Declare the tables of a transcript.

    Args:
        holder: gets the tables.
        prefix: begins their names.
    """

    def of_conversation(*, primary_key: bool = False) -> sa.Column[str]:
        owner = sa.ForeignKey(f"{prefix}conversations.id", ondelete="CASCADE")
        return sa.Column("conversation", sa.Text, owner, primary_key=primary_key, nullable=False)

    conversations = sa.Table(
        f"{prefix}conversations",
        holder,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False, index=True),
        sa.Column("title", sa.Text, nullable=False, default=""),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False, default=0),
    )
    messages = sa.Table(
        f"{prefix}messages",
        holder,
        of_conversation(primary_key=True),
        sa.Column("message_id", sa.Text, primary_key=True),  # of a reply: made from its key, so that it is kept once
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),  # an Item as JSON
        sa.Index(f"{prefix}messages_seq", "conversation", "seq"),
        sa.Index(f"{prefix}messages_position", "conversation", "position", unique=True),
    )
    files = sa.Table(
        f"{prefix}files",
        holder,
        sa.Column("token", sa.Text, primary_key=True),
        of_conversation(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
    )
    acts = sa.Table(
        f"{prefix}acts", holder, of_conversation(primary_key=True), sa.Column("act", sa.Text, primary_key=True)
    )
    # The columns are those of the ledger's table ``damaged``.
    damaged = sa.Table(
        f"{prefix}damaged",
        holder,
        sa.Column("seq", sa.Integer, primary_key=True),
        of_conversation(),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("found_at", _NUMBER, nullable=False),
    )
    return TranscriptTables(conversations, messages, files, acts, damaged)


#: The transcript that several hosts share.
web_transcript = transcript_tables(metadata, "web_")

#: All of these tables. A table comes after those that it refers to.
SHARED_TABLES: tuple[sa.Table, ...] = (profiles, damaged_profiles, secrets, account_keys, *web_transcript)
