"""Answers the press of a plugin's button."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from llmagent_os.adapter import Button, Reply
from llmagent_os.errors import PluginError
from llmagent_os.events import ButtonPress, Event
from llmagent_os.handler import Outcome
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.written_phrases import choice_text
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.approvals import note_approval
from llmagent_os.reply.conversation_memory import Offered
from llmagent_os.reply.exchange import Exchange, decide, open_exchange
from llmagent_os.reply.form_choice import form_of_button
from llmagent_os.reply.guided_form import open_form
from llmagent_os.reply.implicit_rewards import rewards_of_press
from llmagent_os.reply.interaction_record import fixed_outcome, rendered
from llmagent_os.reply.plugin_calls import addressed_reply, keep_profile_changes, reply_of, tool_context, unkept_outcome
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

#: The answer to a button that nothing stands behind any more.
STALE = lazy_gettext("That button is no longer open.")


async def ask_again(services: Services, event: Event, offered: Sequence[Offered], said: str) -> Outcome:
    """Answer words that agree to a dangerous question, and are not the label of its button: ask for the label.

    Args:
        services: those of the agent.
        event: the message.
        offered: the buttons of the question.
        said: the words.
    """
    labels = choice_text([gettext("“{label}”", label=button.label) for button in offered if button.is_danger])
    buttons = tuple(Button(button.label, button.value, button.style) for button in offered)
    text = gettext(
        "I have done nothing yet, because much would be lost. Press the button, or write exactly {labels}.",
        labels=labels,
    )
    return await fixed_outcome(services, event, Reply(text, buttons=buttons), intent="button", said=said)


async def plugin_button_meant(services: Services, exchange: Exchange) -> str | None:
    """The value of the plugin's button that a message means by the plugin's own rules. None: it means none."""
    if services.plugins is None:
        return None
    context = tool_context(services, exchange, exchange.key)
    return await services.plugins.button_meant(context, allowed=services.settings.permissions)


async def answer_button(services: Services, event: Event, value: str, said: str) -> Outcome:
    """Have the plugin that offered a button answer it, word for word.

    Args:
        services: the plugins.
        event: the press, or a message whose words mean the button.
        value: the button's value. It comes from outside: it may be old, repeated or made up.
        said: the words, or the value that was pressed.
    """
    if services.plugins is None:
        return Outcome(Reply(str(STALE)))
    meant = form_of_button(services.plugins, event, value, allowed=services.settings.permissions)
    if meant is not None:
        return await open_form(services, event, meant)
    exchange = await open_exchange(services, event, said, intent="button")
    exchange = await decide(services, exchange, {"intent": "button"})
    context = tool_context(services, exchange, exchange.key)
    try:
        result = await services.plugins.press(value, context, allowed=services.settings.permissions)
    except PluginError as error:
        _log.warning("a button failed", value=value, error=str(error))
        return Outcome(Reply(str(STALE)))
    if result.replaces and isinstance(event, ButtonPress):  # the message stays whose it was: no history has this one
        changed = replace(reply_of(result), replaces=event.message_id)
        return Outcome(services.interaction.render(changed))
    is_stale = result.data.get("status") == "stale"
    if not is_stale:
        await note_approval(services, exchange, value, result)
    result = await keep_profile_changes(services, exchange, result)
    if result.is_secret:  # the ledger would keep the reply
        return unkept_outcome(services, event, reply_of(result))
    exchange, reply = addressed_reply(exchange, result)
    outcome = rendered(services, exchange, reply, Answer(results=[result]))
    return outcome if is_stale else replace(outcome, rewards=await rewards_of_press(services, exchange, value))
