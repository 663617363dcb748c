"""Puts keyed hashes in the place of ids that are only compared, and counts wrong codes that were close to a right one.

The ids of events hold the ids of chats and people, and were kept after /forget. The wrong codes of the last hour are
dropped: they were kept under the identities that gave them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from llmagent_os.ledger.pseudonyms import MARK, key_of, make_pseudonym

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the key, and hash."""
    op.create_table(
        "keys",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    with op.batch_alter_table("link_codes") as link_codes:
        link_codes.add_column(sa.Column("wrong", sa.Integer, nullable=False, server_default="0"))
    bind = op.get_bind()
    key = key_of(bind)
    op.execute("DELETE FROM guesses")
    op.execute("UPDATE inbox SET interaction_id = NULL WHERE state = 2")
    rows = bind.execute(sa.text("SELECT seq, event_id FROM inbox")).all()
    changes = [{"of_seq": row.seq, "event_id": make_pseudonym(key, row.event_id)} for row in rows]
    if changes:
        bind.execute(sa.text("UPDATE inbox SET event_id = :event_id WHERE seq = :of_seq"), changes)


def downgrade() -> None:
    """Drop what the older version cannot compare. Events that wait have their ids in their bodies."""
    op.execute("DELETE FROM inbox WHERE body IS NULL OR NOT json_valid(body)")
    op.execute("UPDATE inbox SET event_id = json_extract(body, '$.event_id')")
    op.execute("DELETE FROM guesses")
    op.execute(f"DELETE FROM members WHERE identity LIKE '{MARK}%'")
    with op.batch_alter_table("link_codes") as link_codes:
        link_codes.drop_column("wrong")
    op.drop_table("keys")
