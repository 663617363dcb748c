"""A bot, composed and running: every part is made, joined and closed in :meth:`Runtime.open`."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable
from zoneinfo import ZoneInfo

import structlog

from llmagent_os.adapter import Adapter, KnowsAdmins
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.outgoing_files import OUTGOING_FOLDER
from llmagent_os.adapter_kit.person_secrets import SECRETS_FOLDER, SecretPlace
from llmagent_os.adapter_kit.setup import AdapterSetup, make_adapter
from llmagent_os.agent import Agent
from llmagent_os.bot import (
    Bot,
    BotConfig,
    check_served_model,
    chosen_learner,
    job_setting,
    knowledge_search,
    make_llm,
)
from llmagent_os.commands.command_table import file_commands, listed_commands
from llmagent_os.commands.opened_form import OpenedForms
from llmagent_os.config import Settings
from llmagent_os.config.toml_places import Path as TomlPath
from llmagent_os.credentials.typed_secret import drop_taken, take_secret
from llmagent_os.credentials.vault import Vault
from llmagent_os.errors import BadToolCallError, ConfigError, ModelError, ModelUnavailableError, NotConfiguredError
from llmagent_os.etiquette.working_hours import WorkingHours
from llmagent_os.events import Reaction, now
from llmagent_os.feedback.reason_questions import ReasonQuestions
from llmagent_os.graphics.drawing import INSTALL as INSTALL_GRAPHICS
from llmagent_os.graphics.drawing import can_draw
from llmagent_os.host.health import Health
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.host.loop_guard import LoopGuard
from llmagent_os.host.pages_listener import serve_pages
from llmagent_os.host.shared_changes import hear_changes
from llmagent_os.identity import NO_ACCOUNT
from llmagent_os.knowledge.scopes import KNOWLEDGE_FOLDER, ScopedBases, bot_base
from llmagent_os.ledger import HostCard, Ledger
from llmagent_os.ledger.announcements import Announcements
from llmagent_os.llm import LLM
from llmagent_os.mcp.loaded_servers import INSTALL as INSTALL_MCP
from llmagent_os.mcp.loaded_servers import MCP_FOLDER, add_servers, is_installed, wrong_servers
from llmagent_os.mcp.mcp_config import ServeConfig
from llmagent_os.modules import BehaviorModule, InteractionModule, KnowledgeBase
from llmagent_os.people.access import Access
from llmagent_os.people.admission import Admission
from llmagent_os.people.budgeting import Budgeting
from llmagent_os.people.budgets import Budgets
from llmagent_os.people.directory import Directory
from llmagent_os.people.kept_places import KeptPlaces
from llmagent_os.people.person_languages import PersonLanguages
from llmagent_os.people.platform_roles import PlatformRoles
from llmagent_os.people.profiles import PREFERENCES, Profiles
from llmagent_os.people.speaking_handler import SpeakingHandler
from llmagent_os.plugin import WebAccess
from llmagent_os.policy_worker import PolicyWorker
from llmagent_os.policy_worker.shared_learning import learn_together
from llmagent_os.privacy.cache_salts import CACHE_SALTS_KEY, CacheSalts
from llmagent_os.privacy.encryption import mount_data, seal_files
from llmagent_os.privacy.file_permissions import make_private
from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.privacy.masking import load_detectors
from llmagent_os.privacy.profile_store import PROFILES_FOLDER
from llmagent_os.privacy.queue_store import QueueStore
from llmagent_os.privacy.retention import kept_times
from llmagent_os.privacy.stores import Stores
from llmagent_os.reply.agent_settings import AgentSettings, MemorySettings
from llmagent_os.reply.embedding_work import keep_embedded
from llmagent_os.reply.plugin_pages import PluginPages
from llmagent_os.reply.prompt import warm_up_request
from llmagent_os.reply.quiet_times import quiet_until
from llmagent_os.reply.services import Services
from llmagent_os.sealing.mounts import KEYS_FOLDER
from llmagent_os.serving.model_catalogue import PREFIXES_FOLDER
from llmagent_os.tools.plugin_choice import PLUGINS_FOLDER
from llmagent_os.tools.plugin_names import wrong_names, wrong_plugins, wrong_tools
from llmagent_os.tools.plugin_switching import PluginSwitching, read_files
from llmagent_os.tools.registry import Plugins
from llmagent_os.training.host_training import HostTraining, served_hash
from llmagent_os.training.job_folders import JOBS_FOLDER
from llmagent_os.training.lora_folder import LORAS_FOLDER
from llmagent_os.training.persona_tracker import PersonaTracker
from llmagent_os.voice.voice_packages import INSTALL
from llmagent_os.voice.voice_service import Voice, VoiceMachine, make_voice

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
        """Wait until the adapter can be reached; returns where."""
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
    policy_worker: PolicyWorker | None  #: None: the bot does not learn
    training: HostTraining  #: of the model's weights
    agent: Agent
    adapters: tuple[Adapter, ...]
    host: Host
    health: Health
    stores: Stores  #: whatever keeps something about people
    pages: PluginPages  #: of plugins, on the web
    switching: PluginSwitching  #: of plugins, by the bot's files
    #: whoever hears what other hosts have changed says it here
    announcements: Announcements

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
            ConfigError, LedgerError: something is configured wrongly, or the ledger cannot be opened; says what.
            ModelNotFoundError: there is no such model, in this process or on its server.
        """
        async with contextlib.AsyncExitStack() as stack:
            ledger, places, bot = await _ledger(settings, bot, stack)
            profiles, vault = _profiles(places, bot), _vault(settings, bot.config, ledger, places.secrets, adapters)
            files = await read_files(choice := bot.plugin_choice(settings.data))  # later changes are followed
            plugins = await _plugins(settings, bot, ledger, vault, stack)
            (llm, salts), voice = await _llm(settings, bot, ledger, stack), _voice(settings, bot, stack)
            policy, policy_worker = await _learning(settings, bot.config, ledger)
            training = await _training(settings, bot, ledger, profiles, llm, policy, policy_worker)
            health = _health(bot.config, ledger, llm, plugins, policy_worker, training)
            pages = _pages(settings, plugins, ledger, profiles, vault, places.secrets)
            forms, languages = _forms(bot, plugins, ledger, profiles, llm)
            make = partial(_adapter, settings, bot.config, health, plugins, ledger, pages, voice, forms, places)
            made = _adapters(adapters, bot.config, make)
            access, budgets = _access(settings, bot.config, ledger, made), _budgets(settings, bot, ledger, profiles)
            stores = _stores(settings, ledger, profiles, places, made, make, policy_worker, training, llm)
            services = Services(
                behavior=_behavior(bot.config, policy),
                interaction=InteractionModule(bot.config.interface, bot.config.theme),
                voice=voice,
                settings=_agent_settings(settings, bot.config, llm, pages.web, salts),
                ledger=ledger,
                profiles=profiles,
                plugins=plugins,
                plugin_choice=choice,
                access=access,
                languages=languages,
                budgets=budgets,
                policy_worker=policy_worker,
                lora=training.resolver,
                loras=training.registry,
                personas=training.personas,
                stores=stores,
                taught=_taught(settings, bot.config, stack),
                data=settings.data,
                outgoing=settings.data / OUTGOING_FOLDER,
                secrets=places.secrets,
                vault=vault,
                form_ways={adapter.name: adapter.capabilities.forms for adapter in made},
                sent_forms=forms.sent,
            )
            agent = bot.agent_class()(llm=llm, kb=await _knowledge(settings, bot, stack), services=services)
            host = _host(agent, ledger, access, budgets, languages, made, settings, bot, health, vault, stores)
            parts = (ledger, profiles, plugins, llm, policy_worker, training, agent, made, host, health, stores, pages)
            yield cls(settings, bot, *parts, PluginSwitching(plugins, choice, files), places.announcements)

    async def run(self, listening: Callable[[str, str], None] | None = None) -> None:
        """Answer people until cancelled, or until every adapter has ended; see :meth:`llmagent_os.host.host.Host.run`.

        Args:
            listening: called with an adapter's name and address once it can be reached.
        """
        membership, bot = self.ledger.membership, self.bot.name
        works = (
            self.plugins.watch(),
            self.switching.run(),
            self._begin(listening),
            membership.while_held("prune", self.stores.prune_daily),
            hear_changes(membership, self.announcements),
            self.training.run(),
            self.llm.watch(),
        )
        beside = BackgroundTasks()
        for work in works:
            beside.spawn(work)
        if self.policy_worker is not None:
            beside.spawn(learn_together(self.policy_worker, self.ledger, f"learner:{bot}"))
        if self.agent.kb.search.model is not None:
            beside.spawn(keep_embedded(self.agent.kb, self.agent.services.taught))
        if self.settings.public_url:
            beside.spawn(self._serve_pages())
        if self.bot.config.mcp.serve is not None:
            beside.spawn(self._serve_tools(self.bot.config.mcp.serve))
        try:
            await self.host.run()
        finally:
            await beside.close()

    async def _serve_pages(self) -> None:
        """Serve the pages of plugins. The bot answers people also where that cannot be done."""
        try:
            await serve_pages(self.pages.answer, self.settings.pages_host, self.settings.pages_port)
        except ConfigError as error:
            _log.error("pages of plugins are not served", error=str(error))

    async def _serve_tools(self, serve: ServeConfig) -> None:
        """Offer the bot's tools to other programs. The bot answers people also where that cannot be done."""
        try:
            if not is_installed():
                raise ConfigError(f"[mcp.serve] needs the extra `mcp`: {INSTALL_MCP}")
            served_bot = await asyncio.to_thread(importlib.import_module, "llmagent_os.mcp.served_bot")
            served = served_bot.ServedBot(
                self.bot.config.title,
                self.bot.config.mcp,
                self.ledger,
                self.agent.services.access,
                self.plugins,
                self.pages.context_of,
                self.settings.data,
            )
            await served.serve_http(serve.host, serve.port, serve.names)
        except ConfigError as error:
            _log.error("the bot's tools are not offered to other programs", error=str(error))

    async def _begin(self, listening: Callable[[str, str], None] | None) -> None:
        """Say where the adapters can be reached, and load the model once one of them can."""
        found = [adapter for adapter in self.adapters if isinstance(adapter, HasAddress)]
        starting = [asyncio.create_task(_report_address(adapter, listening)) for adapter in found]
        try:
            if starting:  # where no adapter can start, nobody should have to wait for a model to be loaded
                await asyncio.wait(starting, return_when=asyncio.FIRST_COMPLETED)
            await self.warm_up()
            await asyncio.gather(*starting)
        finally:
            for task in starting:
                task.cancel()

    async def warm_up(self) -> None:
        """Have the model get ready, so that the first reply is quick; see :meth:`llmagent_os.llm.LLM.warm_up`."""
        health = self.health
        await asyncio.to_thread(load_detectors)
        health.note_model("loading")
        try:
            await self.llm.warm_up(warm_up_request(self.agent.services, native=self.llm.card.native))
        except BadToolCallError:
            health.note_model("ready")  # one token is not a whole call, but the model is there
        except ModelError as error:
            health.note_model("failed", str(error))
            _log.error("the model cannot be used", model=self.llm.name, error=str(error))
        else:
            health.note_model("ready")


