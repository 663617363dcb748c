"""The stages of one accepted event: decide, prepare, send, finish.

*Decide*: the handler answers, or a reaction is joined to its reply. *Prepare*: the ledger keeps the answer; the
handler is not asked again after that. *Send*: the platform gets the reply. *Finish*: the ledger notes that the event
is done.

What a handler or an adapter raises goes no further (:mod:`~llmagent_os.adapter_kit.containment`). A person who waits
for the answer gets an apology. What nobody waits for, such as a timer, is tried again. An event that is never answered,
because it fails or because the process ends each time, becomes a dead letter after ``max_tries``.
"""

from __future__ import annotations

import asyncio
import logging

import structlog

from llmagent_os.adapter import Adapter, Reacts, Receipt, Reply
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.errors import AdapterError, LedgerError
from llmagent_os.events import ButtonPress, Command, Event, Message, Reaction
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.handler import WORK, Handler
from llmagent_os.host.busy_notices import BusyNotices
from llmagent_os.host.dead_letters import bury, cause_of
from llmagent_os.host.drafts import Drafts
from llmagent_os.host.health import HostStatus
from llmagent_os.host.limits import Limits
from llmagent_os.host.loop_guard import LoopGuard
from llmagent_os.host.pending_event import PendingEvent
from llmagent_os.host.reaction_answers import Question, ReactionAnswers, conversation_of
from llmagent_os.host.reply_sender import ReplySender
from llmagent_os.host.supervisor import AdapterSupervisor
from llmagent_os.host.typing_indicator import show_typing
from llmagent_os.languages import lazy_gettext, speaking
from llmagent_os.ledger import Ledger

_log = structlog.stdlib.get_logger(__name__)
_plain_log = logging.getLogger(__name__)

#: What a person reads whose message the handler failed to answer.
APOLOGY = lazy_gettext("Sorry, something went wrong on my side, and I could not do that. Please try again.")


