"""Loads the servers of a bot's file into its plugins. Without the extra ``mcp`` a bot has no such servers."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

from llmagent_os.mcp.mcp_config import MCPConfig, unset_variables
from llmagent_os.tools.registry import Plugins

#: Installs what speaks the protocol.
INSTALL = 'pip install "llmagent-os[mcp]"'

#: The folder inside the data folder in which registrations at authorization servers and lists of tools are kept.
MCP_FOLDER = "mcp"


def is_installed() -> bool:
    """Whether the SDK of the protocol is installed."""
    found = importlib.util.find_spec("mcp")
    return found is not None and found.origin is not None  # a folder of this name is no package


def wrong_servers(config: MCPConfig, variables: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What hinders the servers of a bot's file: for each mistake its place in the file, and what is wrong.

    Args:
        config: ``[mcp]`` of the file.
        variables: the environment variables that are set.
    """
    if config.servers and not is_installed():
        yield ("mcp", "servers"), f"`mcp.servers`: this needs the extra `mcp`: {INSTALL}"
    for server, variable in unset_variables(config.servers, (name for name, value in variables.items() if value)):
        place = _place_of(config, server, variable)
        text = (
            f"names ${variable}, which is not set, or is a setting of this program: write it into .env by another name"
        )
        yield ("mcp", "servers", server, *place), f"`mcp.servers.{server}` {text}"


def _place_of(config: MCPConfig, server: str, variable: str) -> tuple[str, ...]:
    settings = config.servers[server]
    named: list[tuple[tuple[str, ...], str]] = [(("env", name), value) for name, value in settings.env.items()]
    named += [(("headers", name), value) for name, value in settings.headers.items()]
    named += [(("client_secret",), settings.client_secret)]
    return next((place for place, value in named if variable in value), ())


async def add_servers(
    plugins: Plugins,
    config: MCPConfig,
    variables: Mapping[str, str],
    *,
    data: Path | None = None,
    redirect: str = "",
    title: str = "LLMAgentOS",
    bot_folder: Path | None = None,
    allow_private: bool = False,
    start_seconds: float | None = None,
) -> None:
    """Load the servers of a bot's file. One that is not there hinders nobody: ``plugins.health`` says why.

    Args:
        plugins: where they are loaded.
        config: ``[mcp]`` of the file.
        variables: the environment variables that the file names.
        data: the data folder. None: nothing is kept.
        redirect: where sign-ins come back to; empty: nowhere.
        title: of the bot.
        bot_folder: of the bot's file, which the folder of a program is relative to.
        allow_private: authorization servers may have addresses of this machine and its network.
        start_seconds: that is waited for the servers; None: a few seconds.
    """
    if not config.servers:
        return
    from llmagent_os.mcp.mcp_source import START_SECONDS, MCPSource  # the SDK takes half a second to import

    sources = [
        MCPSource(
            server,
            settings if bot_folder is None else settings.in_folder(bot_folder),
            variables={name: value for name, value in variables.items() if name in settings.variables},
            changed=plugins.refresh,
            redirect=redirect,
            title=title,
            folder=None if data is None else data / MCP_FOLDER,
            allow_private=allow_private,
            start_seconds=START_SECONDS if start_seconds is None else start_seconds,
        )
        for server, settings in config.servers.items()
    ]
    for source in sources:
        source.begin()
    for source, server in zip(sources, config.servers, strict=True):
        if not await plugins.add_reported(source, f"[mcp.servers.{server}]"):
            await source.stop()
