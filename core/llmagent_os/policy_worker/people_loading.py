"""Takes people into memory: from their stored parts, or from their own rewards where there are none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger, RewardWithReply
from llmagent_os.policy_worker.learned_state import LearnedState
from llmagent_os.policy_worker.reward_learning import observations_of_person

#: The most rows that a person is made again of, and how many are read at once.
REBUILD_ROWS, REBUILD_PAGE_ROWS = 400, 50
#: The most rows of a person that are looked ahead at.
AHEAD_ROWS = 50
#: After every reward.
END = 2**62


class PeopleLoader:
    """Takes people into the memory of a learned state."""

    def __init__(self, state: LearnedState, ledger: Ledger) -> None:
        self._state = state
        self._ledger = ledger
        self._ahead: dict[PersonId, int] = {}  # up to which row was looked ahead

    async def load(self, person_ids: Iterable[PersonId]) -> None:
        """Load people's parts, or make them again of the people's own rewards where the state leaves people out.

        Raises:
            DamagedPartError: a part cannot be read. The people before it are loaded.
            LedgerError: the ledger cannot be read.
        """
        state, names = self._state, sorted(set(person_ids))
        await state.load(names)
        for name in names:
            if state.leaves_people_out and not state.policy.learner.knows(name):
                await self._rebuild(name)

    async def _rebuild(self, person_id: PersonId) -> None:
        state, rows, before = self._state, list[RewardWithReply](), self._state.through + 1
        while len(rows) < REBUILD_ROWS:
            page = await self._ledger.rewards_of_person(person_id, before, REBUILD_PAGE_ROWS)
            rows[:0] = page
            if len(page) < REBUILD_PAGE_ROWS:
                break
            before = page[0].seq
        if not rows:
            return
        learner = state.policy.learner
        part = await asyncio.to_thread(lambda: learner.rebuilt(observations_of_person(state.policy, rows)))
        if state.policy.learner is learner:
            learner.take(person_id, part)

    async def look_ahead(self, person_id: PersonId) -> None:
        """Decide about a person as if their rewards were learned that were not yet. Nothing may be learned meanwhile.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        state, learner = self._state, self._state.policy.learner
        rows = await self._ledger.rewards_of_person(person_id, END, AHEAD_ROWS, state.through)
        if not rows:
            self._ahead.pop(person_id, None)
            learner.caught_up(person_id)
        elif self._ahead.get(person_id) != rows[-1].seq:
            seen = observations_of_person(state.policy, rows, state.trust)
            await asyncio.to_thread(learner.look_ahead, person_id, seen)
            self._ahead[person_id] = rows[-1].seq

    def caught_up(self) -> None:
        """Decide by what is learned about those whose rewards are all learned by now."""
        for person_id in [each for each, row in self._ahead.items() if row <= self._state.through]:
            del self._ahead[person_id]
            self._state.policy.learner.caught_up(person_id)
