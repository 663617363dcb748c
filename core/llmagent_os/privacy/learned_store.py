"""The store of what a running bot's policy has in memory about people."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from llmagent_os.identity import Identity
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds


class Learning(Protocol):
    """What the store needs of :class:`llmagent_os.policy_worker.PolicyWorker`."""

    async def forget(self, identities: Collection[Identity]) -> None:
        """Decide as if these identities had never been."""
        ...


class LearnedStore:
    """What a policy has learned, in memory. What is stored of it is in the ledger, and erased with the ledger."""

    name = "learned"
    unit = "account"
    order = EraseOrder.MEMORY
    holds = Holds()

    def __init__(self, learning: Learning) -> None:
        self._learning = learning

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """Nothing: it is computed from the interactions and rewards, which the ledger exports."""
        return {}

    async def erase(self, subject: DataSubject) -> int:
        """Have the policy forget all accounts of the person; returns how many these are.

        The policy then learns again from the ledger, which no longer has anything of the person.
        """
        await self._learning.forget(subject.identities)
        return len(subject.identities)

    async def prune(self) -> int:
        """Delete nothing: the learner itself keeps a bounded number of people in memory."""
        return 0
