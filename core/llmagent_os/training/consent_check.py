"""Finds people who have turned learning off, while versions that they contributed to do not know it yet.

``/profile learning off`` marks the versions itself. It is not the only way: accounts that are linked share the answer
of one of them, and a host may be killed between the profile and the versions.
"""

from __future__ import annotations

import asyncio

import structlog

from llmagent_os.errors import LLMAgentOSError, ProfileError
from llmagent_os.ledger import Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import SERVED

_log = structlog.stdlib.get_logger(__name__)

#: How often it is looked, beside the start of a host.
LOOK_SECONDS = 24 * 60 * 60.0


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
            try:
                opted_out = await self._directory.opted_out(person)
            except ProfileError as error:
                _log.warning("it cannot be read whether a contributor has turned learning off", error=str(error))
                continue
            if opted_out:
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
