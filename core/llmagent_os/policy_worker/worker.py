"""The state that a policy decides by: restored when the bot starts, and brought up to date by every new reward.

The state becomes stale where it cannot be what the ledger says:

- People were linked, unlinked or erased. At once their own parts are gone, and each of these people is made again of
  their own rewards, at most :data:`REBUILD_ROWS` of them, when they are next answered.
- A part was damaged, or more than :data:`LONG_ROWS` rewards were not learned yet, as after the first start on an old
  ledger. Then the policy goes on from the last row, and people without a stored part are made again like that.

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
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

import structlog

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.errors import LedgerError
from llmagent_os.feedback.signals import SPOKEN_OPINION_KINDS
from llmagent_os.identity import Identity, PersonId, person_kept_under
from llmagent_os.ledger import Ledger, RewardWithReply
from llmagent_os.policy_worker.learned_state import DamagedPartError, LearnedState
from llmagent_os.policy_worker.relearning import Relearning
from llmagent_os.policy_worker.reward_learning import UNCHOSEN_VERSIONS, observations_of_person

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
#: The most rows that a person is made again of, and how many are read at once.
REBUILD_ROWS, REBUILD_PAGE_ROWS = 400, 50


#: Somebody of whom nothing is known: what is believed of them is the prior.
NOBODY = PersonId("")


class Taste(NamedTuple):
    """What a person likes best in one dimension."""

    value: str
    chance: float  #: the probability that they do
    prior: float  #: the same of somebody of whom nothing is known

    @property
    def odds_learned(self) -> float:
        """How many times the person's own feedback has multiplied the odds; 1: it has taught nothing."""
        kept = [min(max(each, 1e-9), 1 - 1e-9) for each in (self.chance, self.prior)]
        own, before = (each / (1 - each) for each in kept)
        return own / before


