"""The settings of one installation: environment variables, and a ``.env`` file for variables that are not set.

Settings of a bot, rather than of a machine, are in the bot's TOML file (:mod:`llmagent_os.bot`).

A path may begin with ``~`` or a variable. Quotes, white space and invisible characters around a value are taken off.
So is ``Bot`` or ``Bearer`` before a token. A token of the wrong kind is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from llmagent_os.config.env_file import Line, read_env_file
from llmagent_os.config.misnamed import PREFIX, meant_by
from llmagent_os.config.secret_text import clean_token, cleaned, kind_of
from llmagent_os.config.user_path import user_path, user_url
from llmagent_os.errors import ConfigError

__all__ = ["PREFIX", "Settings", "check_zone"]

#: OpenAI's own variables, which are read where ours are not set.
OPENAI_URL, OPENAI_KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"
#: The host of OpenAI's own cloud, which takes nobody without a key.
OPENAI_HOST = "api.openai.com"
OPENAI_CLOUD = f"https://{OPENAI_HOST}/v1"  #: its address

#: The schema of a PostgreSQL database that keeps the chats in the terminal, beside the ledger of the bot.
CHAT_SCHEMA = "llmagent_os_chat"

_SERVER_KEYS = ("api_key", "voice_api_key")
_TOKENS = (
    "slack_bot_token", "slack_app_token", "slack_signing_secret", "discord_token", "telegram_token", *_SERVER_KEYS,
)  # fmt: skip


def check_zone(name: str) -> str:
    """Return ``name`` if it is an IANA time zone.

    Raises:
        ValueError: there is no such time zone.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error
    return name


def _platform_setting(variable: str, default: Any, description: str, **bounds: Any) -> Any:
    """Define a setting without our prefix. Its variable begins with the platform's name, as in the platform's tools."""
    return Field(default, validation_alias=variable, description=description, **bounds)


