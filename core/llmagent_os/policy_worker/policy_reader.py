"""Decides by what other processes learn of the same ledger: for the hosts of a bot that do not hold a learner's lease.

Nothing is written. What all people share is read as it was last stored. A person is read from their stored part. Their
rewards after that are looked ahead at: so what somebody said counts with their next message, on every host.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.policy.learner import SHARED
from llmagent_os.policy_worker.learned_state import SETTINGS_PART
from llmagent_os.policy_worker.people_loading import END, REBUILD_ROWS
from llmagent_os.policy_worker.reward_learning import observations_of_person
from llmagent_os.policy_worker.shards import Shard, prior_name

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)

#: Of how many people it is remembered up to which row was looked ahead. The learner remembers no more of them either.
_REMEMBERED = 1_000


class PolicyReader:
    """Keeps a policy that decides in step with what others have stored."""

    def __init__(self, policy: LearnedPolicy, ledger: Ledger, name: str, shards: int = 0) -> None:
        """Keep the parts; nothing is read yet.

        Args:
            policy: decides. It has learned nothing.
            ledger: has what others learned.
            name: the name of the policy.
            shards: among how many learners the people are parted; 0: one learner has all of them.
        """
        self._policy = policy
        self._ledger = ledger
        self._shards = tuple(Shard(index, shards) for index in range(shards))
        self._names = tuple(shard.state_name(name) for shard in self._shards) or (name,)
        self._prior_name = prior_name(name) if shards else name
        self._states: list[Progress | None] = [None] * len(self._names)
        self._prior: tuple[int, int, int] | None = None  # the state, its epoch, and the row of what was read last
        self._ahead: dict[PersonId, tuple[int, int]] = {}  # the base of the part, and the row looked ahead to
        self._alone = asyncio.Lock()

    @property
    def revision(self) -> int:
        """Rises with everything that was stored and is known here."""
        return sum(each.revision for each in self._states if each is not None)

    def begin_anew(self) -> None:
        """Read everything again with the next :meth:`refresh`: the learner of the policy is another one now."""
        self._states = [None] * len(self._names)
        self._prior = None
        self._ahead.clear()

    async def refresh(self) -> bool:
        """Read what is new of all people, and forget who has changed. Returns whether anything is new.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        async with self._alone:
            before, was = self.revision, self._prior
            states = [await self._ledger.learned.progress(name) for name in self._names]
            for old, now in zip(self._states, states, strict=True):
                await self._drop_changed(old, now)
            self._states = states
            await self._read_prior()
            return self.revision != before or self._prior != was

    async def _drop_changed(self, old: Progress | None, now: Progress | None) -> None:
        learner = self._policy.learner
        if old is None or now is None or (old.state, old.epoch) != (now.state, now.epoch):
            changed: list[PersonId] = list(learner.held())  # linked, unlinked or erased, or all learned anew
        elif old.revision == now.revision:
            return
        else:
            rows = await self._ledger.learned.changed_since(now.state, min(old.through, old.base))
            changed = [PersonId(part) for _, part in rows]
        for person_id in changed:
            self._drop(person_id)

    def _drop(self, person_id: PersonId) -> None:
        self._policy.learner.forget(person_id)
        self._ahead.pop(person_id, None)

    async def reload_prior(self) -> int:
        """Read what all people share, if it is newer than what is known, and return the row that it is of.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        async with self._alone:
            await self._read_prior()
            return 0 if self._prior is None else self._prior[2]

    async def _read_prior(self) -> None:
        stored = await self._ledger.learned.progress(self._prior_name)
        if stored is None or (stored.state, stored.epoch, stored.base) == self._prior:
            return
        parts = await self._ledger.learned.parts(stored.state, (SHARED, SETTINGS_PART))
        if SHARED not in parts or parts.get(SETTINGS_PART, self._policy.made.encode()) != self._policy.made.encode():
            return  # nothing is stored yet, or it is learned again with other settings: it is there soon
        try:
            await asyncio.to_thread(
                self._policy.learner.restore, parts[SHARED]
            )  # forgets all people, who are read again
        except Exception as error:  # damaged, in whatever way: whoever learns learns it again
            _log.warning("what all people share cannot be read; it is decided by what was read before", why=repr(error))
            return
        self._ahead.clear()
        self._prior = (stored.state, stored.epoch, stored.base)

    async def reload_person(self, person_id: PersonId) -> None:
        """Read a person again, who has changed.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        async with self._alone:
            self._drop(person_id)
        await self.load(person_id)

    async def load(self, person_id: PersonId) -> None:
        """Read a person before the policy decides about them, with all rewards of theirs that are in the ledger.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        async with self._alone:
            place = next((at for at, shard in enumerate(self._shards) if shard.has(person_id)), 0)
            old, now = self._states[place], await self._ledger.learned.progress(self._names[place])
            if old is None or now is None or (old.state, old.epoch, old.base) != (now.state, now.epoch, now.base):
                await self._drop_changed(old, now)
                self._states[place] = now
                await self._read_prior()
            await self._read_person(person_id, now)
            self._policy.learner.touch(person_id)
            self._policy.learner.trim()

    async def _read_person(self, person_id: PersonId, state: Progress | None) -> None:
        learner, base, most = self._policy.learner, 0 if state is None else state.base, REBUILD_ROWS
        if state is not None and not learner.knows(person_id):
            part = (await self._ledger.learned.parts(state.state, (person_id,))).get(person_id)
            if part is None:
                base = 0 if state.floor or state.stale_from else base  # made of their own rewards
            else:
                try:
                    learner.take(person_id, part)
                except Exception as error:  # damaged, in whatever way
                    _log.warning("a person is read from their rewards alone", why=repr(error))
                    base = 0
        elif person_id in self._ahead:
            base = self._ahead[person_id][0]
        rows = await self._ledger.rewards_of_person(person_id, END, most, base)
        known = (base, rows[-1].seq if rows else base)
        if rows and self._ahead.get(person_id) != known:
            seen = observations_of_person(self._policy, rows)
            await asyncio.to_thread(learner.look_ahead, person_id, seen)
        self._ahead[person_id] = known
        while len(self._ahead) > _REMEMBERED:
            self._drop(next(iter(self._ahead)))

    async def read_or_log(self, person_id: PersonId) -> None:
        """Do as :meth:`load`; what cannot be read is logged, and the person is answered by what is known."""
        try:
            await self.load(person_id)
        except LedgerError as error:
            _log.error("what was learned of a person cannot be read", person=person_id, error=repr(error))
