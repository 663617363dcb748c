"""A ledger file with replies and reactions of many people, written at once: for tests and benchmarks of learning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction, RewardEvent
from llmagent_os.ledger.row_codecs import encode_interaction, encode_reward
from llmagent_os.ledger.sqlite_database import BEGIN, connect
from llmagent_os.ledger.statements import INSERT_INTERACTION, INSERT_REWARD
from llmagent_os.policy.actions import ActionSpace

SPACE = ActionSpace()
START = datetime(2026, 1, 1, tzinfo=UTC)


def write_history(file: Path, people: Iterable[str], likes: Mapping[str, str] | None = None, first: int = 0) -> None:
    """Append a reply and a reaction to it for every one of ``people``, in order.

    Args:
        file: the ledger, which is made if it is missing.
        people: who is answered and reacts, one name for every reward.
        likes: by name, a value of a dimension: replies with it get 👍, all others 👎. Others like what is brief.
        first: the number of the first reply. A second call on the same file needs other numbers.
    """
    database = connect(file, "NORMAL")
    try:
        database.execute(BEGIN)
        for number, who in enumerate(people, first):
            action = SPACE.actions[number * 7 % len(SPACE)]
            content = (likes or {}).get(who, "brief") in action.values()
            reply = Interaction(
                interaction_id=f"memory:m{number}",
                event_id=f"m{number}",
                episode_id=f"memory:e{number // 4}",
                user_id=Identity(f"memory::{who}"),
                conversation_key=f"memory::{who}",
                context={"features": {"intent": "ask" if number % 3 else "create", "direct": True}},
                action=action,
                action_dist=dict.fromkeys(SPACE.labels, 1 / len(SPACE)),
                pscore=1 / len(SPACE),
                policy_version="x",
                created_at=START + timedelta(hours=number),
            )
            reward = RewardEvent(
                reward_id=f"memory:r{number}",
                event_id=f"r{number}",
                interaction_id=reply.interaction_id,
                rater_id=reply.user_id,
                user_id=reply.user_id,
                op="add",
                raw_value="👍" if content else "👎",
                reward=1.0 if content else -1.0,
                mapping_version="1",
                at=reply.created_at,
            )
            database.execute(INSERT_INTERACTION, encode_interaction(reply))
            database.execute(INSERT_REWARD, encode_reward(reward))
        database.execute("COMMIT")
    finally:
        database.close()
