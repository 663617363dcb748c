"""Takes events into the durable inbox: from adapters, from timers, and from an earlier run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from llmagent_os.adapter import DeletesMessages, is_open_to_all
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.containment import contained
from llmagent_os.credentials.typed_secret import gives_secret
from llmagent_os.errors import AdapterError, BadEventError, HostBusyError, LedgerError, NotYoursError
from llmagent_os.events import ButtonPress, Command, Conversation, Event, Message
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.host.busy_notices import BusyNotices
from llmagent_os.host.dead_letters import bury, says_kept
from llmagent_os.host.dispatcher import Dispatcher
from llmagent_os.host.group_filter import GroupFilter
from llmagent_os.host.health import HostStatus
from llmagent_os.host.limits import Limits
from llmagent_os.host.loop_guard import LoopGuard
from llmagent_os.host.pending_event import PendingEvent
from llmagent_os.host.slash_commands import command_of
from llmagent_os.host.supervisor import AdapterSupervisor
from llmagent_os.identity import identity_of
from llmagent_os.languages import lazy_gettext, speaking
from llmagent_os.ledger import Accepted, Ledger, UnfinishedEvent
from llmagent_os.privacy.event_masking import mask_event

#: What a person reads who presses a button under a reply to another person.
NOT_YOURS = lazy_gettext("This button is for the person whom I answered here.")

#: What a person reads who presses a button in a group under a message of which nobody knows any more whom it answers:
#: that person was erased, or the ledger is a new one.
NOBODYS = lazy_gettext("This button is no longer open: please ask me again.")

_log = structlog.stdlib.get_logger(__name__)


class Acceptor:
    """The host's :class:`~llmagent_os.adapter.Accept`: what adapters call with everything that happens."""

    def __init__(
        self,
        ledger: Ledger,
        adapters: AdapterSupervisor,
        group_filter: GroupFilter,
        reactions: Reactions,
        dispatcher: Dispatcher,
        busy_notices: BusyNotices,
        status: HostStatus,
        limits: Limits,
        admits: Callable[[Event], Awaitable[bool]] | None,
        loops: LoopGuard | None,
        take_secret: Callable[[Event], Awaitable[Event]] | None,
        drop_secret: Callable[[Event], Awaitable[None]] | None,
        background: BackgroundTasks,
    ) -> None:
        """Args:
        reactions: knows whom a reply answers.
        admits: says who is answered; None: everyone is.
        loops: ends conversations of two bots; None: nothing does.
        take_secret: keeps a credential that was typed, and returns the event without it; None: it is masked and lost.
        drop_secret: erases what ``take_secret`` kept of an event that is not stored; None: nothing does.
        background: has messages with credentials deleted on the platform.
        """
        self._ledger = ledger
        self._adapters = adapters
        self._group_filter = group_filter
        self._reactions = reactions
        self._dispatcher = dispatcher
        self._busy_notices = busy_notices
        self._status = status
        self._metrics = status.metrics
        self._limits = limits
        self._admits = admits
        self._loops = loops
        self._take_secret, self._drop_secret = take_secret, drop_secret
        self._background = background

    async def __call__(self, event: Event) -> bool:
        """Store ``event`` to be answered.

        Returns:
            Whether it is new. False: a redelivery, or words in a group that are not meant for the bot.

        Raises:
            HostBusyError: it was not stored: too much is waiting, or the host is not running.
            NotYoursError: it was not stored: the pressed button is in a group, and under no reply to the person.
            LedgerError: it was not stored: the ledger cannot be written.
            BadEventError: it can never be stored: no adapter of this host has its platform's name, or no JSON can
                hold it.
        """
        self._check_taking()
        if type(event) is Message and event.addressed and event.text.startswith("/"):
            event = command_of(event) or event
        if event.conversation.platform not in self._adapters:
            raise BadEventError(f"no adapter is called {event.conversation.platform!r}: nobody could answer this event")
        metrics, limits = self._metrics, self._limits
        if not await self._hears(event):
            return False
        if metrics.queue_depth >= limits.max_pending:
            metrics.refused += 1
            raise HostBusyError(
                f"{metrics.queue_depth} events are waiting already (max_pending): deliver it again later"
            )
        if type(event) is ButtonPress and event.conversation.kind == "group":
            with speaking(self._busy_notices.language_of(event)):
                await self._check_owner(event)
        event = await self._without_secrets(event)
        try:
            self._check_taking()  # the host may begin anew by now: what it has not taken up yet comes first
            result = await self._ledger.accept(
                event,
                max_pending=limits.max_pending_per_conversation,
                max_pending_of_sender=limits.max_pending_per_sender,
                stored=self._dispatcher.add_new,
                unstored=self._dispatcher.take_back,
            )
        except HostBusyError:
            metrics.refused += 1
            await self._drop_kept(event)
            raise
        except LedgerError:
            metrics.refused += 1
            await self._drop_kept(event)
            self._busy_notices.tell_not_stored(event)
            raise
        if result is Accepted.NEW:
            self._delete_secret(event)
            return True
        if result is Accepted.DUPLICATE:
            metrics.duplicates += 1
            return False
        metrics.refused += 1
        await self._drop_kept(event)
        raise self._full(event, result)

    def _check_taking(self) -> None:
        if not (self._status.taking or self._status.handing_over):
            raise HostBusyError("the host is not running, or is stopping: deliver the event again later")

    def _full(self, event: Event, result: Accepted) -> HostBusyError:
        """Tell the person that too much is waiting. Returns the error that says of what."""
        if result is Accepted.SENDER_FULL:
            self._busy_notices.tell_sender(event)
            return HostBusyError(
                f"{self._limits.max_pending_per_sender} events of this sender are waiting already "
                "(max_pending_per_sender): deliver it again later"
            )
        self._busy_notices.tell(event)
        return HostBusyError(
            f"{self._limits.max_pending_per_conversation} events of this conversation are waiting already "
            "(max_pending_per_conversation): deliver it again later"
        )

    async def _hears(self, event: Event) -> bool:
        """Whether ``event`` is meant for the bot, and from no bot that would answer for ever. Counts what is not."""
        if not await self._group_filter.hears(event):
            self._metrics.overheard += 1
            return False
        if self._loops is not None and not await self._loops.hears(event):
            self._metrics.loops_cut += 1
            return False
        return True

    async def _without_secrets(self, event: Event) -> Event:
        """``event`` as it may be stored. A credential that is given with it is kept for its command.

        Nothing is kept of strangers, whose command is not run, and of a redelivery, whose command may have been run.
        """
        if self._take_secret is not None and gives_secret(event) and await self._runs(event):
            event = await self._take_secret(event)
        return await mask_event(event)

    async def _runs(self, event: Event) -> bool:
        """Whether ``event`` is new, and from a person who is answered."""
        if event.sender.is_bot or await self._ledger.was_accepted(event.conversation.platform, event.event_id):
            return False
        return self._admits is None or await contained(self._admits(event))

    async def _drop_kept(self, event: Event) -> None:
        """Erase the credential of an event that is not stored: it will be delivered again with the credential."""
        if self._drop_secret is not None and gives_secret(event):
            await self._drop_secret(event)

    def _delete_secret(self, event: Event) -> None:
        """Take the message with a credential out of the chat, where the platform lets bots do that."""
        adapter = self._adapters[event.conversation.platform]
        message_id = event.message_id if isinstance(event, Message | Command) and gives_secret(event) else ""
        if message_id and isinstance(adapter, DeletesMessages):
            self._background.spawn(_deleted(adapter, event.conversation, message_id))

    async def _check_owner(self, press: ButtonPress) -> None:
        """Raise NotYoursError unless the person may press the button.

        A button that is open to all may be pressed by anybody, as long as it is under a reply to somebody who is known.
        Any other is for the person whom the reply answers. Linked accounts are one person.
        """
        owner = await self._reactions.owner_of(press)
        presser = identity_of(press)
        if owner is not None and is_open_to_all(press.value):
            return
        if owner == presser or (owner is not None and presser in await self._ledger.identities.everyone(owner)):
            return
        self._metrics.refused += 1
        raise NotYoursError(str(NOBODYS if owner is None else NOT_YOURS))

    async def wants(self, event: Event) -> bool:
        """Whether ``event`` concerns the bot and comes from a person whom the bot answers.

        Raises:
            LedgerError: it cannot be read.
        """
        return await self._group_filter.hears(event) and (self._admits is None or await contained(self._admits(event)))

    def timer_stored(self, event: Event) -> None:
        """Run a timer that is in the inbox now."""
        if event.conversation.platform in self._adapters:
            self._dispatcher.add_timer(event)
        else:  # the inbox keeps it until its adapter is configured again
            _log.warning("a timer waits for an adapter that is not configured", platform=event.conversation.platform)

    def resume(self, row: UnfinishedEvent) -> None:
        """Run an event that an earlier run of the host left unfinished."""
        platform = row.event.conversation.platform
        if platform not in self._adapters:
            _log.warning("an event waits for an adapter that is not configured", platform=platform, seq=row.seq)
            return
        pending = PendingEvent(row.event, asyncio.get_running_loop().time())
        pending.decided = pending.prepared = pending.may_be_sent = row.prepared
        pending.reply, pending.why = row.reply, row.why
        pending.times_begun = row.tries
        if row.prepared:
            pending.dead = says_kept(row.reply)
        elif row.tries >= self._limits.max_tries:
            bury(pending, f"the process ended each of the {row.tries} times that this was being answered")
        # The first process may have been ended by anything. Two are a pattern.
        pending.suspect = row.tries > 1
        self._dispatcher.add(pending)


async def _deleted(adapter: DeletesMessages, conversation: Conversation, message_id: str) -> None:
    try:
        await contained(adapter.delete_message(conversation, message_id))
    except AdapterError as error:
        _log.warning("a message with a credential stays in the chat", platform=adapter.name, error=str(error))
