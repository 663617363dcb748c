"""``llmagent-os mcp``: offers a bot's tools to other programs, keeps tokens, and shows the servers of a bot's file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.credentials.vault import Vault
from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.identity import parse
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import host_lock
from llmagent_os.mcp.access_tokens import AccessToken, AccessTokens, may_use
from llmagent_os.mcp.loaded_servers import INSTALL, add_servers, is_installed, wrong_servers
from llmagent_os.people.access import COMMAND_LINE, Access
from llmagent_os.people.kept_places import KeptPlaces
from llmagent_os.people.profiles import PREFERENCES
from llmagent_os.plugin import WebAccess
from llmagent_os.reply.plugin_pages import PluginPages
from llmagent_os.tools.registry import Plugins

if TYPE_CHECKING:
    from llmagent_os.mcp.served_bot import ServedBot

#: Seconds for which `mcp tools` waits for servers.
TOOLS_SECONDS = 60.0

_LOCAL = ("127.0.0.1", "::1", "localhost")


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def add_token(
    settings: Settings,
    name: str,
    typed: str,
    permissions: tuple[str, ...],
    effects: tuple[Literal["destructive", "outward"], ...],
    *,
    private: bool,
    days: int | None,
) -> str:
    """Make a token for a person. Returns what is printed: the token, once.

    Raises:
        ConfigError: the person is written wrongly or may not use the bot, or the name is taken.
    """
    identity = parse(typed)

    def made(hash_: str, at: datetime) -> AccessToken:
        until = None if days is None else at + timedelta(days=days)
        return AccessToken(
            name=name, hash=hash_, permissions=permissions, made=at, effects=effects, private=private, until=until
        )

    async with open_ledger(settings) as ledger:
        access = _access(settings, ledger)
        if not await may_use(access, identity):
            raise ConfigError(f"{identity} may not use the bot: `llmagent-os people allow {identity}` lets them in")
        is_known = bool(await ledger.who_wrote(1, await ledger.identities.everyone(identity)))
        secret = await AccessTokens(ledger).add(identity, made)
        await access.note(COMMAND_LINE, "gave an MCP token", subject=identity, detail=name)
    shown = f"{secret}\nThis is shown once. Whoever has the token acts as {identity}."
    if is_known:
        return shown
    return (
        f"{shown}\nwarning: nobody has talked to the bot as {identity} yet. `llmagent-os people list` shows the "
        f"accounts of those who have; `llmagent-os mcp token revoke {name}` ends a token that is for another one."
    )


async def list_tokens(settings: Settings) -> str:
    """All tokens, one a line, without their secrets."""
    async with open_ledger(settings) as ledger:
        tokens = await AccessTokens(ledger).all()
    lines = [
        "  ".join(
            (
                token.name,
                person,
                ", ".join(token.permissions) or "no permission",
                *token.effects,
                *(("private",) if token.private else ()),
                f"since {token.made:%Y-%m-%d}",
                *((f"until {token.until:%Y-%m-%d}",) if token.until else ()),
            )
        )
        for person, token in tokens
    ]
    return "\n".join(lines) or "There are no tokens."


async def revoke_token(settings: Settings, name: str) -> str:
    """End a token. Raises ConfigError: there is none such."""
    async with open_ledger(settings) as ledger:
        person = await AccessTokens(ledger).revoke(name)
        await _access(settings, ledger).note(COMMAND_LINE, "revoked an MCP token", subject=person, detail=name)
    return f"The token {name!r} of {person} has ended."


# ── the bot's tools for others ────────────────────────────────────────────────────────────────────────────────────────


async def serve(
    settings: Settings,
    name: str,
    *,
    host: str,
    port: int | None,
    names: tuple[str, ...],
    listening: Callable[[str], None],
) -> None:
    """Offer a bot's tools until stopped: on the standard streams, or by HTTP.

    Args:
        settings: of the machine.
        name: of the bot.
        host: address to listen on.
        port: to listen on; None: the standard streams.
        names: host names besides this machine's under which the server is reached.
        listening: told the address.

    Raises:
        ConfigError: the extra is not installed, the bot or the address is wrong, the token is none, or the bot runs.
    """
    _check_installed()
    if port is not None and host not in _LOCAL and not names:
        raise ConfigError(f"--host {host} lets other machines in: name the host under which they reach it by --name")
    secret = settings.mcp_token.get_secret_value()
    if port is None and not secret:
        raise ConfigError(f"set {Settings.variable('mcp_token')} to a token: `llmagent-os mcp token add` makes one")
    bot = await asyncio.to_thread(lambda: Bot.load(name).switched(settings.data))
    async with open_ledger(settings) as ledger:
        with _alone(settings, bot):
            async with _served(settings, bot, ledger) as served:
                if port is None:
                    await served.serve_stdio(secret)
                else:
                    await served.serve_http(host, port, names, listening)


@contextmanager
def _alone(settings: Settings, bot: Bot) -> Generator[None]:
    """Hold the lock of the host: the plugins' own locks hold within one process only.

    Raises:
        ConfigError: the bot runs, or another such server does.
    """
    lock = host_lock(settings.ledger_url)
    if lock is None:  # nobody else can use what is in the memory of this process
        yield
        return
    try:
        lock.acquire()
    except LedgerError as error:
        raise ConfigError(
            f"the data folder {settings.data} is in use, and two processes would overwrite each other's changes. "
            f"Have the running bot offer its tools itself: write `[mcp.serve]` and `port = 8765` into {bot.file}, "
            f"restart it, and connect by HTTP. ({error})"
        ) from error
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def _served(settings: Settings, bot: Bot, ledger: Ledger) -> AsyncGenerator[ServedBot]:
    from llmagent_os.mcp.served_bot import ServedBot

    config, places = bot.config, KeptPlaces(settings.ledger_url, settings.data)
    vault = Vault(
        places.secrets,
        records=ledger.records,
        accounts=ledger.identities.everyone,
        public_url=settings.public_url.rstrip("/"),
        allow_private=settings.private_addresses,
        bot=config.title,
    )
    plugins = bot.plugins(
        settings,
        records=ledger.records,
        timers=ledger.timers,
        contacts=ledger.contacts,
        shared=ledger.shared_records,
        vault=vault,
    )
    pages = PluginPages(
        plugins=plugins,
        ledger=ledger,
        profiles=places.profiles({**PREFERENCES, **config.behavior.dimensions}),
        time_zone=settings.zone,
        web=WebAccess(allow_private=vault.allow_private, public_url=vault.public_url),
        secrets=places.secrets,
        vault=vault,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, places.close)
        await stack.enter_async_context(plugins)
        if plugins.mistakes:
            raise ConfigError("\n".join(map(str, plugins.mistakes)))
        access = _access(settings, ledger)
        yield ServedBot(config.title, config.mcp, ledger, access, plugins, pages.context_of, settings.data)


# ── the servers of a bot's file ───────────────────────────────────────────────────────────────────────────────────────


async def list_tools(settings: Settings, name: str) -> str:
    """What the servers of a bot's file offer: each tool, the permission that it needs, and when people are asked.

    Raises:
        ConfigError: the bot or its file is wrong.
    """
    bot = Bot.load(name)
    config = bot.config
    variables = settings.variables_named(config.mcp.variables)
    if wrong := [*wrong_servers(config.mcp, variables)]:
        raise bot.mistaken(wrong)
    lines: list[str] = []
    async with Plugins(installed=(), allowed=config.permissions, start_timeout=TOOLS_SECONDS + 5) as plugins:
        await add_servers(plugins, config.mcp, variables, bot_folder=bot.folder, start_seconds=TOOLS_SECONDS)
        for health in plugins.health():
            lines.append(f"{health.source}: {health.problem or f'{len(health.tools)} tools'}")
            for tool in health.tools:
                mark = plugins.mark_of(tool)
                if mark is not None:
                    given = "" if tool in plugins.permitted() else "not permitted: "
                    asked = config.approvals.asking(tool, mark.effect)
                    lines.append(f"  {tool}  {given}{mark.permission}  {mark.effect}  asked: {asked}")
    return "\n".join(lines) or f"{bot.file} has no [mcp.servers]."


def _check_installed() -> None:
    if not is_installed():
        raise ConfigError(f"this needs the extra `mcp`: {INSTALL}")


def _access(settings: Settings, ledger: Ledger) -> Access:
    return Access(ledger, access=settings.access, allow=settings.allow, admins=settings.admins, owners=settings.owners)
