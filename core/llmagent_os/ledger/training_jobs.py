"""The queue of trainings: the table ``training_jobs``.

A process that works on a job holds its lease: a number that rises with every process that takes the job up. The process
renews the lease while it works. Where it does not, another takes the job up, and the first can change it no more.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.schema import rewards, training_jobs
from llmagent_os.ledger.training_rows import encode_training_field, encode_training_row, readable_jobs
from llmagent_os.ledger.training_values import JobProgress, JobStatus, Level, TrainingJob
from llmagent_os.ledger.writer import Writer

_OPEN = (JobStatus.WAITING, JobStatus.RUNNING)
_IN_VAIN = (JobStatus.FAILED, JobStatus.CANCELLED)

#: No lease is longer. One that ends later was given by a clock that has been set back since, and holds nothing.
LONGEST_LEASE = timedelta(minutes=5)


class Renewal(StrEnum):
    """What a process hears when it renews its lease."""

    GO_ON = "go on"
    CANCEL = "cancel"  #: the job was cancelled: end
    LOST = "lost"  #: the job is another's, or is gone: end, and change nothing


class TrainingJobs:
    """Keeps jobs, and gives each to one process at a time. One job of a bot runs at a time."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.training_jobs``."""
        self._writer = writer

    async def add(self, job: TrainingJob) -> TrainingJob:
        """Keep a new job. Returns it, or the job of its bot that has its key already."""

        def work(database: Database) -> TrainingJob:
            database.sql.execute(insert_or_ignore(training_jobs).values(encode_training_row(job)))
            same = (training_jobs.c.bot == job.bot) & (training_jobs.c.key == job.key)
            (kept,) = _select(database, same)
            return kept

        return await self._writer.run(work)

    async def get(self, job_id: str) -> TrainingJob | None:
        """The job; None: there is none."""
        return await self._writer.run(lambda database: _get(database, job_id), reads=True)

    async def all(self, bot: str | None = None, *, limit: int | None = None) -> list[TrainingJob]:
        """Jobs, the newest first; those of ``bot`` only."""
        where = () if bot is None else (training_jobs.c.bot == bot,)
        return await self._writer.run(lambda database: _select(database, *where, limit=limit)[::-1], reads=True)

    async def any_running(self, now: datetime) -> bool:
        """Whether a process works on a job of any bot. One whose lease has ended was killed, and does not."""

        def work(database: Database) -> bool:
            return any(_is_held(job, now) for job in _select(database, training_jobs.c.status == JobStatus.RUNNING))

        return await self._writer.run(work, reads=True)

    async def give_up(self, before: datetime, now: datetime) -> int:
        """End the jobs of all bots that no process works on, and none has taken up since a moment; returns how many.

        Jobs that were never begun stay in the queue: nothing is kept for them.
        """

        def work(database: Database) -> int:
            begun = training_jobs.c.started_at < before.timestamp()
            found = _select(database, begun, training_jobs.c.status.in_(_OPEN))
            left = [job for job in found if not _is_held(job, now)]
            for job in left:
                why = f"its process ended, and none has gone on with it since {job.started_at:%Y-%m-%d}"
                ended = {"status": JobStatus.FAILED, "why": why, "finished_at": now, "lease_until": None}
                _update(database, job.job_id, lease=job.lease + 1, **ended)
            return len(left)

        return await self._writer.run(work)

    async def running(self, bot: str) -> TrainingJob | None:
        """The bot's job that a process works on; None: there is none."""
        here = (training_jobs.c.bot == bot) & (training_jobs.c.status == JobStatus.RUNNING)
        return await self._writer.run(lambda database: next(iter(_select(database, here)), None), reads=True)

    async def next(self, bot: str, now: datetime) -> TrainingJob | None:
        """The bot's oldest job that a process could take up now; None: there is none, or one is worked on."""

        def work(database: Database) -> TrainingJob | None:
            found = _select(database, training_jobs.c.bot == bot, training_jobs.c.status.in_(_OPEN))
            return None if any(_is_held(job, now) for job in found) else next(iter(found), None)

        return await self._writer.run(work)

    async def unended(self, bot: str, level: Level, subject: str) -> bool:
        """Whether a training of this LoRA waits or runs."""
        same = (training_jobs.c.bot == bot) & (training_jobs.c.level == level) & (training_jobs.c.subject == subject)
        here = sa.exists().where(same, training_jobs.c.status.in_(_OPEN))
        return await self._writer.run(lambda database: bool(database.sql.execute(sa.select(here)).scalar()), reads=True)

    async def claim(self, job_id: str, now: datetime, lease: timedelta, *, tries: int) -> TrainingJob | None:
        """Take a job up.

        Args:
            job_id: which job.
            now: the present.
            lease: how long it is the caller's, if it is not renewed.
            tries: how often a job is begun at most. One that was begun as often has failed.

        Returns:
            The job with its new lease. None: it has ended, or a process works on it or on another job of its bot.
        """

        def work(database: Database) -> TrainingJob | None:
            job = _get(database, job_id)
            if job is None or job.status not in _OPEN:
                return None
            others = _select(database, training_jobs.c.bot == job.bot, training_jobs.c.status == JobStatus.RUNNING)
            if any(_is_held(each, now) for each in others):
                return None
            if job.tries >= tries:
                why = f"its process ended {job.tries} times before it was done: see `llmagent-os jobs logs {job_id}`"
                _update(database, job_id, status=JobStatus.FAILED, why=why, finished_at=now, lease_until=None)
                return None
            values = {"status": JobStatus.RUNNING, "started_at": now, "lease_until": now + lease}
            _update(database, job_id, tries=job.tries + 1, lease=job.lease + 1, **values)
            return _get(database, job_id)

        return await self._writer.run(work)

    async def renew(
        self, job: TrainingJob, now: datetime, lease: timedelta, progress: JobProgress | None = None
    ) -> Renewal:
        """Keep the lease that ``job`` was claimed with, and note how far the work is."""

        def work(database: Database) -> Renewal:
            known = _held(database, job)
            if known is None:
                return Renewal.LOST
            if progress is not None:
                _update(database, job.job_id, progress=progress)
            _update(database, job.job_id, lease_until=now + lease)
            return Renewal.CANCEL if known.cancelling else Renewal.GO_ON

        return await self._writer.run(work, lasting=False)

    async def end(self, job: TrainingJob, status: JobStatus, why: str, now: datetime) -> bool:
        """End a job, or put it back (``waiting``: it is gone on with later, and the try does not count).

        Returns:
            False: the job is not the caller's any more.
        """

        def work(database: Database) -> bool:
            known = _held(database, job)
            if known is None:
                return False
            back = status == JobStatus.WAITING
            values: dict[str, Any] = {"tries": known.tries - 1} if back else {"finished_at": now}
            seconds = _seconds(known, now)
            _update(database, job.job_id, status=status, why=why, lease_until=None, seconds=seconds, **values)
            return True

        return await self._writer.run(work)

    async def abandon(self, job_id: str, lease: int, now: datetime, *, counts: bool) -> None:
        """Put a job back whose process is known to have died, without waiting for its lease to end.

        Args:
            job_id: which job.
            lease: the one that the process had. A job with another lease stays as it is.
            now: the present.
            counts: whether the try counts. It does not where the process was killed on purpose.
        """

        def work(database: Database) -> None:
            job = _get(database, job_id)
            if job is None or job.status != JobStatus.RUNNING or job.lease != lease:
                return
            status = JobStatus.CANCELLED if job.cancelling else JobStatus.WAITING
            seconds = _seconds(job, now)
            ended = {"finished_at": now, "why": "cancelled"} if job.cancelling else {"why": "its process has died"}
            tries = job.tries if counts else job.tries - 1
            _update(database, job_id, status=status, lease_until=None, seconds=seconds, tries=tries, **ended)

        await self._writer.run(work)

    async def cancel(self, job_id: str, now: datetime) -> JobStatus | None:
        """Cancel a job: at once if it waits; a process that works on it is asked to end.

        Returns:
            The job's status before; None: there is no such job.
        """

        def work(database: Database) -> JobStatus | None:
            job = _get(database, job_id)
            if job is None:
                return None
            if job.status == JobStatus.WAITING or (job.status == JobStatus.RUNNING and not _is_held(job, now)):
                ended = {"status": JobStatus.CANCELLED, "why": "cancelled", "finished_at": now, "lease_until": None}
                _update(database, job_id, lease=job.lease + 1, **ended)
            elif job.status == JobStatus.RUNNING:
                _update(database, job_id, cancelling=True)
            return job.status

        return await self._writer.run(work)

    async def spent(self, bot: str, since: datetime) -> float:
        """How many seconds the bot's jobs have taken that were taken up since a moment."""
        here = (training_jobs.c.bot == bot) & (training_jobs.c.started_at >= since.timestamp())
        query = sa.select(sa.func.sum(training_jobs.c.seconds)).where(here)
        return await self._writer.run(lambda database: float(database.sql.execute(query).scalar() or 0.0), reads=True)

    async def last_through(self, bot: str, level: Level, subject: str = "") -> tuple[int, datetime | None]:
        """Up to which row of rewards the newest job of this training goes, and when it was asked for; 0: none was.

        Jobs that have failed or were cancelled have learned nothing, and do not count.
        """
        query = (
            sa.select(training_jobs.c.through, training_jobs.c.created_at)
            .where(training_jobs.c.bot == bot, training_jobs.c.level == level, training_jobs.c.subject == subject)
            .where(training_jobs.c.status.not_in(_IN_VAIN))
            .order_by(training_jobs.c.seq.desc())
            .limit(1)
        )

        def work(database: Database) -> tuple[int, datetime | None]:
            row = database.sql.execute(query).first()
            return (0, None) if row is None else (row.through, datetime.fromtimestamp(row.created_at).astimezone())

        return await self._writer.run(work, reads=True)

    async def in_vain(self, bot: str, level: Level) -> list[str]:
        """The subjects whose newest training of this level has failed or was cancelled."""
        newer = training_jobs.alias()
        is_newest = ~sa.exists().where(
            newer.c.bot == bot,
            newer.c.level == level,
            newer.c.subject == training_jobs.c.subject,
            newer.c.seq > training_jobs.c.seq,
        )
        query = sa.select(training_jobs.c.subject).where(
            training_jobs.c.bot == bot,
            training_jobs.c.level == level,
            training_jobs.c.status.in_(_IN_VAIN),
            is_newest,
        )
        return await self._writer.run(lambda database: [row.subject for row in database.sql.execute(query)], reads=True)

    async def judged(self, kinds: Collection[str], raters: Collection[Identity] | None, most: int) -> int:
        """How many replies have an opinion of these accounts (None: of anybody). It is counted up to ``most``."""
        given = (rewards.c.kind.in_(kinds), rewards.c.op == "add")
        of_them = () if raters is None else (rewards.c.rater_id.in_(raters),)
        found = sa.select(rewards.c.interaction_id).distinct().where(*given, *of_them).limit(most).subquery()
        query = sa.select(sa.func.count()).select_from(found)
        return await self._writer.run(
            lambda database: int(database.sql.execute(query).scalar_one()), lasting=False, reads=True
        )

    async def opinions_after(self, seq: int, kinds: Collection[str], limit: int) -> list[tuple[int, Identity]]:
        """At most ``limit`` opinions after row ``seq``, in the order in which they came: the row, and who gave it.

        Of several opinions that an account gave of one reply, only the first is among them.
        """
        earlier = rewards.alias()
        is_first = ~sa.exists().where(
            earlier.c.interaction_id == rewards.c.interaction_id,
            earlier.c.rater_id == rewards.c.rater_id,
            earlier.c.kind.in_(kinds),
            earlier.c.op == "add",
            earlier.c.seq < rewards.c.seq,
        )
        query = (
            sa.select(rewards.c.seq, rewards.c.rater_id)
            .where(rewards.c.seq > seq, rewards.c.kind.in_(kinds), rewards.c.op == "add", is_first)
            .order_by(rewards.c.seq)
            .limit(limit)
        )
        return await self._writer.run(
            lambda database: [(row.seq, Identity(row.rater_id)) for row in database.sql.execute(query)]
        )


