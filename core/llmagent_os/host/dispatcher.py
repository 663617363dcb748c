"""Runs the events of one conversation in order, and different conversations side by side.

Messages and everything else have places of their own (:class:`~llmagent_os.host.fair_share.FairShare`). A message may
wait minutes for a language model; a command, a button, a reaction or a timer takes moments, and is not held up by that.

An event that two processes have begun and none has finished may be what ended them. Such suspects are run one at a
time, so that the next crash, if one comes, counts against one of them and not against those beside it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection

import structlog

from llmagent_os.events import Event, Message
from llmagent_os.host.fair_share import FairShare
from llmagent_os.host.health import HostStatus
from llmagent_os.host.limits import Limits
from llmagent_os.host.pending_event import RUNNING, PendingEvent
from llmagent_os.host.stages import Stages
from llmagent_os.host.supervisor import AdapterSupervisor
from llmagent_os.identity import Identity, identity_of


class ConversationQueue:
    """One conversation's events that are not finished, in order of arrival. The first one is being run."""

    __slots__ = ("key", "pending")

    def __init__(self, key: str) -> None:
        """Args: ``key`` is the ``Conversation.key``."""
        self.key = key
        self.pending: deque[PendingEvent] = deque()


class Dispatcher:
    """Has a bounded number of workers take turns between the conversations."""

    def __init__(
        self,
        stages: Stages,
        adapters: AdapterSupervisor,
        status: HostStatus,
        limits: Limits,
        *,
        emptied: Callable[[str], None],
    ) -> None:
        """Nothing runs before an event is added.

        Args:
            stages: runs one event.
            adapters: tells which platforms cannot be answered now.
            status: says whether the host takes events; its metrics count what waits and runs.
            limits: how much runs side by side.
            emptied: called with a ``Conversation.key`` when everything in that conversation is finished.
        """
        self._stages = stages
        self._adapters = adapters
        self._status = status
        self._metrics = status.metrics
        self._emptied = emptied
        self._queues: dict[str, ConversationQueue] = {}
        # Queues whose first event can run now.
        self._messages = FairShare[ConversationQueue](
            limits.max_running, per_sender=min(limits.max_running_per_sender, max(1, limits.max_running // 4))
        )
        self._quick = FairShare[ConversationQueue](
            limits.max_running_quick, per_sender=max(1, limits.max_running_quick // 4)
        )
        self._suspect: ConversationQueue | None = None  # whose first event is the suspect that runs now
        self._suspects: deque[ConversationQueue] = deque()  # whose first events are suspects that wait
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: asyncio.Future[None] | None = None

    def is_answering(self, conversation_key: str) -> bool:
        """Whether an event of this conversation waits or is being run."""
        return conversation_key in self._queues

    def add_new(self, event: Event) -> None:
        """Run an event that has just been stored in the inbox."""
        self._metrics.accepted += 1
        pending = PendingEvent(event, asyncio.get_running_loop().time())
        if event.conversation.key not in self._queues:  # the inbox has counted that its handler is begun
            pending.noted, pending.times_begun = True, 1
        self.add(pending)

    def take_back(self, event: Event) -> None:
        """End an event without an answer that was added and could not be stored: its platform delivers it again."""
        queue = self._queues.get(event.conversation.key)
        for pending in () if queue is None else queue.pending:
            if pending.event is event:
                pending.unstored = True
                _end(pending)

    def add_timer(self, event: Event) -> None:
        """Run a timer that has just been moved into the inbox."""
        self._metrics.accepted += 1
        self.add(PendingEvent(event, asyncio.get_running_loop().time()))

    def add(self, pending: PendingEvent) -> None:
        """Run ``pending`` after the events of its conversation that came before it."""
        self._metrics.queue_depth += 1
        key = pending.event.conversation.key
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = ConversationQueue(key)
            queue.pending.append(pending)
            self._wake(queue)
        else:
            queue.pending.append(pending)  # the worker of this queue comes to it

    def clear(self) -> None:
        """Drop what an earlier run of the host left here. The inbox has all of it."""
        self._queues.clear()
        self._messages.clear()
        self._quick.clear()
        self._suspect = None
        self._suspects.clear()
        self._metrics.queue_depth = 0

    async def until_idle(self) -> None:
        """Return when everything is finished."""
        if self._metrics.queue_depth:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle

    def running(self) -> set[str]:
        """The keys of the conversations of which an event is being run."""
        return {queue.key for queue in self._queues.values() if queue.pending and queue.pending[0].running is not None}

    def workers(self) -> set[asyncio.Task[None]]:
        """The workers that run now."""
        return set(self._workers)

    def _wake(self, queue: ConversationQueue, by: FairShare[ConversationQueue] | None = None) -> None:
        """Have a worker run the first event of ``queue``.

        Args:
            queue: of a conversation with events.
            by: the places whose worker calls, and looks for its next event afterwards; None: no worker calls.
        """
        if self._queues.get(queue.key) is not queue:  # a retry left over from a run that was stopped
            return
        pending = queue.pending[0]
        if pending.suspect and not pending.decided:
            if self._suspect is not None and self._suspect is not queue:
                self._suspects.append(queue)
                return
            self._suspect = queue
        share = self._messages if type(pending.event) is Message else self._quick
        share.add(identity_of(pending.event), queue)
        if share is not by and self._status.taking and share.can_take:
            self._workers.add(asyncio.get_running_loop().create_task(self._work(share), name="conversations"))
            self._metrics.running = len(self._workers)

    async def _work(self, share: FairShare[ConversationQueue]) -> None:
        """Run what is ready, one event after the other, taking turns between senders."""
        this_worker = asyncio.current_task()
        try:
            while self._status.taking and (taken := share.take()) is not None:
                sender, queue = taken
                pending = queue.pending[0]
                try:
                    # The inbox keeps the events of a platform that cannot be answered, for a start that can.
                    if pending.event.conversation.platform in self._adapters.unusable:
                        self._metrics.queue_depth -= len(queue.pending)
                        queue.pending.clear()
                        wait = None
                    else:
                        structlog.contextvars.bind_contextvars(event_id=pending.key)
                        wait = await self._advance(pending)
                        if wait is None:
                            queue.pending.popleft()
                            self._metrics.queue_depth -= 1
                finally:
                    share.give_back(sender)
                if wait is not None:  # meanwhile this worker runs another conversation
                    asyncio.get_running_loop().call_later(wait, self._wake, queue)
                elif queue.pending:
                    self._wake(queue, share)
                else:
                    self._drop(queue)
                if self._suspect is queue and (wait is None or pending.decided):
                    self._next_suspect()
        finally:
            if this_worker is not None:
                self._workers.discard(this_worker)
            self._metrics.running = len(self._workers)

    def _next_suspect(self) -> None:
        """The suspect that ran has not ended the process. Run the next one."""
        self._suspect = None
        if self._suspects:
            self._wake(self._suspects.popleft())

    async def _advance(self, pending: PendingEvent) -> float | None:
        pending.running = asyncio.get_running_loop().create_future()
        token = RUNNING.set(pending)
        try:
            return await self._stages.advance(pending)
        finally:
            RUNNING.reset(token)
            pending.running.set_result(None)
            pending.running = None

    def erasures(self, identities: Collection[Identity]) -> list[Event]:
        """The events that ask for the erasure of ``identities``, and are being answered."""
        return [
            pending.event
            for queue in self._queues.values()
            for pending in queue.pending
            if pending.erases and identity_of(pending.event) in identities
        ]

    def drop_events(self, identities: Collection[Identity], besides: PendingEvent | None) -> list[asyncio.Future[None]]:
        """Have the events of ``identities`` end without an answer; handlers that decide one are cancelled.

        Args:
            identities: all accounts of a person who is erased.
            besides: the event that asks for the erasure.

        Returns:
            One future for each event that is being run, done once the worker has come back from it.
        """
        running: list[asyncio.Future[None]] = []
        for queue in self._queues.values():
            for pending in queue.pending:
                if pending is besides or identity_of(pending.event) not in identities:
                    continue
                if pending.erases:  # it asks for the same: two that end each other would erase nothing
                    continue
                _end(pending)
                if pending.running is not None:
                    running.append(pending.running)
        return running

    def _drop(self, queue: ConversationQueue) -> None:
        """Nothing in this conversation is left to run."""
        del self._queues[queue.key]
        self._emptied(queue.key)
        if not self._metrics.queue_depth and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)


def _end(pending: PendingEvent) -> None:
    """Have ``pending`` end without an answer; a handler that decides one is cancelled."""
    pending.dropped = True
    if pending.limit is not None and not pending.limit.expired():  # else it is being cancelled already
        pending.limit.reschedule(asyncio.get_running_loop().time())
