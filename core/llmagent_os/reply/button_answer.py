"""Answers the press of a plugin's button."""

from __future__ import annotations

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.errors import PluginError
from llmagent_os.events import Event
from llmagent_os.handler import Outcome
from llmagent_os.reply.exchange import decide, open_exchange
from llmagent_os.reply.interaction_record import rendered
from llmagent_os.reply.plugin_calls import keep_profile_changes, reply_of, tool_context
from llmagent_os.reply.services import Services
from llmagent_os.reply.tool_loop import Answer

_log = structlog.stdlib.get_logger(__name__)

#: The answer to a button that nothing stands behind any more.
STALE = Reply("That button is no longer open.")


async def answer_button(services: Services, event: Event, value: str, said: str) -> Outcome:
    """Have the plugin that offered a button answer it, word for word.

    Args:
        services: the plugins.
        event: the press, or a message whose words mean the button.
        value: the button's value. It comes from outside: it may be old, repeated or made up.
        said: the words, or the value that was pressed.
    """
    if services.plugins is None:
        return Outcome(STALE)
    exchange = await open_exchange(services, event, said, intent="button")
    exchange = await decide(services, exchange, {"intent": "button"})
    context = tool_context(services, exchange, exchange.key)
    try:
        result = await services.plugins.press(value, context, allowed=services.settings.permissions)
    except PluginError as error:
        _log.warning("a button failed", value=value, error=str(error))
        return Outcome(STALE)
    await keep_profile_changes(services, exchange, result)
    return rendered(services, exchange, reply_of(result), Answer(results=[result]))
