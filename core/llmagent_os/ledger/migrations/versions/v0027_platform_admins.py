"""Adds who administers a workspace or a group on its platform, and where questions for a reason stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from llmagent_os.ledger.column_types import TEXT

revision = "0027"
down_revision: str | None = "0026"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "platform_admins",
        sa.Column("identity", TEXT, primary_key=True),
        sa.Column("place", TEXT, primary_key=True),
        sa.Column("since", _NUMBER, nullable=False),
        sa.Column("confirmed_at", _NUMBER, nullable=False),
    )
    op.create_table(
        "open_questions",
        sa.Column("user_id", TEXT, primary_key=True),
        sa.Column("interaction_id", TEXT, primary_key=True),
        sa.Column("conversation", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("asked_at", _NUMBER, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("open_questions")
    op.drop_table("platform_admins")
