"""What a bot hears in a group: what is meant for it, and what goes on in the threads that it is part of.

Asked before an event is stored, so that what people say to each other is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable

from llmagent_os.events import Edit, Event, Message, Reaction
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.ledger import Ledger


class GroupFilter:
    """Tells the bot's business from everybody else's, also after a restart: the ledger knows where it has spoken."""

    def __init__(self, ledger: Ledger, reactions: Reactions, answering: Callable[[str], bool]) -> None:
        """Args: ``answering`` tells of a ``Conversation.key`` whether something is being answered there right now."""
        self._ledger = ledger
        self._reactions = reactions
        self._answering = answering

    async def hears(self, event: Event) -> bool:
        """Whether ``event`` is to be taken: all of a direct conversation, and of a group what concerns the bot.

        Raises:
            LedgerError: it cannot be read.
        """
        here = event.conversation
        if here.kind == "direct":
            return True
        match event:
            case Message(addressed=True):
                return True
            case Message():
                if event.reply_to and await self._ledger.is_reply(here.platform, here.channel, event.reply_to):
                    return True
                return here.thread is not None and (self._answering(here.key) or await self._ledger.took_part(here.key))
            case Reaction():
                return await self._reactions.may_join(event)
            case Edit():
                return bool(event.edits) and await self._ledger.was_accepted(here.platform, event.edits)
            case _:
                return True
