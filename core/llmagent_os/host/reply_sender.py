"""Sends one reply to its platform, and decides what comes of a try that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.errors import ConfigError, TryLaterError
from llmagent_os.events import Command, Message, Reaction
from llmagent_os.host.dead_letters import cause_of
from llmagent_os.host.health import HostStatus
from llmagent_os.host.limits import Limits
from llmagent_os.host.pending_event import PendingEvent
from llmagent_os.host.supervisor import AdapterSupervisor

_log = structlog.stdlib.get_logger(__name__)


class ReplySender:
    """Makes one try at a time. A reply is given up after ``send_tries`` failures, or where it was put off too long."""

    def __init__(
        self, adapters: AdapterSupervisor, limits: Limits, status: HostStatus, may_act: Callable[[], bool]
    ) -> None:
        """Args: ``limits`` bounds the tries; ``status`` counts them, and says whether the host stops. ``may_act`` says
        whether the reply is still this host's to send.
        """
        self._adapters = adapters
        self._may_act = may_act
        self._limits = limits
        self._status = status
        self._metrics = status.metrics

    async def send(self, pending: PendingEvent, reply: Reply) -> float | None:
        """Try to send ``reply``.

        Returns:
            None: the reply is sent (``pending.receipt``) or given up (``pending.why``). Else the seconds to wait before
            the next try.
        """
        event = pending.event
        adapter = self._adapters[event.conversation.platform]
        if adapter.name in self._adapters.dead or not self._may_act():  # a try before the adapter is back is wasted
            return self._limits.send_backoff.first
        reply_to = event.message_id or None if isinstance(event, Message | Command | Reaction) else None
        again, pending.may_be_sent = pending.may_be_sent, True
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                if reply.replaces is not None:
                    await adapter.edit(pending.where, reply.replaces, reply)
                    pending.receipt = Receipt(())  # the message stays the one that it was, and whose it was
                else:
                    pending.receipt = await adapter.send(
                        pending.where, reply, key=pending.reply_key, reply_to=reply_to, again=again
                    )
        except ConfigError as error:  # another try would fail alike; the inbox keeps the event for a start that can
            self._adapters.set_unusable(adapter.name, error)
            return self._limits.send_backoff.first
        except BaseException as raised:
            return self._failed(pending, contain(raised, cancelled=self._status.is_stopping))
        return None

    def _failed(self, pending: PendingEvent, error: Exception) -> float | None:
        """The seconds to wait before the next try; None: the reply is given up."""
        if isinstance(error, TryLaterError) and (wait := self._put_off(pending, error)) is not None:
            return wait
        pending.tries += 1
        if pending.tries < self._limits.send_tries:
            self._metrics.retries += 1
            wait = self._limits.send_backoff.seconds(pending.tries)
            _log.warning("reply not sent; trying again", tries=pending.tries, seconds=round(wait, 1), error=repr(error))
            return wait
        platform = pending.event.conversation.platform
        _log.error("reply given up", platform=platform, tries=pending.tries, error=repr(error))
        said = cause_of(error) if pending.dead else repr(error)  # a dead letter's cause is shown, and quotes nobody
        pending.why = f"not sent in {pending.tries} tries: {said}" + (f"; {pending.why}" if pending.why else "")
        return None

    def _put_off(self, pending: PendingEvent, error: TryLaterError) -> float | None:
        """The seconds that the platform asks to wait; None: it has put this reply off for too long."""
        loop, limits = asyncio.get_running_loop(), self._limits
        if pending.put_off_since is None:
            pending.put_off_since = loop.time()
        waited = loop.time() - pending.put_off_since
        if waited > limits.send_patience:
            return None
        self._metrics.retries += 1
        backoff, wait = limits.send_backoff, error.seconds
        if wait is None:  # the platform named no pause: double the time that has passed, within the backoff's bounds
            wait = min(max(waited, backoff.first), backoff.most)
        platform = pending.event.conversation.platform
        _log.warning("reply put off", platform=platform, seconds=round(wait, 1), error=str(error))
        return wait
