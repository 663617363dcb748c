"""The folders of jobs: logs, and what a job works on, which may hold what people said.

A job works in a folder of its epoch. When people take back what they gave, the job's epoch rises, and what it has done
so far is deleted. A job that was killed keeps its folder, for the process that goes on with it. If none does, because
the bot is not run any more, whoever opens the installation next gives the job up: a host of any bot, or the command
line.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.events import now
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.privacy.retention import KILLED_TRAININGS
from llmagent_os.training.training_job import ENDED, Level

#: The folder of jobs, inside the data folder. Each job has a folder of its own in it, named by the job's id.
JOBS_FOLDER = "jobs"

#: What a job's process has printed.
LOG_FILE = "log.txt"

#: Says which ledger a job's folder belongs to: that of a chat in the terminal has the same data folder.
LEDGER_FILE = "ledger.txt"

#: Begins the name of the folder in which a job works; the job's epoch follows.
_WORK = "work-"


def job_folder(data: Path, job_id: str) -> Path:
    """The folder of a job."""
    return data / JOBS_FOLDER / job_id


def make_job_folder(folder: Path, ledger: str) -> None:
    """Make the folder of a job of the ledger with this tag."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / LEDGER_FILE).write_text(ledger, encoding="utf-8")


def make_work_folder(folder: Path, epoch: int) -> Path:
    """Make the folder in which the job of ``folder`` works, and delete those of its earlier epochs."""
    work = folder / f"{_WORK}{epoch}"
    delete_work(folder, besides=work.name)
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    return work


def delete_work(folder: Path, *, besides: str = "") -> int:
    """Delete what a job has worked on, all but the epoch's folder named ``besides``; returns how many folders."""
    found = [each for each in sorted(folder.glob(f"{_WORK}*")) if each.name != besides]
    for each in found:
        shutil.rmtree(each, ignore_errors=True)
    return len(found)


class JobFolders:
    """The folders of all jobs of an installation."""

    def __init__(self, ledger: Ledger, data: Path) -> None:
        """Args: ``ledger`` is the installation's, ``data`` its data folder."""
        self._ledger = ledger
        self._jobs = ledger.training_jobs
        self._data = data

    async def export(self, identities: Collection[Identity]) -> list[dict[str, Any]]:
        """The trainings of a person's own LoRA, as JSON values."""
        return [
            msgspec.to_builtins(job)
            for job in await self._jobs.all()
            if job.level == Level.PERSONAL and job.subject in identities
        ]

    async def delete_taken_back(self) -> int:
        """Delete what jobs have worked on that may be used no more; returns how many folders.

        That is the work of ended jobs, that of earlier epochs, and everything of jobs that were erased.
        """
        epochs = {job.job_id: None if job.status in ENDED else job.epoch for job in await self._jobs.all()}
        tag = await self._ledger.tag()
        return await asyncio.to_thread(_delete_taken_back, self._data / JOBS_FOLDER, tag, epochs)

    async def delete_abandoned(self) -> int:
        """Give up jobs of any bot that were killed, and that nobody has gone on with for ``KILLED_TRAININGS``.

        Returns:
            How many folders were deleted, those of :meth:`delete_taken_back` included.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        await self._jobs.give_up(now() - KILLED_TRAININGS.time, now())
        return await self.delete_taken_back()

    async def delete_old(self, before: datetime) -> int:
        """Delete the folders of jobs that ended before a moment, logs included; returns how many."""
        old = [job.job_id for job in await self._jobs.all() if job.finished_at is not None and job.finished_at < before]
        return await asyncio.to_thread(_delete, [job_folder(self._data, job_id) for job_id in old])


def _delete_taken_back(jobs: Path, ledger: str, epochs: Mapping[str, int | None]) -> int:
    deleted = 0
    for file in sorted(jobs.glob(f"*/{LEDGER_FILE}")):
        folder = file.parent
        try:
            if file.read_text(encoding="utf-8") != ledger:
                continue
        except FileNotFoundError:  # another process has deleted it meanwhile
            continue
        if folder.name not in epochs:
            deleted += _delete([folder])
        else:
            epoch = epochs[folder.name]
            deleted += delete_work(folder, besides="" if epoch is None else f"{_WORK}{epoch}")
    return deleted


def _delete(folders: Collection[Path]) -> int:
    there = [folder for folder in folders if folder.is_dir()]
    for folder in there:
        shutil.rmtree(folder, ignore_errors=True)
    return len(there)
