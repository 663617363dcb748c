"""Runs the plan of a job on a node of a Ray cluster: asks for processors, follows it, and begins again after a loss.

What the plan has left in its folder is kept on shared storage, encrypted. Its key lies in the job's work folder in the
data folder: what deletes that folder (the end of the job, /forget, retention) makes the checkpoint unreadable at once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from llmagent_os import errors
from llmagent_os.cluster.node_resources import Needs
from llmagent_os.cluster.ray_extra import check_installed
from llmagent_os.cluster.shared_storage import KEY_BYTES, SharedFolder, folders_of
from llmagent_os.cluster.storage_errors import StorageUnavailableError
from llmagent_os.errors import LLMAgentOSError, ModelError
from llmagent_os.ledger.training_values import JobProgress, TrainingJob
from llmagent_os.training.job_folders import LEDGER_FILE
from llmagent_os.training.job_order import ClusterWork, JobOrder
from llmagent_os.training.node_messages import NodeEnd, NodeOrder, NodeQuestion, NodeReport, NodeSite
from llmagent_os.training.training_plan import (
    Cancelled,
    Candidate,
    JobCancelledError,
    JobSite,
    NothingToLearn,
    ReportProgress,
)

_log = structlog.stdlib.get_logger(__name__)

#: The file of the key to a job's folder on shared storage, in its work folder.
KEY_FILE = "storage.key"
#: How often the node is asked how far it is.
ASK_SECONDS = 0.5
#: How often a plan is begun whose node or process is lost.
STARTS = 4
#: What does the work on a node.
_NODE_JOB = "llmagent_os.training.node_job:NodeJob"
_GB = 1e9


class ClusterPlanRunner:
    """Runs plans on the nodes of a cluster; see :class:`~llmagent_os.training.plan_runner.PlanRunner`."""

    def __init__(self, order: JobOrder, cluster: ClusterWork) -> None:
        """Args:
        order: of the job.
        cluster: which cluster, and what the job asks of a node.

        Raises:
            ConfigError: Ray is not installed.
        """
        check_installed()
        self._order = order
        self._cluster = cluster

    def run(
        self, plan: str, job: TrainingJob, site: JobSite, report: ReportProgress, cancelled: Cancelled
    ) -> Candidate | NothingToLearn:
        """Run the plan on a node.

        Raises:
            JobCancelledError: ``cancelled`` was true.
            LLMAgentOSError: the work cannot be done, or no node is large enough.
            ConnectionError: the cluster is away. The job is tried again.
            StorageUnavailableError: the shared storage is away. The job is tried again.
        """
        from llmagent_os.cluster import ray_engine

        try:
            ray_engine.connect(self._cluster.address)
        except errors.ModelUnavailableError as error:
            raise ClusterAwayError(str(error)) from error
        asked = self._asked(plan, job, site)
        needs = Needs("a training", self._cluster.cpus, self._cluster.gpus, self._order.memory_bytes)
        for _ in range(STARTS):
            work = ray_engine.Work(_NODE_JOB, msgspec.msgpack.encode(asked), needs)
            try:
                end = followed_plan(work, report, cancelled)
            except ray_engine.WorkLostError as error:
                _log.warning("the node of the job was lost, and another begins where it was", error=str(error))
                continue
            finally:
                work.end()
            return self._made(end, asked, site)
        raise ClusterAwayError(f"the process of the training was lost {STARTS} times on the cluster")

    def _asked(self, plan: str, job: TrainingJob, site: JobSite) -> NodeOrder:
        tag = (site.folder.parent / LEDGER_FILE).read_text(encoding="utf-8")
        given: dict[str, Any] = msgspec.structs.asdict(site)
        given |= {"folder": str(site.folder), "data": str(site.data)}
        storage, key = "", b""
        if self._cluster.storage:
            ours = f"{self._cluster.storage.rstrip('/')}/llmagent-os/{tag}"
            delete_unreadable(ours, site.data)
            storage, key = f"{ours}/{_name(site.folder)}", plan_key(site.folder)
        return NodeOrder(
            plan=plan,
            job=job,
            site=NodeSite(**given),
            ledger_tag=tag,
            storage=storage,
            key=key,
            save_seconds=self._cluster.save_seconds,
            priority=self._order.priority,
            memory_bytes=self._order.memory_bytes,
            mounts=self._order.mounts,
        )

    def _made(self, end: NodeEnd, asked: NodeOrder, site: JobSite) -> Candidate | NothingToLearn:
        """What has come of the plan, with its files in the job's folder here.

        Raises:
            JobCancelledError, LLMAgentOSError: as the plan has raised it.
        """
        if end.cancelled:
            raise JobCancelledError
        if end.nothing is not None:
            return NothingToLearn(end.nothing)
        if end.candidate is None:
            raise error_of(end)
        if asked.storage:
            shared = SharedFolder(asked.storage, asked.key)
            if not shared.fetch(site.folder):
                raise StorageUnavailableError(f"what the training has made is not on the storage {asked.storage}")
            shared.delete()
        about: dict[str, Any] = msgspec.structs.asdict(end.candidate)
        about["folder"] = site.folder / end.candidate.folder
        return Candidate(**about)


class Tellable(Protocol):
    """A piece of work on a node: :class:`llmagent_os.cluster.ray_engine.Work`."""

    def tell(self, raw: bytes, seconds: float) -> bytes | None:
        """Tell the work something; None: it has not answered within ``seconds``."""
        ...


class ClusterAwayError(ConnectionError):
    """The cluster is away. The job goes back into the queue, with its checkpoint."""


def followed_plan(work: Tellable, report: ReportProgress, cancelled: Cancelled) -> NodeEnd:
    """Follow the plan until it has ended."""
    told = None
    begun = time.monotonic()
    while True:
        end = cancelled()
        raw = work.tell(msgspec.msgpack.encode(NodeQuestion(cancel=end)), ASK_SECONDS)
        if raw is None:
            if told is None:
                if end:  # nothing has begun
                    raise JobCancelledError
                waited = f"{time.monotonic() - begun:.0f} s"
                report(JobProgress(phase="waiting for a node of the cluster", note=waited))
            continue
        told = msgspec.msgpack.decode(raw, type=NodeReport)
        if told.progress is not None:
            report(told.progress)
        if told.log:
            sys.stdout.write(told.log)
            sys.stdout.flush()
        if told.end is not None:
            return told.end
        time.sleep(ASK_SECONDS)


def error_of(end: NodeEnd) -> Exception:
    """The error of a plan. One that is not ours ends the process, as it does where the plan runs in it."""
    kind: object = vars(errors).get(end.kind)
    if isinstance(kind, type) and issubclass(kind, LLMAgentOSError):
        return kind(end.text)
    if end.kind == StorageUnavailableError.__name__:
        return StorageUnavailableError(end.text)
    if end.kind in ("OSError", "MemoryError"):
        return ModelError(end.text)
    return RuntimeError(f"{end.kind}: {end.text}")


def _name(folder: Path) -> str:
    """The name on the storage of a job's work folder: the job and its epoch."""
    return f"{folder.parent.name}-{folder.name}"


def plan_key(folder: Path) -> bytes:
    """The key to a job's folder on shared storage. A new one is made the first time."""
    file = folder / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        if len(key := file.read_bytes()) == KEY_BYTES:
            return key
    key = secrets.token_bytes(KEY_BYTES)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:  # noqa: PTH123
        opened.write(key)
        opened.flush()
        os.fsync(opened.fileno())
    return key


def delete_unreadable(url: str, data: Path) -> None:
    """Delete what lies on the storage and has no key any more: of jobs that have ended or were taken back."""
    keys = {_name(file.parent) for file in (data / "jobs").glob(f"*/*/{KEY_FILE}")}
    try:
        for name in folders_of(url):
            if name not in keys:
                SharedFolder(f"{url}/{name}", bytes(KEY_BYTES)).delete()
    except StorageUnavailableError as error:
        _log.error("what ended jobs have left on the storage cannot be deleted now", error=str(error))
