"""What ``llmagent-os doctor`` says of the servers of tools in a bot's file."""

from __future__ import annotations

from collections.abc import AsyncIterator

from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.mcp.loaded_servers import add_servers, wrong_servers
from llmagent_os.tools.registry import Plugins

#: Seconds for which the servers are waited for.
WAIT_SECONDS = 30.0


async def server_findings(settings: Settings, bot: Bot) -> AsyncIterator[Finding]:
    """Start the servers, and say which of them are there. Nothing is said where the file has none."""
    config = bot.config
    variables = settings.variables_named(config.mcp.variables)
    wrong = [text for _, text in wrong_servers(config.mcp, variables)]
    for text in wrong:
        yield Finding("mcp", "problem", text, "correct [mcp] in bot.toml, or .env")
    if wrong or not config.mcp.servers:
        return
    async with Plugins(installed=(), allowed=config.permissions, start_timeout=WAIT_SECONDS + 5) as plugins:
        await add_servers(plugins, config.mcp, variables, bot_folder=bot.folder, start_seconds=WAIT_SECONDS)
        allowed = plugins.permitted()
        for health in plugins.health():
            if health.problem:
                remedy = "start the server, or correct its table in bot.toml"
                yield Finding("mcp", "problem", f"{health.source}: {health.problem}", remedy)
                continue
            tools = ", ".join(tool if tool in allowed else f"{tool} (not permitted)" for tool in health.tools)
            yield Finding("mcp", "ok", f"{health.source}: {tools or 'no tools yet: somebody signs in first'}")
