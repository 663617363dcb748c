"""A bot: one TOML file, and the files beside it.

``docs/bots.md`` has every setting with an example and what it means. ``llmagent-os bot schema`` prints the form of the
file. Three settings are enough:

.. code-block:: toml

    name = "ada"                          # lower case; the folder of its data
    model = "openai:gpt-4o-mini"          # an installed model, a folder, a hub id, or openai:MODEL
    plugins = ["calendar", "profile"]     # installed plugins, by name

A bot with an ``agent.py`` beside the TOML file runs the one :class:`~llmagent_os.agent.Agent` subclass in it.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from llmagent_os.adapter_kit.setup import BotDescription
from llmagent_os.agent import Agent
from llmagent_os.cluster.replica_order import RAY
from llmagent_os.config import PREFIX, Settings
from llmagent_os.config.mistakes import MistakesError
from llmagent_os.config.plugin_tables import PluginTables
from llmagent_os.config.settings import OPENAI_CLOUD, OPENAI_HOST, host_of
from llmagent_os.config.toml_places import Path as TomlPath
from llmagent_os.config.toml_tables import checked, read_file
from llmagent_os.config.user_path import user_path
from llmagent_os.errors import ConfigError, ModelNotFoundError, WrongValuesError
from llmagent_os.etiquette.groups_config import GroupsConfig
from llmagent_os.etiquette.hours_config import HoursConfig
from llmagent_os.feedback.emoji_table import EMOJI, RewardMapping
from llmagent_os.graphics.themes import ThemeName
from llmagent_os.knowledge.embedding_models import embedding_model
from llmagent_os.knowledge.search import Search, SearchMode
from llmagent_os.languages import LANGUAGES
from llmagent_os.languages.known_languages import known_language
from llmagent_os.llm import LLM
from llmagent_os.mcp.mcp_config import MCPConfig
from llmagent_os.modules.behavior_config import Behavior, meant_platform
from llmagent_os.modules.interaction import Interface
from llmagent_os.modules.persona_config import PersonaConfig
from llmagent_os.people.budget_config import BudgetConfig
from llmagent_os.people.roles_config import RolesConfig
from llmagent_os.privacy.consent import Consent
from llmagent_os.privacy.model_masking import seen_by_server
from llmagent_os.reply.agent_settings import LearnSetting
from llmagent_os.reply.approval_config import ApprovalConfig
from llmagent_os.serving.model_card import Grounding
from llmagent_os.serving.model_catalogue import MODELS_FOLDER, PREFIXES_FOLDER
from llmagent_os.serving.model_location import GROUP as MODELS
from llmagent_os.serving.no_model import NO_MODEL
from llmagent_os.serving.server_models import check_model_name
from llmagent_os.tools.plugin_choice import PLUGINS_FOLDER, Chosen, PluginChoice
from llmagent_os.tools.tools_config import ToolsConfig
from llmagent_os.training.job_order import ClusterWork
from llmagent_os.training.job_runner import JobSetting
from llmagent_os.training.lora_folder import LORAS_FOLDER
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.voice.voice_config import VoiceConfig

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy
    from llmagent_os.tools.registry import Plugins

#: The group of entry points whose packages hold a bot.toml.
GROUP = "llmagent_os.bots"

#: A model's name begins with this if the model is on a server.
SERVER = "openai:"

#: The temperature of a bot that learns from its words and names none: with other words now and then, it can be seen
#: which are liked. Measured in docs/experiments.md.
LEARNING_TEMPERATURE = 0.6

#: The name of a bot's TOML file.
FILE = "bot.toml"

#: A language that there are texts in.
Language = Annotated[str, AfterValidator(known_language)]

#: A language by ISO 639-1.
LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]

_NAME = r"^[a-z][a-z0-9_-]{0,39}$"


def _name(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise ValueError("write a to z, 0 to 9, _ and -, a small letter first, at most 40 of them")
    return text


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": _NAME})]


class Policy(BaseModel):
    """How the bot learns how a person likes to be answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learner: Literal["bayes", "reinforce", "actor_critic", "q_learning", "fixed"] = "bayes"
    gamma: float | None = Field(default=None, ge=0.0, le=1.0)  #: None: the default of the learner
    exploration: float = Field(default=0.03, ge=0.0, le=1.0)  #: of ``bayes``: the share of replies that explore


