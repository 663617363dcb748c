"""Makes the test of a canary again from the conversations that the ledger has counted."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.ledger import Ledger
from llmagent_os.ledger.canary_values import CanaryConversation, CanaryTest
from llmagent_os.training.canary import Canary, replayed
from llmagent_os.training.canary_settings import CanarySettings
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import Level, LoraVersion, outcome_of


class CanaryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A test as the ledger has it."""

    test: CanaryTest
    canary: Canary
    conversations: list[CanaryConversation]  #: in the order in which they began

    @property
    def moments(self) -> list[datetime]:
        """When the conversations began that the decision was made of."""
        return [each.begun_at for each in self.conversations[: len(self.canary.state.history)]]

    def summary(self) -> dict[str, Any]:
        """The figures as JSON values, without any person."""
        (others, own), (before, after), (harm, no_worse) = (
            self.canary.answered,
            self.canary.means,
            self.canary.evidence,
        )
        return {
            "decision": self.canary.state.decision.value,
            "against": self.test.against or "base",
            "conversations": {"canary": own, "others": others},
            "mean reward": {"canary": round(after, 4), "others": round(before, 4)},
            "evidence": {"worse": float(f"{harm:.4g}"), "no worse": float(f"{no_worse:.4g}")},
            "settings": self.canary.settings.model_dump(),
        }


async def read_record(ledger: Ledger, version: LoraVersion) -> CanaryRecord | None:
    """The test of a version; None: it was never a canary, or nobody has begun to count.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    test = await ledger.canary_tests.get(version.name)
    if test is None or not test.settings:
        return None
    settings = CanarySettings.model_validate_json(test.settings)
    conversations = await ledger.canary_tests.conversations(version.name)
    # A personal canary has one person, whom it is for: they decide.
    alone = version.level == Level.PERSONAL
    seen = [(each.by_canary, each.reward, "" if alone else each.person) for each in conversations]
    canary = await asyncio.to_thread(replayed, version.name, settings, seen)
    return CanaryRecord(test=test, canary=canary, conversations=conversations)


async def write_record(registry: LoraRegistry, version: LoraVersion, record: CanaryRecord) -> Path | None:
    """Write how a test stands into the report of its version.

    Returns:
        The page. None: the version's files are deleted.

    Raises:
        OSError: the folder cannot be written.
    """

    def write(folder: Path) -> Path | None:
        from llmagent_os.training.canary_report import write_canary_report  # scipy: its import takes a second

        return (
            write_canary_report(folder, record.canary, record.moments, outcome_of(version)) if folder.is_dir() else None
        )

    return await asyncio.to_thread(write, registry.folder_of(version))