def _select(database: Database, *where: sa.ColumnElement[bool], limit: int | None = None) -> list[TrainingJob]:
    """Jobs, the oldest first; of more than ``limit``, the newest."""
    newest = sa.select(training_jobs).where(*where).order_by(training_jobs.c.seq.desc()).limit(limit)
    return readable_jobs(database, database.sql.execute(newest).mappings().all())[::-1]


def _get(database: Database, job_id: str) -> TrainingJob | None:
    return next(iter(_select(database, training_jobs.c.job_id == job_id)), None)


def _held(database: Database, job: TrainingJob) -> TrainingJob | None:
    """The job as it is now, if it still runs under the lease of ``job``."""
    known = _get(database, job.job_id)
    return known if known is not None and known.status == JobStatus.RUNNING and known.lease == job.lease else None


def _is_held(job: TrainingJob, now: datetime) -> bool:
    """Whether a process works on the job."""
    if job.status != JobStatus.RUNNING or job.lease_until is None:
        return False
    return now < job.lease_until <= now + LONGEST_LEASE


def _seconds(job: TrainingJob, now: datetime) -> float:
    """How long processes have worked on the job. A clock that was set back takes nothing off."""
    return job.seconds + max(0.0, (now - (job.started_at or now)).total_seconds())


def _update(database: Database, job_id: str, **values: Any) -> None:
    row = {name: encode_training_field(name, value) for name, value in values.items()}
    database.sql.execute(sa.update(training_jobs).where(training_jobs.c.job_id == job_id).values(row))
