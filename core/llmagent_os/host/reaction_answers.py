"""What the bot does about a reaction, beside counting it: shows a pressed thumb, and asks for the reason of a 👎."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import structlog

from llmagent_os.adapter import Adapter, Capabilities, Receipt, Reply, ShowsThumbs
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.containment import contained
from llmagent_os.errors import LedgerError
from llmagent_os.events import PRESSED, Conversation, Reaction
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.feedback.reason_questions import closed_question
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Interaction
from llmagent_os.ledger.open_questions import OpenQuestions

_log = structlog.stdlib.get_logger(__name__)

#: Returns the question to ask about a reaction on a reply; None: none is asked.
Question = Callable[[Reaction, Interaction, Capabilities], Awaitable[Reply | None]]


class ReactionAnswers:
    """Answers reactions. Whatever fails here is logged: the reaction itself is counted already."""

    def __init__(
        self,
        reactions: Reactions,
        open_questions: OpenQuestions,
        background: BackgroundTasks,
        question: Question | None,
    ) -> None:
        """Args:
        reactions: know which feedback buttons are pressed.
        open_questions: remember where questions stand.
        background: runs what nobody waits for.
        question: see :data:`Question`; None: nobody is asked.
        """
        self._reactions = reactions
        self._background = background
        self._question = question
        self._open = open_questions

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

    async def note_asked(
        self, event: Reaction, on: Interaction, where: Conversation, receipt: Receipt, asked: Reply
    ) -> None:
        """Note where a question stands, so that it can be closed. One that a single person sees cannot be changed."""
        if not receipt.message_ids or asked.only_for is not None:
            return
        try:
            await self._open.put(identity_of(event), on.interaction_id, where, receipt.message_ids[-1])
        except LedgerError as error:
            _log.warning("a question cannot be closed later", platform=where.platform, error=str(error))

    async def _show_thumbs(self, adapter: ShowsThumbs, event: Reaction, on: Interaction) -> None:
        try:
            thumbs = await self._reactions.thumbs(on)
            await contained(adapter.show_thumbs(event.conversation, event.message_id, thumbs))
        except Exception as error:
            _log.warning("pressed thumbs are not shown", platform=event.conversation.platform, error=str(error))

    async def _close(self, adapter: Adapter, event: Reaction, on: Interaction) -> None:
        """Close the question about a reply that the person does not dislike any more."""
        identity = identity_of(event)
        try:
            found = await self._open.find(identity, on.interaction_id)
            if found is None or await self._reactions.is_disliked(on, identity):
                return
            await self._open.drop(identity, on.interaction_id)
            await contained(adapter.edit(*found, closed_question()))
        except Exception as error:
            _log.warning("a question is not closed", platform=event.conversation.platform, error=str(error))


def conversation_of(event: Reaction, on: Interaction) -> Conversation:
    """Where a question about a reply is asked: in its thread, which platforms do not name with a reaction."""
    platform, _, channel, thread = (*on.conversation_key.split("\x1f"), "", "", "", "")[:4]
    here = event.conversation
    if here.thread is None and thread and (platform, channel) == (here.platform, here.channel):
        return msgspec.structs.replace(here, thread=thread)
    return here
