"""What the bot does about a reaction, beside counting it: shows a pressed thumb, and asks for the reason of a 👎."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import structlog

from llmagent_os.adapter import Adapter, Capabilities, Receipt, Reply, ShowsThumbs
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.containment import contained
from llmagent_os.events import PRESSED, Conversation, Reaction
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.feedback.reason_questions import closed_question
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Interaction

_log = structlog.stdlib.get_logger(__name__)

#: Returns the question to ask about a reaction on a reply; None: none is asked.
Question = Callable[[Reaction, Interaction, Capabilities], Awaitable[Reply | None]]

#: How many questions are remembered that can still be closed.
OPEN_QUESTIONS = 1000


class ReactionAnswers:
    """Answers reactions. Whatever fails here is logged: the reaction itself is counted already."""

    def __init__(self, reactions: Reactions, background: BackgroundTasks, question: Question | None) -> None:
        """Args:
        reactions: know which feedback buttons are pressed.
        background: runs what nobody waits for.
        question: see :data:`Question`; None: nobody is asked.
        """
        self._reactions = reactions
        self._background = background
        self._question = question
        # The account that reacted, and the reply's id -> where the question is. A restart forgets it.
        self._open: BoundedDict[tuple[Identity, str], tuple[Conversation, str]] = BoundedDict(OPEN_QUESTIONS)

    async def answer(self, adapter: Adapter, event: Reaction, on: Interaction) -> Reply | None:
        """Show what a reaction has changed, and return the question to ask. None: none is asked."""
        if event.emoji.startswith(PRESSED) and isinstance(adapter, ShowsThumbs):
            self._background.spawn(self._show_thumbs(adapter, event, on))
        self._background.spawn(self._close(adapter, event, on))
        if self._question is None:
            return None
        try:
            return await contained(self._question(event, on, adapter.capabilities))
        except Exception as error:
            _log.error("a person cannot be asked for the reason of a reaction", error=repr(error))
            return None

    def note_asked(self, event: Reaction, on: Interaction, where: Conversation, receipt: Receipt, asked: Reply) -> None:
        """Note where a question stands, so that it can be closed. One that a single person sees cannot be changed."""
        if receipt.message_ids and asked.only_for is None:
            self._open[identity_of(event), on.interaction_id] = (where, receipt.message_ids[-1])

    async def _show_thumbs(self, adapter: ShowsThumbs, event: Reaction, on: Interaction) -> None:
        try:
            thumbs = await self._reactions.thumbs(on)
            await contained(adapter.show_thumbs(event.conversation, event.message_id, thumbs))
        except Exception as error:
            _log.warning("pressed thumbs are not shown", platform=event.conversation.platform, error=str(error))

    async def _close(self, adapter: Adapter, event: Reaction, on: Interaction) -> None:
        """Close the question about a reply that the person does not dislike any more."""
        key = (identity_of(event), on.interaction_id)
        if key not in self._open or await self._reactions.is_disliked(on, key[0]):
            return
        where, message_id = self._open.pop(key)
        try:
            await contained(adapter.edit(where, message_id, closed_question()))
        except Exception as error:
            _log.warning("a question is not closed", platform=where.platform, error=str(error))


def conversation_of(event: Reaction, on: Interaction) -> Conversation:
    """Where a question about a reply is asked: in its thread, which platforms do not name with a reaction."""
    platform, _, channel, thread = (*on.conversation_key.split("\x1f"), "", "", "", "")[:4]
    here = event.conversation
    if here.thread is None and thread and (platform, channel) == (here.platform, here.channel):
        return msgspec.structs.replace(here, thread=thread)
    return here
