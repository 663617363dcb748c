"""Answers a message by a plugin's rules, before the model is asked: talk that needs no model and no tool.

No model said the words, so a thumb under them teaches no LoRA. Where the plugin chose them by the person's style, it
teaches the policy that style, as under a model's words. Where it did not, the ledger keeps no features of the reply,
and the thumb teaches nothing. What the message says of the reply before it counts as it always does.
"""

from __future__ import annotations

import asyncio

import msgspec

from llmagent_os.handler import Outcome
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.document_answer import may_answer
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.found_passages import Found
from llmagent_os.reply.implicit_rewards import rewards_of_message
from llmagent_os.reply.interaction_record import record
from llmagent_os.reply.open_question import open_question
from llmagent_os.reply.plugin_calls import addressed_reply, keep_profile_changes, reply_of, tool_context, unkept_outcome
from llmagent_os.reply.requests_read import lets_rules_read
from llmagent_os.reply.services import Services
from llmagent_os.serving.model_card import ModelCard


async def answer_urgent(services: Services, exchange: Exchange) -> Outcome | None:
    """Return the answer that a plugin has to words that cannot wait. None: nothing is urgent.

    It is asked before everything else, whatever the model and the conversation are. Nothing of the exchange is kept.
    In a group everybody sees the answer: the words were said to everybody, and others may help.
    """
    if services.plugins is None:
        return None
    context = tool_context(services, exchange, exchange.key)
    result = await services.plugins.urgent_answer_to(context, allowed=services.settings.permissions)
    return None if result is None else Outcome(services.interaction.render(reply_of(result)))


async def answer_by_rules(services: Services, exchange: Exchange, found: Found, card: ModelCard) -> Outcome | None:
    """Return the answer that a plugin's rules have to a message. None: they have none, or a document has a clear one.

    Args:
        services: the plugins, and whether the bot lets rules read.
        exchange: the message, after the policy decided how to answer.
        found: what documents have about it.
        card: of the model that would answer else.
    """
    plugins = services.plugins
    if plugins is None or may_answer(exchange, found) or not lets_rules_read(services, card):
        return None
    context = tool_context(services, exchange, exchange.key)
    permitted = services.settings.permissions
    result = await plugins.answer_to(context, allowed=permitted, failed=exchange.failed_rules)
    if result is None:
        return None
    result = await keep_profile_changes(services, exchange, result)
    if result.is_secret:  # the ledger would keep the words and the reply
        return unkept_outcome(services, exchange.event, reply_of(result))
    answer = Answer(results=[result], open_question=open_question(exchange.episode))
    exchange, reply = addressed_reply(exchange, result)
    reply = services.interaction.render(msgspec.structs.replace(reply, text=answer.with_waiting(reply.text)))
    if not result.shown:
        exchange = msgspec.structs.replace(exchange, intent="talk")
    interaction = await asyncio.to_thread(record, services.privacy, exchange, answer, reply)
    return Outcome(reply, interaction, rewards_of_message(services, exchange, answer, interaction))
