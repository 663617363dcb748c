"""Chooses the LoRA of each reply from the registry: the deepest level that has a version for the person.

Personal, then the person's group, then shared, then the base model. What is served is in memory, and takes a look-up
each. What this process promotes or rolls back is taken up at once, and what other processes do by
:meth:`RegistryResolver.follow`. Files are checked before a version is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from llmagent_os.errors import LedgerError, ModelError
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.training.canary_draw import draws_canary
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import Level, LoraVersion, Stage

_log = structlog.stdlib.get_logger(__name__)

#: How often changes of other processes are looked for.
POLL_SECONDS = 0.25

#: The share of conversations that a canary answers.
CANARY_SHARE = 0.2

#: From the deepest level up.
_LEVELS: Final = (Level.PERSONAL, Level.GROUP, Level.SHARED)

#: A level and a subject.
_Slot = tuple[Level, str]


class _Served(msgspec.Struct, frozen=True):
    """What is served now."""

    active: dict[_Slot, str] = {}  #: the folder of each slot's version
    canary: dict[_Slot, str] = {}


def no_group(person_id: PersonId) -> str:
    """The persona of a person where no policy finds any: none."""
    return ""


class RegistryResolver:
    """A :class:`~llmagent_os.reply.lora_resolver.LoraResolver` that answers from the registry."""

    def __init__(
        self,
        registry: LoraRegistry,
        bot: str,
        base_hash: str,
        *,
        group_of: Callable[[PersonId], str] = no_group,
        canary_share: float = CANARY_SHARE,
    ) -> None:
        """Args:
        registry: of the installation.
        bot: the bot's name.
        base_hash: of the model that is served. Versions that were trained on another one are left out.
        group_of: the persona that the policy has found a person to be; empty: none.
        canary_share: the share of conversations that a canary answers, in [0, 1].
        """
        self._registry = registry
        self._bot = bot
        self._base_hash = base_hash
        self._group_of = group_of
        self._canary_share = canary_share
        self._served = _Served()
        self._revision: int = -1
        registry.watch(self.refresh)

    def resolve(self, person_id: PersonId, conversation: str = "") -> str | None:
        """The folder of the LoRA that answers a person in a conversation; None: the base model."""
        served = self._served
        for level in _LEVELS:
            slot = level, self._subject(level, person_id)
            if level != Level.SHARED and not slot[1]:
                continue
            canary = served.canary.get(slot)
            if canary is not None and draws_canary(canary, conversation or person_id, self._canary_share):
                return canary
            if (active := served.active.get(slot)) is not None:
                return active
        return None

    def _subject(self, level: Level, person_id: PersonId) -> str:
        if level == Level.SHARED or person_id == NOBODY:
            return ""
        return person_id if level == Level.PERSONAL else self._group_of(person_id)

    async def refresh(self) -> bool:
        """Take up what has changed; returns whether anything has.

        Raises:
            LedgerError: the ledger cannot be read. What was served is served on.
        """
        revision = await self._registry.revision()
        if revision == self._revision:
            return False
        active: dict[_Slot, str] = {}
        canary: dict[_Slot, str] = {}
        for version in await self._registry.served(self._bot):
            if await self._may_serve(version):
                place = active if version.stage == Stage.ACTIVE else canary
                place[version.level, version.subject] = str(self._registry.folder_of(version))
        self._served, self._revision = _Served(active, canary), revision
        await self._registry.delete_unneeded()
        return True

    async def _may_serve(self, version: LoraVersion) -> bool:
        if version.base_hash != self._base_hash:
            _log.warning("a LoRA is left out: it was trained on another base model", version=version.name)
            return False
        folder = str(self._registry.folder_of(version))
        if folder in (*self._served.active.values(), *self._served.canary.values()):
            return True  # checked before; whoever loads it into memory checks it again
        try:
            await self._registry.verify(version)
        except ModelError as error:
            _log.error("a LoRA is left out, and the level above answers", version=version.name, error=str(error))
            return False
        return True

    async def follow(self) -> None:
        """Take up what other processes change, until cancelled."""
        while True:
            try:
                if await self.refresh():
                    _log.info("the LoRAs that answer have changed", revision=self._revision)
            except (LedgerError, OSError) as error:
                _log.error("it cannot be read which LoRAs answer; those of before do", error=str(error))
            await asyncio.sleep(POLL_SECONDS)