async def _report_address(adapter: HasAddress, listening: Callable[[str, str], None] | None) -> None:
    address = await adapter.started()
    if listening is not None:
        listening(adapter.name, address)


# ── the steps of opening, in their order ──────────────────────────────────────────────────────────────────────────────


def _make_data_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        adapters = (point.name for point in entry_points(group="llmagent_os.adapters"))
        make_private(
            folder,
            (
                KEYS_FOLDER,
                PROFILES_FOLDER,
                OUTGOING_FOLDER,
                SECRETS_FOLDER,
                KNOWLEDGE_FOLDER,
                LORAS_FOLDER,
                JOBS_FOLDER,
                PLUGINS_FOLDER,
                MCP_FOLDER,
                PREFIXES_FOLDER,
                *adapters,
            ),
        )
    except OSError as error:
        raise ConfigError(
            f"the data folder {str(folder)!r} (LLMAGENT_OS_DATA) cannot be made: {error.strerror or error}"
        ) from error


async def _ledger(settings: Settings, bot: Bot, stack: contextlib.AsyncExitStack) -> tuple[Ledger, KeptPlaces, Bot]:
    """The ledger and what lies beside it, in a data folder that is made first; encrypted where there is a key for it.

    Returns:
        The ledger, where profiles and secrets are, and the bot with what admins have switched in the data folder.

    Raises:
        ConfigError: the folder cannot be made, or the key is wrong or missing.
        LedgerError: the ledger cannot be opened.
    """
    await asyncio.to_thread(_make_data_folder, settings.data)
    places = KeptPlaces(settings.ledger_url, settings.data)
    stack.push_async_callback(asyncio.to_thread, places.close)
    ring = await asyncio.to_thread(mount_data, settings, places.announcements)
    card = HostCard(name=settings.host_name, lease_seconds=settings.host_lease_seconds)
    ledger = await Ledger.open(settings.ledger_url, host=card)
    stack.push_async_callback(ledger.close)
    if ring is not None:
        await asyncio.to_thread(ring.check)
        await asyncio.to_thread(seal_files, settings.data, ring)
    return ledger, places, await asyncio.to_thread(bot.switched, settings.data)


