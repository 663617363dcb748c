"""Keeps learned states in versions, with snapshots, and counts how often identities are linked and unlinked.

What was learned moves into the new tables, so that an upgrade does not have to learn it again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

_MOVE = (
    "INSERT INTO policy_states (policy, live, through, epoch) SELECT policy, 1, through, 0 FROM policy_progress",
    "INSERT INTO policy_bodies (body, bytes) SELECT rowid, body FROM old_policy_parts",
    "INSERT INTO policy_parts (state, part, through, body) "
    "SELECT state, part, through, old_policy_parts.rowid FROM old_policy_parts JOIN policy_states USING (policy)",
)

#: The state that each policy decides by, if it is what the ledger says. A stale state is learned again.
_MOVE_BACK = (
    "INSERT INTO policy_progress (policy, through) "
    "SELECT policy, through FROM policy_states WHERE live AND stale_from IS NULL",
    "INSERT INTO policy_parts (policy, part, body) "
    "SELECT policy, part, bytes FROM new_policy_parts AS version "
    "JOIN policy_states USING (state) JOIN policy_bodies USING (body) "
    "WHERE live AND stale_from IS NULL AND version.through = (SELECT max(newer.through) FROM new_policy_parts AS newer "
    "WHERE newer.state = version.state AND newer.part = version.part)",
)


def upgrade() -> None:
    """Add the tables and the indexes, and move what was learned."""
    op.rename_table("policy_parts", "old_policy_parts")
    op.create_table(
        "policy_states",
        sa.Column("state", sa.Integer, primary_key=True),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("through", sa.Integer, nullable=False),
        sa.Column("stale_from", sa.Integer),
        sa.Column("epoch", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_policy_states_policy", "policy_states", ["policy"])
    op.create_table(
        "policy_snapshots",
        sa.Column("state", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("through", sa.Integer, primary_key=True, autoincrement=False),
    )
    op.create_table(
        "policy_parts",
        sa.Column("state", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("through", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Integer),
    )
    op.create_index("ix_policy_parts_body", "policy_parts", ["body"])
    op.create_table(
        "policy_bodies",
        sa.Column("body", sa.Integer, primary_key=True),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
    )
    for statement in _MOVE:
        op.execute(statement)
    op.drop_table("old_policy_parts")
    op.drop_table("policy_progress")
    op.create_index("ix_rewards_user_id_seq", "rewards", ["user_id", "seq"])
    op.create_index("ix_rewards_rater_id_seq", "rewards", ["rater_id", "seq"])
    op.create_table(
        "link_changes",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_index("ix_link_changes_identity", "link_changes", ["identity"])


def downgrade() -> None:
    """Keep the state that each policy decides by, if it is what the ledger says, and drop the rest."""
    op.drop_table("link_changes")
    op.drop_index("ix_rewards_rater_id_seq", "rewards")
    op.drop_index("ix_rewards_user_id_seq", "rewards")
    op.drop_index("ix_policy_parts_body", "policy_parts")
    op.rename_table("policy_parts", "new_policy_parts")
    op.create_table(
        "policy_parts",
        sa.Column("policy", sa.Text, primary_key=True),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "policy_progress",
        sa.Column("policy", sa.Text, primary_key=True),
        sa.Column("through", sa.Integer, nullable=False),
    )
    for statement in _MOVE_BACK:
        op.execute(statement)
    for name in ("new_policy_parts", "policy_bodies", "policy_snapshots", "policy_states"):
        op.drop_table(name)
