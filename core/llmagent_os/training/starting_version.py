"""Finds the version that a training starts from, and the one that it has to beat. Retires those that are stale."""

from __future__ import annotations

from pathlib import Path

from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.training_values import Level, LoraVersion, Stage, TrainingJob
from llmagent_os.training.lora_registry import LoraRegistry


async def versions_for(job: TrainingJob, ledger: Ledger, data: Path, base_hash: str) -> tuple[str, str]:
    """The names of the version to start from, and of the one that answers now; empty: the base.

    A training starts from the deepest level above its own. A version whose people have taken something back is
    neither: it goes whatever comes of the job. Nor is one of another base model: it answers nobody.

    Args:
        job: whose LoRA is trained.
        ledger: the bot's.
        data: the data folder.
        base_hash: of the base model.
    """
    registry = LoraRegistry(ledger, data)
    above = [(Level.SHARED, "")] if job.level != Level.SHARED else []
    if job.level == Level.PERSONAL:
        kept = await ledger.personas.get(job.bot, PersonId(job.subject))
        above += [(Level.GROUP, kept.persona)] if kept is not None and kept.persona else []
    found = [_usable(await registry.active(job.bot, level, subject), base_hash) for level, subject in above]
    parent = next((name for name in reversed(found) if name), "")
    own = _usable(await registry.active(job.bot, job.level, job.subject), base_hash)
    return parent, own or parent


async def retire_stale(job: TrainingJob, ledger: Ledger, data: Path) -> None:
    """Retire the versions of a job's level that people took something back from: no other takes their place.

    Args:
        job: has made nothing that may serve.
        ledger: the bot's.
        data: the data folder.
    """
    registry = LoraRegistry(ledger, data)
    for version in await registry.served(job.bot):
        if (version.level, version.subject) == (job.level, job.subject) and version.stale_since is not None:
            why = "people took back what it was trained on, and no version without them may serve"
            await registry.move(version, Stage.RETIRED, why)


def _usable(version: LoraVersion | None, base_hash: str) -> str:
    if version is None or version.stale_since is not None or version.base_hash != base_hash:
        return ""
    return version.name
