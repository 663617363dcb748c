"""The host: takes events from adapters, has a handler answer them, and sends the answers, through crashes.

Every event is in the ledger's inbox before the platform is told that it arrived, and every reply is in it before it is
sent. One conversation's events run one after the other, different conversations side by side.

What a crash can do. An accepted event is always run. Before its reply is decided it is given to the handler again,
under the same key. After, the same reply is sent again under the same key, and the handler is not asked. Where the
adapter's ``idempotent_send`` is true the platform drops the second send, and nobody sees a reply twice. Where it is
not, one window remains: the platform has taken the reply, and the process dies before the ledger has noted it (the
time of the platform's answer and one write to the disk). The reply is then sent again at the next start, since a
reply seen twice is better than one never seen. The same holds where the platform's answer is lost on the way and the
send is tried again.

An event that ends the process is run again at the next start, where it ends the process again. The inbox counts how
often the handler was begun with each event. After three times without an answer the event is a dead letter: the person
is told, and whoever runs the host can have it run again.

Timers that plugins have set go into the inbox when they are due and are answered from there. Those that came due while
the host was off follow at its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial

import structlog

from llmagent_os.adapter import Adapter
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.events import Event, Reaction
from llmagent_os.feedback.emoji_table import EMOJI, RewardMapping
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.handler import Handler
from llmagent_os.host.acceptor import Acceptor
from llmagent_os.host.busy_notices import BusyNotices
from llmagent_os.host.clock import Clock, SystemClock
from llmagent_os.host.dead_letters import RevivedLetters
from llmagent_os.host.dispatcher import Dispatcher
from llmagent_os.host.group_filter import GroupFilter
from llmagent_os.host.health import HostStatus
from llmagent_os.host.language_of import LanguageOf, always_english
from llmagent_os.host.limits import Limits
from llmagent_os.host.loop_guard import LoopGuard
from llmagent_os.host.loop_watchdog import LoopWatchdog
from llmagent_os.host.metrics import Metrics
from llmagent_os.host.pending_event import RUNNING
from llmagent_os.host.reaction_answers import Question
from llmagent_os.host.shared_erasures import SharedErasures
from llmagent_os.host.stages import Stages
from llmagent_os.host.supervisor import AdapterSupervisor
from llmagent_os.host.timer_clock import TimerClock
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger, UnfinishedEvent

_log = structlog.stdlib.get_logger(__name__)

#: The longest pause between two tries to begin anew: people wait while the database is there again.
MAX_REJOIN_PAUSE_SECONDS = 5.0


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
        admits: Callable[[Event], Awaitable[bool]] | None = None,
        may_rate: Callable[[Reaction], Awaitable[bool]] | None = None,
        question: Question | None = None,
        clock: Clock | None = None,
        status: HostStatus | None = None,
        language_of: LanguageOf = always_english,
        loops: LoopGuard | None = None,
        take_secret: Callable[[Event], Awaitable[Event]] | None = None,
        drop_secret: Callable[[Event], Awaitable[None]] | None = None,
    ) -> None:
        """Nothing happens before :meth:`run`.

        Args:
            handler: answers.
            ledger: keeps everything.
            adapters: the platforms.
            limits: of time and of how much may wait.
            rewards: what a reaction is worth.
            admits: whether a sender is answered, which adapters ask before they fetch files; None: everyone is.
            may_rate: whether a reaction counts as a reward; None: every reaction does.
            question: what a person is asked about a reaction; None: nobody is asked.
            clock: tells when timers are due; the machine's, unless given.
            status: where the host says how it is doing; a new one, unless given.
            language_of: says in which language the host itself speaks to the person of an event.
            loops: ends conversations of two bots that take each other for people; None: nothing does.
            take_secret: keeps the credential that a person types into a command, and returns the event without it;
                None: it is masked and lost.
            drop_secret: erases what ``take_secret`` kept of an event that could not be stored; None: nothing does.

        Raises:
            ConfigError: two adapters have the same name.
        """
        self._limits = limits = limits or Limits()
        self._ledger = ledger
        self._status = status or HostStatus()
        self._background = BackgroundTasks()
        self._adapters = AdapterSupervisor(adapters, limits.adapter_backoff, self._status, ledger.membership)
        reactions = Reactions(ledger, rewards, limits.send_seconds, may_rate)
        self._busy_notices = notices = BusyNotices(self._adapters, self._background, limits, language_of)
        with_all = (reactions, self._background, limits, self._status, notices, question, loops)
        stages = Stages(handler, ledger, self._adapters, *with_all)
        self._dispatcher = Dispatcher(stages, self._adapters, self._status, limits, emptied=notices.forget)
        hears = GroupFilter(ledger, reactions, self._dispatcher.is_answering)
        within = (self._busy_notices, self._status, limits, admits, loops, take_secret, drop_secret, self._background)
        #: what the adapters are given
        self.accept = Acceptor(ledger, self._adapters, hears, reactions, self._dispatcher, *within)
        self._timer_clock = self._make_timer_clock(clock or SystemClock())
        self._revived = RevivedLetters(ledger, self.accept.resume, limits.revive_seconds)
        self._watchdog = LoopWatchdog(self._status, limits.blocked_seconds)
        self._erasures = SharedErasures(ledger.membership, self._dispatcher, limits.send_seconds)

    def _make_timer_clock(self, clock: Clock) -> TimerClock:
        limits = self._limits
        return TimerClock(
            self._ledger,
            clock,
            stored=self.accept.timer_stored,
            room=self._room,
            backoff=limits.send_backoff,
        )

    @property
    def health(self) -> dict[str, str]:
        """Each adapter's state: ``running``, ``ended``, or what it died of."""
        return dict(self._status.adapters)

    @property
    def taking(self) -> bool:
        """Whether events are being accepted."""
        return self._status.taking

    @property
    def metrics(self) -> Metrics:
        """What the host counts."""
        return self._status.metrics

    def _room(self) -> int:
        """How many more events may wait."""
        return self._limits.max_pending - self._status.metrics.queue_depth

    async def drop_events(self, identities: Collection[Identity]) -> int:
        """Have everything of these accounts that waits or is being answered end without an answer, and forget it.

        Called by the handler of the event that asks for the erasure, this event is still answered. On return no handler
        that decided for the person runs any more, so that nothing is written for them after this.

        Returns:
            How many events were dropped.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        asks = RUNNING.get()
        if asks is not None:
            asks.erases = True
        running: list[asyncio.Future[None]] = []

        def then() -> None:  # before any event that is stored after these runs
            running.extend(self._dispatcher.drop_events(identities, asks))

        besides = self._dispatcher.erasures(identities)
        dropped = await self._ledger.drop_unfinished(identities, besides=besides, then=then)
        if running:  # a reply that is on its way to the platform gets there; nobody waits for a platform for long
            await asyncio.wait(running, timeout=self._limits.send_seconds)
        await self._erasures.ask(identities)
        return dropped

    async def run(self) -> None:
        """Take up what was left, run every adapter, and answer, until cancelled or until every adapter has ended.

        Cancelled, it takes nothing more, lets what runs finish within ``shutdown_seconds``, and leaves the rest in
        the inbox for the next start. Where every adapter ended by itself, it answers all that was accepted first.

        Where hosts share the ledger, the rest goes to the others. A host that the others have taken for dead drops all
        that it runs, since they run it now, and begins anew.

        Raises:
            LedgerError: another host runs on this ledger, and does not share it.
            ConfigError: no adapter can run; what the first one said.
        """
        claim = partial(self._ledger.claim, self._adapters.platforms, self._adapters.local)
        unfinished = await claim()
        while not await self._serve(unfinished):
            tries, found = 0, None
            while found is None:
                tries += 1
                try:
                    found = await claim()
                except LedgerError as error:
                    wait = min(self._limits.send_backoff.seconds(tries), MAX_REJOIN_PAUSE_SECONDS)
                    _log.error("the host cannot begin anew; trying again", seconds=round(wait, 1), error=str(error))
                    await asyncio.sleep(wait)
            unfinished = found

    async def _serve(self, unfinished: list[UnfinishedEvent]) -> bool:
        """Be the host of the ledger, or one of its hosts. Returns whether it is over; False: it was taken for dead."""
        self._dispatcher.clear()  # what an earlier run of this host left there: the inbox has all of it
        self._busy_notices.clear()
        adapters: list[asyncio.Task[ConfigError | None]] = []
        membership = self._ledger.membership
        lost = asyncio.create_task(membership.lost())
        try:
            self._status.taking = True
            # Before anything unfinished runs: a timer that came due meanwhile must not be set anew first.
            self._background.spawn(membership.while_held("timers", self._timer_clock.run))
            self._background.spawn(self._watchdog.run())
            self._adapters.unusable.clear()
            for row in unfinished:
                self.accept.resume(row)
            self._background.spawn(self._revived.run())
            self._background.spawn(self._ledger.keep_looking(self.accept.resume))
            self._background.spawn(self._erasures.run())
            adapters = self._adapters.start(self.accept)
            if adapters and not await _ended(adapters, lost):
                return False
            errors = [error for task in adapters if (error := task.result()) is not None]
            if errors and len(errors) == len(adapters):
                raise errors[0]
            await self._dispatcher.until_idle()
            return True
        finally:
            is_lost = lost.done()
            lost.cancel()
            await self._stop(adapters, is_lost=is_lost)

    async def _stop(self, adapters: list[asyncio.Task[ConfigError | None]], *, is_lost: bool) -> None:
        """Let what runs finish, hand over what is left, then cancel everything: the connections come last.

        Args:
            adapters: their tasks.
            is_lost: other hosts run already what is running here, so nothing is waited for.
        """
        self._status.taking = False
        try:
            if not is_lost and self._ledger.membership.is_shared:
                self._status.handing_over = True
                await self._hand_over()
            elif not is_lost and (workers := self._dispatcher.workers()):  # the adapters still run: replies need them
                await self._until_done(workers)
        finally:
            tasks = [*self._dispatcher.workers(), *self._background.running(), *adapters]
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                self._status.handing_over = False
                await self._ledger.leave()

    async def _until_done(self, workers: set[asyncio.Task[None]]) -> None:
        _, late = await asyncio.wait(workers, timeout=self._limits.shutdown_seconds)
        if late:
            _log.warning("stopping before everything was answered; the rest stays in the inbox", events=len(late))

    async def _hand_over(self) -> None:
        """Have the other hosts run what waits, let what runs finish, and have the others run what did not."""
        await self._ledger.membership.retire()
        try:
            await self._ledger.hand_over(self._dispatcher.running())
            if workers := self._dispatcher.workers():
                await self._until_done(workers)
            workers = self._dispatcher.workers()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self._ledger.hand_over()
        except LedgerError as error:  # the others take over once this host gives no sign of life
            _log.error("what is left cannot be handed over; the other hosts find it", error=str(error))


async def _ended(adapters: list[asyncio.Task[ConfigError | None]], lost: asyncio.Task[None]) -> bool:
    """Wait until all adapters have ended. False: the other hosts have taken this one for dead before that."""
    ended = asyncio.ensure_future(asyncio.wait(adapters))
    try:
        await asyncio.wait({ended, lost}, return_when=asyncio.FIRST_COMPLETED)
        return not lost.done()
    finally:
        ended.cancel()
