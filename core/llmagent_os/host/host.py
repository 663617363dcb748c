"""The host: takes events from adapters, has a handler answer them, and sends the answers, through crashes.

Every event is in the ledger's inbox before the platform is told that it arrived, and every reply is in it before it is
sent. One conversation's events run one after the other, different conversations side by side.

What a crash can do. An accepted event is always run. Before its reply is decided it is given to the handler again,
under the same key; after, the same reply is sent again under the same key, and the handler is not asked. Where the
adapter's ``idempotent_send`` is true the platform drops the second send, and nobody sees a reply twice. Where it is
not, one window remains: the platform has taken the reply, and the process dies before the ledger has noted it (the
time of the platform's answer and one write to the disk). The reply is then sent again at the next start, since a
reply seen twice is better than one never seen. The same holds where the platform's answer is lost on the way and the
send is tried again.

Timers that plugins have set go into the inbox when they are due, those of the time that the host was off at its start,
and are answered from there like everything else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import structlog

from llmagent_os.adapter import Adapter, Receipt, Reply
from llmagent_os.errors import AdapterError, BadEventError, ConfigError, HostBusyError, LedgerError, TryLaterError
from llmagent_os.events import ButtonPress, Command, Event, Message, Reaction, event_key
from llmagent_os.feedback.emoji_table import EMOJI, RewardMapping
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.handler import Handler
from llmagent_os.host.clock import Clock, SystemClock
from llmagent_os.host.drafts import Drafts
from llmagent_os.host.group_filter import GroupFilter
from llmagent_os.host.limits import Limits
from llmagent_os.host.metrics import Metrics
from llmagent_os.host.slash_commands import command_of
from llmagent_os.host.timer_clock import TimerClock
from llmagent_os.ledger import Accepted, Interaction, Ledger, RewardEvent, UnfinishedEvent

_log = structlog.stdlib.get_logger(__name__)
_lines = logging.getLogger(__name__)

#: What the person is told where the handler failed, and where too much of theirs is waiting.
APOLOGY = Reply("Sorry, something went wrong on my side, and I could not do that. Please try again.")
BUSY = Reply(
    "I am still busy with your earlier messages. Please send this one again if I have not answered it in a few minutes."
)


#: How often it is shown that an answer is coming. Telegram shows it for five seconds.
TYPING_SECONDS = 4.5


class _Job:
    """One event on its way through: a step is never taken twice while the process lives."""

    __slots__ = (
        "again",
        "decided",
        "event",
        "interaction",
        "key",
        "prepared",
        "put_off",
        "receipt",
        "reply",
        "rewards",
        "since",
        "tries",
        "why",
    )

    def __init__(self, event: Event, since: float) -> None:
        self.event = event
        self.since = since  #: when it arrived, on the loop's clock
        self.key = event_key(event)
        self.decided = False
        self.prepared = False
        self.reply: Reply | None = None
        self.interaction: Interaction | None = None
        self.rewards: tuple[RewardEvent, ...] = ()
        self.why: str | None = None
        self.receipt: Receipt | None = None
        self.tries = 0
        self.again = False  #: the platform may have the reply already
        self.put_off: float | None = None  #: when the platform first said "not now", on the loop's clock


class _Lane:
    """One conversation's jobs, in order."""

    __slots__ = ("jobs", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self.jobs: deque[_Job] = deque()


class Host:
    """Runs adapters and a handler on one ledger."""

    def __init__(
        self,
        handler: Handler,
        ledger: Ledger,
        adapters: Iterable[Adapter],
        *,
        limits: Limits | None = None,
        rewards: RewardMapping = EMOJI,
        may_rate: Callable[[Reaction], Awaitable[bool]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Nothing happens before :meth:`run`.

        Args:
            handler: answers.
            ledger: keeps everything.
            adapters: the platforms.
            limits: of time and of how much may wait.
            rewards: what a reaction is worth.
            may_rate: whose reactions are rewards; None: everybody's.
            clock: tells when timers are due; the machine's, unless given.

        Raises:
            ConfigError: two adapters have the same name.
        """
        self.metrics = Metrics()
        self.metrics.queue_depth = lambda: self._depth
        self.metrics.running = lambda: len(self._workers)
        self._handler = handler
        self._ledger = ledger
        self._limits = limits or Limits()
        self._reactions = Reactions(ledger, rewards, self._limits.send_seconds, may_rate)
        self._listening = GroupFilter(ledger, self._reactions, self._is_answering)
        self._alarm = TimerClock(
            ledger,
            clock or SystemClock(),
            stored=self._rung,
            room=lambda: self._limits.max_pending - self._depth,
            backoff=self._limits.send_backoff,
        )
        self._adapters: dict[str, Adapter] = {}
        for adapter in adapters:
            if adapter.name in self._adapters:
                raise ConfigError(f"two adapters are called {adapter.name!r}: leave one out")
            self._adapters[adapter.name] = adapter
        self._health = dict.fromkeys(self._adapters, "not started")
        self._dead: set[str] = set()  # adapters that are being started again
        self._out: set[str] = set()  # adapters that cannot be, before somebody mends their configuration
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[_Lane] = deque()  # lanes whose first job can run now
        self._workers: set[asyncio.Task[None]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._told_busy: set[str] = set()
        self._depth = 0
        self._taking = False
        self._idle: asyncio.Future[None] | None = None

    @property
    def health(self) -> dict[str, str]:
        """Each adapter's state: ``running``, ``ended``, or what it died of."""
        return dict(self._health)

    @property
    def taking(self) -> bool:
        """Whether events are being accepted."""
        return self._taking

    # ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def accept(self, event: Event) -> bool:
        """Store ``event`` to be answered. Returns whether it is new (``False``: a redelivery, or none of our business).

        Raises:
            HostBusyError: it was not stored: too much is waiting, or the host is not running.
            LedgerError: it was not stored: the ledger cannot be written.
            BadEventError: it can never be stored: no adapter of this host has its platform's name, or no JSON can
                hold it.
        """
        if not self._taking:
            raise HostBusyError("the host is not running, or is stopping: deliver the event again later")
        if type(event) is Message and event.addressed and event.text.startswith("/"):
            event = command_of(event) or event
        if event.conversation.platform not in self._adapters:
            raise BadEventError(f"no adapter is called {event.conversation.platform!r}: nobody could answer this event")
        if not await self._listening.hears(event):
            self.metrics.overheard += 1
            return False
        limits = self._limits
        if self._depth >= limits.max_pending:
            self.metrics.refused += 1
            raise HostBusyError(f"{self._depth} events are waiting already (max_pending): deliver it again later")
        result = await self._ledger.accept(event, max_pending=limits.max_pending_per_conversation, stored=self._stored)
        if result is Accepted.NEW:
            return True
        if result is Accepted.DUPLICATE:
            self.metrics.duplicates += 1
            return False
        self.metrics.refused += 1
        self._tell_busy(event)
        raise HostBusyError(
            f"{limits.max_pending_per_conversation} events of this conversation are waiting already "
            "(max_pending_per_conversation): deliver it again later"
        )

    async def hears(self, event: Event) -> bool:
        """Whether :meth:`accept` would take ``event`` at all: see :mod:`llmagent_os.host.group_filter`."""
        return await self._listening.hears(event)

    def _is_answering(self, conversation_key: str) -> bool:
        return conversation_key in self._lanes

    def _stored(self, event: Event) -> None:
        self.metrics.accepted += 1
        self._add(_Job(event, asyncio.get_running_loop().time()))

    def _rung(self, event: Event) -> None:
        """A timer is in the inbox."""
        if event.conversation.platform in self._adapters:
            self._stored(event)
        else:  # the inbox keeps it, as it does what came in before the adapter was left out
            _log.warning("a timer waits for an adapter that is not configured", platform=event.conversation.platform)

    def _add(self, job: _Job) -> None:
        self._depth += 1
        key = job.event.conversation.key
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(key)
            lane.jobs.append(job)
            self._wake(lane)
        else:
            lane.jobs.append(job)  # whoever runs the lane comes to it

    def _wake(self, lane: _Lane) -> None:
        """Its first job can run: have a worker see to it."""
        if self._lanes.get(lane.key) is not lane:  # a retry left over from a run that was stopped
            return
        self._ready.append(lane)
        if self._taking and len(self._workers) < self._limits.max_running:
            self._workers.add(asyncio.get_running_loop().create_task(self._work()))

    def _tell_busy(self, event: Event) -> None:
        """Once a burst, and only somebody who waits for an answer."""
        key = event.conversation.key
        if key in self._told_busy or not isinstance(event, Message | Command | ButtonPress):
            return
        self._told_busy.add(key)
        self._spawn(self._send_busy(event))

    async def _send_busy(self, event: Event) -> None:
        adapter = self._adapters[event.conversation.platform]
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await adapter.send(event.conversation, BUSY, key=f"{event_key(event)}:busy")
        except Exception as error:
            _log.warning("cannot say that the host is busy", platform=adapter.name, error=repr(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # ── through ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _work(self) -> None:
        """Run what is ready, one job after the other, taking turns between conversations."""
        ready = self._ready
        me = asyncio.current_task()
        try:
            while ready and self._taking:
                lane = ready.popleft()
                job = lane.jobs[0]
                if job.event.conversation.platform in self._out:  # the inbox keeps them for a start that can answer
                    self._depth -= len(lane.jobs)
                    self._emptied(lane)
                    continue
                structlog.contextvars.bind_contextvars(event_id=job.key)
                try:
                    wait = await self._run(job)
                except LedgerError as error:  # a full disk can be mended; the event must not be lost meanwhile
                    job.tries += 1
                    wait = self._limits.send_backoff.seconds(job.tries)
                    _log.error("the ledger cannot be written; trying again", seconds=round(wait, 1), error=str(error))
                except Exception as error:  # a damaged row, a fault of ours: it must not stop the conversation for good
                    wait = await self._give_up(job, error)
                if wait is not None:  # another conversation may have the place meanwhile
                    asyncio.get_running_loop().call_later(wait, self._wake, lane)
                    continue
                lane.jobs.popleft()
                self._depth -= 1
                if lane.jobs:
                    ready.append(lane)
                else:
                    self._emptied(lane)
        finally:
            if me is not None:
                self._workers.discard(me)

    async def _give_up(self, job: _Job, error: Exception) -> float | None:
        """Leave ``job`` in the inbox as failed. Returns None, or in how many seconds to try that again."""
        _log.error("an event cannot be run; it is given up", exc_info=error)
        try:
            await self._ledger.fail(job.event, f"it cannot be run: {error!r}")
        except LedgerError:
            return self._limits.send_backoff.first
        self.metrics.failed += 1
        return None

    def _emptied(self, lane: _Lane) -> None:
        del self._lanes[lane.key]
        self._told_busy.discard(lane.key)
        if not self._depth and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def _run(self, job: _Job) -> float | None:
        """Take ``job`` as far as it goes. Returns None when it is done, or in how many seconds to come back to it."""
        event, metrics = job.event, self.metrics
        if not job.decided:
            if type(event) is Reaction:
                await self._react(job, event)
            else:
                await self._handle(job, event)
            job.decided = True
        if not job.prepared and (job.reply is not None or job.interaction is not None or job.rewards):
            try:
                await self._ledger.prepare(event, job.reply, job.interaction, rewards=job.rewards, why=job.why)
            except (TypeError, ValueError, OverflowError) as error:  # what the handler made cannot be stored
                _failed(job, error)
                await self._ledger.prepare(event, job.reply, why=job.why)
            job.prepared = True
            job.tries = 0
        if job.reply is not None and job.receipt is None:
            self._reactions.sending(job.key, event.conversation)
            try:
                wait = await self._send(job, job.reply)
                if wait is not None:
                    return wait
                await self._close(job)
            finally:
                self._reactions.sent(job.key)
        else:
            await self._close(job)
        if job.receipt is not None:
            seconds = asyncio.get_running_loop().time() - job.since
            metrics.replies += 1
            metrics.reply_seconds.observe(seconds)
            if _lines.isEnabledFor(logging.DEBUG):  # asked first: building a line that nobody reads costs more
                _log.debug("answered", kind=type(event).__name__, seconds=round(seconds, 3))
        if job.why is None:
            metrics.finished += 1
        else:
            metrics.failed += 1
        return None

    async def _close(self, job: _Job) -> None:
        if job.why is None:
            harmless = self._adapters[job.event.conversation.platform].capabilities.idempotent_send
            await self._ledger.finish(job.event, job.receipt, soon=harmless and job.receipt is not None)
        else:
            await self._ledger.fail(job.event, job.why)

    async def _handle(self, job: _Job, event: Event) -> None:
        adapter = self._adapters[event.conversation.platform]
        drafts = Drafts(adapter, event.conversation, job.key) if adapter.capabilities.drafts else None
        # At the loop's next turn: an answer that needs no thinking comes without it.
        asyncio.get_running_loop().call_soon(self._type, job, adapter)
        try:
            async with asyncio.timeout(self._limits.reply_seconds):
                outcome = await self._handler.handle(event, _no_draft if drafts is None else drafts.show)
        except (Exception, asyncio.CancelledError) as error:
            if _stopping():
                raise
            _failed(job, error)
        else:
            job.reply, job.interaction, job.rewards = outcome.reply, outcome.interaction, outcome.rewards
        finally:
            if drafts is not None:
                await drafts.close()

    def _type(self, job: _Job, adapter: Adapter) -> None:
        if not job.decided and type(job.event) in (Message, Command, ButtonPress):
            self._spawn(_typing(adapter, job))

    async def _send(self, job: _Job, reply: Reply) -> float | None:
        event = job.event
        adapter = self._adapters[event.conversation.platform]
        if adapter.name in self._dead:  # no use trying before it is back
            return self._limits.send_backoff.first
        reply_to = event.message_id or None if isinstance(event, Message | Command) else None
        again, job.again = job.again, True
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                job.receipt = await adapter.send(event.conversation, reply, key=job.key, reply_to=reply_to, again=again)
        except ConfigError as error:  # trying again would not help; the inbox keeps it for a start that can send
            self._cannot_run(adapter.name, error)
            return self._limits.send_backoff.first
        except (Exception, asyncio.CancelledError) as error:
            if _stopping():
                raise
            if isinstance(error, TryLaterError) and (wait := self._put_off(job, error)) is not None:
                return wait
            job.tries += 1
            if job.tries < self._limits.send_tries:
                self.metrics.retries += 1
                wait = self._limits.send_backoff.seconds(job.tries)
                _log.warning("reply not sent; trying again", tries=job.tries, seconds=round(wait, 1), error=repr(error))
                return wait
            _log.error("reply given up", platform=adapter.name, tries=job.tries, error=repr(error))
            job.why = f"not sent in {job.tries} tries: {error!r}" + (f"; {job.why}" if job.why else "")
        return None

    def _put_off(self, job: _Job, error: TryLaterError) -> float | None:
        """How long to wait, in seconds; None: the platform has put this reply off for too long."""
        loop, limits = asyncio.get_running_loop(), self._limits
        if job.put_off is None:
            job.put_off = loop.time()
        waited = loop.time() - job.put_off
        if waited > limits.send_patience:
            return None
        self.metrics.retries += 1
        backoff, wait = limits.send_backoff, error.seconds
        if wait is None:  # it said nothing of a pause: as long again as it has lasted, within the bounds of the backoff
            wait = min(max(waited, backoff.first), backoff.most)
        _log.warning(
            "reply put off", platform=job.event.conversation.platform, seconds=round(wait, 1), error=str(error)
        )
        return wait

    async def _react(self, job: _Job, event: Reaction) -> None:
        joined = await self._reactions.join(event)
        if joined is None:
            _log.debug("a reaction on nothing of ours", message_id=event.message_id)
            return
        interaction, reward = joined
        self.metrics.rewards += 1
        try:
            async with asyncio.timeout(self._limits.reply_seconds):
                await self._handler.observe(interaction, reward)
        except (Exception, asyncio.CancelledError) as error:
            if _stopping():
                raise
            _log.exception("the handler could not learn from a reaction", reward_id=reward.reward_id)
            job.why = f"the handler could not observe it: {error!r}"

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Take up what was left, run every adapter, and answer, until cancelled or until every adapter has ended.

        Cancelled, it takes nothing more, lets what runs finish within ``shutdown_seconds``, and leaves the rest in
        the inbox for the next start. Where every adapter ended by itself, it answers all that was accepted first.

        Raises:
            LedgerError: another host runs on this ledger.
            ConfigError: no adapter can run; what the first one said.
        """
        left = await self._ledger.claim()
        self._lanes.clear()  # of a run before: the inbox knows all of it
        self._ready.clear()
        self._told_busy.clear()
        self._out.clear()
        self._depth = 0
        tasks: dict[str, asyncio.Task[ConfigError | None]] = {}
        try:
            self._taking = True
            # Before anything that was left runs: what came due in the meantime must not be set anew first.
            self._spawn(self._alarm.run())
            for row in left:
                self._resume(row)
            for name, adapter in self._adapters.items():
                tasks[name] = asyncio.create_task(self._keep(adapter), name=f"adapter {name}")
            if tasks:
                await asyncio.wait(tasks.values())
            errors = [error for task in tasks.values() if (error := task.result()) is not None]
            if errors and len(errors) == len(tasks):
                raise errors[0]
            if self._depth:
                self._idle = asyncio.get_running_loop().create_future()
                await self._idle
        finally:
            await self._stop(tasks.values())

    def _resume(self, row: UnfinishedEvent) -> None:
        platform = row.event.conversation.platform
        if platform not in self._adapters:
            _log.warning("an event waits for an adapter that is not configured", platform=platform, seq=row.seq)
            return
        job = _Job(row.event, asyncio.get_running_loop().time())
        job.decided = job.prepared = job.again = row.prepared
        job.reply, job.why = row.reply, row.why
        self._add(job)

    async def _keep(self, adapter: Adapter) -> ConfigError | None:
        """Run one adapter, again whenever it dies, until it returns. Returns what it misses, if that is why."""
        loop = asyncio.get_running_loop()
        backoff = self._limits.adapter_backoff
        tries = 0
        while True:
            started = loop.time()
            self._health[adapter.name] = "running"
            self._dead.discard(adapter.name)
            try:
                await adapter.run(self.accept)
            except ConfigError as error:  # trying again would not help
                self._cannot_run(adapter.name, error)
                return error
            except Exception as error:
                # One that ran well for a while starts anew with a short wait.
                tries = 1 if loop.time() - started > backoff.most else tries + 1
                wait = backoff.seconds(tries)
                self._health[adapter.name] = f"died: {error!r}"
                self._dead.add(adapter.name)
                # What an adapter raises on purpose says all that there is to say.
                why = {"error": str(error)} if isinstance(error, AdapterError) else {"exc_info": error}
                _log.error("the adapter died; starting it again", platform=adapter.name, seconds=round(wait, 1), **why)
                await asyncio.sleep(wait)
                self.metrics.adapter_restarts += 1
            else:
                self._health[adapter.name] = "ended"
                return None

    def _cannot_run(self, name: str, error: ConfigError) -> None:
        """Say so once; the other platforms go on."""
        if name not in self._out:
            self._out.add(name)
            self._health[name] = str(error)
            _log.error("the adapter cannot run", platform=name, error=str(error))

    async def _stop(self, adapters: Iterable[asyncio.Task[ConfigError | None]]) -> None:
        self._taking = False
        try:
            if self._workers:  # the adapters still run: replies need them
                _, late = await asyncio.wait(set(self._workers), timeout=self._limits.shutdown_seconds)
                if late:
                    _log.warning(
                        "stopping before everything was answered; the rest stays in the inbox", events=len(late)
                    )
        finally:
            tasks = [*self._workers, *self._background, *adapters]
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                self._ledger.release()


async def _no_draft(text: str) -> None:
    """The draft of a platform that has none."""


async def _typing(adapter: Adapter, job: _Job) -> None:
    """Until the answer is decided: what a platform shows of it fades within seconds."""
    try:
        while not job.decided:
            await adapter.typing(job.event.conversation)
            await asyncio.sleep(TYPING_SECONDS)
    except Exception as error:  # nobody misses it
        _log.debug("cannot show typing", platform=adapter.name, error=repr(error))


def _failed(job: _Job, error: BaseException) -> None:
    """Have whoever waits for an answer told that there is none."""
    event = job.event
    _log.error("the handler failed", platform=event.conversation.platform, kind=type(event).__name__, exc_info=error)
    job.why = f"the handler failed: {error!r}"
    job.reply = APOLOGY if isinstance(event, Message | Command | ButtonPress) else None
    job.interaction = None
    job.rewards = ()


def _stopping() -> bool:
    """Whether it is this task that is cancelled, and not something inside what it called."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
