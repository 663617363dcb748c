"""Adds who may find whom by name, and with whom a record is shared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision: str | None = "0015"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the tables and the column."""
    op.create_table(
        "contacts",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("given_name", sa.Text, nullable=False),
        sa.Column("hidden", sa.Boolean, nullable=False),
        sa.Column("conversation", sa.Text),
        sa.Column("sender", sa.Text),
        sa.Column("direct_at", _NUMBER),
    )
    op.create_index("ix_contacts_workspace", "contacts", ["workspace"])
    op.create_table(
        "encounters",
        sa.Column("room", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("at", _NUMBER, nullable=False),
    )
    op.create_index("ix_encounters_identity", "encounters", ["identity"])
    op.add_column("records", sa.Column("shared_with", sa.Text))
    op.create_index("ix_records_shared_with", "records", ["shared_with"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_records_shared_with", table_name="records")
    op.drop_column("records", "shared_with")
    op.drop_table("encounters")
    op.drop_table("contacts")