def _profiles(places: KeptPlaces, bot: Bot) -> Profiles:
    return places.profiles({**PREFERENCES, **bot.config.behavior.dimensions})


async def _plugins(
    settings: Settings, bot: Bot, ledger: Ledger, vault: Vault, stack: contextlib.AsyncExitStack
) -> Plugins:
    """The plugins, loaded.

    Raises:
        ConfigError: the bot's file names a plugin or a permission that there is not, or a setting of a plugin is wrong.
    """
    plugins = bot.plugins(
        settings,
        records=ledger.records,
        timers=ledger.timers,
        contacts=ledger.contacts,
        shared=ledger.shared_records,
        vault=vault,
    )
    mcp, variables = bot.config.mcp, settings.variables_named(bot.config.mcp.variables)
    wrong: list[tuple[TomlPath, str]] = [
        (("plugins", at), text) for at, text in await wrong_plugins(bot.config.plugins)
    ]
    wrong += wrong_servers(mcp, variables)
    if not wrong:
        await stack.enter_async_context(plugins)
        if plugins.mistakes:
            raise ConfigError("\n".join(map(str, plugins.mistakes)))
        await add_servers(
            plugins,
            mcp,
            variables,
            data=settings.data,
            redirect=vault.redirect if vault.public_url else "",
            title=bot.config.title,
            bot_folder=bot.folder,
            allow_private=settings.private_addresses,
        )
        wrong += await wrong_names(
            plugins,
            permissions=bot.config.permissions,
            tables=bot.config.plugin,
            isolated=bot.config.isolated_plugins,
            known_elsewhere=mcp.is_of_server,
        )
        if without := sorted(set(bot.config.approvals.tools) - set(plugins.marks)):
            _log.warning("[approvals] names tools that there are not", tools=without, known=sorted(plugins.marks))
        for _, problem in wrong_tools(plugins, bot.config.tools.always):
            _log.warning("a tool cannot always be shown", problem=problem)
    if wrong:
        raise await asyncio.to_thread(bot.mistaken, wrong)
    return plugins


