"""Asks for trainings: when there are enough new opinions, after a time, and when people have taken something back.

Only opinions of people who agree to being learned from count. What is asked for waits in the queue until the bot's
quiet hours (:class:`~llmagent_os.training.job_runner.JobRunner`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from apscheduler.schedulers import asyncio as apscheduler  # type: ignore[import-untyped]

from llmagent_os.errors import LLMAgentOSError
from llmagent_os.identity import Identity, PersonId, first_identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.modules.taste_words import persona_in_words
from llmagent_os.training.group_opinions import groups_with_enough
from llmagent_os.training.lora_version import Level, Stage
from llmagent_os.training.opinion_tally import OpinionTally
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.training.training_job import JobStatus, TrainingJob, key_of

_log = structlog.stdlib.get_logger(__name__)

#: How often the schedule looks whether a training is due.
CHECK_SECONDS = 60

#: The person that an account belongs to; None: the person does not want to be learned from.
Consenting = Callable[[Identity], Awaitable[PersonId | None]]


def new_job(bot: str, level: Level, subject: str, key: str, reason: str, through: int, at: datetime) -> TrainingJob:
    """A job that nobody has asked for yet."""
    return TrainingJob(
        job_id=uuid4().hex[:12],
        bot=bot,
        level=level,
        subject=subject,
        key=key,
        reason=reason,
        through=through,
        created_at=at,
    )


class JobSchedule:
    """Puts jobs into the queue of a bot when they are due."""

    def __init__(
        self,
        bot: str,
        config: TrainingConfig,
        ledger: Ledger,
        consenting: Consenting,
        clock: Callable[[], datetime],
    ) -> None:
        """Args:
        bot: the bot's name.
        config: its ``[training]``.
        ledger: of the installation.
        consenting: says whose opinions count.
        clock: the present moment, aware.
        """
        self._bot = bot
        self._config = config
        self._ledger = ledger
        self._consenting = consenting
        self._clock = clock
        self._tally = OpinionTally(ledger, max(config.opinions, config.group_opinions, config.personal_opinions))
        self._looked = 0  #: the row up to which people's own opinions were looked at

    @contextmanager
    def running(self) -> Generator[None]:
        """Look every minute for as long as this is open, on the running event loop."""
        scheduler: Any = apscheduler.AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(self._look, "interval", seconds=CHECK_SECONDS, max_instances=1, coalesce=True)
        scheduler.start()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)

    async def _look(self) -> None:
        try:
            for job in await self.ask():
                _log.info("a training is asked for", job=job.job_id, level=job.level.value, reason=job.reason)
        except LLMAgentOSError as error:  # the next look may find it mended
            _log.error("it cannot be seen whether a training is due", error=str(error))

    async def ask(self) -> list[TrainingJob]:
        """Ask for every training that is due; returns those that were not asked for before.

        Raises:
            LedgerError, ProfileError: something cannot be read.
        """
        await self._tally.read()
        asked: list[TrainingJob] = []
        for level in self._config.levels:
            if level == Level.SHARED:
                asked += await self._shared()
            elif level == Level.GROUP:
                asked += await self._groups()
            elif level == Level.PERSONAL:
                asked += await self._personal()
        return asked + await self._taken_back()

    async def _shared(self) -> list[TrainingJob]:
        before, at = await self._ledger.training_jobs.last_through(self._bot, Level.SHARED)
        opinions = 0
        for identity in self._tally.accounts(before):
            if await self._consenting(identity) is not None:
                opinions += self._tally.count(identity, before)
        hours = self._config.every_hours
        if opinions >= self._config.opinions:
            return await self._add(Level.SHARED, "", before, f"{opinions} new opinions or more")
        if opinions and hours and at is not None and self._clock() - at >= timedelta(hours=hours):
            reason = f"the last training was {hours:g} hours ago or more, and there are {opinions} new opinions"
            return await self._add(Level.SHARED, "", before, reason)
        return []

    async def _groups(self) -> list[TrainingJob]:
        """Ask for the trainings of groups: the people of one persona."""
        asked: list[TrainingJob] = []
        config = self._config
        for found in await groups_with_enough(
            self._bot, self._ledger, self._tally, self._consenting, config.group_opinions, config.group_people
        ):
            reason = f"{found.opinions} new opinions or more of {found.people} {persona_in_words(found.persona)}"
            asked += await self._add(Level.GROUP, found.persona, found.before, reason)
        return asked

    async def _personal(self) -> list[TrainingJob]:
        """Ask for people's own trainings.

        Only people who have given an opinion since the last look are looked at, and those whose training has failed.
        """
        asked: list[TrainingJob] = []
        enough, since = self._config.personal_opinions, self._looked
        self._looked = self._tally.through
        failed = await self._ledger.training_jobs.in_vain(self._bot, Level.PERSONAL)
        again = [first_identity_of(PersonId(subject)) for subject in failed if subject]
        for identity in dict.fromkeys([*self._tally.accounts(since), *again]):
            accounts = await self._ledger.identities.everyone(identity)
            if sum(self._tally.count(each, 0) for each in accounts) < enough:
                continue
            person = await self._consenting(identity)
            if person is None:
                continue
            before, _ = await self._ledger.training_jobs.last_through(self._bot, Level.PERSONAL, person)
            new = sum(self._tally.count(each, before) for each in accounts)
            if new >= enough:
                asked += await self._add(Level.PERSONAL, person, before, f"{new} new opinions of one person or more")
        return asked

    async def _taken_back(self) -> list[TrainingJob]:
        """Ask for the trainings that have to leave out what people took back: one that has failed, each day again."""
        asked: list[TrainingJob] = []
        for version in await self._ledger.lora_versions.in_stages(self._bot, (Stage.ACTIVE, Stage.CANARY)):
            if version.stale_since is None or version.level not in self._config.levels:
                continue
            if await self._ledger.training_jobs.unended(self._bot, version.level, version.subject):
                continue  # one that runs, and has read it, makes a version that is stale, which is asked for next
            reason = f"{version.name} was trained on what somebody has taken back"
            key = f"{version.name} {version.withdrawn} {version.stale_since.isoformat()} {self._clock():%Y-%m-%d}"
            asked += await self._add(version.level, version.subject, key, reason)
        return asked

    async def _add(self, level: Level, subject: str, since: int | str, reason: str) -> list[TrainingJob]:
        """Ask for one training.

        Asked for again for the same cause, it is the same job. One that has failed is asked for anew each day.
        """
        at, through = self._clock(), await self._ledger.last_reward()
        job = new_job(self._bot, level, subject, key_of(level, subject, since), reason, through, at)
        kept = await self._ledger.training_jobs.add(job)
        if kept.status in (JobStatus.FAILED, JobStatus.CANCELLED) and kept.created_at.astimezone(at.tzinfo) < _day(at):
            job = new_job(self._bot, level, subject, key_of(level, subject, since, _day(at)), reason, through, at)
            kept = await self._ledger.training_jobs.add(job)
        return [kept] if kept.job_id == job.job_id else []


def _day(at: datetime) -> datetime:
    """When the day of a moment begins."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