class MemoryConfig(BaseModel):
    """How facts that people state about themselves are found. Whether they are kept, ``[consent]`` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    propose: Literal["rules", "model"] = "rules"  #: who finds the facts in a message


def _worths(table: object) -> object:
    """Check ``[rewards]``: a number by emoji, or by platform and emoji."""
    if not isinstance(table, dict):
        return table  # pydantic says what it should be
    wrong: list[tuple[tuple[str, ...], str]] = []
    worths: dict[tuple[str, ...], object] = {}
    for name, worth in cast("dict[str, object]", table).items():
        if isinstance(worth, dict):
            if meant := meant_platform(name):
                wrong.append(((name,), f"`rewards.{name}`: there is no platform {name!r}; did you mean {meant!r}?"))
            worths |= {(name, emoji): value for emoji, value in cast("dict[str, object]", worth).items()}
        else:
            worths[(name,)] = worth
    for where, value in worths.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
            text = f"`rewards.{'.'.join(where)}` cannot be {value!r}: write a number from -1 to 1"
            wrong.append((where, text))
    if wrong:
        raise WrongValuesError(wrong)
    return cast("object", table)


def _path(text: str) -> str:
    user_path(text)
    return text


#: A path beside the TOML file, or one that begins with ``/``, ``~`` or a variable.
PathText = Annotated[str, AfterValidator(_path)]

Worths = Annotated[dict[str, float | dict[str, float]], BeforeValidator(_worths)]


def _plugin_tables(tables: object) -> object:
    """Say what is meant by who writes ``plugin`` for ``plugins``."""
    if not isinstance(tables, dict):
        raise ValueError("`plugin` is no setting; did you mean `plugins`?")
    return cast("object", tables)


PluginSettings = Annotated[dict[Name, dict[str, Any]], BeforeValidator(_plugin_tables)]


class KnowledgeConfig(BaseModel):
    """What the bot knows, and who may teach it. One path stands for a table with it in ``documents``."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"type": ["object", "string"]})

    documents: tuple[PathText, ...] = ()  #: files and folders beside the TOML file
    facts: PathText = ""  #: a file of the bot's own words, which the model reads beside its tools; empty: none
    learn: LearnSetting = "off"  #: who may teach the bot from chat
    embeddings: str = ""  #: an embedding model: ``openai:MODEL``, or one of sentence-transformers; empty: none
    search: SearchMode | None = None  #: None: ``hybrid`` with an embedding model, else ``bm25``
    passages: int = Field(default=3, ge=1, le=20)  #: the most passages that an answer is made from
    #: the share of a question's content words that a passage must have to count as an answer
    least: float = Field(default=0.5, ge=0.0, le=1.0)
    #: the cosine of the embeddings that it must have to count as one
    least_similarity: float = Field(default=0.3, ge=-1.0, le=1.0)
    most_of_person: int = Field(default=2_000, ge=0)  #: passages that one account may teach
    most_of_workspace: int = Field(default=20_000, ge=0)  #: passages that a workspace may be taught

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, table: Any) -> Any:
        return {"documents": (table,) if table else ()} if isinstance(table, str) else table

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        if self.search in ("dense", "hybrid") and not self.embeddings:
            raise ValueError(f'`knowledge.search` "{self.search}" needs a model: write `embeddings = "..."` beside it')
        return self

    @property
    def mode(self) -> SearchMode:
        """How passages are found."""
        return self.search or ("hybrid" if self.embeddings else "bm25")


