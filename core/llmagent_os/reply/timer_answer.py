"""Answers a timer: has the plugin that set it speak."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import structlog

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.credentials.vault import RECORDS
from llmagent_os.errors import PluginError
from llmagent_os.events import Timer
from llmagent_os.handler import Outcome
from llmagent_os.languages import gettext, translated
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.exchange import Exchange, decide, open_exchange
from llmagent_os.reply.interaction_record import rendered
from llmagent_os.reply.plugin_calls import (
    addressed_reply,
    keep_profile_changes,
    private_reply,
    reply_of,
    tool_context,
    unkept_outcome,
)
from llmagent_os.reply.quiet_times import quiet_until
from llmagent_os.reply.services import Services
from llmagent_os.tools.registry import Plugins

_log = structlog.stdlib.get_logger(__name__)

#: How often a timer comes again whose plugin is missing, cut off or failing, before it is given up.
TIMER_TRIES = 5

#: The wait before such a timer comes again.
TIMER_BACKOFF = Backoff(first=90.0, factor=4.0, most=6 * 3600.0)


async def answer_timer(services: Services, event: Timer) -> Outcome:
    """Have the plugin answer its timer. Where it cannot, nothing is said and the timer comes again later.

    In quiet hours a timer that the person did not ask for waits until they are over.
    """
    if services.plugins is None:
        return Outcome(None)
    if event.plugin == RECORDS:
        return _given(services, services.plugins, event)
    if event.deferrable and services.ledger is not None and (until := await quiet_until(services, event)) is not None:
        await services.ledger.hold_back(event, until)
        return Outcome(None)
    exchange = await open_exchange(services, event, intent="timer")
    exchange = await decide(services, exchange, {"intent": "timer"})
    context = tool_context(services, exchange, exchange.key)
    permissions = services.settings.permissions
    try:
        result = await services.plugins.due(event.plugin, event.key, event.at, context, allowed=permissions)
    except PluginError as error:
        await _postpone(services, event, error)
        return Outcome(None)
    if result is None:
        return Outcome(None)
    result = await keep_profile_changes(services, exchange, result)
    if result.is_secret:  # the ledger would keep the reply
        return unkept_outcome(services, event, reply_of(result))
    if (earlier := await _answer_to(services, exchange, result.replaces_answer_to)) is not None:
        changed = msgspec.structs.replace(reply_of(result), replaces=earlier)
        return Outcome(services.interaction.render(changed))  # the message stays whose it was: no history has this one
    exchange, reply = addressed_reply(exchange, result)
    reply = msgspec.structs.replace(reply, is_lasting=result.for_person)
    return rendered(services, exchange, reply, Answer(results=[result]))


async def _answer_to(services: Services, exchange: Exchange, call_id: str) -> str | None:
    """The message that answered an earlier call. None: the call is not named, or nobody knows the message any more."""
    if services.ledger is None or not call_id:
        return None
    here = exchange.event.conversation.key
    for key in (call_id, call_id.rpartition(":")[0]):  # a tool's call is numbered within its exchange
        if (found := await services.ledger.message_of(key, here, exchange.identity)) is not None:
            return found
    return None


def _given(services: Services, plugins: Plugins, event: Timer) -> Outcome:
    """Say that a person has signed in on a page. Whoever did not do that is warned."""
    plugin, _, name = event.key.partition(".")
    credential = plugins.credential(plugin, name)
    if credential is None:
        return Outcome(None)
    text = gettext(
        "You have signed in: I can use {title} now. If that was not you, write `{command}`.",
        title=translated(credential.title),
        command=f"/credentials remove {event.key}",
    )
    return Outcome(services.interaction.render(private_reply(event, Reply(text))))


async def _postpone(services: Services, event: Timer, error: PluginError) -> None:
    """Have the timer come again, unless it was tried often enough."""
    again = services.ledger is not None and event.tries < TIMER_TRIES
    _log.error("a timer was not answered", plugin=event.plugin, tries=event.tries, again=again, error=str(error))
    if services.ledger is not None and again:
        until = services.clock() + timedelta(seconds=TIMER_BACKOFF.seconds(event.tries + 1))
        await services.ledger.postpone(event, until)
