"""How a platform is set up: what to paste there, and what is still missing: ``llmagent-os setup PLATFORM``.

An entry point of the group ``llmagent_os.guides`` is a :class:`Guide`, named as its adapter is:

.. code-block:: python

    async def guide(setup: GuideSetup) -> Guidance:
        return Guidance(steps="1. Build a loft.", paste="coo", findings=(Finding("pigeon", "ok", "the loft is there"),))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar, cast

import msgspec

from llmagent_os.admin.doctor import Finding
from llmagent_os.bot import Bot, BotConfig
from llmagent_os.config import Settings
from llmagent_os.errors import AdapterError, ConfigError

if TYPE_CHECKING:
    from aiohttp import ClientSession

GROUP = "llmagent_os.guides"
SECONDS = 10.0  #: for one question to a platform

_LARGEST = 2_000_000  #: bytes of an answer
_T = TypeVar("_T")


@dataclass(frozen=True)
class GuideSetup:
    """What a guide is made for."""

    settings: Settings
    bot: BotConfig
    commands: Mapping[str, str]  #: the bot's slash commands: name to help
    address: str = ""  #: the public https address at which the platform is to call; empty: the bot calls the platform


@dataclass(frozen=True)
class Guidance:
    """What somebody who sets a platform up is told. No token is in it."""

    steps: str  #: what to do, for a terminal
    paste: str = ""  #: what to paste into the platform, alone; empty: that comes with a later step
    findings: tuple[Finding, ...] = ()  #: what the platform says about the tokens so far


class Guide(Protocol):
    """Looks at the settings, asks the platform about its tokens where there are any, and says what to do."""

    async def __call__(self, setup: GuideSetup, /) -> Guidance:
        """Raises nothing for a wrong token or a platform that cannot be reached: those are findings."""
        ...


def known_guides() -> dict[str, EntryPoint]:
    """Every installed guide by the name of its platform."""
    return {point.name: point for point in entry_points(group=GROUP)}


def find_guide(platform: str) -> Guide:
    """The guide of a platform.

    Raises:
        ConfigError: there is none, or it cannot be imported.
    """
    known = known_guides()
    if platform not in known:
        near = get_close_matches(platform, known, 1, 0.6)
        names = ", ".join(sorted(known)) or "none"
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"there is no guide to {platform!r}; {hint}There are: {names}")
    try:
        return cast("Guide", known[platform].load())
    except Exception as error:
        raise ConfigError(f"the guide to {platform!r} cannot be imported: {type(error).__name__}: {error}") from error


async def guide(settings: Settings, bot: Bot, platform: str, address: str = "") -> Guidance:
    """What to do to have ``bot`` on ``platform``.

    Args:
        settings: of the machine.
        bot: which bot.
        platform: its name.
        address: the public https address at which the platform is to call; empty: the bot calls the platform.

    Raises:
        ConfigError: there is no such guide, or the address is none.
    """
    found = find_guide(platform)
    if address and not re.fullmatch(r"https://[^\s/]+\S*", address):
        raise ConfigError(f"--http cannot be {address!r}: write a public address such as https://bot.example.com")
    guidance = await found(GuideSetup(settings, bot.config, await commands_of(settings, bot), address))
    findings = guidance.findings
    if platform not in bot.config.adapters:
        text = f"bot {bot.name!r} does not live there yet: add {platform!r} to `adapters` in its bot.toml, or run it"
        findings += (Finding(platform, "note", f"{text} with `llmagent-os run {bot.name} --adapter {platform}`"),)
    return Guidance(f"{guidance.steps.rstrip()}\n\n{who_is_answered(settings)}", guidance.paste, findings)


async def commands_of(settings: Settings, bot: Bot) -> dict[str, str]:
    """The bot's slash commands without a running agent: every agent's own, and its plugins'."""
    from llmagent_os.commands.command_table import listed_commands
    from llmagent_os.tools.registry import Plugins

    folder = settings.plugin_folder or bot.plugin_folder
    async with Plugins(folder=folder, installed=bot.config.plugins, allowed=bot.config.permissions) as plugins:
        return listed_commands(plugins, for_admins=bool(settings.admins))


def who_is_answered(settings: Settings) -> str:
    """Who may talk to the bot once it is there, as the settings are."""
    lets_in = {
        "pairing": "nobody, until you let them in. Whoever writes to the bot is given a code;\n"
        "`llmagent-os people approve CODE` lets that person in.",
        "closed": "nobody but the people in LLMAGENT_OS_ALLOW (LLMAGENT_OS_ACCESS=closed).",
        "everyone": "everyone who can write to it (LLMAGENT_OS_ACCESS=everyone).",
    }[settings.access]
    return (
        f"Who is answered: {lets_in}\n"
        "LLMAGENT_OS_ALLOW names people who are always answered, as `llmagent-os people list` writes\n"
        "them, and LLMAGENT_OS_ACCESS=everyone opens the bot to everybody there."
    )


@dataclass(frozen=True)
class Answer:
    """What a platform said."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    who: str = "the platform"

    def read(self, kind: type[_T]) -> _T:
        """The body as documented.

        Raises:
            AdapterError: it is something else.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise AdapterError(f"{self.who} answers {self.status} with something else than is documented") from error


class Api:
    """A few questions to a platform's HTTP API. No error of it shows a token, a path, or what was sent.

    Args:
        who: the platform's name, for messages.
        address: of the API.
        headers: sent with every question.
    """

    def __init__(self, who: str, address: str, headers: Mapping[str, str] | None = None) -> None:
        self._who = who
        self._address = address.rstrip("/")
        self._headers = dict(headers or {})
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        from aiohttp import ClientSession, ClientTimeout

        self._session = ClientSession(headers=self._headers, timeout=ClientTimeout(total=SECONDS))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask, and have the whole answer.

        Raises:
            AdapterError: it cannot be reached, is busy, or says too much.
        """
        from aiohttp import ClientConnectorError, ClientError, InvalidURL

        if self._session is None:
            raise RuntimeError("use it as `async with Api(...) as api`")
        body = bytearray()
        try:
            # A redirect would take the token to somebody else.
            url = f"{self._address}/{path}"
            async with self._session.request(method, url, headers=headers, allow_redirects=False) as response:
                async for chunk in response.content.iter_chunked(65_536):
                    body += chunk
                    if len(body) > _LARGEST:
                        raise AdapterError(f"{self._who} answers with more than {_LARGEST / 1e6:.0f} MB")
                status, said = response.status, dict(response.headers)
        except TimeoutError as error:
            raise AdapterError(f"{self._who} does not answer within {SECONDS:g} s") from error
        except ClientConnectorError as error:
            raise AdapterError(f"{self._who} cannot be reached: {error.os_error.strerror or error.os_error}") from error
        except InvalidURL as error:
            raise AdapterError(f"{self._who} cannot be reached: its address is none") from error
        except (ClientError, OSError, ValueError) as error:  # their text may show the address that was asked
            raise AdapterError(f"{self._who} cannot be reached: {type(error).__name__}") from error
        if status == 429:
            raise AdapterError(f"{self._who} asks for a pause (429)")
        if status >= 500:
            raise AdapterError(f"{self._who} has trouble of its own ({status})")
        headers_read = {name.lower(): value for name, value in said.items()}
        return Answer(status, headers_read, bytes(body), self._who)


def unreachable(section: str, error: AdapterError, variable: str, value: str) -> Finding:
    """The finding where a platform did not answer as it should; ``variable`` holds its address."""
    remedy = f"look whether this machine reaches {value} ({variable}), and try again in a minute"
    return Finding(section, "problem", str(error), remedy)