class ConsentConfig(BaseModel):
    """``[consent]``: what people allow who have not said, and whether they are told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    remember: bool = True  #: facts that they state are kept
    learning: bool = True  #: their reactions teach the bot how to answer them
    training: bool = False  #: models are trained on their conversations
    ask: bool = True  #: they are told so once, in plain words, and how to change it

    @property
    def defaults(self) -> Consent:
        """The three switches."""
        return Consent(remember=self.remember, learning=self.learning, training=self.training)


class FeedbackConfig(BaseModel):
    """``[feedback]``: how people are asked what they think of a reply, beside the reactions of their platform."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: the platforms on which a thumb up and a thumb down stand under every reply that a behaviour was chosen for
    buttons: tuple[Name, ...] = ("slack",)
    ask_why: bool = True  #: whether somebody who gives a 👎 is asked now and then what was wrong
    ask_pause: int = Field(default=6, ge=0, le=1000)  #: how many replies come after such a question before the next one

    @field_validator("buttons")
    @classmethod
    def _are_platforms(cls, buttons: tuple[str, ...]) -> tuple[str, ...]:
        wrong: list[tuple[tuple[str | int, ...], str]] = []
        for number, name in enumerate(buttons):
            if meant := meant_platform(name):
                text = (
                    f"`feedback.buttons` cannot have {name!r}: there is no platform {name!r}; did you mean {meant!r}?"
                )
                wrong.append(((number,), text))
        if wrong:
            raise WrongValuesError(wrong)
        return buttons


