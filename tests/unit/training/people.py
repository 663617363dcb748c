"""People who rate replies."""

from __future__ import annotations

from itertools import count

from llmagent_os.events import Conversation, Message, Sender, event_key
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger, RewardEvent
from tests.unit.ledger.samples import interaction

ANA, BEN, CLEO = (Identity(f"web:local:{name}") for name in ("ana", "ben", "cleo"))

_numbers = count()


async def rate(ledger: Ledger, rater: Identity, *, emoji: str = "👍", kind: str = "reaction") -> RewardEvent:
    """Answer a person, who then reacts; returns the reaction."""
    number = f"e{next(_numbers)}"
    room = Conversation(platform="web", workspace="local", channel=rater)
    event = Message(
        event_id=number, conversation=room, sender=Sender(rater.rpartition(":")[2]), text="hi", message_id=number
    )
    await ledger.accept(event, max_pending=1000)
    await ledger.prepare(event, None, interaction(event))
    reward = RewardEvent(
        reward_id=f"r-{number}",
        event_id=f"r-{number}",
        interaction_id=event_key(event),
        rater_id=rater,
        user_id=rater,
        kind=kind,
        op="add",
        raw_value=emoji,
        reward=1.0,
        mapping_version="1",
    )
    await ledger.add_reward(reward)
    return reward


async def take_off(ledger: Ledger, reward: RewardEvent) -> None:
    """Take a reaction off again."""
    from msgspec.structs import replace

    removed = replace(reward, reward_id=f"{reward.reward_id}-off", event_id=f"{reward.event_id}-off", op="remove")
    await ledger.add_reward(replace(removed, reward=-reward.reward))
