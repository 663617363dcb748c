"""Slash commands of plugins."""

from __future__ import annotations

import structlog

from llmagent_os.errors import PluginError
from llmagent_os.events import Command
from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.exchange import decide, open_exchange
from llmagent_os.reply.plugin_calls import tool_context
from llmagent_os.reply.services import Services
from llmagent_os.tools.result_statuses import FAILED

_log = structlog.stdlib.get_logger(__name__)


async def plugin_command(services: Services, command: Command) -> ToolResult:
    """Have the plugin answer that has this command."""
    name, plugins = command.name, services.plugins
    if plugins is None or name not in plugins.commands:
        return ToolResult({"status": "unknown"}, _unknown(name))
    exchange = await decide(services, await open_exchange(services, command, intent="command", turns=0), {})
    context = tool_context(services, exchange, exchange.key)
    try:
        return await plugins.command(name, command.arguments, context, allowed=services.settings.permissions)
    except PluginError as error:
        _log.warning("a command failed", command=name, error=str(error))
        return ToolResult({"status": FAILED}, gettext("Sorry, /{name} did not work just now.", name=name))


def _unknown(name: str) -> str:
    return gettext("I don't know /{name}. Type /help for what I can do.", name=name)