class BotConfig(BaseModel):
    """What a bot's TOML file says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name  #: lower case
    title: str = Field(default="Agent", min_length=1, max_length=60)  #: what people see
    about: str = ""  #: one line for the empty page
    #: see :meth:`llmagent_os.llm.LLM.from_pretrained`; ``none``: rules, commands and buttons answer
    model: str = Field(min_length=1)
    adapters: tuple[Name, ...] = ("web",)
    plugins: tuple[Name, ...] = ()  #: installed plugins
    #: the plugins that run in a process of their own, with wildcards: names as above, or of files of the folder
    isolated_plugins: tuple[str, ...] = ()
    plugin_folder: PathText = ""  #: of plugins, files and packages, beside the TOML file; empty: none
    plugin: PluginSettings = {}  #: the settings of plugins, a table for each: ``[plugin.weather]``
    permissions: tuple[str, ...] = ()  #: what the plugins' tools may do, with wildcards: ``calendar.*``
    knowledge: KnowledgeConfig = KnowledgeConfig()  #: what it knows
    examples: tuple[str, ...] = ()  #: shown on the empty page
    notes: str = ""  #: for models that were not trained for this bot
    interface: Interface = "text"  #: how replies reach people who chose nothing else
    theme: ThemeName = "light"  #: of pictures, for people who chose no other
    #: that it speaks, at least one; the first is for people of whom nothing is known
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = tuple(LANGUAGES)
    #: that the model understands, by ISO 639-1; None: as the model's card says; none: all that people write
    model_languages: tuple[LanguageCode, ...] | None = None
    voice: VoiceConfig = VoiceConfig()
    persona: PersonaConfig = PersonaConfig()  #: who the bot is; for models that were not trained for this bot
    behavior: Behavior = Behavior()
    policy: Policy = Policy()
    memory: MemoryConfig = MemoryConfig()
    training: TrainingConfig = TrainingConfig(plan="")  #: without ``[training]`` the weights stay as they are
    consent: ConsentConfig = ConsentConfig()
    budgets: BudgetConfig = BudgetConfig()  #: how much may be used
    feedback: FeedbackConfig = FeedbackConfig()  #: how people are asked what they think of a reply
    roles: RolesConfig = RolesConfig()  #: who is an admin besides those that the settings name
    groups: GroupsConfig = GroupsConfig()  #: how it behaves among several people
    hours: HoursConfig = HoursConfig()  #: when it works, and when it begins nothing by itself
    approvals: ApprovalConfig = ApprovalConfig()  #: when people are asked before a tool acts
    tools: ToolsConfig = ToolsConfig()  #: how many tools a model is shown, and which in any case
    mcp: MCPConfig = MCPConfig()  #: servers of tools, by the Model Context Protocol
    rewards: Worths = {}  #: what an emoji is worth, by emoji; or by platform, then by emoji
    tool_rounds: int = Field(default=3, ge=0, le=20)  #: how often one reply may call tools
    max_tokens: int = Field(default=256, ge=1, le=32_768)  #: of one completion
    #: of the words; None: 0, and :data:`LEARNING_TEMPERATURE` for a local model that is trained
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    #: least probability of a word that is drawn, at temperature 1, as a share of the likeliest word's; for local models
    min_p: float = Field(default=0.2, ge=0.0, le=1.0)
    remembered_turns: int = Field(default=4, ge=0, le=100)  #: exchanges of the conversation that the model is shown
    model_seconds: float = Field(default=60.0, gt=0, le=3600)  #: for one completion
    model_idle_seconds: float = Field(default=60.0, gt=0, le=3600)  #: without a byte from a model's server
    model_max_characters: int = Field(default=200_000, ge=1)  #: longest text that is taken from a model's server
    #: whether replies are checked against the tools' results (enforce, advise, off); None: as the model's card says
    grounding: Grounding | None = None
    #: whether plugins' rules read a message before the model is asked; None: for a model whose card says ``native``
    request_rules: bool | None = None

    @property
    def description(self) -> BotDescription:
        """What people see of the bot before it says anything."""
        return BotDescription(self.name, self.title, self.about, self.examples)

    @property
    def instructions(self) -> str:
        """What a model is told that was not trained for this bot: the persona, then the notes."""
        return "\n".join(filter(None, (self.persona.words, self.notes)))

    def words_temperature(self, *, local: bool) -> float:
        """Return the temperature at which words are drawn.

        Args:
            local: whether the model runs in this process. A server's model is not trained from reactions, and a server
                would draw tool calls, too.
        """
        if self.temperature is not None:
            return self.temperature
        return LEARNING_TEMPERATURE if local and self.training.plan else 0.0

    def policy_name(self, learner: str) -> str:
        """Return the name under which the ledger stores what this bot's policy has learned with ``learner``."""
        return f"{self.name}:{learner}"

    def learned_policy(self, learner: str) -> LearnedPolicy:
        """Return a new behaviour policy with this bot's dimensions, defaults and ``[policy]`` settings.

        Args:
            learner: one of :data:`llmagent_os.policy.learned.LEARNERS`. It may differ from ``policy.learner``.

        Raises:
            ConfigError: there is no such learner.
        """
        from llmagent_os.policy.learned import make_behavior  # numpy and scipy: a quarter of a second

        behavior, policy = self.behavior, self.policy
        return make_behavior(learner, behavior.model_dump(), policy.gamma, policy.exploration, behavior.dimensions)