class _FileVariables(dict[str, str]):
    """All variables of the ``.env`` file, for others to name. Settings with other ones are the same settings."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _FileVariables)

    __hash__ = None


class Settings(BaseSettings):
    """All settings with their defaults. :meth:`load` reads them and explains what is wrong.

    >>> Settings.load(env_file=None, web_port=9000).web_port
    9000
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        str_strip_whitespace=True,
    )
    #: the variables of plugins
    _plugin_variables: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    data: Path = Field(Path("data"), description="folder where everything is kept: ledger, profiles, transcripts")
    encryption_key: SecretStr = Field(
        SecretStr(""),
        description="a master key, of `llmagent-os keys new`: what people say is kept encrypted; empty: as it is",
    )
    encryption_key_file: Path | None = Field(
        None, description="a file with that key instead, which `llmagent-os keys rotate` can change while the bot runs"
    )
    keep_days: str = Field(
        "",
        description="days after which data are deleted, such as conversations=365, of conversations, transcripts, "
        "files, outgoing, trainings; empty: as docs/privacy.md says",
    )
    database_url: str = Field(
        "",
        description="the ledger: sqlite:///path/file.db, or postgresql://user:password@host/database with the extra "
        "postgres; empty: ledger.db in the data folder",
    )
    model: str = Field(
        "", description="replaces the bot's model: a name, a folder, a hub id, openai:MODEL, ray:MODEL, or none"
    )
    policy: Literal["", "bayes", "reinforce", "actor_critic", "q_learning", "fixed"] = Field(
        "", description="replaces the bot's learner of behaviour; fixed: nothing is learned"
    )
    policy_cache_mb: int = Field(
        128,
        ge=1,
        le=1_000_000,
        description="about how many MiB of memory the policy keeps people in, those needed last",
    )
    base_url: str = Field(
        "",
        description="address of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1; empty: OPENAI_BASE_URL, "
        "or OpenAI's cloud",
    )
    api_key: SecretStr = Field(
        SecretStr(""),
        description="the key of that server; empty: OPENAI_API_KEY, unless LLMAGENT_OS_BASE_URL names another server",
    )
    more_base_urls: str = Field(
        "",
        description="further servers with the same model, separated by commas: a request goes to any of them, and to "
        "another one where one is away",
    )
    server_kind: Literal["auto", "vllm", "openai"] = Field(
        "auto",
        description="what the servers are: vllm is given LoRAs and asked for tokens; auto: they are asked",
    )
    served_model: str = Field(
        "",
        description="the model that the server of openai:MODEL has, as it is installed here: a name, a folder or a hub "
        "id; LoRAs are trained on it and given to vLLM; empty: servers get no LoRAs",
    )
    server_loras: int = Field(
        32, ge=1, le=4096, description="most LoRAs on a vLLM server: what it was started with as --max-cpu-loras"
    )
    lora_root: str = Field(
        "", description="the folder `loras` of the data folder as vLLM servers see it; empty: under the same path"
    )
    voice_base_url: str = Field(
        "",
        description="address of an OpenAI-compatible server with speech models, such as http://127.0.0.1:8001/v1; "
        "empty: LLMAGENT_OS_BASE_URL",
    )
    voice_api_key: SecretStr = Field(
        SecretStr(""),
        description="the key of that server; empty: LLMAGENT_OS_API_KEY, unless LLMAGENT_OS_VOICE_BASE_URL is set",
    )
    model_server_sees: str = Field(
        "",
        description="personal data that model servers are sent, such as api.openai.com=places+phones: names, places, "
        "emails, phones, everything, nothing; empty: everything on this machine, nothing elsewhere",
    )
    time_zone: str = Field(
        "", description="IANA time zone of people who have not given their place; empty: this machine's"
    )
    threads: int = Field(0, ge=0, le=1024, description="processor threads for a local model; 0: all cores but one")
    device: Literal["cpu", "cuda"] = Field("cpu", description="where a local model runs: cpu or cuda")
    slots: int = Field(16, ge=1, le=1024, description="number of replies that a local model writes at the same time")
    prefill_tokens: int = Field(
        128,
        ge=1,
        le=1 << 20,
        description="most words of new messages, in tokens, that a local model reads between two tokens of replies "
        "that it writes",
    )
    prefix_megabytes: int = Field(
        256,
        ge=0,
        le=1 << 20,
        description="most memory, in megabytes, for what a local model computed of earlier prompts",
    )
    lora_megabytes: int = Field(
        1024, ge=1, le=1 << 20, description="most memory, in megabytes, for people's LoRAs of a local model"
    )
    seed: int | None = Field(
        None, ge=0, description="with the same seed, a local model answers the same chat in the same words; empty: not"
    )
    ray_address: str = Field(
        "",
        description="address of a Ray cluster, such as 10.0.0.7:6379, or auto for the one that this machine is a node "
        "of; empty: none",
    )
    ray_work: Literal["model", "jobs", "model+jobs"] = Field(
        "model", description="what that cluster does: it answers (model), trains (jobs), or both (model+jobs)"
    )
    ray_replicas: int = Field(1, ge=1, le=1000, description="replicas of the model that there are always")
    ray_most_replicas: int = Field(
        0, ge=0, le=1000, description="replicas of the model under load; 0: as many as RAY_REPLICAS"
    )
    ray_target_requests: float = Field(
        0.0, ge=0, description="replies at work in a replica at which another one is started; 0: SLOTS"
    )
    ray_replica_cpus: float = Field(1.0, ge=0, description="processors that a replica asks its node for")
    ray_replica_gpus: float = Field(0.0, ge=0, description="graphics processors that a replica asks its node for")
    ray_job_cpus: float = Field(1.0, ge=0, description="processors that a training asks its node for")
    ray_job_gpus: float = Field(0.0, ge=0, description="graphics processors that a training asks its node for")
    shared_storage: str = Field(
        "",
        description="where trainings on a cluster keep checkpoints, encrypted: file:///mnt/shared, s3://bucket/path; "
        "empty: the data folder",
    )
    embeddings_url: str = Field(
        "",
        description="address of an OpenAI-compatible server of embeddings, for a bot whose `embeddings` is "
        "openai:MODEL; empty: BASE_URL, with its key",
    )
    embeddings_key: SecretStr = Field(SecretStr(""), description="the key of the server in EMBEDDINGS_URL")
    plugin_folder: Path | None = Field(
        None, description="a folder of your own plugins, which are reloaded when they change"
    )
    private_addresses: bool = Field(
        False,
        description="true: people may have the bot read addresses of its own machine and network, such as a calendar "
        "server's",
    )
    public_url: str = Field(
        "",
        description="public address of the bot's pages, such as https://bot.example.org; empty: the web chat's, if it "
        "runs",
    )
    pages_host: str = Field(
        "127.0.0.1", min_length=1, description="address that the bot listens on for its pages, if PUBLIC_URL is set"
    )
    pages_port: int = Field(
        8322, ge=0, le=65535, description="port that the bot listens on for its pages, if PUBLIC_URL is set"
    )
    web_host: str = Field("127.0.0.1", min_length=1, description="address that the web chat listens on")
    web_port: int = Field(8321, ge=0, le=65535, description="port that the web chat listens on; 0: any free port")
    mcp_token: SecretStr = Field(
        SecretStr(""),
        description="the token of `llmagent-os mcp serve --stdio`, which `llmagent-os mcp token add` makes",
    )
    web_token: SecretStr = Field(
        SecretStr(""), description="the web chat's password; required if other machines can reach the web chat"
    )
    web_origins: str = Field(
        "", description="more addresses of the web chat's page, if it is behind a proxy, separated by commas"
    )
    slack_bot_token: SecretStr = _platform_setting("SLACK_BOT_TOKEN", SecretStr(""), "the bot's token, xoxb-...")
    slack_app_token: SecretStr = _platform_setting(
        "SLACK_APP_TOKEN", SecretStr(""), "the app's token, xapp-...; with it, events come over Socket Mode"
    )
    slack_signing_secret: SecretStr = _platform_setting(
        "SLACK_SIGNING_SECRET", SecretStr(""), "replaces the app's token; with it, events come as signed HTTP requests"
    )
    slack_http_host: str = _platform_setting(
        "SLACK_HTTP_HOST", "127.0.0.1", "address that the bot listens on for those requests"
    )
    slack_http_port: int = _platform_setting(
        "SLACK_HTTP_PORT", 3000, "port that the bot listens on for those requests", ge=0, le=65535
    )
    slack_api_url: str = _platform_setting("SLACK_API_URL", "https://slack.com/api/", "address of Slack's Web API")
    discord_token: SecretStr = _platform_setting("DISCORD_TOKEN", SecretStr(""), "the bot's token")
    discord_api_url: str = _platform_setting(
        "DISCORD_API_URL", "https://discord.com/api/v10", "address of Discord's HTTP API"
    )
    discord_gateway_url: str = _platform_setting(
        "DISCORD_GATEWAY_URL", "", "address of Discord's gateway; empty: the API names it"
    )
    telegram_token: SecretStr = _platform_setting("TELEGRAM_TOKEN", SecretStr(""), "the bot's token, from @BotFather")
    telegram_api_url: str = _platform_setting(
        "TELEGRAM_API_URL", "https://api.telegram.org", "address of Telegram's Bot API"
    )
    telegram_webhook_url: str = _platform_setting(
        "TELEGRAM_WEBHOOK_URL", "", "public address that Telegram sends updates to; empty: the bot polls for updates"
    )
    telegram_webhook_secret: SecretStr = _platform_setting(
        "TELEGRAM_WEBHOOK_SECRET",
        SecretStr(""),
        "secret that Telegram sends with updates; empty: a new secret at each start",
    )
    telegram_http_host: str = _platform_setting(
        "TELEGRAM_HTTP_HOST", "127.0.0.1", "address that the bot listens on for updates"
    )
    telegram_http_port: int = _platform_setting(
        "TELEGRAM_HTTP_PORT", 8443, "port that the bot listens on for updates", ge=0, le=65535
    )
    access: Literal["pairing", "closed", "everyone"] = Field(
        "pairing",
        description="who is answered on Slack, Discord and Telegram, besides the people in ALLOW: "
        "people whom an admin lets in by a code (pairing), nobody else (closed), or everyone",
    )
    allow: str = Field(
        "", description="people who are always answered, separated by commas: slack:T024:U17, slack:T024:*"
    )
    admins: str = Field(
        "",
        description="people who may let others in with /approve CODE, written as in ALLOW; slack:T024:U17@slack:T024: "
        "only people of that workspace",
    )
    owners: str = Field("", description="people who may do what admins may, and read /audit, written as in ALLOW")
    max_file_megabytes: float = Field(
        20.0, ge=0, description="largest file, in megabytes, that is fetched when people send files"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe messages that are logged: debug, info, warning or error"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="form of the log: auto, console or json; auto: console in a terminal, else json"
    )
    max_pending_per_conversation: int = Field(20, ge=1, description="most unanswered messages of a conversation")
    max_pending_per_sender: int = Field(
        100, ge=1, description="most unanswered messages of one sender, in all conversations"
    )
    max_running: int = Field(256, ge=1, le=10_000, description="most messages that are answered at the same time")
    max_running_per_sender: int = Field(
        16, ge=1, description="most messages of one sender that are answered at the same time"
    )
    reply_seconds: float = Field(300.0, gt=0, description="most seconds for one answer")
    host_name: str = Field(
        "",
        description="name of this host among those that share a PostgreSQL ledger; with the same name it gets the same "
        "conversations after a restart; empty: made up",
    )
    host_lease_seconds: float = Field(
        6.0, ge=2, le=300, description="seconds without a sign of life after which other hosts take over from one"
    )
    shutdown_seconds: float = Field(
        10.0, ge=0, description="most seconds to finish running answers when the host is stopped"
    )

    _file_variables: _FileVariables = PrivateAttr(default_factory=lambda: _FileVariables())  #: by name, in capitals

    #: The remedy in the error for a wrong value, by field. Other fields are explained by their description.
    REMEDIES: ClassVar[dict[str, str]] = {
        "web_port": "choose a port from 0 to 65535",
        "time_zone": "write a time zone such as Europe/Berlin or America/New_York",
        "log_level": "write debug, info, warning or error",
        "log_format": "write auto, console or json",
        "access": "write pairing, closed or everyone",
        "policy": "write bayes, reinforce, actor_critic, q_learning or fixed",
        "allow": "write platform:workspace:id, separated by commas: slack:T024:U17, telegram::4711, slack:T024:*",
        "device": "write cpu or cuda",
        "server_kind": "write auto, vllm or openai",
        "ray_work": "write model, jobs, or model+jobs",
        "admins": "write platform:workspace:id, separated by commas: slack:T024:U17, telegram::4711",
        "owners": "write platform:workspace:id, separated by commas: slack:T024:U17, telegram::4711",
    }

    @field_validator("*", mode="before")
    @classmethod
    def _pasted(cls, value: Any, info: ValidationInfo) -> Any:
        """Take off what was pasted along with a value, and replace ``~`` and variables in paths."""
        name = info.field_name or ""
        if not isinstance(value, str):
            return user_path(str(value)) if isinstance(value, Path) else value
        if name in _TOKENS:
            return clean_token(value, any_words=name in _SERVER_KEYS)
        text = cleaned(value, straight=name != "web_token")
        if name in ("data", "plugin_folder", "encryption_key_file"):
            return user_path(text)
        if name == "database_url":
            return user_url(text)
        return str(user_path(text)) if name in ("model", "served_model") and text.startswith(("~", "$")) else text

    @field_validator(*_TOKENS)
    @classmethod
    def _right_kind(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        variable = cls.variable(info.field_name or "")
        kind = kind_of(value.get_secret_value())
        is_server_key = info.field_name in _SERVER_KEYS
        if kind is None or kind.variable == variable or (is_server_key and "Discord" in kind.what):
            return value
        if is_server_key and kind.variable == f"{PREFIX}API_KEY":
            return value
        belongs = f", which belongs in {kind.variable}" if kind.variable else ""
        raise ValueError(f"it holds {kind.what}{belongs}")

    @field_validator("base_url", "embeddings_url", "voice_base_url", "public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        return _address(value)

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return check_zone(value) if value else value

    @field_validator("allow", "admins")
    @classmethod
    def _people(cls, value: str) -> str:
        for each in filter(None, (part.strip() for part in value.split(","))):
            if not re.fullmatch(r"\*|[^:;\s]+:(\*|[^:;\s]*:[^;\s]+)", each):
                raise ValueError(f"{each!r} is not a person or a pattern")
            platform = each.partition(":")[0]
            known = [point.name for point in entry_points(group="llmagent_os.adapters")]
            near = get_close_matches(platform, known, 1, 0.75)
            if near and platform not in known:
                raise ValueError(f"there is no platform {platform!r} in {each!r}; did you mean {near[0]!r}?")
        return value

    @field_validator("ray_most_replicas")
    @classmethod
    def _most(cls, value: int, info: ValidationInfo) -> int:
        least = info.data.get("ray_replicas", 1)
        if 0 < value < least:
            raise ValueError(
                f"{value} replicas under load are fewer than the {least} that there are always "
                f"({cls.variable('ray_replicas')})"
            )
        return value

    @field_validator("more_base_urls")
    @classmethod
    def _addresses(cls, value: str) -> str:
        found = [part.strip() for part in value.split(",") if part.strip()]
        return ",".join(_address(each) for each in found)

    @field_validator("log_level", "log_format", "access", "policy", "device", "server_kind", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return cleaned(value).lower() if isinstance(value, str) else value

    @classmethod
    def load(cls, env_file: Path | None = Path(".env"), **given: Any) -> Self:
        """Read the settings. ``given`` wins over the environment, then come ``env_file`` and the defaults.

        Args:
            env_file: a file of variables, read if it exists. None: no file.
            given: values by field name, such as options of the command line. None means not given.

        Raises:
            ConfigError: a value is wrong, a variable is misspelt, or a line of the file cannot be read; the message
                names it and the remedy.
        """
        lines = _lines(env_file)
        outside = _environment()
        wrong = [
            f"{where}{name} is not a setting; did you mean {meant}?"
            for where, name, meant in cls._misnamed(env_file, lines, outside)
            if where or name.startswith(PREFIX)
        ]
        if wrong:
            raise ConfigError("\n".join(wrong))
        values: dict[str, Any] = {
            name: lines[variable].value
            for name in cls.model_fields
            if (variable := cls.variable(name)) in lines and lines[variable].value and variable not in outside
        }
        values |= {name: value for name, value in given.items() if value is not None}
        values |= _from_openai(values, outside, lines)
        try:
            settings = cls(**values)
            settings._plugin_variables = {
                name: value
                for name, value in ({name: line.value for name, line in lines.items()} | outside).items()
                if _is_of_plugin(name) and value
            }
            settings._file_variables = _FileVariables({name: line.value for name, line in lines.items() if line.value})
            return settings
        except ValidationError as error:
            # Without its cause, whose text would show a secret's value.
            text = [_explained(cls, dict(found), env_file, lines, outside | given) for found in error.errors()]
            raise ConfigError("\n".join(text)) from None

    @classmethod
    def _misnamed(
        cls, env_file: Path | None, lines: Mapping[str, Line], outside: Mapping[str, str]
    ) -> list[tuple[str, str, str]]:
        """Variables that are no settings, but are meant for one that has no value.

        Returns:
            For each of them: where it stands in the file (empty: in the environment), its name, and the setting.
        """
        ours = cls.variables()
        there = {name for name, line in lines.items() if line.value} | set(outside)
        found: list[tuple[str, str, str]] = []
        for name, line in sorted(lines.items(), key=lambda item: item[1].number):
            if name not in outside and (meant := meant_by(name, line.value, ours)):
                found.append((f"{env_file}, line {line.number}: ", name, meant))
        found += [
            ("", name, meant) for name, value in sorted(outside.items()) if (meant := meant_by(name, value, ours))
        ]
        return [each for each in found if each[1].startswith(PREFIX) or not there & set(each[2].split(" or "))]

    def variables_named(self, names: Iterable[str]) -> dict[str, str]:
        """The values of environment variables that other files name, such as a bot's; the ``.env`` file's come last.

        A variable that is not set is left out. Names of settings are no such variables: their values stay here.
        """
        ours = set(self.variables())
        found = {name: os.environ.get(name) or self._file_variables.get(name.upper(), "") for name in names}
        return {name: value for name, value in found.items() if value and name.upper() not in ours}

    @property
    def zone(self) -> str:
        """The IANA time zone of people who have not given their place."""
        from tzlocal import get_localzone_name

        return self.time_zone or get_localzone_name() or "UTC"

    @property
    def server_urls(self) -> tuple[str, ...]:
        """The addresses of the model's servers, each once; none: OpenAI's cloud.

        >>> Settings.load(env_file=None, base_url="http://a/v1", more_base_urls="http://b/v1, http://a/v1").server_urls
        ('http://a/v1', 'http://b/v1')
        """
        return tuple(dict.fromkeys(filter(None, (self.base_url, *self.more_base_urls.split(",")))))

    @property
    def ledger_url(self) -> str:
        """The ledger's database URL."""
        return self.database_url or f"sqlite:///{self.data / 'ledger.db'}"

    @property
    def chat_ledger_url(self) -> str:
        """The database URL of the ledger for a chat in the terminal. Only one host at a time may use a ledger."""
        if self.database_url.startswith("postgresql"):
            sign = "&" if "?" in self.database_url else "?"
            return f"{self.database_url}{sign}schema={CHAT_SCHEMA}"
        return self.database_url or f"sqlite:///{self.data / 'chat.db'}"

    @classmethod
    def secrets(cls) -> tuple[str, ...]:
        """Return the names of the fields whose values are never shown."""
        return tuple(name for name, field in cls.model_fields.items() if field.annotation is SecretStr)

    def secret_values(self) -> list[str]:
        """Return the values that are never shown, such as tokens; empty ones too."""
        values = (value for _, value in self)
        own = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        return [*own, *self._plugin_variables.values()]

    @property
    def plugin_variables(self) -> Mapping[str, str]:
        """The variables of plugins that are set, by name: ``LLMAGENT_OS_PLUGIN_WEATHER_API_KEY``."""
        return dict(self._plugin_variables)

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Return every environment variable with its description."""
        return {cls.variable(name): field.description or "" for name, field in cls.model_fields.items()}

    @classmethod
    def variable(cls, name: str) -> str:
        """Return the environment variable of a field."""
        alias = cls.model_fields[name].validation_alias
        return alias if isinstance(alias, str) else PREFIX + name.upper()

    @classmethod
    def unknown(cls, env_file: Path | None = Path(".env")) -> tuple[str, ...]:
        """Return the variables with our prefix that no setting and no plugin reads: for another adapter.

        Raises:
            ConfigError: ``env_file`` cannot be read.
        """
        names = {*_environment(), *_lines(env_file)}
        known = cls.variables()
        return tuple(
            sorted(name for name in names if name.startswith(PREFIX) and name not in known and not _is_of_plugin(name))
        )

    @classmethod
    def unread(cls, env_file: Path | None = Path(".env")) -> tuple[str, ...]:
        """Say which variables are set and do nothing, one line each.

        These are unknown variables with our prefix, and variables of the environment that other programs use for what
        a setting of ours does. The latter may be meant for those programs, so they are no error.

        Raises:
            ConfigError: ``env_file`` cannot be read.
        """
        lines = _lines(env_file)
        misnamed = cls._misnamed(env_file, lines, _environment())
        named = {name for _, name, _ in misnamed}
        return (
            *(f"{name} is set, but is not a setting; did you mean {meant}?" for _, name, meant in misnamed),
            *(
                f"{name} is set, but LLMAgentOS itself does not read it"
                for name in cls.unknown(env_file)
                if name not in named
            ),
        )


def _address(value: str) -> str:
    if value and not re.match(r"https?://[^/\s]", value):
        raise ValueError("an address begins with http:// or https://")
    return value


def _is_of_plugin(name: str) -> bool:
    """Whether a variable is of a plugin: ``LLMAGENT_OS_PLUGIN_NAME_FIELD``."""
    return (
        re.fullmatch(rf"{PREFIX}PLUGIN_[A-Z][A-Z0-9_]*_[A-Z0-9_]+", name) is not None
        and name not in Settings.variables()
    )


def _lines(env_file: Path | None) -> dict[str, Line]:
    return {} if env_file is None else read_env_file(env_file, {*Settings.variables(), OPENAI_URL, OPENAI_KEY})


def _environment() -> dict[str, str]:
    """The variables of the environment that are not empty. Compose files and shells pass on empty ones."""
    return {name.upper(): value for name, value in os.environ.items() if value}


def _from_openai(values: Mapping[str, Any], outside: Mapping[str, str], lines: Mapping[str, Line]) -> dict[str, str]:
    """The address and the key in OpenAI's own variables, where ours are not set.

    Their key is for their address. It is sent to another server only if ``OPENAI_BASE_URL`` names that server.
    """

    def found(name: str) -> str:
        return outside.get(name) or (lines[name].value if name in lines else "")

    url = values.get("base_url") or outside.get(f"{PREFIX}BASE_URL", "")
    key = values.get("api_key") or outside.get(f"{PREFIX}API_KEY", "")
    taken: dict[str, str] = {}
    if not url and (theirs := found(OPENAI_URL)):
        taken["base_url"] = theirs
    if not key and (not url or host_of(url) == OPENAI_HOST) and (theirs := found(OPENAI_KEY)):
        taken["api_key"] = theirs
    return taken


def host_of(url: str) -> str:
    """The host of an address. Empty: it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _explained(
    settings: type[Settings],
    found: dict[str, Any],
    env_file: Path | None,
    lines: Mapping[str, Line],
    nearer: Mapping[str, Any],
) -> str:
    """One of pydantic's errors, in words that say which setting, where it stands, and what to write.

    Args:
        settings: the class.
        found: the error.
        env_file: the file that was read.
        lines: its variables.
        nearer: variables and fields whose values win over the file.
    """
    name = str(found["loc"][0]) if found["loc"] else ""
    name = next((each for each in settings.model_fields if settings.variable(each) == name), name)
    field = settings.model_fields.get(name)
    if field is None:
        return f"{name!r} is not a setting; there are {', '.join(settings.model_fields)}"
    variable = settings.variable(name)
    in_file = variable in lines and variable not in nearer and nearer.get(name) is None
    where = f"{env_file}, line {lines[variable].number}: " if in_file else ""
    value = "its value (not shown)" if name in settings.secrets() else repr(str(found["input"]))
    message = str(found["ctx"]["error"] if found["type"] == "value_error" else found["msg"])
    remedy = settings.REMEDIES.get(name, f"it sets: {field.description}")
    if found["type"] == "literal_error":
        near = get_close_matches(str(found["input"]).lower(), re.findall(r"'(\w+)'", str(found["ctx"]["expected"])), 1)
        remedy = f"did you mean {near[0]}? {remedy[0].upper()}{remedy[1:]}" if near else remedy
    return f"{where}{variable} cannot be {value}: {message[0].lower()}{message[1:]}; {remedy}"
