"""Adds the versions of LoRAs, the people who contributed to them, and the jobs that train them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "lora_versions",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.UniqueConstraint("name", name="uq_lora_versions_name"),
        sa.Column("bot", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("parent", sa.Text, nullable=False),
        sa.Column("base_model", sa.Text, nullable=False),
        sa.Column("base_hash", sa.Text, nullable=False),
        sa.Column("data_hash", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("withdrawn", sa.Integer, nullable=False),
        sa.Column("through", sa.Integer, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("evaluation", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("stale_since", sa.Float[float]()),
        sa.Column("created_at", sa.Float[float](), nullable=False),
        sa.Column("promoted_at", sa.Float[float]()),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("ix_lora_versions_parent", "lora_versions", ["parent"])
    op.create_index("ix_lora_versions_revision", "lora_versions", ["revision"])
    op.create_index("ix_lora_versions_bot_stage", "lora_versions", ["bot", "stage"])
    op.create_table(
        "lora_contributors",
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("withdrawn_at", sa.Float[float]()),
    )
    op.create_index("ix_lora_contributors_identity", "lora_contributors", ["identity"])
    op.create_table(
        "training_jobs",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.UniqueConstraint("job_id", name="uq_training_jobs_job_id"),
        sa.Column("bot", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("through", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("lease", sa.Integer, nullable=False),
        sa.Column("lease_until", sa.Float[float]()),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("cancelling", sa.Boolean, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float[float](), nullable=False),
        sa.Column("created_at", sa.Float[float](), nullable=False),
        sa.Column("started_at", sa.Float[float]()),
        sa.Column("finished_at", sa.Float[float]()),
        sa.UniqueConstraint("bot", "key", name="uq_training_jobs_bot_key"),
    )
    op.create_index("ix_training_jobs_bot_status", "training_jobs", ["bot", "status"])


def downgrade() -> None:
    """Drop the tables."""
    for name in ("training_jobs", "lora_contributors", "lora_versions"):
        op.drop_table(name)
