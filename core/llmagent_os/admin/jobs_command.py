"""Lists, runs and cancels trainings: ``llmagent-os jobs``. It works with or without a running host."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.admin.training_needs import check_needs
from llmagent_os.bot import Bot, job_setting
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import parse
from llmagent_os.ledger import Ledger
from llmagent_os.modules.taste_words import persona_in_words
from llmagent_os.training.job_folders import LOG_FILE, JobFolders, job_folder
from llmagent_os.training.job_runner import JobRunner, run_job
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.training_job import ENDED, JobStatus, Level, TrainingJob, progress_line

#: How often a job that is watched is looked at.
POLL_SECONDS = 0.5

#: The most jobs that are listed.
MAX_LISTED = 50


async def listing(settings: Settings, bot: str | None) -> str:
    """The jobs, the newest first, one a line. What jobs that were killed long ago have left is deleted."""
    async with open_ledger(settings) as ledger:
        await JobFolders(ledger, settings.data).delete_abandoned()
        jobs = await ledger.training_jobs.all(bot, limit=MAX_LISTED)
    if not jobs:
        return "No training was asked for yet: `llmagent-os jobs run BOT` asks for one."
    return "\n".join(_line(job) for job in jobs)


async def show(settings: Settings, job_id: str) -> str:
    """Everything about a job, one field a line.

    Raises:
        ConfigError: there is no such job.
    """
    async with open_ledger(settings) as ledger:
        job = await _job(ledger, job_id)
    times = {"asked for": job.created_at, "begun": job.started_at, "ended": job.finished_at}
    rows: dict[str, object] = {
        "job": job.job_id,
        "bot": job.bot,
        "level": f"{job.level.value} {job.subject}".strip(),
        "group": persona_in_words(job.subject) if job.level == Level.GROUP else "",
        "reason": job.reason,
        "status": job.status.value + (" (asked to end)" if job.cancelling else ""),
        "progress": progress_line(job.progress),
        "what came of it": job.why,
        "version": job.version,
        "tries": job.tries,
        "minutes": f"{job.seconds / 60:.1f}",
        **{name: f"{at:%Y-%m-%d %H:%M:%S} UTC" for name, at in times.items() if at is not None},
    }
    return "\n".join(f"{name}: {value}" for name, value in rows.items() if value != "")


async def run(
    settings: Settings, bot: Bot, level: Level, subject: str, key: str, watch: Callable[[TrainingJob], None]
) -> str:
    """Ask for a training, and run it in a process of its own, or watch the process that has it already.

    Interrupted, the job stays in the queue. A running host goes on with it in the bot's quiet hours.

    Args:
        settings: of the machine.
        bot: whose model is trained.
        level: which LoRA.
        subject: a persona (group, as ``verbosity=brief``), or an account of the person (personal).
        key: of a training that was asked for before: it is gone on with. Empty: a new one.
        watch: called whenever the job has got further.

    Returns:
        What came of it.

    Raises:
        ConfigError: the bot has no plan, the day's minutes are used up, there are too few people or reactions, or
            another of its jobs runs.
    """
    setting = job_setting(settings, bot)
    async with open_ledger(settings) as ledger:
        await JobFolders(ledger, settings.data).delete_abandoned()
        runner = JobRunner(setting, ledger, lambda: now().astimezone())
        seconds = await runner.seconds_left()
        if seconds <= 0:
            raise ConfigError(f"bot {bot.name!r} has used up its minutes_a_day of [training]: wait, or raise them")
        setting.order("", seconds)  # a bot without a plan is asked for nothing
        subject = await _subject(ledger, bot.name, level, subject)
        await check_needs(ledger, bot, level, subject)
        through = await ledger.last_reward()
        asked = new_job(bot.name, level, subject, key or uuid4().hex, "asked for by hand", through, now())
        job = await ledger.training_jobs.add(asked)
        running = await ledger.training_jobs.running(bot.name)
        if (
            running is not None
            and running.job_id != job.job_id
            and await ledger.training_jobs.next(bot.name, now()) is None
        ):
            raise ConfigError(f"job {running.job_id} of bot {bot.name!r} runs: job {job.job_id} waits for it")
        async with _watching(ledger, job.job_id, watch):
            if job.status not in ENDED:
                await run_job(setting.order(job.job_id, seconds), ledger)
            ended = await _ended(ledger, job.job_id)
    return f"{ended.job_id}: {ended.status.value}" + (f", {ended.why}" if ended.why else "")


async def cancel(settings: Settings, job_id: str) -> str:
    """Cancel a job, and delete what it has worked on. Returns a confirmation.

    Raises:
        ConfigError: there is no such job, or it has ended.
    """
    async with open_ledger(settings) as ledger:
        job = await _job(ledger, job_id)
        before = await ledger.training_jobs.cancel(job.job_id, now())
        after = await ledger.training_jobs.get(job.job_id)
        await JobFolders(ledger, settings.data).delete_taken_back()
    if before is None or before in ENDED:
        raise ConfigError(f"job {job.job_id} has ended: {job.status.value}")
    ended = after is None or after.status == JobStatus.CANCELLED  # nobody worked on it, or its process was killed
    return f"Cancelled: {job.job_id}" if ended else f"Asked to end: {job.job_id}"


async def logs(settings: Settings, job_id: str) -> str:
    """What a job's processes have printed.

    Raises:
        ConfigError: there is no such job, or it has printed nothing.
    """
    async with open_ledger(settings) as ledger:
        job = await _job(ledger, job_id)
    file = job_folder(settings.data, job.job_id) / LOG_FILE
    try:
        return await asyncio.to_thread(file.read_text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"job {job.job_id} has no log {file}: {error.strerror}") from error


def _line(job: TrainingJob) -> str:
    progress = f" {progress_line(job.progress)}" if job.status == JobStatus.RUNNING else ""
    ended = f": {job.why}" if job.why else ""
    at = f"{job.created_at:%Y-%m-%d %H:%M} UTC"
    level = f"group {job.subject}" if job.level == Level.GROUP else job.level.value
    return f"{job.job_id}  {at}  {job.bot}  {level}  {job.status.value}{progress}{ended}"


async def _job(ledger: Ledger, job_id: str) -> TrainingJob:
    found = [job for job in await ledger.training_jobs.all() if job_id and job.job_id.startswith(job_id)]
    if len(found) != 1:
        raise ConfigError(f"there is no job {job_id!r}: `llmagent-os jobs list` prints them")
    return found[0]


async def _subject(ledger: Ledger, bot: str, level: Level, typed: str) -> str:
    """Whose LoRA is trained.

    Raises:
        ConfigError: the level needs a subject, or must have none; or nobody is of the persona.
    """
    if (level == Level.SHARED) == bool(typed):
        raise ConfigError(
            "the shared LoRA is everybody's: leave --of out"
            if typed
            else f"whose {level.value} LoRA? Write --of with a persona (group) or an account (personal)"
        )
    if level == Level.GROUP:
        sizes = Counter((await ledger.personas.all(bot)).values())
        if typed not in sizes:
            known = ", ".join(f"{name} ({size} people)" for name, size in sorted(sizes.items()))
            raise ConfigError(
                f"nobody is of the persona {typed!r}; there {f'are: {known}' if known else 'is none yet'}"
            )
    if level != Level.PERSONAL:
        return typed
    return await ledger.identities.person(parse(typed))


@asynccontextmanager
async def _watching(ledger: Ledger, job_id: str, watch: Callable[[TrainingJob], None]) -> AsyncGenerator[None]:
    """Call ``watch`` with the job for as long as this is open."""

    async def look() -> None:
        while True:
            job = await ledger.training_jobs.get(job_id)
            if job is not None:
                watch(job)
            await asyncio.sleep(POLL_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def _ended(ledger: Ledger, job_id: str) -> TrainingJob:
    """The job once no process works on it any more.

    Raises:
        ConfigError: it was erased.
    """
    while True:
        job = await ledger.training_jobs.get(job_id)
        if job is None:
            raise ConfigError(f"job {job_id} is gone: the person that it was for was erased")
        if job.status != JobStatus.RUNNING or (job.lease_until is not None and job.lease_until < now()):
            return job
        await asyncio.sleep(POLL_SECONDS)
