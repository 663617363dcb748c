"""Learns again what a stale state has not learned as the ledger has it now.

The replay begins at the newest snapshot before the first row concerned, and learns every row after it in order. What it
has learned is stored, so that it goes on there after a crash. Rows that change meanwhile take it back to its newest
snapshot before them: many links and erasures are one replay. Once it has learned every row, its state takes the place
of the stale one.

A long replay runs in a process of its own. The rest, and the replay of a ledger in memory, runs on a thread.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

import structlog

from llmagent_os.errors import LedgerError, PolicyError
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.policy_worker.learned_state import LearnedState
from llmagent_os.policy_worker.replay_process import ReplayError, ReplayProcess, order_of

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)

#: The number of rows that are learned from and stored at once on a thread.
PAGE_ROWS = 64
#: A replay of more rows than this runs in a process of its own.
PROCESS_ROWS = 512
#: How often a process is started again that ended too early, before the replay goes on on a thread.
PROCESS_TRIES = 3


class Relearning:
    """Makes a stale state what the ledger says again."""

    def __init__(
        self, new: LearnedPolicy, ledger: Ledger, name: str, swap: Callable[[LearnedState], Awaitable[bool]]
    ) -> None:
        """Args:
        new: a policy that has learned nothing.
        ledger: the bot's ledger.
        name: the name that the state is stored under.
        swap: puts a state that has learned every row in the place of the stale one. False: it must learn more.
        """
        self._new = new
        self._ledger = ledger
        self._name = name
        self._swap = swap
        self._alone = asyncio.Lock()
        self._failures = 0
        self.through = 0  #: the row up to which was learned again
        self.learned_rows = 0  #: how many rows were learned again, in all

    @property
    def running(self) -> bool:
        """Whether a replay runs."""
        return self._alone.locked()

    async def stored(self) -> int:
        """The row up to which was learned again before this process started."""
        second = await self._ledger.learned.second(self._name)
        return 0 if second is None else second.through

    async def run(self) -> None:
        """Learn again until the state is what the ledger says. Where another task does so already, wait for it.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        async with self._alone:
            while (second := await self._ledger.learned.second(self._name)) is not None:
                self.through = second.through
                try:
                    await self._replay(second)
                except LedgerError:
                    raise
                except PolicyError as error:
                    _log.warning("the policy learns again from an earlier snapshot", why=str(error))
                    await self._ledger.learned.distrust(self._name)

    async def _replay(self, second: Progress) -> None:
        """Learn up to the last row, and swap. Returns early where the stored state has changed meanwhile."""
        if await self._ledger.last_reward() - second.through > PROCESS_ROWS and self._failures < PROCESS_TRIES:
            order = order_of(self._new, self._ledger.shared_url, second)
            if order is not None:
                await self._replay_in_process(ReplayProcess(order), second)
                return
        state = LearnedState(copy.deepcopy(self._new), self._ledger)
        if second.through:
            await _restored(state, second)
        else:
            state.begin(second)
        while True:
            rows = await self._ledger.rewards_after(state.through, PAGE_ROWS)
            if not rows:
                break
            await state.load({row.person for row in rows})
            await state.learn(rows)
            self.learned_rows += len(rows)
            if not await state.keep():
                return
            self.through = state.through
        if not state.through and not await state.keep():  # there is no row left: nothing was stored yet
            return
        if await self._swap(state):
            self._failures = 0

    async def _replay_in_process(self, process: ReplayProcess, second: Progress) -> None:
        """Store what the process learns, until it has learned every row, or the stored state changes."""
        at = second
        try:
            async with aclosing(process.run()) as frames:  # ends the process, too
                async for learned in frames:
                    advanced = await self._ledger.learned.advance(at, learned.through, learned.parts)
                    if advanced is None:
                        return
                    at = advanced
                    self.learned_rows += learned.rows
                    self.through = at.through
        except ReplayError as error:
            self._failures += 1
            _log.warning("the process that learns again has ended", why=str(error), failures=self._failures)
        else:
            self._failures = 0


async def _restored(state: LearnedState, second: Progress) -> None:
    """Restore a state that was stored.

    Raises:
        PolicyError: it is damaged.
        LedgerError: the ledger cannot be read.
    """
    try:
        await state.restore(second)
    except (LedgerError, PolicyError):
        raise
    except Exception as error:
        raise PolicyError(f"a snapshot is damaged: {error!r}") from error
