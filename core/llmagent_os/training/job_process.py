"""The process of a job: claims it, runs its plan on a thread, renews its lease, and publishes what came of it.

The process gives way to everything else on the machine (:mod:`llmagent_os.training.process_limits`). It may be killed
at any moment: the lease ends, and the next process goes on from what the plan has left in the job's folder. It ends
when its input does: with the host, or with the command that started it. SIGTERM puts the job back into the queue too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from types import FrameType

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from llmagent_os.errors import LedgerError, LLMAgentOSError
from llmagent_os.events import now
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.key_rows import KeyRows
from llmagent_os.ledger.training_jobs import Renewal
from llmagent_os.privacy.masking import redact
from llmagent_os.sealing.mounts import mount_all
from llmagent_os.training.job_folders import delete_work, make_work_folder
from llmagent_os.training.job_order import JobOrder, load_plan
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.process_limits import give_way, resident_bytes
from llmagent_os.training.training_job import JobProgress, JobStatus, TrainingJob, progress_line
from llmagent_os.training.training_plan import Candidate, JobCancelledError, JobSite, NothingToLearn

_log = structlog.stdlib.get_logger(__name__)

#: How long a job is a process's that says nothing any more.
LEASE = timedelta(seconds=30)
#: How often the lease is renewed, and progress noted.
HEARTBEAT_SECONDS = 0.5
#: How often progress is printed, at most.
LOG_SECONDS = 5.0
#: How long a plan may take to end once it is asked to.
GRACE_SECONDS = 60.0

#: Exit codes beside 0: the job was not there to be claimed; the plan did not end when it was asked to.
NOT_CLAIMED, DID_NOT_END = 3, 4

#: For each reason to end a plan early, what becomes of the job, and why in words. None: another has it.
_ENDS: dict[str, tuple[JobStatus, str] | None] = {
    "cancelled": (JobStatus.CANCELLED, "cancelled"),
    "stopped": (JobStatus.WAITING, "it was interrupted, and goes on from where it was"),
    "budget": (JobStatus.WAITING, "the day's minutes are used up: it goes on tomorrow"),
    "memory": (JobStatus.FAILED, "it needs more memory: raise memory_gb in [training], or train in smaller batches"),
    "lost": None,
}


class _Work:
    """One job at work."""

    def __init__(self, order: JobOrder, ledger: Ledger, job: TrainingJob, stopped: threading.Event) -> None:
        self._order = order
        self._queue = ledger.training_jobs
        self._registry = LoraRegistry(ledger, order.data)
        self._job = job
        self._stopped = stopped
        self._begun = time.monotonic()
        self._progress: JobProgress | None = None
        self._logged = 0.0
        self._reason = ""  #: why the plan is to end early; empty: it is not
        self._since = 0.0  #: when that became so

    def _report(self, progress: JobProgress) -> None:
        self._progress = progress

    def _cancelled(self) -> bool:
        return bool(self._reason)

    async def run(self) -> None:
        """Run the plan, and end the job."""
        folder = await asyncio.to_thread(make_work_folder, self._order.folder, self._job.epoch)
        beating = asyncio.create_task(self._beat())
        try:
            ended = await self._run_plan(_site(self._order, folder))
        finally:
            beating.cancel()
        if ended is not None:
            await self._end(*ended)
        await self._delete_taken_back(folder)

    async def _run_plan(self, site: JobSite) -> tuple[JobStatus, str] | None:
        """What becomes of the job, and why; None: it has ended already, or is another's."""
        try:
            plan = load_plan(self._order.plan)
            made = await asyncio.to_thread(plan.run, self._job, site, self._report, self._cancelled)
            if isinstance(made, NothingToLearn):
                return JobStatus.DONE, f"nothing to learn: {made.why}"
            await self._publish(made)
        except JobCancelledError:
            return _ENDS[self._reason or "stopped"]
        except (MemoryError, LLMAgentOSError, OSError) as error:
            if isinstance(error, LedgerError):
                raise  # nothing can be noted: the lease ends, and it is tried again
            _log.exception("the job has failed")
            return JobStatus.FAILED, str(error) or repr(error)
        return None

    async def _publish(self, made: Candidate) -> None:
        version = await self._registry.publish(made, self._job)
        if version is None:
            _log.warning("the job is no longer this process's: what it has made is dropped")
        else:
            await asyncio.to_thread(delete_work, self._order.folder)
            _log.info("the job has made a version", version=version.name, stage=version.stage.value)

    async def _delete_taken_back(self, folder: Path) -> None:
        """Delete what this process has written since people took back what they gave: another epoch, another folder."""
        known = await self._queue.get(self._job.job_id)
        if known is None or known.epoch != self._job.epoch:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _end(self, status: JobStatus, why: str) -> None:
        ended = await self._queue.end(self._job, status, why, now())
        if ended and status != JobStatus.WAITING:
            await asyncio.to_thread(delete_work, self._order.folder)
        _log.info("the job has ended", status=status.value, why=why)

    # ── beside the plan ───────────────────────────────────────────────────────────────────────────────────────────

    async def _beat(self) -> None:
        """Renew the lease and look after the limits, until cancelled."""
        while True:
            progress, self._progress = self._progress, None
            try:
                heard = await self._queue.renew(self._job, now(), LEASE, progress)
            except LedgerError as error:  # a full disk: the lease may end, and then the job is lost
                _log.error("the lease cannot be renewed", error=str(error))
                heard = Renewal.GO_ON
            self._note(progress)
            if not self._reason and (reason := self._reason_to_end(heard)):
                _log.warning("the plan is asked to end", reason=reason)
                self._reason, self._since = reason, time.monotonic()
            if self._reason and time.monotonic() - self._since > GRACE_SECONDS:
                await self._leave()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def _reason_to_end(self, heard: Renewal) -> str:
        if heard == Renewal.LOST:
            return "lost"
        if heard == Renewal.CANCEL:
            return "cancelled"
        if self._stopped.is_set():
            return "stopped"
        if resident_bytes() > self._order.memory_bytes:
            return "memory"
        return "budget" if time.monotonic() - self._begun > self._order.seconds else ""

    def _note(self, progress: JobProgress | None) -> None:
        if progress is not None and time.monotonic() - self._logged > LOG_SECONDS:
            self._logged = time.monotonic()
            _log.info(progress_line(progress))

    async def _leave(self) -> None:
        """End the process under a plan that does not end."""
        _log.error("the plan did not end when it was asked to")
        if (ended := _ENDS[self._reason]) is not None:
            with contextlib.suppress(LedgerError):  # then the lease ends
                await self._queue.end(self._job, *ended, now())
        os._exit(DID_NOT_END)


