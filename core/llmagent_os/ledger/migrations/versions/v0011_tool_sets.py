"""Adds what a prompt can be made again from: its messages, and the sets of tools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the columns and the table. Of older completions neither is known."""
    op.add_column("completions", sa.Column("messages", sa.Text))
    op.add_column("completions", sa.Column("tools", sa.Text))
    op.create_table(
        "tool_sets",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("tools", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop the columns and the table."""
    op.drop_table("tool_sets")
    op.drop_column("completions", "tools")
    op.drop_column("completions", "messages")
