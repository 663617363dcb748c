"""The store of passwords that people gave to plugins."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llmagent_os.adapter_kit.person_secrets import SECRETS_FOLDER, SecretFiles, SecretPlace
from llmagent_os.identity import person_kept_under
from llmagent_os.privacy.retention import TYPED_SECRETS, oldest_kept
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds


class SecretStore:
    """The folder ``secrets``, or the table."""

    name = "secrets"
    unit = "secret"
    order = EraseOrder.DISK
    holds = Holds(paths=(SECRETS_FOLDER,), tables=frozenset({"secrets"}))

    def __init__(self, data: Path, place: SecretPlace | None = None) -> None:
        """Args:
        data: the data folder of the installation.
        place: of all people's secrets; None: they are in the data folder.
        """
        self._place = place or SecretFiles(data / SECRETS_FOLDER)

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``secrets``: the name of each secret. An export is a file that is copied about: it holds no passwords."""
        found: list[dict[str, str]] = []
        for identity in subject.identities:
            names = await asyncio.to_thread(self._place.names, person_kept_under(identity))
            found += [{"name": name, "value": "(not shown)"} for name in names]
        return {"secrets": found}

    async def erase(self, subject: DataSubject) -> int:
        """Erase the person's secrets; returns how many there were."""
        people = map(person_kept_under, subject.identities)
        return sum([await asyncio.to_thread(self._place.erase, person) for person in people])

    async def prune(self) -> int:
        """Delete what was typed behind commands that were never answered. Other secrets stay until they are removed."""
        before = oldest_kept(TYPED_SECRETS.time).timestamp()
        return await asyncio.to_thread(self._place.erase_typed, before)
