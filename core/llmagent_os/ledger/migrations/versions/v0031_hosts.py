"""Adds the hosts that share a ledger, what each of them alone may do, and which host runs which event."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from llmagent_os.ledger.column_types import TEXT, WHOLE

revision = "0031"
down_revision: str | None = "0030"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()

_CONDITIONS = {
    "conversation": "state < 2 AND conversation IS NOT NULL",
    "host": "state < 2 AND host IS NOT NULL",
    "sender": "state < 2 AND host IS NOT NULL",
}
_COLUMNS = {"sender": "user_id"}


def upgrade() -> None:
    """Make the tables and the columns."""
    op.create_table(
        "hosts",
        sa.Column("number", WHOLE, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("process", TEXT, nullable=False),
        sa.Column("platforms", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("started_at", _NUMBER, nullable=False),
        sa.Column("alive_until", _NUMBER, nullable=False),
        sa.Column("stopping", sa.Boolean, nullable=False),
        sa.Column("waiting", WHOLE, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "leases",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("host", WHOLE, nullable=False),
        sa.Column("fence", WHOLE, nullable=False),
        sa.Column("since", _NUMBER, nullable=False),
    )
    op.add_column("inbox", sa.Column("conversation", TEXT))
    op.add_column("inbox", sa.Column("host", WHOLE))
    op.add_column("inbox", sa.Column("given", sa.Boolean, nullable=False, server_default=sa.false()))
    for name, text in _CONDITIONS.items():
        column, where = _COLUMNS.get(name, name), sa.text(text)
        op.create_index(f"ix_inbox_{name}", "inbox", [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Drop them."""
    for name in _CONDITIONS:
        op.drop_index(f"ix_inbox_{name}", "inbox")
    for column in ("given", "host", "conversation"):
        op.drop_column("inbox", column)
    op.drop_table("leases")
    op.drop_table("hosts")