async def _llm(
    settings: Settings, bot: Bot, ledger: Ledger, stack: contextlib.AsyncExitStack
) -> tuple[LLM, CacheSalts]:
    """The model, and what keeps people apart on its servers. A server was asked whether it has the model.

    Raises:
        ConfigError: the server is not named, or refuses the key.
        ModelNotFoundError: there is no such model.
    """
    salts = CacheSalts(await ledger.secret_key(CACHE_SALTS_KEY), bot.name)
    llm = await asyncio.to_thread(partial(make_llm, settings, bot, mark=salts.mark))
    stack.push_async_callback(llm.aclose)
    try:
        await check_served_model(settings, llm)
    except ModelUnavailableError as error:  # it may be started later
        _log.warning("the model's server does not answer yet", model=llm.name, error=str(error))
    return llm, salts


def _voice(settings: Settings, bot: Bot, stack: contextlib.AsyncExitStack) -> Voice:
    """What listens and speaks. No engine is loaded, and no server asked.

    Raises:
        ConfigError: an engine that the bot's file names is not installed, or its setting is wrong.
    """
    try:
        voice = make_voice(bot.config.voice, VoiceMachine.of(settings))
        if bot.config.interface == "voice" and not voice.can_speak:
            raise ConfigError(f"`interface` cannot be 'voice': no engine speaks here. Install one: {INSTALL}")
        if bot.config.interface == "graphics" and not can_draw():
            raise ConfigError(f"`interface` cannot be 'graphics': nothing draws here: {INSTALL_GRAPHICS}")
    except ConfigError as error:
        raise ConfigError(f"bot {bot.name!r} in {bot.folder}: {error}") from error
    stack.push_async_callback(voice.aclose)
    return voice


