"""The state that a policy decides by: restored when the bot starts, and brought up to date by every new reward.

The state becomes stale where it cannot be what the ledger says:

- People were linked, unlinked or erased. At once their own parts are gone, and each of these people is made again of
  their own rewards, a few hundred of them at most, when they are next answered.
- A part was damaged, or more than :data:`LONG_ROWS` rewards were not learned yet, as after the first start on an old
  ledger. Then the policy goes on from the last row, and people without a stored part are made again like that.

Parts are stored every :data:`CHECKPOINT_ROWS` rewards. In between it is only noted how far was learned, and from whom.

A stale policy decides, and learns every new reward. Behind it, :mod:`~llmagent_os.policy_worker.relearning` learns the
rewards again from the newest snapshot before the first row concerned, in order, and then takes the place of the stale
state. That takes about 10 ms for a reward with ``bayes``. Only then is everything gone that an erased or unlinked
person has taught what all people share. Until then this is bounded: with ``bayes`` the person leaves the pool of 40
people at once, and what all people share is drawn from the others alone after 8 more rewards at most; with the other
learners it is what the steps of the person's rewards have moved, and each step is bounded by its step size.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

import structlog

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.errors import LedgerError, PolicyError
from llmagent_os.feedback.signals import SPOKEN_OPINION_KINDS
from llmagent_os.identity import Identity, PersonId, person_kept_under
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.listeners import Listeners
from llmagent_os.policy_worker.learned_state import DamagedPartError, LearnedState
from llmagent_os.policy_worker.people_loading import PeopleLoader
from llmagent_os.policy_worker.policy_reader import PolicyReader
from llmagent_os.policy_worker.relearning import Relearning
from llmagent_os.policy_worker.reward_learning import UNCHOSEN_VERSIONS
from llmagent_os.policy_worker.shards import Shard
from llmagent_os.policy_worker.shared_prior import share_prior, stored_prior
from llmagent_os.policy_worker.tastes import Taste, tastes_of

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)

#: The number of rows that are learned from and stored at once.
PAGE_ROWS = 16
#: The parts are stored whenever so many rows were learned, and when the bot ends. In between it is only noted whose
#: rewards were learned. A start learns at most so many rows again.
CHECKPOINT_ROWS = 256
#: If more rows than this are not learned yet, they are learned behind, and the policy goes on from the last row.
LONG_ROWS = 512


class PolicyWorker:
    """Keeps a bot's policy in step with its ledger."""

    def __init__(
        self, policy: LearnedPolicy, ledger: Ledger, name: str, shard: Shard | None = None, *, leads: bool = True
    ) -> None:
        """Keep the parts; nothing is read yet.

        Args:
            policy: the bot's policy, which has learned nothing yet.
            ledger: the bot's ledger.
            name: the name of the policy, under which the state is stored; that of a shard, under a name of its own.
            shard: the people to learn from; None: all.
            leads: whether it learns and writes. Of the processes that use a ledger, one may for every shard. The others
                decide by what is stored: :mod:`~llmagent_os.policy_worker.policy_reader`.

        Raises:
            ConfigError: there is a shard, and the learner cannot share what all people share with others.
        """
        self._reader = PolicyReader(policy, ledger, name, 0 if shard is None else shard.count)
        self._leads, self._policy_name, self._prior_revision = leads, name, 0
        if shard is not None:
            name = shard.state_name(name)
            share_prior(policy)
        self._policy = policy
        self._ledger = ledger
        self._name = name
        self._new = copy.deepcopy(policy)
        self._live = LearnedState(policy, ledger, shard)
        self._people = PeopleLoader(self._live, ledger)
        self._relearning = Relearning(self._new, ledger, self._name, self._swap, shard, self._policy_name)
        self._pending = True  # rewards may be in the ledger that are not learned yet
        self._last = 0  # the last row of rewards that is known of
        self._learned = Listeners[[]]()
        self._awake = asyncio.Event()
        self._alone = asyncio.Lock()  # held while the live state changes

    # ── starting and running ──────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Restore what is stored, as far as it is whole. Rewards that are not in it are learned by :meth:`run`.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        if not self._leads:
            await self._reader.refresh()
            return
        async with self._alone:
            await self._open()
        await self.reload_prior()
        self._last = await self._ledger.last_reward()
        if self._stale:
            self._relearning.through = await self._relearning.stored()
        self.wake()

    async def _open(self) -> None:
        """Restore the stored state, or else its newest snapshot that is whole, or else begin with nothing."""
        learned = self._ledger.learned
        progress, last = await learned.progress(self._name), await self._ledger.last_reward()
        if progress is not None:
            for through in (None, *sorted(progress.snapshots, reverse=True)):
                try:
                    if progress.base > last and through is None and progress.stale_from is None:
                        raise PolicyError(f"the stored state has learned {progress.base} rows, of {last}")
                    await self._live.restore(progress, through)
                except LedgerError:
                    raise
                except Exception as error:  # damaged, in whatever way, or of other settings
                    _log.warning("what the policy has learned cannot be used", at_row=through, why=repr(error))
                    continue
                rewound = progress if through is None else await learned.rewind(progress, through)
                if rewound is None:
                    return await self._open()  # it was changed meanwhile
                self._live.progress = rewound
                return None
        self._live.begin(await learned.begin(self._name))
        return None

    async def lead(self) -> None:
        """Learn and write from now on: this process has got the lease.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        if not self._leads:
            self._leads = True
            try:
                await self.open()
            except BaseException:
                self._leads = False
                raise

    async def step_down(self) -> None:
        """Only decide from now on: this process has lost the lease. Nothing is written: whoever has it may write now.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        async with self._alone:
            self._leads = False
            self._live.begin_anew()
            self._reader.begin_anew()
        await self._reader.refresh()

    @property
    def leads(self) -> bool:
        """Whether it learns and writes."""
        return self._leads

    @property
    def revision(self) -> int:
        """Rises with everything that is stored of what was learned."""
        progress = self._live.progress
        return self._reader.revision if not self._leads else 0 if progress is None else progress.revision

    async def reload_person(self, person_id: PersonId) -> None:
        """Read again what was learned of a person, whom another process has learned from.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        if not self._leads:
            await self._reader.reload_person(person_id)

    async def reload_prior(self) -> int:
        """Read again what all people share, where others draw it, and return its revision.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        if not self._leads:
            return await self._reader.reload_prior()
        live = self._live
        revision, prior = (0, None) if live.shard is None else await stored_prior(self._ledger, self._policy_name)
        if prior is not None and revision > self._prior_revision:
            async with self._alone:
                await asyncio.to_thread(share_prior(live.policy).adopt_prior, prior)
                self._prior_revision = revision
                await live.keep()  # what was learned after it depends on it
        return revision

    def watch_learned(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever something was learned and stored here. Returns the function that ends this."""
        return self._learned.add(listener)

    def wake(self) -> None:
        """Note that the ledger may hold something new."""
        self._pending = True
        self._awake.set()

    async def run(self) -> None:
        """Learn whenever the ledger holds something new, or follow whoever learns when woken, until cancelled."""
        stop_watching, beside = self._ledger.watch_rewards(self.wake), BackgroundTasks()
        try:
            if self._leads:
                beside.spawn(self._ledger.learned.sweep())
            while True:
                await self._awake.wait()
                self._awake.clear()
                try:
                    await (self._follow() if self._leads else self._reader.refresh())
                except Exception as error:
                    _log.error("the policy could not learn; it tries again with the next reward", error=repr(error))
                if self._leads and self._stale and not self._relearning.running:
                    beside.spawn(self._relearn_until_done())
        finally:
            stop_watching()
            await beside.close()
            async with self._alone:  # the rows being learned now are stored before the ledger is closed
                if self._leads:
                    await self._store()

    async def _relearn_until_done(self) -> None:
        try:
            await self._relearning.run()
        except Exception as error:
            _log.error("the policy could not learn again; it tries again with the next reward", error=repr(error))

    async def catch_up(self) -> None:
        """Learn every row that was not learned yet, and wait until the state is what the ledger says.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        if not self._leads:
            await self._reader.refresh()
            return
        while True:
            await self._follow()
            if not self._stale:
                break
            await self._relearning.run()
        async with self._alone:
            await self._store()

    async def _store(self) -> None:
        """Store the parts, where something was learned since they were last stored."""
        if self._live.unstored_rows > 0:
            await self._live.keep()

    @property
    def _stale(self) -> bool:
        return self._live.progress is not None and self._live.progress.stale_from is not None

    @property
    def behind(self) -> int:
        """About how many rewards are not learned yet, or are being learned again."""
        done = self._relearning.through if self._stale else self._live.through
        return max(0, self._last - done)

    @property
    def through(self) -> int:
        """The row of the last reward that the policy has learned, or has passed over to learn it behind."""
        return self._live.through

    @property
    def relearned_rows(self) -> int:
        """How many rewards were learned again behind, in all."""
        return self._relearning.learned_rows

    # ── learning ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _follow(self) -> None:
        """Have the live state learn every row that is new."""
        self._last = await self._ledger.last_reward()
        # A page is not interrupted: what is learned and what is noted as learned would no longer agree.
        while await asyncio.shield(self._page()):
            pass
        self._pending = self._awake.is_set()

    async def _page(self) -> bool:
        """Learn the next rows, and return whether there may be more."""
        async with self._alone:
            if not self._leads:  # it has stepped down meanwhile
                return False
            await self._resume()
            live = self._live
            self._last = max(self._last, await self._ledger.last_reward())
            if self._last - live.through > LONG_ROWS:
                return await self._pass_over()
            rows = await self._ledger.rewards_after(live.through, PAGE_ROWS)
            if not rows:
                return False
            await self._load_or_lose(live.people_of(rows))
            await live.learn(rows)
            self._people.caught_up()
            await (live.keep() if live.unstored_rows >= CHECKPOINT_ROWS else live.note(rows))
            self._learned.notify()
            return True

    async def _pass_over(self) -> bool:
        """Leave the rows that were not learned to the relearning, and go on from the last one."""
        live = self._live
        first = live.through + 1
        live.through = self._last
        await live.keep(stale_from=first)
        self._relearning.through = first - 1
        return True

    async def _resume(self) -> None:
        """Bring the state in memory in step with the stored one, which another task or process may have changed."""
        live, stored = self._live, await self._ledger.learned.progress(self._name)
        was = live.progress
        if stored is None or was is None or stored.state != was.state:
            await self._open()
        elif stored.epoch != was.epoch:
            in_flight = live.through > stored.through  # learned, and not stored: perhaps from rows as they were before
            live.progress = stored
            # Rows at the end may have been erased, and their numbers are given again to the next rewards.
            live.through = min(live.through, await self._ledger.last_reward())
            await live.forget_lost_people()
            await live.keep(stale_from=stored.through + 1 if in_flight else None)
            self._relearning.through = min(self._relearning.through, max(stored.snapshots, default=0))

    async def _swap(self, second: LearnedState) -> bool:
        """Go on with a state that was learned again. False: one of the two has changed meanwhile."""
        async with self._alone:
            live = self._live
            if not self._leads:
                return False
            await self._resume()
            if live.progress is None or second.progress is None:
                return False
            if await self._ledger.rewards_after(second.through, 1):
                return False
            swapped = await self._ledger.learned.swap(self._name, live.progress, second.progress)
            if swapped is None:
                return False
            live.replace(second, swapped)
            self._learned.notify()
        _log.info("the policy has learned again what the ledger says", through=swapped.through)
        await self._ledger.learned.sweep()
        return True

    async def forget(self, identities: Collection[Identity]) -> None:
        """Decide as if a person had never been there, and learn again.

        Args:
            identities: all identities of the person. The ledger has erased them already.
        """
        if not self._leads:
            await self._reader.refresh()
            return
        async with self._alone:
            await self._resume()
            self._live.forget(map(person_kept_under, identities))  # also as they were before they were linked
        self.wake()

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, person_id: PersonId) -> None:
        """Load what was learned of a person, before the policy decides how to answer them.

        Rewards of the person that are not learned yet count, too. The backlog is not waited for, only the page that is
        being learned.
        """
        if not self._leads:
            await self._reader.read_or_log(person_id)
            return
        try:
            stored, was = await self._ledger.learned.progress(self._name), self._live.progress
            if stored is not None and (was is None or (stored.state, stored.epoch) != (was.state, was.epoch)):
                async with self._alone:
                    await self._resume()
            try:
                await self._people.load((person_id,))
            except DamagedPartError:
                async with self._alone:
                    await self._load_or_lose((person_id,))
                self.wake()
            if self._pending:
                async with self._alone:
                    await self._people.look_ahead(person_id)
            self._live.policy.learner.touch(person_id)
            if not self._alone.locked():  # else people are in use
                self._live.policy.learner.trim()
        except Exception as error:  # the person is answered like a newcomer
            _log.error("what was learned of a person cannot be read", person=person_id, error=repr(error))

    async def _load_or_lose(self, person_ids: Iterable[PersonId]) -> None:
        """Load people, and have the stored state lose the parts that are damaged. What they held is learned again."""
        names = tuple(person_ids)
        while self._live.progress is not None:
            try:
                await self._people.load(names)
                return
            except DamagedPartError as error:
                _log.warning("what was learned of a person is learned again", why=str(error))
                await self._ledger.learned.lose(self._live.progress.state, error.person_id)
                await self._resume()

    async def reply_counts(self, person_id: PersonId) -> tuple[int, int]:
        """Return the number of replies whose reactions by the person count, and the number that taught anything.

        Only the person's latest rewards are counted: see ``Ledger.opinions``.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        opinions = await self._ledger.opinions(person_id, SPOKEN_OPINION_KINDS, UNCHOSEN_VERSIONS)
        reacted = [reacted for action, reacted in opinions if self._policy.actions.index(action) is not None]
        return sum(reacted), len(reacted)

    def tastes(self, person_id: PersonId) -> dict[str, Taste]:
        """Return by dimension what the person likes best, as far as it is known."""
        return tastes_of(self._policy, person_id)

    @property
    def version(self) -> str:
        """The name of the state: another name after every observation."""
        return self._policy.version
