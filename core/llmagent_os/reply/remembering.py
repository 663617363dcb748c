"""Remembers what people state about themselves, and recalls it for an answer.

The profile keeps a person's name and place where the bot's tools can set them; then no memory has them. What a message
says of these beside other things is handed over to that tool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.chat import ToolCall
from llmagent_os.events import Command, Message, event_key
from llmagent_os.handler import Outcome
from llmagent_os.languages import gettext, lazy_gettext, list_text
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.ledger.memories import Memory, MemoryChange, NewMemory, ProposedBy
from llmagent_os.memory.message_reading import Reading, read
from llmagent_os.memory.retrieval import may_show, relevant, room_of
from llmagent_os.memory.statement import NOTE, Statement
from llmagent_os.memory.superseding import change_of, held
from llmagent_os.memory.topics import OF_PROFILE
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.implicit_rewards import rewards_of_message
from llmagent_os.reply.interaction_record import record
from llmagent_os.reply.plugin_calls import call_tool
from llmagent_os.reply.requests_read import lets_rules_read
from llmagent_os.reply.services import Services
from llmagent_os.serving.model_card import ModelCard

#: The tool that sets a name and a place in the profile, and its arguments by topic.
PROFILE_TOOL = "set_preference"
_ARGUMENTS = {"name": "name", "home": "place"}

#: The answer to "remember that …" of a person who is not remembered.
NOT_ALLOWED = lazy_gettext("I keep nothing that you tell me about yourself. `/memory on` allows it.")


def may_remember_in(services: Services, exchange: Exchange) -> bool:
    """Whether facts about the person may be kept and used. The one place where memories ask for this consent."""
    return services.ledger is not None and exchange.consent.remember


async def read_message(services: Services, exchange: Exchange) -> Reading:
    """What a message states about its person by rules.

    Where the person is not remembered it states nothing. Only whether they asked to have something remembered is read.
    """
    if services.ledger is None:
        return Reading()
    reading = await asyncio.to_thread(read, exchange.text)
    return reading if may_remember_in(services, exchange) else Reading(is_asked_for=reading.is_asked_for)


async def remembered_of(services: Services, exchange: Exchange) -> list[Memory]:
    """What is remembered of the person and holds, by number; also where nothing new may be kept."""
    if services.ledger is None:
        return []
    return held(await services.ledger.memories.of(exchange.identity))


async def recalled(services: Services, exchange: Exchange) -> list[Memory]:
    """What is remembered, relevant to the message, and may be said where the message was written."""
    if not may_remember_in(services, exchange):
        return []
    known = await remembered_of(services, exchange)
    return await asyncio.to_thread(relevant, known, exchange.text, exchange.event.conversation)


def source_of(services: Services, exchange: Exchange, proposed_by: ProposedBy) -> NewMemory:
    """Where and when a statement was made: a memory without the statement."""
    event = exchange.event
    return NewMemory(
        source=event_key(event),
        message_id=event.message_id if isinstance(event, Message | Command) else "",
        room=room_of(event.conversation),
        is_private=event.conversation.kind == "direct",
        proposed_by=proposed_by,
        said_at=event.at,
    )


async def keep(
    services: Services, exchange: Exchange, statements: Sequence[Statement], proposed_by: ProposedBy = "rules"
) -> MemoryChange:
    """Keep the statements of a message. Contact data and secrets are never kept, nor what the profile keeps.

    The caller has asked :func:`may_remember_in`. A second call for the same message changes nothing.
    """
    wanted = [each for each in statements if _is_kept(services, each)]
    if not wanted or services.ledger is None:
        return MemoryChange()
    source = source_of(services, exchange, proposed_by)
    return await services.ledger.memories.change(
        exchange.identity, lambda known: change_of(held(known), wanted, source)
    )


async def hand_over(services: Services, exchange: Exchange, statements: Sequence[Statement], answer: Answer) -> str:
    """Have the profile's tool note a name or a place that no call of the reply has noted.

    Returns:
        What the tool says; empty: there was nothing to hand over, or the tool did not understand.
    """
    if not _profile_has(services) or any(call.name == PROFILE_TOOL for call in answer.calls):
        return ""
    profile = {"name": exchange.profile.name, "home": exchange.profile.place}
    told = {each.topic: each.value for each in statements if each.topic in OF_PROFILE and not each.ends}
    new = {_ARGUMENTS[topic]: value for topic, value in told.items() if value != profile[topic]}
    if not new:
        return ""
    result = await call_tool(services, exchange, ToolCall(PROFILE_TOOL, new), "memory")
    return result.text if result.data.get("status") == "set" else ""


async def answer_statements(
    services: Services, exchange: Exchange, reading: Reading, card: ModelCard
) -> Outcome | None:
    """Keep and answer a message that only states things, or asks to remember them. None: somebody else answers.

    Args:
        services: has the ledger.
        exchange: the message.
        reading: what the rules read in it.
        card: of the model that would answer else. A general model puts its own words to what people tell.
    """
    if not reading.is_asked_for and not (reading.is_whole and lets_rules_read(services, card)):
        return None
    if not may_remember_in(services, exchange):
        return await spoken(services, exchange, str(NOT_ALLOWED))
    told = await hand_over(services, exchange, reading.statements, Answer())
    before = await remembered_of(services, exchange)
    shown = [one for one in before if may_show(one, exchange.event.conversation)]  # others may read the answer
    said = change_in_words(shown, await keep(services, exchange, reading.statements))
    text = join_sentences([told, said])
    if not text:
        return None
    return await spoken(services, exchange, text)


async def spoken(services: Services, exchange: Exchange, text: str) -> Outcome:
    """The outcome of a reply in the bot's own words. No thumb under it speaks of a model or of a style."""
    answer = Answer(results=[ToolResult({"status": "remembered"}, text)])
    exchange = msgspec.structs.replace(exchange, intent="talk")
    reply = services.interaction.render(Reply(text))
    interaction = await asyncio.to_thread(record, services.privacy, exchange, answer, reply)
    return Outcome(reply, interaction, rewards_of_message(services, exchange, answer, interaction))