async def _knowledge(settings: Settings, bot: Bot, stack: contextlib.AsyncExitStack) -> KnowledgeBase:
    """What the bot knows. Files that have not changed since the last start are not read again."""
    search = knowledge_search(settings, bot.config)
    knowledge = KnowledgeBase(bot_base(settings.data, bot.name), search=search, embeds_itself=False)
    stack.callback(knowledge.base.close)
    await asyncio.to_thread(knowledge.load_only, bot.facts, bot.documents)
    return knowledge


def _taught(settings: Settings, config: BotConfig, stack: contextlib.AsyncExitStack) -> ScopedBases:
    """What people have taught the bot."""
    knowledge = config.knowledge
    taught = ScopedBases(
        settings.data / KNOWLEDGE_FOLDER,
        max_person=knowledge.most_of_person,
        max_workspace=knowledge.most_of_workspace,
    )
    stack.callback(taught.close)
    return taught


def _policy(config: BotConfig, learner: str) -> LearnedPolicy | None:
    """The policy that a bot's configuration asks for; None: the bot does not learn."""
    if learner == "fixed":
        return None
    return config.learned_policy(learner)


async def _learning(
    settings: Settings, config: BotConfig, ledger: Ledger
) -> tuple[LearnedPolicy | None, PolicyWorker | None]:
    """The policy of the bot, and what keeps it in step with the ledger; None: the bot does not learn."""
    policy = await asyncio.to_thread(_policy, config, chosen_learner(settings, config))
    return policy, await _policy_worker(policy, ledger, settings, config)


async def _policy_worker(
    policy: LearnedPolicy | None, ledger: Ledger, settings: Settings, config: BotConfig
) -> PolicyWorker | None:
    """The worker that keeps ``policy`` in step with the ledger. It has what is stored, and learns the rest later."""
    if policy is None:
        return None
    policy.learner.limit_memory(settings.policy_cache_mb * 2**20)
    name, alone = config.policy_name(chosen_learner(settings, config)), not ledger.membership.is_shared
    worker = PolicyWorker(policy, ledger, name, leads=alone)
    await worker.open()
    return worker


def _health(
    config: BotConfig,
    ledger: Ledger,
    llm: LLM,
    plugins: Plugins,
    policy_worker: PolicyWorker | None,
    training: HostTraining,
) -> Health:
    health = Health(config.name, llm.name, plugins=plugins)
    if policy_worker is not None:
        health.watch_learning(lambda: policy_worker.behind)
    health.watch_training(training.report)
    health.watch_membership(ledger.membership)
    return health


async def _training(
    settings: Settings,
    bot: Bot,
    ledger: Ledger,
    profiles: Profiles,
    llm: LLM,
    policy: LearnedPolicy | None,
    policy_worker: PolicyWorker | None,
) -> HostTraining:
    """The trainings of the bot, and the LoRAs that were trained."""
    zone, directory = ZoneInfo(settings.zone), Directory(ledger, profiles, bot.config.consent.defaults)
    personas = None
    if policy is not None and policy_worker is not None:
        defaults = bot.config.behavior.model_dump()
        personas = PersonaTracker(bot.name, ledger, directory, policy_worker, policy, defaults)
    training = HostTraining(
        job_setting(settings, bot),
        ledger,
        directory,
        partial(served_hash, llm.base),
        lambda: now().astimezone(zone),
        personas,
        llm.keep_loras,
    )
    await training.open()
    return training


def _behavior(config: BotConfig, policy: LearnedPolicy | None) -> BehaviorModule:
    behavior = config.behavior
    return BehaviorModule(
        policy, defaults=behavior.model_dump(), dimensions=behavior.dimensions, limits=behavior.limits
    )


