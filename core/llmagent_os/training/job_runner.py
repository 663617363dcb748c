"""Runs jobs from the host's side: one process a job, one job of a bot at a time, within the day's budget."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import structlog

from llmagent_os.errors import ConfigError, LLMAgentOSError
from llmagent_os.events import now
from llmagent_os.ledger import Ledger
from llmagent_os.sealing.mounts import mounted
from llmagent_os.training.job_folders import LOG_FILE, make_job_folder
from llmagent_os.training.job_order import ClusterWork, JobOrder
from llmagent_os.training.job_process import DID_NOT_END, NOT_CLAIMED
from llmagent_os.training.training_config import QuietHours, TrainingConfig

_log = structlog.stdlib.get_logger(__name__)

#: How often the queue is looked at.
POLL_SECONDS = 5.0
#: How long a process may take to end that is asked to, before it is killed. Its plan goes on from its checkpoint.
STOP_SECONDS = 10.0

#: Libraries write sets in the order of their hashes: a training that is run again is to make the same files.
SAME_EVERY_TIME = {"PYTHONHASHSEED": "0"}

_GB = 1_000_000_000


class JobSetting(msgspec.Struct, frozen=True, kw_only=True):
    """What all jobs of a bot have in common."""

    data: Path  #: the data folder
    ledger_url: str
    model: str  #: the bot's model
    bot: str  #: the bot's name
    bot_config: dict[str, Any]  #: the bot's configuration, as JSON values
    training: TrainingConfig
    cluster: ClusterWork | None = None  #: where plans run; None: in the jobs' own processes

    def order(self, job_id: str, seconds: float) -> JobOrder:
        """The order to do a job.

        Raises:
            ConfigError: the bot has no plan.
        """
        if not self.training.plan:
            raise ConfigError(
                f"bot {self.bot!r} has no plan to train by: write [training] in its bot.toml, and in it no plan or "
                'plan = "module:attribute"'
            )
        return JobOrder(
            job_id=job_id,
            data_folder=str(self.data.resolve()),
            ledger_url=self.ledger_url,
            model=self.model,
            bot=self.bot_config,
            plan=self.training.plan,
            tries=self.training.tries,
            seconds=seconds,
            priority=self.training.priority,
            memory_bytes=round(self.training.memory_gb * _GB),
            mounts=mounted(),
            cluster=self.cluster,
        )


async def run_job(order: JobOrder, ledger: Ledger) -> None:
    """Run a job in a process of its own, until the process ends. Cancelled, it interrupts the job, which stays whole.

    A job whose process dies is put back into the queue at once.

    Raises:
        ConfigError: the process cannot be started, or its log cannot be written.
        LedgerError: the ledger cannot be read or written.
    """
    job = await ledger.training_jobs.get(order.job_id)
    if job is None:
        return
    process = await _start(order, await ledger.tag())
    try:
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(msgspec.json.encode(order) + b"\n")
                await process.stdin.drain()
        await process.wait()
    finally:
        died = process.returncode not in (None, 0, NOT_CLAIMED, DID_NOT_END)
        killed = await _stop(process)
        if died or killed:
            # The process has claimed the job before it died, unless somebody else did.
            await ledger.training_jobs.abandon(job.job_id, job.lease + 1, now(), counts=died)


async def _start(order: JobOrder, ledger: str) -> Process:
    command = (sys.executable, "-P", "-c", "from llmagent_os.training.job_process import main; main()")

    def open_log() -> int:
        make_job_folder(order.folder, ledger)
        return os.open(order.folder / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    try:
        log = await asyncio.to_thread(open_log)
        try:
            # A session of its own: Ctrl-C in a terminal is for the command, which then interrupts the job.
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **SAME_EVERY_TIME},
            )
        finally:
            os.close(log)
    except OSError as error:
        raise ConfigError(f"the job's process cannot be started: {error}") from error


async def _stop(process: Process) -> bool:
    """Have the process end; returns whether it had to be killed."""
    if process.stdin is not None:
        process.stdin.close()  # it ends when its input does
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return True
    return False


class JobRunner:
    """Runs the jobs of a bot, one after the other, in the bot's quiet hours and within the day's budget."""

    def __init__(self, setting: JobSetting, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        """Args:
        setting: what all jobs have in common.
        ledger: of the installation.
        clock: the present moment in the host's time zone: its days and quiet hours count.
        """
        self._setting = setting
        self._ledger = ledger
        self._clock = clock
        self._quiet = QuietHours.parse(setting.training.quiet_hours)

    async def run(self) -> None:
        """Run jobs until cancelled. A job that cannot be run stays in the queue."""
        while True:
            try:
                ran = await self.run_next()
            except LLMAgentOSError as error:
                _log.error("a training cannot be run", error=str(error))
                ran = False
            if not ran:
                await asyncio.sleep(POLL_SECONDS)

    async def run_next(self) -> bool:
        """Run the next job, if there is one and it may run now; returns whether one was run.

        Raises:
            ConfigError: its process cannot be started.
            LedgerError: the ledger cannot be read or written.
        """
        seconds = await self.seconds_left()
        if seconds <= 0 or not self._quiet.include(self._clock()):
            return False
        job = await self._ledger.training_jobs.next(self._setting.bot, now())
        if job is None:
            return False
        await run_job(self._setting.order(job.job_id, seconds), self._ledger)
        after = await self._ledger.training_jobs.get(job.job_id)
        if after is not None and (after.lease, after.status) == (job.lease, job.status):
            # Begun again at once, it would end as soon: for ever, and as fast as the machine can.
            _log.error("a training's process ended before it began: see `llmagent-os jobs logs`", job=job.job_id)
            return False
        return True

    async def seconds_left(self) -> float:
        """How long jobs may take yet today."""
        midnight = self._clock().replace(hour=0, minute=0, second=0, microsecond=0)
        spent = await self._ledger.training_jobs.spent(self._setting.bot, midnight)
        return 60 * self._setting.training.minutes_a_day - spent
