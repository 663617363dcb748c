"""Has plugins' rules read a message before the model is asked.

The calls that rules read are made like a model's, and stand in the conversation, the ledger and the answer as these do.
No model drew them: there are no tokens to learn from, and nobody's opinion of the call is credited to a model.

Rules misread habits of speech: "pop gym in friday" as an event that is called "pop gym". Where a LoRA that answers the
person has learned the right call from corrections, the model reads what has the words of the habit.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.chat import ToolCall
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.plugin_calls import tool_context
from llmagent_os.reply.services import Services
from llmagent_os.reply.tool_loop import GivenCalls
from llmagent_os.serving.model_card import ModelCard
from llmagent_os.training.misread_by_rules import has_cue


def lets_rules_read(services: Services, card: ModelCard) -> bool:
    """Return whether plugins' rules read a message before the model whose ``card`` it is."""
    setting = services.settings.request_rules
    return card.native if setting is None else setting


async def requests_read(services: Services, exchange: Exchange, card: ModelCard) -> GivenCalls | None:
    """Return what a message asks for by a plugin's rules. None: no rules read it, and the model decides.

    Args:
        services: the plugins, and whether the bot lets rules read.
        exchange: the message.
        card: of the model. A bot that says nothing lets rules read for a model of this project's own; a model that
            reads well by itself is left to.
    """
    plugins = services.plugins
    if plugins is None or not lets_rules_read(services, card) or has_cue(exchange.text, exchange.lora.cues):
        return None
    context = tool_context(services, exchange, exchange.key)
    permitted = services.settings.permissions
    read = await plugins.requests_in(context, allowed=permitted, failed=exchange.failed_rules)

    async def join(made: Sequence[ToolCall], results: Sequence[ToolResult]) -> ToolResult:
        ids = (f"{exchange.key}:{GivenCalls.number(place)}" for place in range(len(results)))
        return await plugins.joined({call.name for call in made}, dict(zip(ids, results, strict=True)), context)

    if isinstance(read, ToolResult):
        return GivenCalls((), join, answer=read)
    return GivenCalls(read, join) if read else None