def _vault(
    settings: Settings,
    config: BotConfig,
    ledger: Ledger,
    secrets: SecretPlace,
    adapters: Iterable[str | Adapter] | None,
) -> Vault:
    """What keeps credentials. Without a public address, the web chat serves pages, if it runs."""
    names = config.adapters if adapters is None else [each for each in adapters if isinstance(each, str)]
    own = f"http://127.0.0.1:{settings.web_port}" if "web" in names and settings.web_port else ""
    return Vault(
        secrets,
        records=ledger.records,
        accounts=ledger.identities.everyone,
        public_url=settings.public_url.rstrip("/") or own,
        allow_private=settings.private_addresses,
        bot=config.title,
    )


def _pages(
    settings: Settings, plugins: Plugins, ledger: Ledger, profiles: Profiles, vault: Vault, secrets: SecretPlace
) -> PluginPages:
    return PluginPages(
        plugins=plugins,
        ledger=ledger,
        profiles=profiles,
        time_zone=settings.zone,
        web=WebAccess(allow_private=vault.allow_private, public_url=vault.public_url),
        secrets=secrets,
        vault=vault,
    )


def _adapter(
    settings: Settings,
    config: BotConfig,
    health: Health,
    plugins: Plugins,
    ledger: Ledger,
    pages: PluginPages,
    voice: Voice,
    forms: OpenedForms,
    places: KeptPlaces,
    name: str,
) -> Adapter:
    """The adapter of this name.

    Raises:
        ConfigError: there is no such adapter, or its settings are wrong.
    """
    setup = AdapterSetup(
        settings,
        config.description,
        settings.data / name,
        health.report,
        health.metrics,
        commands=partial(
            listed_commands,
            plugins,
            for_admins=bool(settings.admins or settings.owners or config.roles.platform_admins),
            platform=name,
        ),
        languages=config.languages,
        file_commands=partial(file_commands, plugins),
        form_for=forms,
        sent_forms=forms.sent,
        listens=voice.can_listen,
        pages=pages.answer,
        store=ledger.records(f"adapter.{name}", NO_ACCOUNT),
        shared=places.shared,
        announcements=places.announcements,
    )
    return make_adapter(name, setup)


def _adapters(
    adapters: Iterable[str | Adapter] | None, config: BotConfig, make: Callable[[str], Adapter]
) -> tuple[Adapter, ...]:
    """The bot's adapters, or those that were asked for in their place.

    Raises:
        ConfigError: one is configured wrongly, or there is none.
    """
    made: list[Adapter] = []
    for adapter in config.adapters if adapters is None else adapters:
        if not isinstance(adapter, str):
            made.append(adapter)
            continue
        try:
            made.append(make(adapter))
        except NotConfiguredError as error:  # the bot can be there, and nobody has given it a token
            if adapters is not None:
                raise
            _log.info("an adapter is left out", platform=adapter, why=str(error).removeprefix(f"{adapter}: "))
    if not made:
        raise ConfigError(f"bot {config.name!r} has no adapter: nobody could reach it")
    return tuple(made)


def _stores(
    settings: Settings,
    ledger: Ledger,
    profiles: Profiles,
    places: KeptPlaces,
    adapters: tuple[Adapter, ...],
    make: Callable[[str], Adapter],
    policy_worker: PolicyWorker | None,
    training: HostTraining,
    llm: LLM,
) -> Stores:
    keep = kept_times(settings.keep_days)
    url = settings.ledger_url
    return known_stores(
        keep=keep,
        ledgers=[LedgerStore("ledger", ledger=ledger, url=url, data=settings.data, keep=keep["conversations"])],
        profiles=profiles,
        data=settings.data,
        secrets=places.secrets,
        shared=places.shared,
        adapters=adapters,
        make=make,
        learning=policy_worker,
        model=llm,
        loras=training.registry,
        jobs=training.folders,
    )


