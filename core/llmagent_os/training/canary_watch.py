"""Tests canaries on live rewards, and promotes them or rolls them back by itself.

Everything that was counted is in the ledger (:mod:`llmagent_os.ledger.canary_tests`). A host that is killed goes on
from there: what was decided and not done is done, and what was done and not reported is reported. Who promotes or rolls
back by hand meanwhile ends the test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Final

import structlog

from llmagent_os.errors import ConfigError, LLMAgentOSError, ModelError
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.canary_values import CanaryTest
from llmagent_os.training.canary_settings import CanarySettings
from llmagent_os.training.conversation_rewards import ConversationRewards
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import Level, LoraVersion, Stage, outcome_of
from llmagent_os.training.registry_resolver import RegistryResolver

if TYPE_CHECKING:
    from llmagent_os.training.canary_run import CanaryRun

_log = structlog.stdlib.get_logger(__name__)

#: How often it is looked for conversations that are over.
POLL_SECONDS = 5.0

#: Imported in a thread when there is a test: a bot without canaries does without numpy.
_COUNTING = "llmagent_os.training.canary_run"

#: What is said of a decision, by its name.
_WORDS: Final = {
    "promote": "promoted by its canary, it is no worse",
    "roll_back": "rolled back by its canary, it is worse",
    "give_up": "given up by its canary, nothing became certain",
}


class CanaryWatch:
    """The tests of a bot's canaries. Without a canary it reads nothing."""

    def __init__(
        self,
        bot: str,
        settings: CanarySettings,
        ledger: Ledger,
        registry: LoraRegistry,
        resolver: RegistryResolver,
        consents: Callable[[PersonId], Awaitable[bool]],
        clock: Callable[[], datetime],
    ) -> None:
        """Args:
        bot: the bot's name.
        settings: how canaries are tested.
        ledger: of the host.
        registry: of the installation.
        resolver: says which canaries answer, and against which versions.
        consents: whether a person may be learned from.
        clock: the present moment, aware.
        """
        self._bot = bot
        self._settings = settings
        self._ledger = ledger
        self._registry = registry
        self._resolver = resolver
        self._consents = consents
        self._clock = clock
        self._running: dict[str, CanaryRun] = {}
        self._ended: LoraVersion | None = None  # the latest version whose test has ended
        self._revision = -1  # of the registry, as it was taken up
        self._rewards: ConversationRewards | None = None

    async def run(self) -> None:
        """Test canaries until cancelled."""
        while True:
            try:
                await self.look()
            except (LLMAgentOSError, OSError) as error:
                _log.error("a canary cannot be tested; it is tried again", error=str(error))
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> None:
        """Take up what has changed, count what is over, and do what is decided.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        if self._resolver.revision != self._revision:
            await self._take_up()
        if self._rewards is not None and self._running:
            await self._rewards.follow()
            for run in list(self._running.values()):
                await run.advance(self._rewards, self._clock())
                await self._conclude(run)

    def report(self) -> dict[str, str]:
        """How the tests stand, in words, by the version's name, and the latest that has ended. Names no person."""
        ended = self._ended
        said = {} if ended is None else {ended.name: outcome_of(ended)}
        return said | {
            name: run.canary.why for name, run in self._running.items() if run.version.level != Level.PERSONAL
        }

    # ── which tests there are ─────────────────────────────────────────────────────────────────────────────────────

    async def _take_up(self) -> None:
        """Go on with the tests of the versions that are canaries now, and end the others."""
        revision = self._resolver.revision
        tests = await self._ledger.canary_tests.all(self._bot)
        versions = {version.name: version for version in await self._registry.all(self._bot)} if tests else {}
        answering = {version.name for version in self._resolver.canaries} if self._settings.share else set[str]()
        running: dict[str, CanaryRun] = {}
        found = [(versions[test.version], test) for test in tests if test.version in versions]
        if not all(test.ended for test in tests):
            await asyncio.to_thread(import_module, _COUNTING)
        for version, test in sorted(found, key=lambda each: each[0].created_at):
            if test.ended or version.stage != Stage.CANARY:
                await self._end(version, test)
            elif version.name in answering:
                running[version.name] = await self._begun(version, test)
            elif self._settings.share:
                await self._check(version)
        self._running, self._revision = running, revision

    async def _begun(self, version: LoraVersion, test: CanaryTest) -> CanaryRun:
        """Go on with a test. With other settings, or against another version, it begins again."""
        from llmagent_os.training.canary_run import CanaryRun

        wanted = self._settings.model_dump_json(), self._resolver.against(version)
        if (test.settings, test.against) != wanted:
            await self._ledger.canary_tests.begin(version.name, *wanted)
        if self._rewards is None:
            self._rewards = ConversationRewards(self._ledger, self._consents, test.rewards_from)
        run = await CanaryRun.open(self._ledger, version)
        if run is None:
            raise ConfigError(f"the test of {version.name} is gone from the ledger")
        return run

    # ── what comes of them ────────────────────────────────────────────────────────────────────────────────────────

    async def _conclude(self, run: CanaryRun) -> None:
        """Do what a test has decided. A canary whose files cannot be used is rolled back."""
        decision = run.decision.value
        if run.failed and decision not in _WORDS:
            run.failed = False
            await self._check(run.version)
        if decision not in _WORDS or (decision == "promote" and await self._is_stale(run.version)):
            return
        why = f"{_WORDS[decision]}: {run.canary.why}"
        try:
            if decision == "promote":
                await self._registry.promote(run.version, why)
            else:
                await self._registry.roll_back(run.version, why)
            _log.info("a canary is decided", version=run.version.name, decision=decision, why=run.canary.why)
        except ModelError as error:
            await self._registry.roll_back(run.version, f"its files cannot be used: {error}")
        except ConfigError as error:  # somebody was quicker
            _log.info("a canary was decided by hand", version=run.version.name, error=str(error))
            await self._resolver.refresh()
        await self._take_up()

    async def _is_stale(self, version: LoraVersion) -> bool:
        """Whether people took back what a version was trained on: the next training replaces it."""
        return (await self._registry.get(version.name)).stale_since is not None

    async def _check(self, version: LoraVersion) -> None:
        """Roll a canary back whose files are missing or damaged."""
        try:
            await self._registry.verify(version)
        except ModelError as error:
            await self._registry.roll_back(version, f"its files cannot be used: {error}")

    async def _end(self, version: LoraVersion, test: CanaryTest) -> None:
        """Note what came of a test, and write the report. Done again after a crash, it is the same."""
        if version.level != Level.PERSONAL:
            self._ended = version
        if test.ended:
            return
        from llmagent_os.training.canary_record import read_record, write_record

        if (record := await read_record(self._ledger, version)) is not None:
            await self._registry.note_evaluation(version, version.evaluation | {"canary": record.summary()})
            try:
                await write_record(self._registry, version, record)
            except OSError as error:
                _log.error("the report of a canary cannot be written", version=version.name, error=str(error))
        await self._ledger.canary_tests.end(version.name)
