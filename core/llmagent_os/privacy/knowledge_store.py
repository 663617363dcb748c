"""The store of what people have taught their bot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llmagent_os.knowledge.scopes import KNOWLEDGE_FOLDER, ScopedBases
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds


class KnowledgeStore:
    """The folder ``knowledge``. A workspace keeps what a person taught it, without the person's name."""

    name = "knowledge"
    unit = "document"
    order = EraseOrder.DISK
    holds = Holds(paths=(KNOWLEDGE_FOLDER,))

    def __init__(self, data: Path) -> None:
        """Args: ``data`` is the data folder of the installation."""
        self._bases = ScopedBases(data / KNOWLEDGE_FOLDER)

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``knowledge``: title, source, time and passages of each document that the person has taught."""
        try:
            return {"knowledge": await asyncio.to_thread(self._bases.export, subject.identities)}
        finally:
            await asyncio.to_thread(self._bases.close)

    async def erase(self, subject: DataSubject) -> int:
        """Erase the person's documents; returns how many there were."""
        try:
            return await asyncio.to_thread(self._bases.forget, subject.identities)
        finally:
            await asyncio.to_thread(self._bases.close)

    async def prune(self) -> int:
        """Delete nothing: see ``retention.KNOWLEDGE``."""
        return 0
