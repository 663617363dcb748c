"""Adds the notes of rows that could not be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "damaged",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("found_at", sa.Float[float](), nullable=False),
    )
    op.create_index("ix_damaged_user_id", "damaged", ["user_id"])
    op.create_index("ix_damaged_table_key", "damaged", ["table", "key"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("damaged")
