"""Adds timers: moments at which a plugin wants to be woken for a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "timers",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("plugin", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("due", _NUMBER, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
    )
    op.create_index("ix_timers_at", "timers", ["at"])


def downgrade() -> None:
    """Drop the table, and with it all timers that are set."""
    op.drop_table("timers")
