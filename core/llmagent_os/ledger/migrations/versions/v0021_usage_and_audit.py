"""Adds what was used by period, and what admins and approvals did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from llmagent_os.ledger.audit_triggers import TRIGGERS

revision = "0021"
down_revision: str | None = "0019"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the tables, and what keeps the audit log as it is."""
    op.create_table(
        "usage",
        sa.Column("bot", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("period", sa.Text, primary_key=True),
        sa.Column("begins", _NUMBER, primary_key=True),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("completion_tokens", sa.Integer, nullable=False),
        sa.Column("money", _NUMBER, nullable=False),
    )
    op.create_index("ix_usage_period_begins", "usage", ["period", "begins"])
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_actor", "audit", ["actor"])
    op.create_index("ix_audit_subject", "audit", ["subject"])
    for trigger in TRIGGERS.values():
        op.execute(trigger)


def downgrade() -> None:
    """Drop them."""
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name}")
    op.drop_table("audit")
    op.drop_table("usage")
