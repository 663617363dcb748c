"""Adds what groups need: which conversations the bot takes part in, which identities are one person, who is let in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the index and the tables."""
    op.create_index("ix_interactions_conversation_key", "interactions", ["conversation_key"])
    op.create_table(
        "identities",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("filled", sa.Text),
        sa.Column("linked_at", _NUMBER, nullable=False),
    )
    op.create_index("ix_identities_person_place", "identities", ["person", "place"])
    op.create_table(
        "link_codes",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.Column("used_by", sa.Text),
        sa.Column("joined", sa.Text),
        sa.UniqueConstraint("code", name="uq_link_codes_code"),
    )
    op.create_table(
        "guesses",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("since", _NUMBER, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_table(
        "members",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("approved_at", _NUMBER, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("told_at", _NUMBER, nullable=False),
        sa.Column("told_for", sa.Text, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.UniqueConstraint("code", name="uq_requests_code"),
    )


def downgrade() -> None:
    """Drop them: every identity is a person of its own again, and people who were let in have to ask again."""
    for table in ("requests", "members", "guesses", "link_codes", "identities"):
        op.drop_table(table)
    op.drop_index("ix_interactions_conversation_key", "interactions")
