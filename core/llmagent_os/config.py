"""The settings of one installation: environment variables, and a ``.env`` file for those that are not set.

What belongs to a bot rather than to a machine is in the bot's TOML (:mod:`llmagent_os.bot`).
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from llmagent_os.errors import ConfigError

PREFIX = "LLMAGENT_OS_"


def check_zone(name: str) -> str:
    """``name``, where it is an IANA time zone.

    Raises:
        ValueError: it is none.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error
    return name


def _theirs(variable: str, default: Any, description: str, **bounds: Any) -> Any:
    """A setting whose variable has the platform's name in front, as its own tools have it, and not ours."""
    return Field(default, validation_alias=variable, description=description, **bounds)


class Settings(BaseSettings):
    """Every setting, with its default. Read them with :meth:`load`, which explains what is wrong.

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

    data: Path = Field(Path("data"), description="folder where everything is kept: ledger, profiles, transcripts")
    database_url: str = Field("", description="the ledger: sqlite:///path/file.db; empty: ledger.db in the data folder")
    model: str = Field("", description="replaces the bot's model: a name, a folder, a hub id, or openai:MODEL")
    policy: Literal["", "bayes", "reinforce", "actor_critic", "q_learning", "fixed"] = Field(
        "", description="replaces the bot's learner of behaviour; fixed: nothing is learned"
    )
    base_url: str = Field("", description="address of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1")
    api_key: SecretStr = Field(SecretStr(""), description="the key of that server")
    time_zone: str = Field("", description="IANA time zone of people who have not told theirs; empty: this machine's")
    threads: int = Field(0, ge=0, le=1024, description="processor threads for a local model; 0: all cores but one")
    device: Literal["cpu", "cuda"] = Field("cpu", description="where a local model runs: cpu or cuda")
    slots: int = Field(16, ge=1, le=1024, description="how many replies a local model writes side by side")
    plugin_folder: Path | None = Field(None, description="a folder of your own plugins, reloaded when they change")
    web_host: str = Field("127.0.0.1", min_length=1, description="address the web chat listens on")
    web_port: int = Field(8321, ge=0, le=65535, description="port the web chat listens on; 0: any free one")
    web_token: SecretStr = Field(SecretStr(""), description="the web chat's password; needed where others can reach it")
    web_origins: str = Field("", description="further addresses of the page behind a proxy, separated by commas")
    slack_bot_token: SecretStr = _theirs("SLACK_BOT_TOKEN", SecretStr(""), "the bot's token, xoxb-...")
    slack_app_token: SecretStr = _theirs(
        "SLACK_APP_TOKEN", SecretStr(""), "the app's token, xapp-...: events come over Socket Mode"
    )
    slack_signing_secret: SecretStr = _theirs(
        "SLACK_SIGNING_SECRET", SecretStr(""), "instead of the app's token: events come as signed HTTP requests"
    )
    slack_http_host: str = _theirs("SLACK_HTTP_HOST", "127.0.0.1", "address on which those requests are taken")
    slack_http_port: int = _theirs("SLACK_HTTP_PORT", 3000, "port on which those requests are taken", ge=0, le=65535)
    slack_api_url: str = _theirs("SLACK_API_URL", "https://slack.com/api/", "address of Slack's Web API")
    discord_token: SecretStr = _theirs("DISCORD_TOKEN", SecretStr(""), "the bot's token")
    discord_api_url: str = _theirs("DISCORD_API_URL", "https://discord.com/api/v10", "address of Discord's HTTP API")
    discord_gateway_url: str = _theirs(
        "DISCORD_GATEWAY_URL", "", "address of Discord's gateway; empty: the API is asked for it"
    )
    telegram_token: SecretStr = _theirs("TELEGRAM_TOKEN", SecretStr(""), "the bot's token, from @BotFather")
    telegram_api_url: str = _theirs("TELEGRAM_API_URL", "https://api.telegram.org", "address of Telegram's Bot API")
    telegram_webhook_url: str = _theirs(
        "TELEGRAM_WEBHOOK_URL", "", "public address that Telegram sends updates to; empty: they are polled"
    )
    telegram_webhook_secret: SecretStr = _theirs(
        "TELEGRAM_WEBHOOK_SECRET",
        SecretStr(""),
        "what Telegram proves itself with there; empty: made up at each start",
    )
    telegram_http_host: str = _theirs("TELEGRAM_HTTP_HOST", "127.0.0.1", "address on which updates are taken")
    telegram_http_port: int = _theirs("TELEGRAM_HTTP_PORT", 8443, "port on which updates are taken", ge=0, le=65535)
    access: Literal["pairing", "closed", "everyone"] = Field(
        "pairing",
        description="who is answered on Slack, Discord and Telegram besides those in ALLOW: "
        "whoever an admin lets in by a code (pairing), nobody (closed), or everyone",
    )
    allow: str = Field(
        "", description="people who are always answered, separated by commas: slack:T024:U17, slack:T024:*"
    )
    admins: str = Field("", description="people who may let others in with /approve CODE, written like those in ALLOW")
    max_file_megabytes: float = Field(20.0, ge=0, description="files that people send are fetched up to this size")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much is logged")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="how; auto: console in a terminal, else json"
    )
    max_pending_per_conversation: int = Field(20, ge=1, description="unanswered messages a conversation may have")
    max_running: int = Field(64, ge=1, le=10_000, description="conversations answered side by side")
    reply_seconds: float = Field(300.0, gt=0, description="seconds for one answer")
    shutdown_seconds: float = Field(10.0, ge=0, description="seconds to finish what runs when the host is stopped")

    #: What a bad value is answered with, beside what it may be.
    REMEDIES: ClassVar[dict[str, str]] = {
        "web_port": "choose a port from 0 to 65535",
        "time_zone": "write one such as Europe/Berlin or America/New_York",
        "log_level": "write debug, info, warning or error",
        "log_format": "write auto, console or json",
        "access": "write pairing, closed or everyone",
        "policy": "write bayes, reinforce, actor_critic, q_learning or fixed",
        "allow": "write platform:workspace:id, separated by commas: slack:T024:U17, telegram::4711, slack:T024:*",
        "admins": "write platform:workspace:id, separated by commas: slack:T024:U17, telegram::4711",
    }

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return check_zone(value) if value else value

    @field_validator("allow", "admins")
    @classmethod
    def _people(cls, value: str) -> str:
        for each in filter(None, (part.strip() for part in value.split(","))):
            if not re.fullmatch(r"\*|[^:;\s]+:(\*|[^:;\s]*:[^;\s]+)", each):
                raise ValueError(f"{each!r} names nobody")
        return value

    @field_validator("log_level", "log_format", "access", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @classmethod
    def load(cls, env_file: Path | None = Path(".env"), **given: Any) -> Self:
        """The settings: ``given`` first, then the environment, then ``env_file``, then the defaults.

        Args:
            env_file: read where it exists; None: none.
            given: by field name, such as options of the command line; None means not given.

        Raises:
            ConfigError: a value is wrong or a variable is misspelt: names it, and says what to do.
        """
        for variable in cls.unknown(env_file):
            near = get_close_matches(variable, cls.variables(), 1, 0.9)
            if near:
                raise ConfigError(f"{variable} is no setting; did you mean {near[0]}?")
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        values["_env_file"] = env_file
        try:
            return cls(**values)
        except ValidationError as error:
            # Without its cause, whose text would show a secret's value.
            raise ConfigError("\n".join(_explained(cls, dict(found)) for found in error.errors())) from None

    @property
    def zone(self) -> str:
        """The IANA time zone of people who have not said where they are."""
        from tzlocal import get_localzone_name

        return self.time_zone or get_localzone_name() or "UTC"

    @property
    def ledger_url(self) -> str:
        """The ledger's database URL."""
        return self.database_url or f"sqlite:///{self.data / 'ledger.db'}"

    @property
    def chat_ledger_url(self) -> str:
        """The ledger of a chat in the terminal: its own, since one host runs on a ledger at a time."""
        return self.database_url or f"sqlite:///{self.data / 'chat.db'}"

    @classmethod
    def secrets(cls) -> tuple[str, ...]:
        """The fields whose values are never shown."""
        return tuple(name for name, field in cls.model_fields.items() if field.annotation is SecretStr)

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Every environment variable and what it says."""
        return {cls.variable(name): field.description or "" for name, field in cls.model_fields.items()}

    @classmethod
    def variable(cls, name: str) -> str:
        """The environment variable of a field."""
        alias = cls.model_fields[name].validation_alias
        return alias if isinstance(alias, str) else PREFIX + name.upper()

    @classmethod
    def unknown(cls, env_file: Path | None = Path(".env")) -> tuple[str, ...]:
        """Variables with our prefix that no setting here reads: misspelt, or for somebody's adapter or plugin.

        Raises:
            ConfigError: ``env_file`` cannot be read.
        """
        named = set(os.environ)
        try:
            if env_file is not None and env_file.exists():
                named.update(dotenv_values(env_file))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{env_file} cannot be read: {error}") from error
        return tuple(sorted(name for name in named if name.startswith(PREFIX) and name not in cls.variables()))


def _explained(settings: type[Settings], found: dict[str, Any]) -> str:
    name = str(found["loc"][0]) if found["loc"] else ""
    name = next((each for each in settings.model_fields if settings.variable(each) == name), name)
    field = settings.model_fields.get(name)
    if field is None:
        return f"{name!r} is no setting; there are {', '.join(settings.model_fields)}"
    value = "its value (not shown)" if name in settings.secrets() else repr(str(found["input"]))
    message = str(found["msg"])
    remedy = settings.REMEDIES.get(name, f"it is the {field.description}")
    return f"{settings.variable(name)} cannot be {value}: {message[0].lower()}{message[1:]}; {remedy}"