async def keep_after(
    services: Services,
    exchange: Exchange,
    statements: Sequence[Statement],
    reply: Reply,
    answer: Answer,
    proposed: Sequence[Statement] = (),
) -> Reply:
    """Keep what a message states, after it was answered. Returns ``reply``, with what the profile's tool says of it.

    Args:
        services: has the ledger and the profile's tool.
        exchange: the message.
        statements: what rules read in it.
        reply: the answer.
        answer: with the calls that were made for it.
        proposed: what the model found beside the rules.
    """
    if not statements and not proposed:
        return reply
    if answer.calls:  # a tool keeps what the person asked to have remembered
        statements = [each for each in statements if each.topic != NOTE]
    told = await hand_over(services, exchange, statements, answer)
    await keep(services, exchange, statements)
    await keep(services, exchange, proposed, "model")
    return msgspec.structs.replace(reply, text=f"{reply.text}\n\n{told}") if told else reply


def change_in_words(before: Sequence[Memory], change: MemoryChange) -> str:
    """Say what was kept, what it replaces, and what holds no longer; empty where nothing was understood.

    Args:
        before: what was remembered, and may be said.
        change: what became of it.
    """
    by_number = {one.number: one for one in before}
    gone = [by_number[number] for number in change.end if number in by_number]
    again = [by_number[number] for number in change.again if number in by_number]
    said: list[str] = []
    if change.add:
        said.append(gettext("I'll remember that {facts}.", facts=_listed(change.add)))
    if gone:
        said.append(gettext("I no longer keep that {facts}.", facts=_listed(gone)))
    if again and not change.add:
        said.append(gettext("I know: {facts}.", facts=_listed(again)))
    return join_sentences(said)


def _is_kept(services: Services, statement: Statement) -> bool:
    if statement.topic in OF_PROFILE and _profile_has(services):
        return False
    return not any(services.privacy.keep(words)[1] for words in (statement.text, statement.said))


def _profile_has(services: Services) -> bool:
    """Whether the bot's tools can set name and place in the profile, so that they are kept there."""
    plugins = services.plugins
    if plugins is None or services.profiles is None:
        return False
    return any(spec.name == PROFILE_TOOL for spec in plugins.specs(services.settings.permissions))


def _listed(memories: Sequence[NewMemory]) -> str:
    return list_text([lowered(one.text) for one in memories])


def lowered(text: str) -> str:
    """A sentence in the second person as a part of another one: ``you live in Rome``.

    >>> lowered("Your cat is called Tom")
    'your cat is called Tom'
    """
    return text[:1].lower() + text[1:]
