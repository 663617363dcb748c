"""Adds whether an interaction has words, with an index of those that have; and what was embedded, heard and spoken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision: str | None = "0024"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column and the index. Rows that were emptied before are looked at once more."""
    op.add_column("interactions", sa.Column("has_words", sa.Boolean, nullable=False, server_default=sa.text("1")))
    where = sa.text("has_words = 1")
    op.create_index("ix_interactions_words", "interactions", ["created_at"], sqlite_where=where, postgresql_where=where)
    op.add_column("usage", sa.Column("embedded_tokens", sa.Integer, nullable=False, server_default=sa.text("0")))
    for name in ("heard_seconds", "spoken_seconds"):
        op.add_column("usage", sa.Column(name, sa.Float[float](), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    """Drop them."""
    for name in ("embedded_tokens", "heard_seconds", "spoken_seconds"):
        op.drop_column("usage", name)
    op.drop_index("ix_interactions_words", "interactions")
    op.drop_column("interactions", "has_words")
