"""Decides what a bot hears in a group: what is meant for it, and what is said in threads that it takes part in.

The filter is asked before an event is stored, so that what people say to each other is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable

from llmagent_os.events import Edit, Event, Message, Reaction
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.ledger import Ledger


class GroupFilter:
    """Asks the ledger where the bot has spoken, so that it knows its threads after a restart too."""

    def __init__(self, ledger: Ledger, reactions: Reactions, answering: Callable[[str], bool]) -> None:
        """Args: ``answering`` says of a ``Conversation.key`` whether an event is being answered there now."""
        self._ledger = ledger
        self._reactions = reactions
        self._answering = answering

    async def hears(self, event: Event) -> bool:
        """Whether to take ``event``: everything in a direct conversation, and in a group what concerns the bot.

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
                if event.reply_to and await self._ledger.is_ours(here.platform, here.channel, event.reply_to):
                    return True
                return here.thread is not None and (self._answering(here.key) or await self._ledger.took_part(here.key))
            case Reaction():
                return await self._reactions.may_join(event)
            case Edit():
                return bool(event.edits) and await self._ledger.knows(here.platform, event.edits)
            case _:
                return True
