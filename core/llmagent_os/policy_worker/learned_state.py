"""A learned state in memory, and how it is restored from the ledger and stored there."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from llmagent_os.errors import PolicyError
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.identity import PersonId, first_identity_of
from llmagent_os.ledger import Ledger, RewardWithReply
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.policy.learner import SHARED, Learner, SharesPrior
from llmagent_os.policy_worker.reward_learning import learn
from llmagent_os.policy_worker.shards import Shard
from llmagent_os.policy_worker.shared_prior import STATISTICS_PART, share_prior, stored_prior

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

#: The stored part that holds the raters' tallies. No person has this name.
TRUST_PART = "\x00trust"
#: The stored part that names the settings that the state was learned with.
SETTINGS_PART = "\x00made"


class LearnedState:
    """What a policy has learned, with the trust in raters, and the row up to which both were learned.

    Without a store (``progress``) it has learned nothing.
    """

    def __init__(self, policy: LearnedPolicy, ledger: Ledger, shard: Shard | None = None) -> None:
        """Args:
        policy: learns. It has learned nothing yet.
        ledger: has the stored parts.
        shard: the people to learn from; None: all.
        """
        self.shard = shard
        self.policy = policy
        self.trust = Trust()
        self.through = 0  #: the row up to which the state in memory has learned
        self.progress: Progress | None = None  #: the stored state, as it was last read or written
        self._new = copy.deepcopy(policy)
        self._ledger = ledger
        self._unkept: dict[str, bytes] = {}

    def begin(self, progress: Progress) -> None:
        """Forget everything, and go on from a stored state that has learned nothing."""
        self.policy.learner = copy.deepcopy(self._new.learner)
        self.trust, self._unkept = Trust(), {}
        self.progress, self.through = progress, max(progress.origin, progress.floor)

    def begin_anew(self) -> None:
        """Forget everything that is in memory alone."""
        self.policy.learner = copy.deepcopy(self._new.learner)
        self.trust, self._unkept, self.progress, self.through = Trust(), {}, None, 0

    async def adopt_stored_prior(self, policy: str) -> bytes | None:
        """Go on with what all people share, as the shards of ``policy`` have merged it, and return it."""
        _, prior = (0, None) if self.shard is None else await stored_prior(self._ledger, policy)
        if prior is not None:
            await asyncio.to_thread(share_prior(self.policy).adopt_prior, prior)
        return prior

    async def restore(self, progress: Progress, through: int | None = None) -> None:
        """Restore the stored state.

        Args:
            progress: which one.
            through: as it was at this row, one of its snapshots; None: as it is now.

        Raises:
            PolicyError: a part that the learner needs is missing or damaged, or was learned with other settings.
            LedgerError: the ledger cannot be read.
            Exception: a part is damaged in another way.
        """
        self.begin(progress)
        names = (SHARED, TRUST_PART, SETTINGS_PART)
        parts = await self._ledger.learned.parts(progress.state, names, through)
        if not parts and (progress.is_new or not progress.base):  # there was nothing to store yet
            return
        if parts.get(SETTINGS_PART) != self.policy.made.encode():
            raise PolicyError("the stored state was learned with other settings")
        if missing := {SHARED, TRUST_PART} - parts.keys():
            raise PolicyError(f"the stored state has no part {sorted(missing)[0]!r}")
        learner = self.policy.learner
        needed = await asyncio.to_thread(learner.restore, parts[SHARED])
        await self.load(needed, through)
        missing_people = [person_id for person_id in needed if not learner.knows(person_id)]
        if missing_people and not (progress.floor or progress.stale_from):
            raise PolicyError("the stored state needs a person who is missing")
        self.forget(missing_people)  # linked, unlinked or erased: they are made again of their own rewards
        self.trust = Trust(json.loads(parts[TRUST_PART]))
        self.through = progress.base if through is None else through

    def replace(self, other: LearnedState, progress: Progress) -> None:
        """Go on with what another state has learned, which is stored as ``progress``."""
        self.policy.learner, self.trust = other.policy.learner, other.trust
        self.through, self.progress, self._unkept = other.through, progress, {}

    async def load(self, person_ids: Iterable[PersonId], through: int | None = None) -> None:
        """Take the stored parts of people into memory, unless they are there already.

        Raises:
            DamagedPartError: a part cannot be read. The people before it are loaded.
            LedgerError: the ledger cannot be read.
        """
        learner, progress = self.policy.learner, self.progress
        strangers = {person_id for person_id in person_ids if not learner.knows(person_id)}
        if not strangers or progress is None:
            return
        parts = await self._ledger.learned.parts(progress.state, strangers, through)
        found = {person_id: parts[person_id] for person_id in sorted(strangers & parts.keys())}
        if len(found) > 1:  # one takes less than a thread does
            await asyncio.to_thread(_take, learner, found)
        else:
            _take(learner, found)

    @property
    def leaves_people_out(self) -> bool:
        """Whether people may have no part though they have rewards."""
        return self.progress is not None and (self.progress.stale_from is not None or self.progress.floor > 0)

    async def learn(self, rows: Sequence[RewardWithReply]) -> None:
        """Learn the next rows, on another thread. The people of :meth:`people_of` the rows must be loaded."""
        await asyncio.to_thread(learn, self.policy, rows, self.trust, self.shard)
        self.through = rows[-1].seq

    def people_of(self, rows: Iterable[RewardWithReply]) -> set[PersonId]:
        """The people of rows from whom is learned."""
        return {row.person for row in rows if self.shard is None or self.shard.has(row.person)}

    async def note(self, rows: Sequence[RewardWithReply]) -> bool:
        """Store that these rows were learned, but not what was learned: a start learns them again.

        False: the stored state has changed meanwhile, and nothing was stored.
        """
        if self.progress is None:
            return False
        mine = self.people_of(rows)
        changed = [(row.seq, row.person) for row in rows if row.person in mine]
        noted = await self._ledger.learned.note(self.progress, self.through, changed)
        self.progress = noted or self.progress
        return noted is not None

    @property
    def unstored_rows(self) -> int:
        """How many rows were learned since the parts were last stored."""
        return 0 if self.progress is None else self.through - self.progress.base

    async def keep(self, *, stale_from: int | None = None) -> bool:
        """Store what has changed. False: the stored state has changed meanwhile, and nothing was stored."""
        if self.progress is None:
            return False
        self._unkept |= await asyncio.to_thread(self.changes)
        kept = await self._ledger.learned.advance(self.progress, self.through, self._unkept, stale_from=stale_from)
        if kept is None:
            return False
        self.progress = kept
        self._unkept.clear()  # not earlier: changes that could not be stored are stored with the next ones
        self.policy.learner.trim()
        return True

    def changes(self) -> dict[str, bytes]:
        """Return the parts that have changed since the last call."""
        own = {TRUST_PART: json.dumps(self.trust.tallies).encode(), SETTINGS_PART: self.policy.made.encode()}
        learner = self.policy.learner
        if self.shard is not None and isinstance(learner, SharesPrior):
            own[STATISTICS_PART] = learner.statistics()
        return {**learner.changes(), **own}

    def forget(self, person_ids: Iterable[PersonId]) -> None:
        """Decide as if these people had never been there."""
        for person_id in person_ids:
            self.policy.learner.forget(person_id)
            self._unkept.pop(person_id, None)

    async def forget_lost_people(self) -> None:
        """Forget the people in memory whose parts are gone from the store: they were linked, unlinked or erased.

        Raters who have no reward left in the ledger were erased, and are forgotten too.
        """
        if self.progress is None:
            return
        held = self.policy.learner.held()
        stored = await self._ledger.learned.stored(self.progress.state, held)
        self.forget(set(held) - stored)
        known = await self._ledger.raters(list(self.trust.tallies))
        for rater_id in self.trust.tallies.keys() - known:
            self.trust.forget(rater_id)


def _take(learner: Learner, parts: Mapping[PersonId, bytes]) -> None:
    for person_id, part in parts.items():
        try:
            learner.take(person_id, part)
        except Exception as error:  # damaged, in whatever way
            raise DamagedPartError(person_id) from error


class DamagedPartError(PolicyError):
    """The stored part of a person cannot be read."""

    def __init__(self, person_id: PersonId) -> None:
        super().__init__(f"the stored state of a person is damaged: {first_identity_of(person_id)}")
        self.person_id = person_id
