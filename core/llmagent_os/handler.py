"""What the host asks of an agent: one method, and what it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.events import Event
from llmagent_os.ledger import Interaction, RewardEvent

#: Shows the text that is written so far, where the platform can.
Draft = Callable[[str], Awaitable[None]]


class Outcome(msgspec.Struct, frozen=True):
    """What the handler decided for an event."""

    reply: Reply | None  #: None: say nothing
    interaction: Interaction | None = None  #: what the ledger keeps; its id is the ``event_key`` of the event
    rewards: tuple[RewardEvent, ...] = ()  #: what the event says about replies, this reply among them
    reaction: str = ""  #: an emoji to put on the message of the event; empty: none
    erases: bool = False  #: the person of the event was erased: nothing of the event may be left once it is answered


class Handler(Protocol):
    """Answers events: an agent."""

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        """Decide the answer to ``event``: a message, command, button press, edit or timer. Reactions never come here.

        The host may call this again for the same event after a crash, so whatever it writes elsewhere should be keyed
        by ``event_key``.
        """
        ...
