"""The registry of LoRA versions: files in the data folder, and rows in the ledger that say what they are.

A version's folder never changes. What changes is its stage, in one transaction of the ledger: a reply is written by one
version, whatever is promoted meanwhile. Every process of the installation may change stages; a running host takes it up
(:mod:`llmagent_os.training.registry_resolver`).
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.training.job_folders import JobFolders
from llmagent_os.training.lora_folder import (
    LORAS_FOLDER,
    SUMS_FILE,
    check_folder,
    delete_folders,
    delete_leftovers,
    publish_folder,
    sha256_of,
)
from llmagent_os.training.lora_version import SERVED, Level, LoraVersion, Stage, check_move
from llmagent_os.training.training_job import TrainingJob
from llmagent_os.training.training_plan import Candidate

#: Digits of the hash in a version's name.
_NAME_DIGITS = 12


class LoraRegistry:
    """Publishes versions, moves them between stages, and deletes the files of those that people took back."""

    def __init__(self, ledger: Ledger, data: Path, clock: Callable[[], datetime] = now) -> None:
        """Args:
        ledger: of the installation.
        data: the data folder.
        clock: the present moment, aware.
        """
        self._ledger = ledger
        self._rows = ledger.lora_versions
        self._data = data
        self._folder = data / LORAS_FOLDER
        self._clock = clock
        self._watchers: list[Callable[[], Awaitable[object]]] = []

    def watch(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Call ``changed`` after every change that this object makes, before files are deleted."""
        self._watchers.append(changed)

    async def _settle(self) -> None:
        """Have this process serve no version any more that is not to be, and delete the files that go."""
        for changed in self._watchers:
            await changed()
        await self.delete_unneeded()

    # ── versions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def folder_of(self, version: LoraVersion) -> Path:
        """The PEFT folder of a version."""
        return self._folder / version.name

    async def get(self, name: str) -> LoraVersion:
        """The version of this name, or the only one whose name begins or ends so.

        Raises:
            ConfigError: there is none, or there are several.
        """
        if (exact := await self._rows.get(name)) is not None:
            return exact
        found = [each for each in await self._rows.all() if each.name.startswith(name) or each.name.endswith(name)]
        if name and len(found) == 1:
            return found[0]
        many = f"these begin or end so: {', '.join(each.name for each in found)}" if name and found else "there is none"
        raise ConfigError(f"no version {name!r}: {many}; `llmagent-os versions list` prints the names")

    async def all(self, bot: str | None = None) -> list[LoraVersion]:
        """All versions, oldest first; those of ``bot`` only."""
        return await self._rows.all(bot)

    async def served(self, bot: str) -> list[LoraVersion]:
        """The bot's versions that write replies."""
        return await self._rows.in_stages(bot, SERVED)

    async def active(self, bot: str, level: Level, subject: str = "") -> LoraVersion | None:
        """The version that writes the replies of a level; None: there is none."""
        found = await self._rows.in_stages(bot, (Stage.ACTIVE,))
        return next((each for each in found if (each.level, each.subject) == (level, subject)), None)

    async def contributors(self, version: LoraVersion) -> list[tuple[PersonId, datetime | None]]:
        """Who contributed to a version, and when they took something back; None: they did not."""
        return await self._rows.contributors(version.name)

    async def revision(self) -> int:
        """Another number after every change of any version, in whatever process."""
        return await self._rows.revision()

    # ── publishing ────────────────────────────────────────────────────────────────────────────────────────────────

    async def publish(self, candidate: Candidate, job: TrainingJob, *, leased: bool = True) -> LoraVersion | None:
        """Keep a candidate as a version. It appears whole or not at all, and the job ends with it.

        Args:
            candidate: what was trained.
            job: whose bot, level and subject the version has.
            leased: the job was claimed from the queue, and ends now. False: the job is a description only.

        Returns:
            The version. None: the job is another process's now, or was taken back, and nothing was kept.

        Raises:
            ModelError: the candidate is no LoRA, or the folder cannot be written.
            ConfigError: a version cannot begin in the candidate's stage.
        """
        if candidate.stage in (Stage.ROLLED_BACK, Stage.RETIRED):
            raise ConfigError(f"a candidate cannot begin as {candidate.stage.value}")
        digest = await asyncio.to_thread(sha256_of, candidate.folder)
        version = LoraVersion(
            # The job too: equal files may come of the data of two people.
            name=f"{job.bot}-{job.level.value}-{sha256(f'{digest} {job.job_id}'.encode()).hexdigest()[:_NAME_DIGITS]}",
            bot=job.bot,
            level=job.level,
            subject=job.subject,
            parent=candidate.parent,
            base_model=candidate.base_model,
            base_hash=candidate.base_hash,
            data_hash=candidate.data_hash,
            method=candidate.method,
            job=job.job_id,
            through=candidate.through,
            stage=candidate.stage,
            why=candidate.why,
            evaluation=candidate.evaluation,
            sha256=digest,
            created_at=self._clock(),
        )
        about = _about(version) | {"ledger": await self._ledger.tag()}
        await asyncio.to_thread(publish_folder, candidate.folder, self._folder, version.name, about)
        lease = job.lease if leased else None
        kept = await self._rows.add(version, candidate.contributors, lease=lease)
        if kept is None and await self._rows.get(version.name) is None:
            await asyncio.to_thread(delete_folders, self._folder, [version.name])
        return kept

    async def note_evaluation(self, version: LoraVersion, evaluation: dict[str, Any]) -> None:
        """Replace what was measured of a version, such as by a canary while it runs."""
        await self._rows.note_evaluation(version.name, evaluation)

    # ── stages ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def move(self, version: LoraVersion, stage: Stage, why: str) -> LoraVersion:
        """Move a version to another stage. Where it becomes active, its predecessor is retired.

        Raises:
            ConfigError: there is no such move, or the version is to be served and has been taken back.
            ModelError: the version is to be served, and its files are damaged.
        """
        check_move(version, stage)
        if stage in SERVED:
            if version.stale_since is not None and version.stage == Stage.RETIRED:
                raise ConfigError(f"version {version.name} was retired, since people took back what they gave to it")
            await self.verify(version)
        if not await self._rows.move(version, stage, why, self._clock()):
            raise ConfigError(f"version {version.name} has changed meanwhile: look at it again")
        await self._settle()
        return await self.get(version.name)

    async def promote(self, version: LoraVersion, why: str) -> LoraVersion:
        """Have a version write the replies of its level; see :meth:`move`."""
        return await self.move(version, Stage.ACTIVE, why)

    async def roll_back(self, version: LoraVersion, why: str, base_hash: str = "") -> LoraVersion | None:
        """Take a version back, from the next reply on.

        Args:
            version: which one.
            why: in words.
            base_hash: of the bot's model: no version of another one becomes active. Empty: that of ``version``.

        Returns:
            The version that was active before it and is so again. None: there is none, and the level above answers.

        Raises:
            ConfigError: the version writes no replies.
        """
        check_move(version, Stage.ROLLED_BACK)
        moved, before = await self._rows.roll_back(version, why, self._clock(), base_hash)
        if not moved:
            raise ConfigError(f"version {version.name} has changed meanwhile: look at it again")
        await self._settle()
        return before

    async def verify(self, version: LoraVersion) -> None:
        """Check the files of a version.

        Raises:
            ModelError: a file is missing, or is another one than was published.
        """
        await asyncio.to_thread(check_folder, self.folder_of(version), version.sha256)

    async def export(self, version: LoraVersion, target: Path) -> Path:
        """Copy a version into a new folder, which ``LLM.from_pretrained`` loads; returns the folder.

        Raises:
            ConfigError: there is something at ``target``.
            ModelError: the version's files are missing or damaged, or the target cannot be written.
        """
        await self.verify(version)
        if await asyncio.to_thread(target.exists):
            raise ConfigError(f"{target} is there already: name a folder that is not")
        try:
            # Without the sums: whoever trains on in the new folder changes its files.
            ignored = shutil.ignore_patterns(SUMS_FILE)
            await asyncio.to_thread(shutil.copytree, self.folder_of(version), target, ignore=ignored)
        except (OSError, shutil.Error) as error:
            await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)  # a part of a LoRA is none
            raise ModelError(f"version {version.name} cannot be copied to {target}: {error}") from error
        return target

    # ── taking back ───────────────────────────────────────────────────────────────────────────────────────────────

    async def take_back(self, identities: Collection[Identity]) -> int:
        """Mark what a person contributed to, and delete the person's own versions and what trainings have read at once.

        Shared and group versions are trained again without the person, and retired by their successors.

        Returns:
            How many versions the person contributed to.
        """
        names = await self._rows.withdraw(identities, self._clock())
        await self._settle()
        await JobFolders(self._ledger, self._data).delete_taken_back()
        return len(names)

    async def contributed(self, identities: Collection[Identity]) -> list[LoraVersion]:
        """The versions that a person contributed to, oldest first."""
        return await self._rows.contributed(identities)

    async def delete_unneeded(self) -> int:
        """Delete the files of versions that were retired, and trained on what was taken back; returns how many."""
        names = await self._rows.unneeded()
        return await asyncio.to_thread(delete_folders, self._folder, names) if names else 0

    async def delete_leftovers(self) -> int:
        """Delete folders that a crash left behind, unless a job of any bot is running, which may be publishing."""
        if await self._ledger.training_jobs.any_running(self._clock()):
            return 0
        known = {version.name for version in await self._rows.all()} - set(await self._rows.unneeded())
        return await asyncio.to_thread(delete_leftovers, self._folder, await self._ledger.tag(), known)


def _about(version: LoraVersion) -> dict[str, Any]:
    """What ``version.json`` says: nothing of any person, and nothing that changes later."""
    lasting = ("name", "bot", "level", "parent", "base_model", "base_hash", "data_hash", "method", "job", "sha256")
    return {name: getattr(version, name) for name in lasting} | {"created_at": msgspec.to_builtins(version.created_at)}
