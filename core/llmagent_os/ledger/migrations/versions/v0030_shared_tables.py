"""Adds what several hosts share: profiles, secrets, the keys of accounts, and the web chat's transcript."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from llmagent_os.ledger.column_types import TEXT, WHOLE

revision = "0030"
down_revision: str | None = "0029"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the tables. What is in the data folder stays there."""
    op.create_table(
        "profiles",
        sa.Column("person_id", TEXT, primary_key=True),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "damaged_profiles",
        sa.Column("seq", WHOLE, primary_key=True),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("found_at", _NUMBER, nullable=False),
    )
    op.create_index("ix_damaged_profiles_person_id", "damaged_profiles", ["person_id"])
    op.create_table(
        "secrets",
        sa.Column("person_id", TEXT, primary_key=True),
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
    )
    op.create_table(
        "account_keys",
        sa.Column("key_id", TEXT, primary_key=True),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    _add_transcript()


def _add_transcript() -> None:
    op.create_table(
        "web_conversations",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("last_seq", WHOLE, nullable=False),
    )
    op.create_index("ix_web_conversations_person", "web_conversations", ["person"])
    op.create_table(
        "web_messages",
        _of_conversation(primary_key=True),
        sa.Column("message_id", TEXT, primary_key=True),
        sa.Column("position", WHOLE, nullable=False),
        sa.Column("seq", WHOLE, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("web_messages_seq", "web_messages", ["conversation", "seq"])
    op.create_index("web_messages_position", "web_messages", ["conversation", "position"], unique=True)
    op.create_table(
        "web_files",
        sa.Column("token", TEXT, primary_key=True),
        _of_conversation(),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
    )
    op.create_table("web_acts", _of_conversation(primary_key=True), sa.Column("act", TEXT, primary_key=True))
    op.create_table(
        "web_damaged",
        sa.Column("seq", WHOLE, primary_key=True),
        _of_conversation(),
        sa.Column("table", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("found_at", _NUMBER, nullable=False),
    )


def _of_conversation(*, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey("web_conversations.id", ondelete="CASCADE")
    return sa.Column("conversation", TEXT, owner, primary_key=primary_key, nullable=False)


def downgrade() -> None:
    """Drop them, with what is in them."""
    tables = ("web_damaged", "web_acts", "web_files", "web_messages", "web_conversations")
    for name in (*tables, "account_keys", "secrets", "damaged_profiles", "profiles"):
        op.drop_table(name)
