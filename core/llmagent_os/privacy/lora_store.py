"""The store of LoRAs that were trained on what people said and thought."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from llmagent_os.identity import Identity
from llmagent_os.ledger.training_values import LoraVersion
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds

#: The store's name.
LORAS = "loras"


class TrainedLoras(Protocol):
    """What the store needs of :class:`llmagent_os.training.lora_registry.LoraRegistry`."""

    async def contributed(self, identities: Collection[Identity]) -> Sequence[LoraVersion]:
        """The versions that a person contributed to, oldest first."""
        ...

    async def take_back(self, identities: Collection[Identity]) -> int:
        """Mark what a person contributed to, and delete the person's own. Returns how many versions that are."""
        ...


class LoraStore:
    """Versions of LoRAs: the person's own, and those of many people, the person among them.

    Weights cannot be exported a person at a time: the export names the versions. An erasure deletes the person's own at
    once. The others are trained again without the person, and retired then.
    """

    unit = "version"
    order = EraseOrder.DISK
    holds = Holds(tables=frozenset({"lora_versions", "lora_contributors"}), paths=("loras",))

    def __init__(self, loras: TrainedLoras, name: str = LORAS) -> None:
        """Args: ``loras`` are those of one ledger, ``name`` is the store's."""
        self.name = name
        self._loras = loras

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``loras``: name, level, stage and time of every version that the person contributed to."""
        found = await self._loras.contributed(subject.identities)
        return {
            "loras": [
                {
                    "name": version.name,
                    "level": version.level.value,
                    "stage": version.stage.value,
                    "created_at": version.created_at.isoformat(),
                }
                for version in found
            ]
        }

    async def erase(self, subject: DataSubject) -> int:
        """Delete the person's own versions, and mark the others; returns how many versions these are.

        The ledger then erases that the person has contributed.
        """
        return await self._loras.take_back(subject.identities)

    async def prune(self) -> int:
        """Delete nothing: see ``retention.LORAS``."""
        return 0
