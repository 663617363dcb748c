"""Adds the tests of canaries, and the conversations that were counted in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "canary_tests",
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("bot", sa.Text, nullable=False),
        sa.Column("through", sa.Integer, nullable=False),
        sa.Column("rewards_from", sa.Integer, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("against", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
    )
    op.create_table(
        "canary_conversations",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("by_canary", sa.Boolean, nullable=False),
        sa.Column("reward", sa.Float[float](), nullable=False),
        sa.Column("begun_at", sa.Float[float](), nullable=False),
    )
    op.create_index("ix_canary_conversations_version", "canary_conversations", ["version"])
    op.create_index("ix_canary_conversations_person", "canary_conversations", ["person"])


def downgrade() -> None:
    """Drop the tables."""
    for name in ("canary_conversations", "canary_tests"):
        op.drop_table(name)
