"""What a job's process is told: the job, where to work, and the limits."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.training.training_plan import TrainingPlan

#: The folder of jobs, inside the data folder. Each job has a folder of its own in it, named by the job's id.
JOBS_FOLDER = "jobs"

#: What a job's process has printed.
LOG_FILE = "log.txt"

#: Begins the name of the folder in which a job works; the job's epoch follows.
_WORK = "work-"


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A job for a process. It travels as one line of JSON."""

    job_id: str
    data: Path  #: the data folder
    ledger_url: str
    model: str  #: the bot's model
    bot: dict[str, Any]  #: the bot's configuration
    plan: str  #: ``module:attribute`` of the plan
    tries: int  #: how often the job is begun at most
    seconds: float  #: how long it may take now
    memory_bytes: int  #: how much memory the process may have resident

    @property
    def folder(self) -> Path:
        """The folder of the job."""
        return folder_of(self.data, self.job_id)


def folder_of(data: Path, job_id: str) -> Path:
    """The folder of a job."""
    return data / JOBS_FOLDER / job_id


def work_folder(order: JobOrder, epoch: int) -> Path:
    """Make the folder in which a job works, and delete those of its earlier epochs."""
    folder = order.folder / f"{_WORK}{epoch}"
    delete_work(order.folder, besides=folder.name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def delete_work(folder: Path, *, besides: str = "") -> int:
    """Delete what a job has worked on, all but the epoch's folder named ``besides``; returns how many folders."""
    found = [each for each in sorted(folder.glob(f"{_WORK}*")) if each.name != besides]
    for each in found:
        shutil.rmtree(each, ignore_errors=True)
    return len(found)


def delete_taken_back(data: Path, epochs: dict[str, int]) -> int:
    """Delete what jobs have worked on that may be used no more, and the folders of jobs that are not there.

    Args:
        data: the data folder.
        epochs: by job, its epoch; -1: it has ended.

    Returns:
        How many folders were deleted.
    """
    jobs = data / JOBS_FOLDER
    deleted = 0
    for folder in sorted(jobs.iterdir()) if jobs.is_dir() else ():
        if folder.name in epochs:
            deleted += delete_work(folder, besides=f"{_WORK}{epochs[folder.name]}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
            deleted += 1
    return deleted


def delete_jobs(data: Path, job_ids: Iterable[str]) -> int:
    """Delete the folders of jobs, logs included; returns how many there were."""
    found = [folder for job_id in job_ids if (folder := folder_of(data, job_id)).is_dir()]
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(found)


def load_plan(reference: str) -> TrainingPlan:
    """The plan that ``module:attribute`` names.

    Raises:
        ConfigError: there is none, or it is no plan.
    """
    module, _, attribute = reference.partition(":")
    try:
        found: object = vars(importlib.import_module(module))[attribute]
    except (ImportError, KeyError, ValueError) as error:
        raise ConfigError(f"[training] plan = {reference!r} cannot be loaded: {error!r}") from error
    plan = found() if isinstance(found, type) else found
    if not callable(getattr(plan, "run", None)):
        raise ConfigError(f"[training] plan = {reference!r} is no TrainingPlan: it has no run()")
    return cast(TrainingPlan, plan)
