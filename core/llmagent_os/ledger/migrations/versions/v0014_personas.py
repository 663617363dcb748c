"""Adds what kind of person a policy has found each person to be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "personas",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("bot", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("persona", sa.Text, nullable=False),
        sa.Column("shares", sa.Text),
        sa.Column("through", sa.Integer, nullable=False),
        sa.UniqueConstraint("bot", "person", name="uq_personas_bot_person"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_personas_person", "personas", ["person"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("personas")
