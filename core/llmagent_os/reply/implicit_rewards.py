"""Rewards that nobody gave with an emoji: what a message or an edit says about an earlier reply."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llmagent_os.events import Edit
from llmagent_os.feedback.implicit_signs import reward_of, sign
from llmagent_os.feedback.signals import Kind
from llmagent_os.languages import LazyText
from llmagent_os.ledger import Interaction, RewardEvent
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.exchange import Exchange, open_exchange
from llmagent_os.reply.services import Services
from llmagent_os.tools.button_labels import NO, UNDO, YES, is_labelled
from llmagent_os.tools.result_statuses import CONFIRM, FAILED

#: What the press of a button says of the reply under which it stands, by the button's label.
MEANINGS: Mapping[LazyText, Kind] = MappingProxyType({UNDO: "correction", YES: "confirmed", NO: "declined"})

#: How many of the latest turns are checked for the message that was edited, or whose Undo was pressed.
EDITABLE_TURNS = 20


def rewards_of_message(
    services: Services, exchange: Exchange, answer: Answer, interaction: Interaction
) -> tuple[RewardEvent, ...]:
    """What a message says about the reply before it, and whether a tool failed for the reply to it.

    Empty for a person who opted out of learning.

    Args:
        services: masks what was said, as the reply before it was masked.
        exchange: the message.
        answer: what was answered.
        interaction: the record of that answer.
    """
    if not exchange.may_learn:
        return ()
    event, rater = exchange.event, exchange.identity
    rewards: list[RewardEvent] = []
    before = exchange.episode.turns[-1] if exchange.episode.turns else None
    if before is not None and before.said and before.action_dist:
        kind = sign(before, services.privacy.keep(exchange.text)[0])
        rewards.append(reward_of(kind, before, event, rater, event.at))
    if any(result.data.get("status") == FAILED for result in answer.results):
        rewards.append(reward_of("tool_failed", interaction, event, rater, event.at))
    return tuple(rewards)


async def rewards_of_edit(services: Services, event: Edit, text: str) -> tuple[RewardEvent, ...]:
    """What it says about a reply that the person changed the message it answered: the reply was not what they wanted.

    Empty for a person who opted out of learning.

    Args:
        services: has the ledger.
        event: the edit.
        text: the new words, cleaned.
    """
    if services.ledger is None:
        return ()
    exchange = await open_exchange(services, event, text, turns=0)
    if not exchange.may_learn:
        return ()
    identity = exchange.identity
    turns = await services.ledger.history(event.conversation.key, identity, EDITABLE_TURNS)
    edited = [turn for turn in turns if turn.context.get("message_id") == event.message_id and turn.action_dist]
    words = services.privacy.keep(text)[0]
    if not edited or words == edited[-1].said:
        return ()
    return (reward_of("edited", edited[-1], event, identity, event.at, words),)


async def rewards_of_press(services: Services, exchange: Exchange, value: str) -> tuple[RewardEvent, ...]:
    """What it says about a reply that the person pressed its button.

    Undo: the bot did what it should not have done. Yes and No, where the bot asked before it acted: it had understood
    the person, or had not. Empty for a person who opted out of learning, for any other button, and for an Undo where
    the person had been asked before and had said yes.

    Args:
        services: has the ledger.
        exchange: the press, or the words that meant the button.
        value: the value of the button.
    """
    if services.ledger is None or not exchange.may_learn:
        return ()
    event, identity = exchange.event, exchange.identity
    turns = await services.ledger.history(event.conversation.key, identity, EDITABLE_TURNS)
    for turn in reversed(turns):
        if not (turn.model and turn.action_dist):
            continue
        for label, offered, *_ in turn.context.get("buttons", []):
            meant = next((text for text in MEANINGS if is_labelled(label, text)), None)
            if offered == value and meant is not None and (meant == UNDO or _asked_first(turn)):
                return (reward_of(MEANINGS[meant], turn, event, identity, event.at),)
    return ()


def _asked_first(turn: Interaction) -> bool:
    return any(call.get("result", {}).get("status") == CONFIRM for call in turn.tool_calls[-1:])
