"""A bot, composed and running: every part is made, joined and closed in :meth:`Runtime.open`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

import structlog

from llmagent_os.adapter import Adapter
from llmagent_os.adapter_kit.setup import AdapterSetup, make_adapter
from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.bot import Bot, BotConfig
from llmagent_os.chat import ChatRequest
from llmagent_os.config import Settings
from llmagent_os.errors import BadToolCallError, ConfigError, ModelError, NotConfiguredError
from llmagent_os.events import Event, Reaction
from llmagent_os.host.health import Health
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.ledger import Ledger
from llmagent_os.llm import LLM
from llmagent_os.modules import BehaviorModule, KnowledgeBase
from llmagent_os.modules.behavior import system_text
from llmagent_os.people.access import Access
from llmagent_os.people.admission import Admission
from llmagent_os.people.profiles import PREFERENCES, Profiles
from llmagent_os.policy_worker import PolicyWorker
from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.privacy.profile_store import PROFILES_FOLDER
from llmagent_os.privacy.stores import Stores
from llmagent_os.tools.registry import Plugins

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)


@runtime_checkable
class HasAddress(Protocol):
    """An adapter that people reach at an address, or by a name."""

    @property
    def name(self) -> str:
        """The platform's name."""
        ...

    async def started(self) -> str:
        """Wait until it can be reached; returns where."""
        ...


