"""What the host asks of an agent: one method, and what it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Protocol

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.events import Event
from llmagent_os.ledger import Interaction, RewardEvent

#: Shows the text that is written so far, where the platform can.
Draft = Callable[[str], Awaitable[None]]


#: Takes what the handler is doing for the event that the present task runs. The host sets it.
WORK: ContextVar[Callable[[str], None] | None] = ContextVar("WORK", default=None)


def note_work(words: str) -> None:
    """Say what is being done while the reply is decided, for platforms that show it.

    Args:
        words: the rest of a sentence that begins with the bot's name: "is looking at your calendar…". Empty: nothing
            that people should read.
    """
    take = WORK.get()
    if take is not None and words:
        take(words)


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
        """Decide the answer to ``event``: whatever happened but a reaction.

        The host may call this again for the same event after a crash, so whatever it writes elsewhere should be keyed
        by ``event_key``.
        """
        ...
