"""Adds what is remembered of people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision: str | None = "0016"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "memories",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("is_private", sa.Boolean, nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False),
        sa.Column("said_at", _NUMBER, nullable=False),
        sa.Column("said_again_at", _NUMBER),
        sa.Column("ended_at", _NUMBER),
    )
    op.create_index("ix_memories_user_id_number", "memories", ["user_id", "number"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("memories")