@dataclass(frozen=True)
class Bot:
    """A bot that was found.

    >>> Bot.load("calendar").config.title
    'Calendar'
    """

    config: BotConfig
    folder: Path  #: where its TOML file is
    package: str | None = None  #: the package that holds it; None: it is not installed
    file_name: str = FILE  #: of its TOML file

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """Find a bot.

        Args:
            name_or_path: an installed bot's name; or a TOML file, or a folder with a ``bot.toml``.

        Raises:
            ConfigError: there is no such bot, or its TOML is wrong; the message says what and where.
        """
        name = str(name_or_path)
        path = Path(name).expanduser()
        found = {point.name: point.module for point in entry_points(group=GROUP)}
        if isinstance(name_or_path, str) and name in found:
            return cls._installed(name, found[name])
        file = path / FILE if path.is_dir() else path
        if file.is_file():
            return cls(_read(file), file.resolve().parent, file_name=file.name)
        beside = [str(each.parent) for each in path.parent.glob(f"*/{FILE}")]
        near = get_close_matches(name, [*found, *beside], 1, 0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"installed bots: {', '.join(sorted(found)) or 'none'}"
        raise ConfigError(f"there is no bot {name!r}, and no file {file}; {hint}")

    @classmethod
    def _installed(cls, name: str, package: str) -> Self:
        try:
            folder = Path(str(files(package)))
        except (ImportError, TypeError) as error:
            raise ConfigError(f"bot {name!r}: its package {package} cannot be imported: {error}") from error
        file = folder / FILE
        if not file.is_file():
            raise ConfigError(f"bot {name!r}: there is no {FILE} in its package {package} ({folder})")
        return cls(_read(file), folder, package)

    @property
    def name(self) -> str:
        """The bot's name."""
        return self.config.name

    @property
    def file(self) -> Path:
        """Its TOML file."""
        return self.folder / self.file_name

    def mistaken(self, wrong: Iterable[tuple[TomlPath, str]]) -> MistakesError:
        """Return the error of values in its TOML file that were found to be wrong: for each its path and a text.

        Raises:
            ConfigError: the file cannot be read any more.
        """
        document = read_file(self.file)
        return MistakesError(self.file, document.source, [document.mistake(path, text) for path, text in wrong])

    @property
    def rewards(self) -> RewardMapping:
        """What an emoji on a reply is worth."""
        values = {emoji: worth for emoji, worth in self.config.rewards.items() if not isinstance(worth, dict)}
        platforms = {name: table for name, table in self.config.rewards.items() if isinstance(table, dict)}
        return EMOJI.changed(values, platforms)

    @property
    def facts(self) -> Path | None:
        """The file of the bot's own words, if there is one."""
        return self.folder / user_path(self.config.knowledge.facts) if self.config.knowledge.facts else None

    @property
    def documents(self) -> tuple[Path, ...]:
        """The files and folders of its documents."""
        return tuple(self.folder / user_path(each) for each in self.config.knowledge.documents)

    @property
    def plugin_folder(self) -> Path | None:
        """The folder of the bot's own plugins, if there is one."""
        return self.folder / user_path(self.config.plugin_folder) if self.config.plugin_folder else None

    def plugin_choice(self, data: Path) -> PluginChoice:
        """Which installed plugins the bot has, and how that is changed. ``data`` is the data folder."""
        return PluginChoice(self.name, self.file, self.package is not None, data / PLUGINS_FOLDER)

    def plugin_tables(self, settings: Settings) -> PluginTables:
        """Where the settings of the bot's plugins stand."""
        return PluginTables(self.file, settings.plugin_variables)

    def plugins(self, settings: Settings, **parts: Any) -> Plugins:
        """The bot's plugins, not loaded yet.

        Args:
            settings: of the installation.
            parts: further arguments of :class:`~llmagent_os.tools.registry.Plugins`, such as ``records``.
        """
        from llmagent_os.tools.registry import Plugins

        return Plugins(
            folder=settings.plugin_folder or self.plugin_folder,
            installed=self.config.plugins,
            allowed=self.config.permissions,
            tables=self.plugin_tables(settings),
            isolated=self.config.isolated_plugins,
            **parts,
        )

    def switched(self, data: Path) -> Self:
        """The bot with the plugins that were switched on and off since. ``data`` is the data folder.

        Raises:
            ConfigError: the file of what was switched cannot be read.
        """
        chosen = self.plugin_choice(data).applied(Chosen(self.config.plugins, self.config.permissions))
        changed = {"plugins": chosen.plugins, "permissions": chosen.permissions}
        return replace(self, config=self.config.model_copy(update=changed))

    def agent_class(self) -> type[Agent]:
        """The class of the bot's agent: from ``agent.py`` beside the TOML file, else :class:`~llmagent_os.agent.Agent`.

        Raises:
            ConfigError: the file cannot be imported, or does not hold exactly one agent.
        """
        file = self.folder / "agent.py"
        if not file.is_file():
            return Agent
        try:
            module = importlib.import_module(f"{self.package}.agent") if self.package else _imported(file, self.name)
        except Exception as error:
            raise ConfigError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Agent) and value.__module__ == module.__name__
        ]
        if len(found) != 1:
            raise ConfigError(f"{file} defines {len(found)} Agent classes; a bot has one")
        return found[0]

    def part(self, name: str) -> Any:
        """A module of the bot's package, such as ``evaluate``.

        Raises:
            ConfigError: the bot has no such part.
        """
        module = f"{self.package}.{name}"
        try:
            if self.package is None or importlib.util.find_spec(module) is None:
                raise ConfigError(f"bot {self.name!r} has no {name!r}")
        except ModuleNotFoundError as error:
            raise ConfigError(f"bot {self.name!r} has no {name!r}") from error
        return importlib.import_module(module)


