"""Has plugins answer what people send besides words: files, and addresses."""

from __future__ import annotations

from llmagent_os.events import Message
from llmagent_os.handler import Outcome
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.exchange import Exchange, decide, open_exchange
from llmagent_os.reply.interaction_record import rendered
from llmagent_os.reply.plugin_calls import addressed_reply, keep_profile_changes, tool_context
from llmagent_os.reply.services import Services


async def answer_received(services: Services, exchange: Exchange) -> Outcome | None:
    """Have a plugin answer the files or the address in a message. None: no plugin has an answer.

    Args:
        services: the plugins.
        exchange: the message.
    """
    if services.plugins is None:
        return None
    context = tool_context(services, exchange, exchange.key)
    result = await services.plugins.received(context, allowed=services.settings.permissions)
    if result is None:
        return None
    exchange = await decide(services, exchange, {"intent": "attachment"})
    result = await keep_profile_changes(services, exchange, result)
    exchange, reply = addressed_reply(exchange, result)
    return rendered(services, exchange, reply, Answer(results=[result]))


async def answer_wordless(services: Services, message: Message) -> Outcome | None:
    """Have a plugin answer files that came without words. None: no plugin has an answer."""
    exchange = await open_exchange(services, message, intent="attachment")
    return await answer_received(services, exchange)
