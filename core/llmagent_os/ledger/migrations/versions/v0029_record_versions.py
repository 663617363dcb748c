"""Adds the version of a plugin's record: by it, a plugin knows in which form it wrote the document."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from llmagent_os.ledger.column_types import WHOLE

revision = "0029"
down_revision: str | None = "0027"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column. What is there was written in the first form."""
    op.add_column("records", sa.Column("version", WHOLE, nullable=False, server_default=sa.text("1")))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("records", "version")