def _imported(file: Path, name: str) -> Any:
    """The module in ``file``."""
    key = f"llmagent_os_bot_{name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(key, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module  # dataclasses and pickling look their module up
    spec.loader.exec_module(module)
    return module


def _read(file: Path) -> BotConfig:
    return checked(BotConfig, read_file(file), file)


def chosen_learner(settings: Settings, config: BotConfig) -> str:
    """Return the name of the bot's learner, or of the learner that the settings name instead."""
    return settings.policy or config.policy.learner


def job_setting(settings: Settings, bot: Bot) -> JobSetting:
    """Return what all trainings of a bot have in common."""
    config = bot.config.model_dump(mode="json")
    config["policy"]["learner"] = chosen_learner(settings, bot.config)
    config["training"]["examples"] = [str(bot.folder / user_path(each)) for each in bot.config.training.examples]
    config["notes"] = bot.config.instructions
    config["behavior"]["dimensions"] = bot.config.behavior.dimensions  # a job writes the words for the model too
    return JobSetting(
        data=settings.data,
        ledger_url=settings.ledger_url,
        model=trained_model(settings, bot).removeprefix(RAY),
        bot=bot.name,
        bot_config=config,
        training=bot.config.training,
        cluster=_cluster_work(settings),
    )


def _cluster_work(settings: Settings) -> ClusterWork | None:
    """Return the cluster that trains; None: trainings run on this machine."""
    if not settings.ray_address or "jobs" not in settings.ray_work:
        return None
    return ClusterWork(
        address=settings.ray_address,
        cpus=settings.ray_job_cpus,
        gpus=settings.ray_job_gpus,
        storage=settings.shared_storage,
    )


def trained_model(settings: Settings, bot: Bot) -> str:
    """Return the name of the model that a bot's LoRAs are trained on: its own, or what its servers have."""
    name = settings.model or bot.config.model
    return settings.served_model if name.startswith(SERVER) and settings.served_model else name


def knowledge_search(settings: Settings, config: BotConfig) -> Search:
    """Return how a bot's knowledge is searched.

    Raises:
        ConfigError: the embedding model needs a library that is not installed.
    """
    knowledge = config.knowledge
    url, key = settings.embeddings_url, settings.embeddings_key.get_secret_value()
    if not url:  # the key of another server is not sent to it
        url, key = settings.base_url, settings.api_key.get_secret_value()
    return Search(
        mode=knowledge.mode,
        model=embedding_model(knowledge.embeddings, base_url=url, key=key),
        limit=knowledge.passages,
        least=knowledge.least,
        least_similarity=knowledge.least_similarity,
    )


def make_llm(settings: Settings, bot: Bot, *, mark: str = "") -> LLM:
    """Make the bot's model, or the model that the settings name instead. A local model is not loaded yet.

    Args:
        settings: of the installation.
        bot: which bot.
        mark: begins the names of the bot's LoRAs on servers.

    Raises:
        ConfigError: the model is on a server, and the settings do not say where, or lack the key of OpenAI's cloud.
        ModelNotFoundError: there is no such model. The text shows the line of the bot's file that names it.
    """
    name = served_name(settings, bot)
    timeout = bot.config.model_seconds
    if name == NO_MODEL:
        return LLM.from_pretrained(name)
    if name.startswith(SERVER):
        return _served_llm(name, settings, bot, mark)
    try:
        if name.startswith(RAY):
            address = settings.ray_address or "auto"
            return LLM.from_pretrained(name, models=settings.data / MODELS_FOLDER, address=address, timeout=timeout)
        return LLM.from_pretrained(
            name,
            models=settings.data / MODELS_FOLDER,
            slots=settings.slots,
            threads=settings.threads or None,
            device=settings.device,
            prefill_tokens=settings.prefill_tokens,
            prefix_bytes=settings.prefix_megabytes << 20,
            prefix_folder=settings.data / PREFIXES_FOLDER,
            lora_bytes=settings.lora_megabytes << 20,
            timeout=timeout,
        )
    except ModelNotFoundError as error:
        text = f"{error}{meant_model(name)}"
        if settings.model:
            raise ModelNotFoundError(text) from error
        raise ModelNotFoundError(str(bot.mistaken([(("model",), text)]))) from error


