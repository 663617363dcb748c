"""The trainings of a running bot: takes up new LoRAs, asks for trainings, and runs them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import structlog

from llmagent_os.errors import LedgerError, ModelError
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import Location
from llmagent_os.training.canary_watch import CanaryWatch
from llmagent_os.training.consent_check import ConsentCheck
from llmagent_os.training.job_folders import JobFolders
from llmagent_os.training.job_runner import JobRunner, JobSetting
from llmagent_os.training.job_schedule import JobSchedule
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.persona_tracker import PersonaTracker
from llmagent_os.training.registry_resolver import RegistryResolver, no_group
from llmagent_os.training.training_job import TrainingJob, progress_line

_log = structlog.stdlib.get_logger(__name__)

#: How often it is looked which training runs, and how far it is.
JOB_POLL_SECONDS = 1.0


class HostTraining:
    """What a host does about trainings, beside answering people."""

    def __init__(
        self,
        setting: JobSetting,
        ledger: Ledger,
        directory: Directory,
        base_hash: str | Callable[[], str],
        clock: Callable[[], datetime],
        personas: PersonaTracker | None = None,
        keep: Callable[[Sequence[Path], Sequence[Path]], Awaitable[None]] | None = None,
    ) -> None:
        """Args:
        setting: what all trainings of the bot have in common.
        ledger: of the host.
        directory: finds people and what they have agreed to.
        base_hash: of the model that is served, or what reads it; see :class:`RegistryResolver`.
        clock: the present moment in the host's time zone.
        personas: finds the group that each person is of; None: the bot does not learn, and there are no groups.
        keep: is told which LoRAs answer; see :class:`RegistryResolver`.
        """
        training = setting.training
        self.registry = LoraRegistry(ledger, setting.data)
        self.folders = JobFolders(ledger, setting.data)
        group_of = no_group if personas is None else personas.group_of
        self.resolver = RegistryResolver(
            self.registry, setting.bot, base_hash, group_of=group_of, canary=training.canary, keep=keep
        )
        self.canaries = CanaryWatch(
            setting.bot, training.canary, ledger, self.registry, self.resolver, directory.consents, clock
        )
        self.personas = personas
        if personas is not None:
            self.registry.watch(personas.refresh)  # who has taken something back is of no group any more
        self._setting = setting
        self._ledger = ledger
        self._directory = directory
        self._consent = ConsentCheck(setting.bot, ledger, self.registry, directory)
        self._schedule = JobSchedule(setting.bot, training, ledger, self._consenting, clock)
        self._runner = JobRunner(setting, ledger, clock)
        self._job: TrainingJob | None = None  # the job that a process works on

    async def open(self) -> None:
        """Delete what a crash left behind, and mark what people do not agree to any more.

        What is active is served from the first reply on, and not read before.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        await self.registry.delete_leftovers()
        await self.folders.delete_abandoned()
        await self._consent.look()
        if self.personas is not None:
            await self.personas.refresh()

    async def run(self) -> None:
        """Follow the registry and personas, test canaries, and train if the bot has a plan, until cancelled.

        Where several hosts share the ledger, one of them tests canaries and trains.
        """
        works = [self.resolver.follow(), self._follow_jobs()]
        works.append(self._ledger.membership.while_held(f"training:{self._setting.bot}", self._tend))
        if self.personas is not None:
            works.append(self.personas.follow())
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)

    async def _tend(self) -> None:
        works = [self.canaries.run(), self._consent.run()]
        with contextlib.ExitStack() as stack:
            if self._setting.training.plan:
                stack.enter_context(self._schedule.running())
                works.append(self._runner.run())
            async with asyncio.TaskGroup() as group:
                for work in works:
                    group.create_task(work)

    async def _follow_jobs(self) -> None:
        """Keep in memory which job runs and how far it is: its process, or a terminal's, notes it in the ledger."""
        while True:
            try:
                self._job = await self._ledger.training_jobs.running(self._setting.bot)
            except LedgerError as error:
                _log.error("it cannot be read which training runs", error=str(error))
            await asyncio.sleep(JOB_POLL_SECONDS)

    async def report(self) -> dict[str, Any]:
        """What ``/healthz`` says: the job that runs, the LoRAs that answer, and the canaries. Names no person.

        It comes from memory, and reads no ledger.
        """
        job = self._job
        about: dict[str, Any] = {"job": None}
        if job is not None:
            progress = {"progress": msgspec.to_builtins(job.progress), "in_words": progress_line(job.progress)}
            about["job"] = {"id": job.job_id, "level": job.level.value, "tries": job.tries} | progress
        about["serving"] = {name: stage.value for name, stage in self.resolver.serving.items()}
        return about | {"canary": self.canaries.report()}

    async def _consenting(self, identity: Identity) -> PersonId | None:
        person = await self._directory.person_of(identity)
        return person if await self._directory.consents_to_training(person) else None


def served_hash(location: Location | None) -> str:
    """The hash of the model that is served. Reads the weights. Must not run in an event loop.

    Args:
        location: of the model; None: a server serves it, and nobody has said which model here it is.

    Returns:
        Empty where the weights cannot be read, and for a server's model that is not known here: then no LoRA is known
        to fit it.
    """
    try:
        return "" if location is None else model_hash(location)
    except ModelError as error:
        _log.error("the weights cannot be read: no trained LoRA answers", error=str(error))
        return ""
