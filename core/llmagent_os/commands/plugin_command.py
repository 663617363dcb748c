"""Slash commands of plugins."""

from __future__ import annotations

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.errors import PluginError
from llmagent_os.events import Command
from llmagent_os.reply.exchange import decide, open_exchange
from llmagent_os.reply.plugin_calls import reply_of, tool_context
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)


async def plugin_command(services: Services, command: Command) -> Reply:
    """Have the plugin answer that has this command."""
    name, plugins = command.name, services.plugins
    if plugins is None or name not in plugins.commands:
        return Reply(f"I don't know /{name}. Type /help for what I can do.")
    exchange = await decide(services, await open_exchange(services, command, intent="command", turns=0), {})
    context = tool_context(services, exchange, exchange.key)
    try:
        result = await plugins.command(name, command.arguments, context, allowed=services.settings.permissions)
    except PluginError as error:
        _log.warning("a command failed", command=name, error=str(error))
        return Reply(f"Sorry, /{name} did not work just now.")
    return reply_of(result)