def _site(order: JobOrder, folder: Path) -> JobSite:
    """Where a job works, and with what."""
    return JobSite(
        folder=folder,
        data=order.data,
        ledger_url=order.ledger_url,
        model=order.model,
        bot=order.bot,
        training=order.bot.get("training", {}),
    )


async def work(order: JobOrder, stopped: threading.Event) -> int:
    """Do a job; returns the exit code.

    Args:
        order: the job, and the limits.
        stopped: set when the work is to be interrupted.
    """
    ledger = await Ledger.open(order.ledger_url)
    try:
        job = await ledger.training_jobs.claim(order.job_id, now(), LEASE, tries=order.tries)
        if job is None:
            return NOT_CLAIMED
        _log.info("the job begins", job=job.job_id, reason=job.reason, tries=job.tries)
        await _Work(order, ledger, job, stopped).run()
    finally:
        await ledger.close()
    return 0


def _masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


def set_up_log() -> None:
    """Print log events to standard output, which is the job's log, without what people said.

    By default structlog prints the local variables of every frame with an error: here, whole chats.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
            structlog.processors.format_exc_info,
            _masked,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
    )


def main() -> None:
    """Do the job that the first line of the input names."""
    os.umask(0o077)
    set_up_log()
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=JobOrder)
    mount_all(order.mounts, KeyRows)
    give_way(order.priority)
    stopped = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()  # returns when the other end is closed, also by a crash
        stopped.set()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    # As the end of the input: a machine that shuts down stops the host and its jobs at once, and no try is lost.
    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=wait_for_end, daemon=True).start()
    code = asyncio.run(work(order, stopped))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the thread that waits would hold the interpreter up
