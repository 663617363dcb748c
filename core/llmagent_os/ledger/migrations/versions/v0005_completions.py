"""Adds a table for every completion of a reply, and moves there what the interactions keep of completions.

An old interaction has at most one completion: the last of the reply. Null stands for what was not kept of this
completion. Its tokens were kept only where the words were sent and nothing was masked.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None

_NUMBER: sa.Float[float] = sa.Float()

#: One row for each interaction that a model wrote. Which of the interaction's calls the completion made was not kept.
#: A completion without tokens counts as sent if the reply, which the context holds, has the same words. A damaged
#: context holds no reply.
_MOVE = """
INSERT INTO completions (
    interaction_id, position, prompt, completion, tool_calls, token_ids, behavior_logprobs,
    model, model_hash, lora_version, masked, sent
)
SELECT
    interaction_id, 0, prompt, completion, '[]', token_ids, behavior_logprobs,
    model, '', adapter_version,
    CASE WHEN token_ids <> '[]' THEN 0 END,
    token_ids <> '[]' OR (completion <> '' AND coalesce(
        trim(completion, char(9, 10, 13, 32)) = CASE WHEN json_valid(context) THEN json_extract(context, '$.reply') END,
        0
    ))
FROM interactions
WHERE adapter_version <> '' OR model <> '' OR prompt <> '' OR token_ids <> '[]'
"""

#: The last completion of each interaction. Revision 0004 kept tokens only of words that were sent.
_MOVE_BACK = """
UPDATE interactions SET
    prompt = last.prompt,
    token_ids = CASE WHEN last.sent THEN last.token_ids ELSE '[]' END,
    behavior_logprobs = CASE WHEN last.sent THEN last.behavior_logprobs ELSE '[]' END
FROM completions AS last
WHERE last.interaction_id = interactions.interaction_id AND last.position = (
    SELECT max(position) FROM completions AS every WHERE every.interaction_id = interactions.interaction_id
)
"""


def upgrade() -> None:
    """Add the table, and move the completions."""
    op.create_table(
        "completions",
        sa.Column("interaction_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("prompt_token_ids", sa.Text),
        sa.Column("completion", sa.Text, nullable=False),
        sa.Column("tool_calls", sa.Text, nullable=False),
        sa.Column("token_ids", sa.Text, nullable=False),
        sa.Column("behavior_logprobs", sa.Text, nullable=False),
        sa.Column("temperature", _NUMBER),
        sa.Column("constraint", sa.Text),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("model_hash", sa.Text, nullable=False),
        sa.Column("lora_version", sa.Text, nullable=False),
        sa.Column("masked", sa.Boolean),
        sa.Column("sent", sa.Boolean, nullable=False),
    )
    op.execute(_MOVE)
    with op.batch_alter_table("interactions") as interactions:  # one copy of the table for all four changes
        interactions.alter_column("adapter_version", new_column_name="lora_version")
        interactions.drop_column("prompt")
        interactions.drop_column("token_ids")
        interactions.drop_column("behavior_logprobs")


def downgrade() -> None:
    """Keep the last completion of each interaction only, as before, and drop the table."""
    with op.batch_alter_table("interactions") as interactions:
        interactions.alter_column("lora_version", new_column_name="adapter_version")
        interactions.add_column(sa.Column("prompt", sa.Text, nullable=False, server_default=""))
        interactions.add_column(sa.Column("token_ids", sa.Text, nullable=False, server_default="[]"))
        interactions.add_column(sa.Column("behavior_logprobs", sa.Text, nullable=False, server_default="[]"))
    op.execute(_MOVE_BACK)
    op.drop_table("completions")
