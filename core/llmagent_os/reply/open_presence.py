"""Whether it is the bot's choice to speak, and what its behaviour policy is bound to otherwise."""

from __future__ import annotations

from llmagent_os.events import Event, Message
from llmagent_os.policy.contract import ANSWER, PRESENCE


def is_open(event: Event) -> bool:
    """Whether it is the bot's choice to speak: people talk in a group, and nobody addressed it."""
    return isinstance(event, Message) and not event.addressed and event.conversation.kind == "group"


def wanted_presence(event: Event) -> dict[str, str]:
    """What the policy must choose of the presence; empty: it is free. Whoever addresses the bot is answered."""
    return {} if is_open(event) else {PRESENCE: ANSWER}
