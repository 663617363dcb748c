"""Notes in the audit log what people were asked about, what they said yes to, and what tools did to others."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.events import ButtonPress
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction
from llmagent_os.plugin import ASKED_EFFECTS, ToolResult
from llmagent_os.reply.conversation_memory import Offered
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)


async def note_act(services: Services, identity: Identity, action: str, tool: str, more: str) -> None:
    """Note what a person was asked about, or decided, about a tool, or what the tool did. Nothing of what was said.

    Args:
        services: with the audit log.
        identity: the account.
        action: what it did, such as ``approved``.
        tool: the tool's name.
        more: the tool's effect, and what came of it.
    """
    if services.access is None or services.ledger is None:
        return
    try:
        await services.access.note(identity, action, detail=f"{tool}: {more}")
    except LedgerError as error:
        _log.error("what a tool did is not in the audit log", tool=tool, error=str(error))


async def note_approval(services: Services, exchange: Exchange, value: str, result: ToolResult) -> None:
    """Note that a person had something done that cannot be taken back or reached others. Other buttons are not noted.

    Args:
        services: with the audit log.
        exchange: the press, or the message whose words meant the button.
        value: the button's value.
        result: what came of it.
    """
    if services.access is None or services.ledger is None:
        return
    event, turns = exchange.event, exchange.episode.turns
    if isinstance(event, ButtonPress):
        where = (event.conversation.platform, event.conversation.channel, event.message_id)
        found = await services.ledger.interaction_of(*where)
        turns = turns if found is None else (found,)
    if not (result.effect or _is_dangerous(turns, value) or _answers_asking_tool(services, turns, value)):
        return
    more = " ".join(filter(None, (result.effect, str(result.data.get("status", "done")))))
    await note_act(services, exchange.identity, "approved a plugin's question", value.partition(":")[0], more)


def _answers_asking_tool(services: Services, turns: Iterable[Interaction], value: str) -> bool:
    """Whether the button is under a question of a destructive or outward tool that asks itself."""
    tools = [
        str(call.get("name", ""))
        for turn in turns
        if any(Offered(*button).value == value for button in turn.context.get("buttons", []))
        for call in turn.tool_calls
    ]
    marks = [services.plugins.mark_of(name) for name in tools] if services.plugins is not None else []
    return any(mark is not None and mark.asks_itself and mark.effect in ASKED_EFFECTS for mark in marks)


def _is_dangerous(turns: Iterable[Interaction], value: str) -> bool:
    offered = (Offered(*button) for turn in turns for button in turn.context.get("buttons", []))
    return any(button.value == value and button.is_danger for button in offered)
