"""What a job's process is told: the job, where to work, and the limits."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, cast

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.sealing.mounts import Mount
from llmagent_os.training.job_folders import job_folder
from llmagent_os.training.process_limits import Priority
from llmagent_os.training.training_plan import TrainingPlan


class ClusterWork(msgspec.Struct, frozen=True, kw_only=True):
    """That a job's plan runs on a cluster, and what it asks of a node."""

    address: str  #: of the Ray cluster
    cpus: float = 1.0
    gpus: float = 0.0
    storage: str = ""  #: URL of storage that all nodes reach; empty: the data folder is enough
    save_seconds: float = 5.0  #: how often what the plan has written is saved there


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A job for a process. It travels as one line of JSON."""

    job_id: str
    data_folder: str
    ledger_url: str
    model: str  #: the bot's model
    bot: dict[str, Any]  #: the bot's configuration
    plan: str  #: ``module:attribute`` of the plan
    tries: int  #: how often the job is begun at most
    seconds: float  #: how long it may take now
    priority: Priority = "idle"
    memory_bytes: int  #: how much memory the process may have resident
    mounts: tuple[Mount, ...] = ()  #: opens what is sealed in the data folder
    cluster: ClusterWork | None = None  #: where the plan runs; None: in the process

    @property
    def data(self) -> Path:
        """The data folder."""
        return Path(self.data_folder)

    @property
    def folder(self) -> Path:
        """The folder of the job."""
        return job_folder(self.data, self.job_id)


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
