"""Reads what people said without a word on the answer: most of a bot's traffic.

A reward model can judge new replies to it, so that nobody has to be asked. And it shows what the bot is used for: where
a tool was called, the model must go on calling it as before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

import msgspec

from llmagent_os.chat import Message, ToolSpec
from llmagent_os.feedback.stated_reasons import stated_reason
from llmagent_os.identity import PersonId
from llmagent_os.ledger import CompletionRecord, Ledger
from llmagent_os.training.recorded_turn import learnable_completions
from llmagent_os.training.spoken_reasons import dimension_values

#: How many replies are looked at, the latest ones.
MOST_REPLIES = 1024
#: How many chats of each sort are kept: those with a tool call, and those with words alone.
MOST_CHATS = 32


class UnjudgedChat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat up to a reply that nobody has judged."""

    messages: tuple[Message, ...]  #: the chat up to the reply, oldest turn first
    tools: tuple[ToolSpec, ...] = ()  #: the tools that the reply could call
    has_calls: bool  #: whether the reply called a tool
    origin: str  #: where it comes from: ``ledger:INTERACTION_ID``
    person: PersonId
    conversation: str = ""  #: chats of one conversation never stand on both sides of a split


async def unjudged_chats(
    ledger: Ledger, consents: Callable[[PersonId], Awaitable[bool]], *, people: Collection[PersonId] | None = None
) -> list[UnjudgedChat]:
    """Read the latest chats whose replies have no reward, oldest first.

    Args:
        ledger: the bot's.
        consents: whether a person may be learned from.
        people: whose chats; None: everybody's.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    found: dict[bool, list[UnjudgedChat]] = {True: [], False: []}
    agreed: dict[PersonId, bool] = {}
    for reply in await ledger.latest_replies(MOST_REPLIES):
        interaction = reply.interaction
        if interaction is None or reply.rewards or (people is not None and reply.person not in people):
            continue
        if stated_reason(interaction.said, dimension_values(interaction)) is not None:
            continue  # why the reply before it was not liked: nothing was asked
        if reply.person not in agreed:
            agreed[reply.person] = await consents(reply.person)
        if not agreed[reply.person] or all(len(chats) >= MOST_CHATS for chats in found.values()):
            continue
        for record in await learnable_completions(ledger, interaction):
            chats, tools = found[bool(record.tool_calls)], await _tools(ledger, record)
            if tools is None or not record.messages or len(chats) >= MOST_CHATS:
                continue
            chats.append(
                UnjudgedChat(
                    messages=record.messages,
                    tools=tools,
                    has_calls=bool(record.tool_calls),
                    origin=f"ledger:{interaction.interaction_id}",
                    person=reply.person,
                    conversation=f"{interaction.conversation_key} {reply.person}",
                )
            )
    return [each for chats in found.values() for each in reversed(chats)]


async def _tools(ledger: Ledger, record: CompletionRecord) -> tuple[ToolSpec, ...] | None:
    """The tools that a completion could call. None: its chat is not whole, or it was neither sent nor run."""
    if record.masked or record.tools is None or not (record.sent or record.tool_calls):
        return None
    return await ledger.tool_set(record.tools) if record.tools else ()
