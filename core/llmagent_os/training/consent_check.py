"""Finds people who have turned learning off, while versions that they contributed to do not know it yet.

Learning is turned off by a command, by a plugin, and by ``/link`` and ``/unlink``: accounts that are linked share the
answer of one of them. Whatever changes it calls :func:`take_back_withdrawn` at once. The rest is found by looking: a
host may be killed between the profile and the versions, and people change files by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from llmagent_os.errors import LLMAgentOSError, ProfileError
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import SERVED

_log = structlog.stdlib.get_logger(__name__)

#: How often it is looked, beside the start of a host.
LOOK_SECONDS = 24 * 60 * 60.0


async def take_back_withdrawn(directory: Directory, registry: LoraRegistry, accounts: Iterable[Identity]) -> int:
    """Take back what people gave who have turned learning off; returns how many versions they contributed to.

    Whose profile is damaged is left for the next look of :class:`ConsentCheck`.

    Args:
        directory: finds the people.
        registry: marks the versions.
        accounts: of these people, one or more of each.

    Raises:
        LedgerError: the ledger cannot be read or written.
    """
    people = {await directory.person_of(account): account for account in accounts}
    versions = 0
    for person, account in people.items():
        if await is_known_withdrawn(directory, person):
            versions += await registry.take_back(await directory.identities_of(account))
    return versions


async def is_known_withdrawn(directory: Directory, person: PersonId) -> bool:
    """Whether a person has turned learning off; False too where that cannot be read, which is logged.

    Their own version would be deleted for ever.
    """
    try:
        return await directory.opted_out(person)
    except ProfileError as error:
        _log.warning("it cannot be read whether a contributor has turned learning off", error=str(error))
        return False


class ConsentCheck:
    """Takes back what people gave to versions that answer, and who have turned learning off."""

    def __init__(self, bot: str, ledger: Ledger, registry: LoraRegistry, directory: Directory) -> None:
        """Args:
        bot: the bot's name.
        ledger: of the installation.
        registry: marks the versions.
        directory: knows who has turned learning off.
        """
        self._bot = bot
        self._ledger = ledger
        self._registry = registry
        self._directory = directory

    async def look(self) -> int:
        """Take back for everybody who is off; returns how many people that are.

        It costs a look at the profile of each contributor of a version that answers. Whose profile is damaged is left
        for the next look: their own version would be deleted for ever.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        accounts = await self._ledger.lora_versions.contributing(self._bot, SERVED)
        people = {await self._directory.person_of(account): account for account in accounts}
        withdrawn = 0
        for person, account in people.items():
            if await is_known_withdrawn(self._directory, person):
                await self._registry.take_back(await self._directory.identities_of(account))
                withdrawn += 1
        if withdrawn:
            _log.info("people who have turned learning off were in versions that answer", people=withdrawn)
        return withdrawn

    async def run(self) -> None:
        """Look once a day, until cancelled. The first look is a day from now."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except (LLMAgentOSError, OSError) as error:
                _log.error("it cannot be seen who has turned learning off", error=str(error))
