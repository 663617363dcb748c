"""Tells people that the host cannot take what they sent now: it is busy, or cannot store anything."""

from __future__ import annotations

import asyncio

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.events import ButtonPress, Command, Event, Message, event_key
from llmagent_os.host.language_of import LanguageOf
from llmagent_os.host.limits import Limits
from llmagent_os.host.supervisor import AdapterSupervisor
from llmagent_os.identity import Identity, identity_of
from llmagent_os.languages import LazyText, lazy_gettext, speaking

_log = structlog.stdlib.get_logger(__name__)

#: What a person reads whose conversation holds too many unanswered messages.
BUSY = lazy_gettext(
    "I am still busy with your earlier messages. Please send this one again if I have not answered it in a few minutes."
)

#: What a person reads whose message cannot be stored: the disk is full, or the ledger is locked or damaged. The adapter
#: offers the message again for as long as its platform allows.
NOT_STORED = lazy_gettext(
    "I cannot store messages at the moment, so I have not taken this one yet. Please send it again if I have not "
    "answered it in a few minutes."
)

#: What a person reads whose message is stored, and whose answer cannot be.
WAITING = lazy_gettext(
    "I have your message, but I cannot store anything at the moment. My answer follows as soon as I can."
)


#: A sender who has too many unanswered messages in all conversations gets the notice once in this time.
SENDER_PAUSE_SECONDS = 60.0
#: How many senders are remembered who had the notice.
REMEMBERED_SENDERS = 1000


class BusyNotices:
    """Sends :data:`BUSY`, :data:`NOT_STORED` or :data:`WAITING` once for each burst of messages in a conversation."""

    def __init__(
        self, adapters: AdapterSupervisor, background: BackgroundTasks, limits: Limits, language_of: LanguageOf
    ) -> None:
        """Args: ``limits`` say how long a platform may take for the notice. ``language_of`` says its language."""
        self.language_of = language_of  #: in which the host speaks to the person of an event
        self._adapters = adapters
        self._background = background
        self._send_seconds = limits.send_seconds
        self._notified: set[str] = set()  # keys of the conversations that have the notice
        self._senders = BoundedDict[Identity, float](
            REMEMBERED_SENDERS
        )  # when each had the notice, on the loop's clock

    def tell(self, event: Event) -> None:
        """Say that the host is busy, unless the platform shows this by itself.

        A conversation has one notice at a time, and none where nobody waits for an answer.
        """
        if not self._shows_it(event):
            self._tell(event, BUSY)

    def tell_not_stored(self, event: Event) -> None:
        """Say that ``event`` cannot be stored, as :meth:`tell` does, unless the platform shows this by itself."""
        if not self._shows_it(event):
            self._tell(event, NOT_STORED)

    def tell_waiting(self, event: Event) -> None:
        """Say that the answer to ``event`` has to wait for the ledger, as :meth:`tell` does."""
        self._tell(event, WAITING)

    def _shows_it(self, event: Event) -> bool:
        """Whether the platform tells the person by itself that a message was not taken."""
        return self._adapters[event.conversation.platform].capabilities.shows_refusals

    def _tell(self, event: Event, notice: LazyText) -> None:
        key = event.conversation.key
        if key in self._notified or not isinstance(event, Message | Command | ButtonPress):
            return
        self._notified.add(key)
        self._background.spawn(self._send(event, notice))

    def tell_sender(self, event: Event) -> None:
        """Send the notice to a sender with too much in all conversations, unless the notice is fresh."""
        sender, present = identity_of(event), asyncio.get_running_loop().time()
        fresh = present - self._senders.get(sender, float("-inf")) < SENDER_PAUSE_SECONDS
        if fresh or self._shows_it(event) or not isinstance(event, Message | Command | ButtonPress):
            return
        self._senders[sender] = present
        self._background.spawn(self._send(event, BUSY))

    def forget(self, conversation_key: str) -> None:
        """Everything in the conversation is answered: the next burst gets the notice again."""
        self._notified.discard(conversation_key)

    def clear(self) -> None:
        """Forget all conversations."""
        self._notified.clear()
        self._senders.clear()

    async def _send(self, event: Event, notice: LazyText) -> None:
        adapter = self._adapters[event.conversation.platform]
        try:
            with speaking(self.language_of(event)):
                async with asyncio.timeout(self._send_seconds):
                    await adapter.send(event.conversation, Reply(str(notice)), key=f"{event_key(event)}:busy")
        except BaseException as raised:
            error = contain(raised)
            _log.warning("cannot say that a message was not taken", platform=adapter.name, error=repr(error))
