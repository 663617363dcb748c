"""The store of the keys by which what is kept about people is encrypted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llmagent_os.identity import account_in_file_name, file_name_of, parts_of
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds
from llmagent_os.sealing.mounts import KEYS_FOLDER, ring_of


class KeyStore:
    """The folder ``keys``, or the table.

    Destroying a key makes worthless what it has sealed, in backups too that are without it.
    """

    name = "keys"
    unit = "key"
    order = EraseOrder.KEYS
    holds = Holds(paths=(KEYS_FOLDER,), tables=frozenset({"account_keys"}))

    def __init__(self, data: Path) -> None:
        """Args: ``data`` is the data folder of the installation."""
        self._data = data

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """Nothing: a key says nothing about a person, and whoever has it needs the rest of the data folder."""
        return {}

    async def erase(self, subject: DataSubject) -> int:
        """Destroy the keys of all accounts of the person; returns how many there were."""
        return await asyncio.to_thread(self._destroy, subject)

    async def prune(self) -> int:
        """Delete nothing."""
        return 0

    def _destroy(self, subject: DataSubject) -> int:
        ring = ring_of(self._data)
        return 0 if ring is None else sum(ring.destroy(account) for account in accounts_of(subject))


def accounts_of(subject: DataSubject) -> tuple[str, ...]:
    """The accounts under which something about a person is sealed.

    Rows of ledgers, profiles and files that were made for the person are under the identity. What platforms keep in
    files is under ``platform::id``: they know no workspaces there.
    """
    found: list[str] = []
    for identity in subject.identities:
        platform, _, own_id = parts_of(identity)
        found += [identity, account_in_file_name(file_name_of(identity))]
        found += [f"{platform}::{own_id}", f"{platform}::{account_in_file_name(file_name_of(own_id))}"]
    return tuple(dict.fromkeys(found))
