"""Adds what a policy's state needs to be stored now and then: whose rewards it has learned since it was last stored."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from alembic import op

from llmagent_os.ledger.column_types import TEXT, WHOLE

revision = "0032"
down_revision: str | None = "0031"
branch_labels: str | None = None
depends_on: str | None = None

_COLUMNS = ("base", "floor", "revision", "origin")
#: How many parts are unpacked in one step of the downgrade.
_BATCH = 64


def upgrade() -> None:
    """Add the columns and the table. What is stored has learned as far as its parts have."""
    for name in _COLUMNS:
        op.add_column("policy_states", sa.Column(name, WHOLE, nullable=False, server_default=sa.text("0")))
    op.add_column("policy_states", sa.Column("parent", WHOLE))
    op.execute("UPDATE policy_states SET base = through")
    op.create_index("ix_policy_parts_state_through", "policy_parts", ["state", "through"])
    op.create_table(
        "policy_changes",
        sa.Column("state", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("through", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("part", TEXT, nullable=False),
    )
    op.create_index("ix_policy_changes_state_part", "policy_changes", ["state", "part"])


def downgrade() -> None:
    """Take every state back to its parts, which are unpacked again. The older version learns the rest from there.

    An older version knows no state that leaves people to be made of their own rewards, and none that begins with the
    parts of another one. These are dropped. What they were to become is learned again.
    """
    gone = "SELECT state FROM policy_states WHERE floor > 0 OR parent IS NOT NULL"
    for table in ("policy_parts", "policy_snapshots", "policy_states"):
        op.execute(f"DELETE FROM {table} WHERE state IN ({gone})")
    op.execute("DELETE FROM policy_bodies WHERE body NOT IN (SELECT body FROM policy_parts WHERE body IS NOT NULL)")
    op.execute("UPDATE policy_states SET through = base")
    _unpack()
    op.drop_table("policy_changes")
    op.drop_index("ix_policy_parts_state_through", "policy_parts")
    for name in ("parent", *_COLUMNS):
        op.drop_column("policy_states", name)


def _unpack() -> None:
    """Store bytes as older versions read them."""
    bodies = sa.table("policy_bodies", sa.column("body", WHOLE), sa.column("bytes", sa.LargeBinary))
    database, last = op.get_bind(), -1
    while True:
        query = sa.select(bodies.c.body, bodies.c.bytes).where(bodies.c.body > last).order_by(bodies.c.body)
        rows = database.execute(query.limit(_BATCH)).all()
        if not rows:
            return
        last = rows[-1].body
        for number, packed in rows:
            try:
                raw = zlib.decompress(packed)
            except zlib.error:  # as an older version wrote it, or damaged: the older version learns it again
                continue
            database.execute(sa.update(bodies).where(bodies.c.body == number).values(bytes=raw))