def _served_llm(name: str, settings: Settings, bot: Bot, mark: str) -> LLM:
    key = settings.api_key.get_secret_value()
    _check_server(name, settings.base_url, key)
    hosts = [host_of(url) for url in settings.server_urls] or [OPENAI_HOST]
    seen = [seen_by_server(settings.model_server_sees, host or OPENAI_HOST) for host in hosts]
    sees = seen[0].intersection(*seen[1:])  # a message may go to any of the servers
    return LLM.from_pretrained(
        name,
        models=settings.data / MODELS_FOLDER,
        base_url=settings.base_url or None,
        more_urls=settings.server_urls[1:],
        kind="openai" if hosts == [OPENAI_HOST] else settings.server_kind,
        base=settings.served_model or None,
        lora_slots=settings.server_loras,
        lora_mark=mark,
        loras_here=str(settings.data / LORAS_FOLDER),
        loras_there=settings.lora_root,
        # "none": no other key is sent to a server that needs none.
        api_key=key or "none",
        sees=sorted(sees),
        timeout=bot.config.model_seconds,
        idle_timeout=bot.config.model_idle_seconds,
        max_characters=bot.config.model_max_characters,
    )


def served_name(settings: Settings, bot: Bot) -> str:
    """Return the name of the bot's model. It begins with ``ray:`` where a cluster serves the model."""
    name = settings.model or bot.config.model
    elsewhere = name == NO_MODEL or name.startswith((SERVER, RAY))
    return name if elsewhere or not settings.ray_address or "model" not in settings.ray_work else RAY + name


async def check_served_model(settings: Settings, llm: LLM) -> None:
    """Ask the model's servers, or the cluster, whether they have the model. A model of this process is not checked.

    Raises:
        ConfigError: a server refuses the key.
        ModelSetupError: the cluster does not serve the model, or cannot be used.
        ModelNotFoundError: a server has no such model.
        ModelUnavailableError: a server cannot be reached.
    """
    if llm.name.startswith(SERVER):
        key = settings.api_key.get_secret_value()
        for url in settings.server_urls or (OPENAI_CLOUD,):
            await check_model_name(llm.name.removeprefix(SERVER), url, key, llm.complete)
    elif llm.name.startswith(RAY):
        await llm.reach()


def _check_server(name: str, url: str, key: str) -> None:
    if not url and not key:
        raise ConfigError(
            f"model {name!r} is on a server, and no server is named: set {PREFIX}BASE_URL to the address of an "
            f"OpenAI-compatible server, such as http://127.0.0.1:8000/v1, or {PREFIX}API_KEY to a key of OpenAI's cloud"
        )
    if not key and host_of(url) == OPENAI_HOST:
        raise ConfigError(f"model {name!r} is in OpenAI's cloud, which needs a key: set {PREFIX}API_KEY")


def meant_model(name: str) -> str:
    """What a wrong model name was probably meant for, as the end of an error. Empty: nothing is near."""
    if on_server := re.fullmatch(r"openai\s*[:/]\s*(\S+)", name, re.IGNORECASE):
        return f"; did you mean {SERVER + on_server[1]!r}?"
    near = get_close_matches(name, [point.name for point in entry_points(group=MODELS)], 1, 0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