@dataclass(frozen=True)
class Runtime:
    """The parts of a running bot. Made by :meth:`open`."""

    settings: Settings
    bot: Bot
    ledger: Ledger
    profiles: Profiles
    plugins: Plugins
    llm: LLM
    agent: Agent
    adapters: tuple[Adapter, ...]
    host: Host
    health: Health
    stores: Stores

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, settings: Settings, bot: Bot, *, adapters: Iterable[str | Adapter] | None = None
    ) -> AsyncGenerator[Self]:
        """Make the parts, from the ledger up to the host, and close them the other way round.

        Args:
            settings: of the machine.
            bot: which bot.
            adapters: names, or adapters already made, instead of those in the bot's configuration.

        Raises:
            ConfigError: something is configured wrongly; says what.
            ModelNotFoundError: there is no such model.
            LedgerError: the ledger cannot be opened.
        """
        config = bot.config
        async with contextlib.AsyncExitStack() as stack:
            data = settings.data
            try:
                await asyncio.to_thread(data.mkdir, mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(
                    f"the data folder {str(data)!r} (LLMAGENT_OS_DATA) cannot be made: {error.strerror or error}"
                ) from error

            ledger = await Ledger.open(settings.ledger_url)
            stack.push_async_callback(ledger.close)
            profiles = Profiles(data / PROFILES_FOLDER, {**PREFERENCES, **config.behavior.dimensions})

            plugins = await stack.enter_async_context(
                Plugins(
                    folder=settings.plugin_folder or bot.plugin_folder,
                    installed=config.plugins,
                    allowed=config.permissions,
                    records=ledger.records,
                    timers=ledger.timers,
                )
            )
            llm = await asyncio.to_thread(make_llm, settings, bot)
            stack.push_async_callback(llm.aclose)

            knowledge = KnowledgeBase()
            if bot.knowledge is not None:
                await asyncio.to_thread(knowledge.load_knowledge, bot.knowledge)
            chosen = settings.policy or config.policy.learner
            policy = await asyncio.to_thread(make_policy, config, chosen)
            behavior = BehaviorModule(
                policy, defaults=config.behavior.model_dump(), dimensions=config.behavior.dimensions
            )
            agent = bot.agent_class()(
                llm=llm,
                kb=knowledge,
                behavior=behavior,
                plugins=plugins,
                profiles=profiles,
                ledger=ledger,
                settings=AgentSettings(
                    title=config.title,
                    notes=config.notes,
                    permissions=config.permissions,
                    tool_rounds=config.tool_rounds,
                    max_tokens=config.max_tokens,
                    temperature=config.temperature,
                    remembered_turns=config.remembered_turns,
                    time_zone=settings.zone,
                ),
            )

            if policy is not None:
                agent.learning = PolicyWorker(policy, ledger, f"{config.name}:{chosen}")
                await agent.learning.open()

            async def may_rate(event: Reaction) -> bool:
                return await access.admits(event) and await agent.may_teach(event)

            async def wants(event: Event) -> bool:
                return await host.hears(event) and await access.admits(event)

            health = Health(config.name, llm.name)

            def make(name: str) -> Adapter:
                setup = AdapterSetup(
                    settings,
                    config,
                    data / name,
                    health.report,
                    health.metrics,
                    commands=agent.commands.listed,
                    wants=wants,
                    store=ledger.records(f"adapter.{name}", ""),
                )
                return make_adapter(name, setup)

            made: list[Adapter] = []
            for each in config.adapters if adapters is None else adapters:
                if not isinstance(each, str):
                    made.append(each)
                    continue
                try:
                    made.append(make(each))
                except NotConfiguredError as error:  # a bot can live there, and nobody has given it a token
                    if adapters is not None:
                        raise
                    _log.info("an adapter is left out", platform=each, why=str(error))
            if not made:
                raise ConfigError(f"bot {config.name!r} has no adapter: nobody could reach it")
            stores = agent.stores = known_stores(
                ledgers=[LedgerStore("ledger", ledger=ledger, url=settings.ledger_url, data=data)],
                profiles=profiles,
                data=data,
                adapters=made,
                make=make,
                learning=agent.learning,
            )
            limits = Limits(
                max_pending_per_conversation=settings.max_pending_per_conversation,
                max_running=settings.max_running,
                reply_seconds=settings.reply_seconds,
                shutdown_seconds=settings.shutdown_seconds,
            )
            access = agent.access = Access(
                ledger,
                access=settings.access,
                allow=settings.allow,
                admins=settings.admins,
                trusted=[adapter.name for adapter in made if adapter.capabilities.trusted],
            )
            host = Host(Admission(agent, access), ledger, made, limits=limits, rewards=bot.rewards, may_rate=may_rate)
            health.host, health.plugins = host, plugins
            yield cls(settings, bot, ledger, profiles, plugins, llm, agent, tuple(made), host, health, stores)

    async def run(self, listening: Callable[[str, str], None] | None = None) -> None:
        """Answer people until cancelled, or until every adapter has ended; see :meth:`llmagent_os.host.host.Host.run`.

        Args:
            listening: called with an adapter's name and address once it can be reached.
        """
        works = (self.plugins.watch(), self._begin(listening), self.stores.prune_daily())
        beside = [asyncio.create_task(work) for work in works]
        if self.agent.learning is not None:
            beside.append(asyncio.create_task(self.agent.learning.run()))
        try:
            await self.host.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _begin(self, listening: Callable[[str, str], None] | None) -> None:
        found = [each for each in self.adapters if isinstance(each, HasAddress)]
        starting = [asyncio.create_task(_tell(each, listening)) for each in found]
        try:
            if starting:  # where no adapter can start, nobody should have to wait for a model to be loaded
                await asyncio.wait(starting, return_when=asyncio.FIRST_COMPLETED)
            await self.warm_up()
            await asyncio.gather(*starting)
        finally:
            for task in starting:
                task.cancel()

    async def warm_up(self) -> None:
        """Load a local model and read what every conversation begins with, so that the first reply is quick."""
        health = self.health
        if self.llm.location is None:
            health.model_state = "ready"  # a server's model is the server's to load
            return
        settings = self.agent.settings
        notes = "" if self.llm.card.native else settings.notes
        behavior = self.agent.behavior
        system = system_text(behavior.decide("", {}, {}).action, dimensions=behavior.dimensions, notes=notes)
        request = ChatRequest(
            messages=[{"role": "system", "content": system}, {"role": "user", "content": "hello"}],
            tools=self.plugins.specs(settings.permissions),
            max_tokens=1,
        )
        health.model_state = "loading"
        try:
            await self.llm.complete(request)
        except BadToolCallError:
            health.model_state = "ready"  # one token is no whole call, but the model is there
        except ModelError as error:
            health.model_state, health.model_problem = "failed", str(error)
            _log.error("the model cannot be used", model=self.llm.name, error=str(error))
        else:
            health.model_state = "ready"


async def _tell(adapter: HasAddress, listening: Callable[[str, str], None] | None) -> None:
    address = await adapter.started()
    if listening is not None:
        listening(adapter.name, address)


def make_policy(config: BotConfig, learner: str) -> LearnedPolicy | None:
    """The policy that a bot's configuration asks for; None: it does not learn."""
    if learner == "fixed":
        return None
    from llmagent_os.policy.learned import behavior_of  # numpy and scipy: a quarter of a second

    return behavior_of(config, learner)


def make_llm(settings: Settings, bot: Bot) -> LLM:
    """The bot's model, or the one that the settings put in its place; a local one is not loaded yet.

    Raises:
        ModelNotFoundError: there is no such model.
    """
    name = settings.model or bot.config.model
    timeout = bot.config.model_seconds
    if name.startswith("openai:"):
        return LLM.from_pretrained(
            name,
            base_url=settings.base_url or None,
            api_key=settings.api_key.get_secret_value() or None,
            timeout=timeout,
        )
    return LLM.from_pretrained(
        name, slots=settings.slots, threads=settings.threads or None, device=settings.device, timeout=timeout
    )
