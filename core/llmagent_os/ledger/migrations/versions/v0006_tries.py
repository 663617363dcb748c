"""Adds how often the handler was begun with an event. Events that are unfinished now have used up no try."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("inbox", sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    """Dead letters become events that were given up, and those that are to be run again become waiting."""
    op.execute("UPDATE inbox SET state = 3 WHERE state = 4")
    op.execute("UPDATE inbox SET state = 0 WHERE state = -1")
    op.execute("ALTER TABLE inbox DROP COLUMN tries")
