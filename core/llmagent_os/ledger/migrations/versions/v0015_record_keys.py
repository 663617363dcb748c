"""Adds an index by which a record is found by its key alone: the address of a page names no person."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision: str | None = "0014"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_records_plugin_key", "records", ["plugin", "key"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_records_plugin_key", table_name="records")
