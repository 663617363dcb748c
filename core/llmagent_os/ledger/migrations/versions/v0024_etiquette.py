"""Adds silent decisions, silences, messages that are held back, and timers that may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision: str | None = "0021"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the columns and the tables."""
    op.add_column("interactions", sa.Column("silent", sa.Boolean, nullable=False, server_default=sa.text("0")))
    is_said, place = sa.text("silent = 0"), ["conversation_key", "user_id", "seq"]
    op.create_index("ix_interactions_said", "interactions", place, sqlite_where=is_said, postgresql_where=is_said)
    op.add_column("timers", sa.Column("deferrable", sa.Boolean, nullable=False, server_default=sa.text("0")))
    op.create_table(
        "held",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
    )
    op.create_index("ix_held_user_id", "held", ["user_id"])
    op.create_index("ix_held_at", "held", ["at"])
    op.create_table(
        "silences",
        sa.Column("conversation_key", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("until", _NUMBER, nullable=False),
        sa.Column("begun_by", sa.Text, nullable=False),
    )
    op.create_index("ix_silences_user_id", "silences", ["user_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("silences")
    op.drop_table("held")
    op.drop_column("timers", "deferrable")
    op.drop_index("ix_interactions_said")
    op.drop_column("interactions", "silent")