class PolicyWorker:
    """Keeps a bot's policy in step with its ledger."""

    def __init__(self, policy: LearnedPolicy, ledger: Ledger, name: str) -> None:
        """Keep the parts; nothing is read yet.

        Args:
            policy: the bot's policy, which has learned nothing yet.
            ledger: the bot's ledger.
            name: the name that the state is stored under.
        """
        self._policy = policy
        self._ledger = ledger
        self._name = name
        self._new = copy.deepcopy(policy)
        self._live = LearnedState(policy, ledger)
        self._relearning = Relearning(self._new, ledger, name, self._swap)
        self._last = 0  # the last row of rewards that is known of
        self._awake = asyncio.Event()
        self._alone = asyncio.Lock()  # held while the live state changes

    # ── starting and running ──────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Restore what is stored, as far as it is whole. Rewards that are not in it are learned by :meth:`run`.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        async with self._alone:
            await self._open()
        self._last = await self._ledger.last_reward()
        if self._stale:
            self._relearning.through = await self._relearning.stored()
        self.wake()

    async def _open(self) -> None:
        """Restore the stored state, or else its newest snapshot that is whole, or else begin with nothing."""
        learned = self._ledger.learned
        progress = await learned.progress(self._name)
        if progress is not None:
            for through in (None, *sorted(progress.snapshots, reverse=True)):
                try:
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

    def wake(self) -> None:
        """Note that the ledger may hold something new."""
        self._awake.set()

    async def run(self) -> None:
        """Learn whenever the ledger holds something new, until cancelled."""
        stop_watching, beside = self._ledger.watch_rewards(self.wake), BackgroundTasks()
        try:
            beside.spawn(self._ledger.learned.sweep())
            while True:
                await self._awake.wait()
                self._awake.clear()
                try:
                    await self._follow()
                except Exception as error:
                    _log.error("the policy could not learn; it tries again with the next reward", error=repr(error))
                if self._stale and not self._relearning.running:
                    beside.spawn(self._relearn_until_done())
        finally:
            stop_watching()
            await beside.close()
            async with self._alone:  # the rows being learned now are stored before the ledger is closed
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

    async def _page(self) -> bool:
        """Learn the next rows, and return whether there may be more."""
        async with self._alone:
            await self._resume()
            live = self._live
            self._last = max(self._last, await self._ledger.last_reward())
            if self._last - live.through > LONG_ROWS:
                return await self._pass_over()
            rows = await self._ledger.rewards_after(live.through, PAGE_ROWS)
            if not rows:
                return False
            await self._load_or_lose({row.person for row in rows})
            await live.learn(rows)
            await (live.keep() if live.unstored_rows >= CHECKPOINT_ROWS else live.note(rows))
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
            await self._resume()
            if live.progress is None or second.progress is None:
                return False
            if await self._ledger.rewards_after(second.through, 1):
                return False
            swapped = await self._ledger.learned.swap(self._name, live.progress, second.progress)
            if swapped is None:
                return False
            live.replace(second, swapped)
        _log.info("the policy has learned again what the ledger says", through=swapped.through)
        await self._ledger.learned.sweep()
        return True

    async def forget(self, identities: Collection[Identity]) -> None:
        """Decide as if a person had never been there, and learn again.

        Args:
            identities: all identities of the person. The ledger has erased them already.
        """
        async with self._alone:
            await self._resume()
            self._live.forget(map(person_kept_under, identities))  # also as they were before they were linked
        self.wake()

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, person_id: PersonId) -> None:
        """Load what was learned of a person, before the policy decides how to answer them. Nothing is waited for."""
        try:
            stored, was = await self._ledger.learned.progress(self._name), self._live.progress
            if stored is not None and (was is None or (stored.state, stored.epoch) != (was.state, was.epoch)):
                async with self._alone:
                    await self._resume()
            try:
                await self._load((person_id,))
            except DamagedPartError:
                async with self._alone:
                    await self._load_or_lose((person_id,))
                self.wake()
        except Exception as error:  # the person is answered like a newcomer
            _log.error("what was learned of a person cannot be read", person=person_id, error=repr(error))

    async def _load(self, person_ids: Iterable[PersonId]) -> None:
        """Load people's parts, or make them again of the people's own rewards where a stale state has none."""
        live, names = self._live, sorted(set(person_ids))
        await live.load(names)
        if self._stale or (live.progress is not None and live.progress.floor):
            for name in names:
                if not live.policy.learner.knows(name):
                    await self._rebuild(name)

    async def _load_or_lose(self, person_ids: Iterable[PersonId]) -> None:
        """Load people, and have the stored state lose the parts that are damaged. What they held is learned again."""
        names = tuple(person_ids)
        while self._live.progress is not None:
            try:
                await self._load(names)
                return
            except DamagedPartError as error:
                _log.warning("what was learned of a person is learned again", why=str(error))
                await self._ledger.learned.lose(self._live.progress.state, error.person_id)
                await self._resume()

    async def _rebuild(self, person_id: PersonId) -> None:
        live, rows, before = self._live, list[RewardWithReply](), self._live.through + 1
        while len(rows) < REBUILD_ROWS:
            page = await self._ledger.rewards_of_person(person_id, before, REBUILD_PAGE_ROWS)
            rows[:0] = page
            if len(page) < REBUILD_PAGE_ROWS:
                break
            before = page[0].seq
        if not rows:
            return
        learner = live.policy.learner
        part = await asyncio.to_thread(lambda: learner.rebuilt(observations_of_person(live.policy, rows)))
        if live.policy.learner is learner:
            learner.take(person_id, part)

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
        own, anybody = self._liked(person_id), self._liked(NOBODY)
        found: dict[str, Taste] = {}
        for name, chances in own.items():
            best = max(chances, key=lambda value: chances[value])
            found[name] = Taste(best, chances[best], anybody[name][best])
        return found

    def _liked(self, person_id: PersonId) -> dict[str, dict[str, float]]:
        """By dimension, the probability of each value that it is the person's best."""
        policy = self._policy
        chances = policy.learner.beliefs(person_id)
        return {
            name: {
                value: sum(
                    float(chance)
                    for chance, action in zip(chances, policy.actions.actions, strict=True)
                    if action[name] == value
                )
                for value in values
            }
            for name, values in policy.actions.dimensions.items()
        }

    @property
    def version(self) -> str:
        """The name of the state: another name after every observation."""
        return self._policy.version