def _access(settings: Settings, config: BotConfig, ledger: Ledger, adapters: tuple[Adapter, ...]) -> Access:
    known = {adapter.name: adapter for adapter in adapters if isinstance(adapter, KnowsAdmins)}
    return Access(
        ledger,
        access=settings.access,
        allow=settings.allow,
        admins=settings.admins,
        owners=settings.owners,
        trusted=[adapter.name for adapter in adapters if adapter.capabilities.trusted],
        platform_roles=PlatformRoles(ledger, known) if config.roles.platform_admins else None,
    )


def _forms(
    bot: Bot, plugins: Plugins, ledger: Ledger, profiles: Profiles, llm: LLM
) -> tuple[OpenedForms, PersonLanguages]:
    """What finds the form to open, and the languages in which it is shown."""
    languages = _languages(bot, ledger, profiles, llm)
    forms = OpenedForms(plugins, allowed=bot.config.permissions, language_of=languages.last_known)
    return forms, languages


def _languages(bot: Bot, ledger: Ledger, profiles: Profiles, llm: LLM) -> PersonLanguages:
    directory = Directory(ledger, profiles, bot.config.consent.defaults)
    named = bot.config.model_languages
    understood = llm.card.languages if named is None else named
    return PersonLanguages(directory, profiles, bot.config.languages, understood)


def _budgets(settings: Settings, bot: Bot, ledger: Ledger, profiles: Profiles) -> Budgets:
    directory = Directory(ledger, profiles, bot.config.consent.defaults)
    return Budgets(ledger, directory, bot.config.budgets, bot.name, settings.zone)


def _agent_settings(
    settings: Settings, config: BotConfig, llm: LLM, web: WebAccess, salts: CacheSalts
) -> AgentSettings:
    return AgentSettings(
        title=config.title,
        about=config.about,
        examples=config.examples,
        notes=config.instructions,
        tool_rounds=config.tool_rounds,
        tools=config.tools,
        max_tokens=config.max_tokens,
        temperature=config.words_temperature(local=llm.location is not None),
        min_p=config.min_p,
        seed=settings.seed,
        remembered_turns=config.remembered_turns,
        time_zone=settings.zone,
        grounding=config.grounding,
        learn=config.knowledge.learn,
        request_rules=config.request_rules,
        model_languages=config.model_languages,
        consent=config.consent.defaults,
        asks_consent=config.consent.ask,
        approvals=config.approvals,
        memory=MemorySettings(propose=config.memory.propose),
        feedback_buttons=config.feedback.buttons,
        web=web,
        salts=salts,
        hours=config.hours,
        thanks_emoji=config.groups.thanks_emoji,
    )


def _host(
    agent: Agent,
    ledger: Ledger,
    access: Access,
    budgets: Budgets,
    languages: PersonLanguages,
    adapters: tuple[Adapter, ...],
    settings: Settings,
    bot: Bot,
    health: Health,
    vault: Vault,
    stores: Stores,
) -> Host:
    directory = agent.services.directory

    async def may_rate(event: Reaction) -> bool:
        return await access.admits(event) and await directory.may_teach(event)

    feedback = bot.config.feedback
    asks_why = feedback.ask_why and chosen_learner(settings, bot.config) != "fixed"
    quiet = partial(quiet_until, agent.services)
    questions = ReasonQuestions(ledger, directory, pause_replies=feedback.ask_pause, quiet_until=quiet)
    working = WorkingHours(
        Budgeting(agent, budgets), bot.config.hours, ledger, zone=settings.zone, clock=agent.services.clock
    )
    limits = Limits(
        max_pending_per_conversation=settings.max_pending_per_conversation,
        max_pending_per_sender=settings.max_pending_per_sender,
        max_running=settings.max_running,
        max_running_per_sender=settings.max_running_per_sender,
        reply_seconds=settings.reply_seconds,
        shutdown_seconds=settings.shutdown_seconds,
    )
    host = Host(
        SpeakingHandler(Admission(working, access), languages),
        ledger,
        adapters,
        limits=limits,
        rewards=bot.rewards,
        admits=access.admits,
        may_rate=may_rate,
        question=questions.question if asks_why else None,
        status=health.status,
        language_of=languages.last_known,
        loops=LoopGuard(ledger),
        take_secret=partial(take_secret, vault),
        drop_secret=partial(drop_taken, vault),
    )
    stores.register(QueueStore(host.drop_events))
    return host
