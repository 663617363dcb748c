"""The store of trainings: what they work on, and what they have printed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Protocol

from llmagent_os.events import now
from llmagent_os.identity import Identity
from llmagent_os.privacy.retention import TRAININGS
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds


class TrainingFolders(Protocol):
    """What the store needs of :class:`llmagent_os.training.job_folders.JobFolders`."""

    async def export(self, identities: Collection[Identity]) -> list[dict[str, Any]]:
        """The trainings of a person's own LoRA, as JSON values."""
        ...

    async def delete_taken_back(self) -> int:
        """Delete what trainings have worked on that may be used no more. Returns how many folders."""
        ...

    async def delete_abandoned(self) -> int:
        """The same, with trainings that were killed long ago and that no process has gone on with."""
        ...

    async def delete_old(self, before: datetime) -> int:
        """Delete the folders of trainings that ended before a moment. Returns how many."""
        ...


class JobStore:
    """Trainings. Those that run while a person is erased begin again without the person: the ledger sees to it."""

    unit = "folder"
    order = EraseOrder.MEMORY
    holds = Holds(tables=frozenset({"training_jobs"}), paths=("jobs",))

    def __init__(self, folders: TrainingFolders, name: str = "trainings", keep: timedelta = TRAININGS.time) -> None:
        """Args:
        folders: those of the jobs of one ledger.
        name: the store's.
        keep: how long the logs of trainings are kept.
        """
        self._keep = keep
        self.name = name
        self._folders = folders

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``trainings``: those of the person's own LoRA."""
        return {"trainings": await self._folders.export(subject.identities)}

    async def erase(self, subject: DataSubject) -> int:
        """Delete what trainings that begin again have worked on; returns how many folders.

        The ledger has erased the trainings of the person's own LoRA before.
        """
        return await self._folders.delete_taken_back()

    async def prune(self) -> int:
        """Delete what killed trainings have left, and old logs; returns how many."""
        return await self._folders.delete_abandoned() + await self._folders.delete_old(now() - self._keep)
