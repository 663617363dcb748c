"""The store of what a model in this process has computed of people's words."""

from __future__ import annotations

from typing import Any, Protocol

from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds


class Computes(Protocol):
    """What the store needs of :class:`llmagent_os.llm.LLM`."""

    async def forget_people(self) -> None:
        """Drop what was computed of people's words."""
        ...


class ComputedStore:
    """Keys and values of prompts and replies, in memory. Nothing tells whose words they are of: all of them go.

    What is dropped is computed again with the next prompt.
    """

    name = "computed"
    unit = "memory of prompts"
    order = EraseOrder.MEMORY
    holds = Holds()

    def __init__(self, model: Computes) -> None:
        self._model = model

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """Nothing: it is computed from what the ledger exports."""
        return {}

    async def erase(self, subject: DataSubject) -> int:
        """Drop all that was computed of anybody."""
        await self._model.forget_people()
        return 1

    async def prune(self) -> int:
        """Delete nothing: the engine drops what was not used for a quarter of an hour."""
        return 0