class Stages:
    """Runs the stages of events."""

    def __init__(
        self,
        handler: Handler,
        ledger: Ledger,
        adapters: AdapterSupervisor,
        reactions: Reactions,
        background: BackgroundTasks,
        limits: Limits,
        status: HostStatus,
        notices: BusyNotices,
        question: Question | None = None,
        loops: LoopGuard | None = None,
    ) -> None:
        """Args: ``handler`` decides answers, ``reactions`` joins reactions to replies, ``limits`` bounds both.
        ``notices`` tells people that an answer has to wait for the ledger, and knows their languages. ``question`` asks
        for reasons of reactions. ``loops`` is told of every reply.
        """
        self._handler = handler
        self._ledger = ledger
        self._adapters = adapters
        self._reactions = reactions
        self._background = background
        self._limits = limits
        self._notices = notices
        self._loops = loops
        self._status = status
        self._metrics = status.metrics
        self._sender = ReplySender(adapters, limits, status, ledger.membership.may_act)
        self._answers = ReactionAnswers(reactions, ledger.open_questions, background, question)

    async def advance(self, pending: PendingEvent) -> float | None:
        """Run the stages that ``pending`` has not passed.

        Returns:
            None: the event is done. Else the seconds after which to come back to it.
        """
        with speaking(self._notices.language_of(pending.event)):
            return await self._advance(pending)

    async def _advance(self, pending: PendingEvent) -> float | None:
        event = pending.event
        try:
            if not (pending.dropped or pending.decided or pending.noted):
                pending.dropped |= not await self._ledger.begin(event)
                pending.noted = True
                pending.times_begun += 1
            if pending.dropped:
                await self._finish(pending)
                return None
            if not pending.decided:
                if type(event) is Reaction:
                    await self._join(pending, event)
                else:
                    await self._decide(pending, event)
                pending.decided = True
                pending.wake_indicator()
            if not pending.prepared and (
                pending.reply is not None or pending.interaction is not None or pending.rewards
            ):
                await self._prepare(pending)
            if pending.dropped:
                pending.reply = None
            if pending.reply is not None and pending.receipt is None:
                self._reactions.sending(pending.key, event.conversation)
                try:
                    with speaking(self._notices.language_of(event)):  # the answer may have been to choose another one
                        wait = await self._sender.send(pending, pending.reply)
                    if wait is not None:
                        return wait
                    if pending.receipt is not None and self._loops is not None:
                        self._loops.answered(event, pending.reply)
                    if pending.receipt is not None and pending.interaction is None and pending.reply.buttons:
                        await self._note_unkept(pending, pending.receipt, pending.reply)
                    await self._finish(pending)
                finally:
                    self._reactions.sent(pending.key)
            else:
                await self._finish(pending)
            self._count(pending)
            return None
        except LedgerError as error:  # a full disk can be mended, and the event must not be lost meanwhile
            pending.tries += 1
            wait = self._limits.send_backoff.seconds(pending.tries)
            _log.error("the ledger cannot be written; trying again", seconds=round(wait, 1), error=str(error))
            if pending.tries > 1 and pending.receipt is None:
                self._notices.tell_waiting(event)
            return wait
        except BaseException as raised:  # a damaged row, or a bug: it must not stop the conversation for good
            try:
                contained = contain(raised, cancelled=self._status.is_stopping)
            except asyncio.CancelledError:
                if pending.noted and not pending.decided:
                    self._ledger.take_back_try(event)
                raise
            return await self._failed(pending, contained)

    # ── decide ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _decide(self, pending: PendingEvent, event: Event) -> None:
        """Ask the handler, showing drafts and the typing indicator meanwhile."""
        adapter = self._adapters[event.conversation.platform]
        drafts = Drafts(adapter, event.conversation, pending.key) if adapter.capabilities.drafts else None
        # At the loop's next turn: an answer that is ready at once comes without the indicator.
        asyncio.get_running_loop().call_soon(self._begin_typing, pending, adapter)
        WORK.set(pending.note_work)
        try:
            async with asyncio.timeout(self._limits.reply_seconds) as pending.limit:
                outcome = await self._handler.handle(event, _no_draft if drafts is None else drafts.show)
        except BaseException as raised:
            error = contain(raised, cancelled=self._status.is_stopping)
            if pending.dropped:  # its person was erased, and the handler was cancelled for that
                return
            if not isinstance(event, Message | Command | ButtonPress):
                raise error from error.__cause__  # nobody is told; it is tried again
            _apologise(pending, error)
        else:
            pending.reply, pending.interaction, pending.rewards = outcome.reply, outcome.interaction, outcome.rewards
            pending.erases |= outcome.erases
            if outcome.reaction and isinstance(event, Message) and isinstance(adapter, Reacts):
                self._background.spawn(_react(adapter, event, outcome.reaction))
        finally:
            pending.limit = None
            if drafts is not None:
                await drafts.close()

    def _begin_typing(self, pending: PendingEvent, adapter: Adapter) -> None:
        if not pending.decided and type(pending.event) in (Message, Command, ButtonPress):
            self._background.spawn(show_typing(adapter, pending))

    async def _join(self, pending: PendingEvent, event: Reaction) -> None:
        """Turn a reaction into a reward of the reply that it is on, and perhaps ask for its reason."""
        joined = await self._reactions.join(event)
        if joined is None:
            _log.debug("a reaction on none of the bot's messages", message_id=event.message_id)
            return
        self._metrics.rewards += 1
        pending.reacted_to, _ = joined
        pending.where = conversation_of(event, pending.reacted_to)
        adapter = self._adapters[event.conversation.platform]
        pending.reply = await self._answers.answer(adapter, event, pending.reacted_to)

    async def _note_unkept(self, pending: PendingEvent, receipt: Receipt, reply: Reply) -> None:
        self._reactions.note_unkept(pending.event, receipt)
        if type(pending.event) is Reaction and pending.reacted_to is not None:
            await self._answers.note_asked(pending.event, pending.reacted_to, pending.where, receipt, reply)

    # ── prepare ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _prepare(self, pending: PendingEvent) -> None:
        event = pending.event
        try:
            kept = await self._ledger.prepare(
                event, pending.reply, pending.interaction, rewards=pending.rewards, why=pending.why
            )
        except (TypeError, ValueError, OverflowError) as error:  # what the handler made cannot be stored
            if pending.dead:
                raise
            _apologise(pending, error)
            kept = await self._ledger.prepare(event, pending.reply, why=pending.why)
        pending.dropped |= kept is False
        pending.prepared = True
        pending.tries = 0

    # ── finish ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _finish(self, pending: PendingEvent) -> None:
        if pending.unstored:  # a row with its id is one of a later delivery
            self._ledger.let_go(pending.event)
        elif pending.why is None or pending.dropped:
            drops_second_send = self._adapters[pending.event.conversation.platform].capabilities.idempotent_send
            soon = drops_second_send and pending.receipt is not None
            await self._ledger.finish(pending.event, pending.receipt, soon=soon and not pending.erases)
            if pending.erases:
                await self._ledger.wipe()
        elif pending.dead:
            await self._ledger.bury(pending.event, pending.why)
        else:
            await self._ledger.fail(pending.event, pending.why)

    async def _failed(self, pending: PendingEvent, error: Exception) -> float | None:
        """Try again what nobody was told of. After ``max_tries`` it is a dead letter.

        Returns:
            None: the event is given up without a word. Else the seconds after which to come back to it.
        """
        if pending.dead:
            return await self._give_up(pending, error)
        pending.failures += 1
        # An answer that took too long once takes too long again, and holds the conversation up meanwhile.
        if max(pending.failures, pending.times_begun) < self._limits.max_tries and not isinstance(error, TimeoutError):
            pending.noted = pending.decided
            wait = self._limits.send_backoff.first
            _log.error("an event cannot be run; trying again", seconds=wait, exc_info=error)
            return wait
        _log.error("an event cannot be run", exc_info=error)
        bury(pending, cause_of(error))
        return 0.0

    async def _give_up(self, pending: PendingEvent, error: Exception) -> float | None:
        """Leave the event in the inbox as failed. Returns None, or the seconds after which to try that again."""
        _log.error("a dead letter cannot be kept; the event is given up", exc_info=error)
        try:
            await self._ledger.fail(pending.event, f"it cannot be run: {error!r}")
        except LedgerError:
            return self._limits.send_backoff.first
        self._metrics.failed += 1
        return None

    def _count(self, pending: PendingEvent) -> None:
        metrics = self._metrics
        if pending.receipt is not None:
            seconds = asyncio.get_running_loop().time() - pending.since
            metrics.replies += 1
            metrics.reply_seconds.observe(seconds)
            if _plain_log.isEnabledFor(logging.DEBUG):  # asked first: building a line that nobody reads costs more
                _log.debug("answered", kind=type(pending.event).__name__, seconds=round(seconds, 3))
        if pending.why is None:
            metrics.finished += 1
        else:
            metrics.failed += 1
            metrics.dead_letters += pending.dead


async def _react(adapter: Reacts, message: Message, emoji: str) -> None:
    """Put an emoji on a message, once: nobody waits for it."""
    try:
        await adapter.add_reaction(message.conversation, message.message_id, emoji)
    except AdapterError as error:
        _log.warning("an emoji cannot be put on a message", platform=message.conversation.platform, error=str(error))


async def _no_draft(text: str) -> None:
    """Show nothing: the platform has no drafts."""


def _apologise(pending: PendingEvent, error: Exception) -> None:
    """Answer with :data:`APOLOGY` where a person waits for an answer."""
    event = pending.event
    _log.error("the handler failed", platform=event.conversation.platform, kind=type(event).__name__, exc_info=error)
    pending.why = f"the handler failed: {error!r}"
    pending.reply = Reply(str(APOLOGY)) if isinstance(event, Message | Command | ButtonPress) else None
    pending.interaction = None
    pending.rewards = ()
