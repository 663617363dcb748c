"""Notes in the audit log which dangerous questions of plugins people have said yes to."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.events import ButtonPress
from llmagent_os.ledger import Interaction
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.conversation_memory import Offered
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)


async def note_approval(services: Services, exchange: Exchange, value: str, result: ToolResult) -> None:
    """Note that a person had something done that cannot be taken back. Other buttons are not noted.

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
    if not _is_dangerous(turns, value):
        return
    try:
        detail = f"{value.partition(':')[0]}: {result.data.get('status', 'done')}"
        await services.access.note(exchange.identity, "approved a plugin's question", detail=detail)
    except LedgerError as error:
        _log.error("an approval is not in the audit log", error=str(error))


def _is_dangerous(turns: Iterable[Interaction], value: str) -> bool:
    offered = (Offered(*button) for turn in turns for button in turn.context.get("buttons", []))
    return any(button.value == value and button.is_danger for button in offered)
