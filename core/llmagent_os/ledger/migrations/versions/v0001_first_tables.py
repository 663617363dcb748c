"""Adds the first tables: inbox, interactions, messages sent, rewards, records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()


def upgrade() -> None:
    """Add the tables to an empty file."""
    op.create_table(
        "inbox",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("state", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("reply", sa.Text),
        sa.Column("interaction_id", sa.Text),
        sa.Column("why", sa.Text),
        sa.Column("accepted_at", _NUMBER, nullable=False),
        sa.UniqueConstraint("platform", "event_id", name="uq_inbox_platform_event_id"),
    )
    op.create_index("ix_inbox_unfinished", "inbox", ["seq"], sqlite_where=sa.text("state < 2"))
    op.create_table(
        "interactions",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("interaction_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("episode_id", sa.Text, nullable=False),
        sa.Column("turn_index", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("conversation_key", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("action_dist", sa.Text, nullable=False),
        sa.Column("pscore", _NUMBER, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("completion", sa.Text, nullable=False),
        sa.Column("token_ids", sa.Text, nullable=False),
        sa.Column("behavior_logprobs", sa.Text, nullable=False),
        sa.Column("adapter_version", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("tool_calls", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.UniqueConstraint("interaction_id", name="uq_interactions_interaction_id"),
    )
    op.create_index(
        "ix_interactions_user_id_conversation_key_seq", "interactions", ["user_id", "conversation_key", "seq"]
    )
    op.create_table(
        "sent",
        sa.Column("platform", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("interaction_id", sa.Text, nullable=False),
    )
    op.create_index("ix_sent_interaction_id", "sent", ["interaction_id"])
    op.create_table(
        "rewards",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("reward_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("interaction_id", sa.Text, nullable=False),
        sa.Column("rater_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("op", sa.Text, nullable=False),
        sa.Column("raw_value", sa.Text, nullable=False),
        sa.Column("reward", _NUMBER, nullable=False),
        sa.Column("mapping_version", sa.Text, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.UniqueConstraint("reward_id", name="uq_rewards_reward_id"),
    )
    op.create_index("ix_rewards_interaction_id", "rewards", ["interaction_id"])
    op.create_table(
        "records",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("plugin", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("records", "rewards", "sent", "interactions", "inbox"):
        op.drop_table(table)
