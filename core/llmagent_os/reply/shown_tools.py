"""The tools that a model is shown for one message: all, or those that fit it and a tool that finds the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from llmagent_os.adapter import OPEN_TO_ALL
from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.ledger import Interaction
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.services import Services
from llmagent_os.tools.declared_tools import FIND_TOOLS
from llmagent_os.tools.tool_choice import OfferedTools, Wanted, choose_tools, ranking
from llmagent_os.tools.tool_index import ToolIndex
from llmagent_os.tools.tool_words import asked_terms

if TYPE_CHECKING:
    from llmagent_os.tools.registry import Plugins

FOUND = 8  #: the most tools that one search gives
MANY_TOOLS = 400  #: with more, choosing may take more than a millisecond: it is done in a thread
PLUGINS_NAMED = 100  #: the most plugins that the model is told of
LINE_CHARACTERS = 120  #: of a tool's description, in what a search gives


class ShownTools:
    """The tools that a model is shown. They grow where it looks for others."""

    def __init__(
        self,
        specs: Sequence[ToolSpec],
        plugins: Plugins | None = None,
        allowed: Sequence[str] | None = None,
        platform: str = "",
    ) -> None:
        """Show ``specs``.

        Args:
            specs: the tools.
            plugins: has the other tools; None: these are all.
            allowed: the permissions of the bot; None: all.
            platform: where the person writes; empty: nowhere in particular.
        """
        self.specs = tuple(specs)
        self.searches = 0  #: how often the model looked for others
        self._plugins, self._allowed, self._platform = plugins, allowed, platform

    async def answer(self, call: ToolCall) -> ToolResult | None:
        """Answer a call of ``find_tools``: the tools that are found are shown from now on. None: it is another call."""
        if call.name != FIND_TOOLS or self._plugins is None:
            return None
        self.searches += 1
        index, tools = await self._plugins.tool_index(), self._plugins.offered(self._allowed, self._platform)
        query = str(call.arguments.get("query", ""))
        found = [tools.by_name[name] for name in ranking(index, tools, asked_terms(query), FOUND)]
        shown = {spec.name for spec in self.specs}
        self.specs = (*self.specs, *(spec for spec in found if spec.name not in shown))
        if not found:
            return ToolResult({"status": "not_found", "query": query}, "No tool was found.")
        return ToolResult(
            {"status": "found", "tools": {spec.name: _line(spec) for spec in found}}, "These tools were found."
        )


async def shown_tools(
    services: Services, exchange: Exchange, called: Iterable[ToolCall] = (), *, native: bool
) -> ShownTools:
    """Choose the tools that a model is shown for a message.

    Args:
        services: the plugins, and how many tools the bot shows.
        exchange: the message, and the conversation before it.
        called: calls that rules read in the message.
        native: whether the model is one of this project's own. It was trained on its tools, and is shown all of them.
    """
    plugins, settings = services.plugins, services.settings
    if plugins is None:
        return ShownTools(())
    platform = exchange.event.conversation.platform
    tools = plugins.offered(settings.permissions, platform)
    if native or tools.fit(settings.tools):
        return ShownTools(tools.specs)
    wanted = _wanted(exchange, tools, called, dict(plugins.calls))
    index = await plugins.tool_index()
    if len(tools.specs) <= MANY_TOOLS:
        chosen = choose_tools(index, tools, settings.tools, wanted)
    else:
        chosen = await asyncio.to_thread(choose_tools, index, tools, settings.tools, wanted)
    return ShownTools((*chosen, find_tools_spec(tools)), plugins, settings.permissions, platform)


def first_tools(services: Services, *, native: bool) -> tuple[ToolSpec, ...]:
    """The tools that every conversation begins with: all, or those that the bot always shows."""
    if services.plugins is None:
        return ()
    tools, budget = services.plugins.offered(services.settings.permissions), services.settings.tools
    if native or tools.fit(budget):
        return tools.specs
    return choose_tools(ToolIndex(()), tools, budget, Wanted())


def find_tools_spec(tools: OfferedTools) -> ToolSpec:
    """The tool that finds those which are not shown. It names the plugins, so that a model knows what there is."""
    named = ", ".join(list(tools.by_plugin)[:PLUGINS_NAMED])
    return ToolSpec(
        name=FIND_TOOLS,
        description=(
            "Find further tools by what they do, where none of the tools here fits the request. The tools that are "
            f"found can be called in the next step. There are tools of: {named}."
        ),
        parameters={
            "type": "object",
            "properties": {
                "query": {
                    "type": "string",
                    "description": "What the tool should do, in English, such as: track a parcel",
                }
            },
            "required": ["query"],
        },
        read_only=True,
    )


def _wanted(exchange: Exchange, tools: OfferedTools, called: Iterable[ToolCall], used: Mapping[str, int]) -> Wanted:
    """What the message and the conversation before it say of the tools that are needed."""
    turns = [turn for turn in reversed(exchange.episode.turns) if turn.said]
    question = exchange.episode.question
    before = [turn.said for turn in turns[:1]]
    lately = [str(call["name"]) for turn in turns for call in turn.tool_calls]
    return Wanted(
        text=exchange.text,
        earlier=tuple(filter(None, (*before, question))),
        called=tuple(dict.fromkeys([*(call.name for call in called), *lately])),
        plugins=tuple(_askers(turns[0], tools)) if question and turns else (),
        used=used,
    )


def _askers(turn: Interaction, tools: OfferedTools) -> Iterable[str]:
    """The plugins that have asked something in a turn: by their tools and their buttons."""
    called = [tools.by_name.get(str(call["name"])) for call in turn.tool_calls]
    buttons = [str(button[1]).removeprefix(OPEN_TO_ALL) for button in turn.context.get("buttons", [])]
    return dict.fromkeys(
        [*(spec.plugin for spec in called if spec is not None), *(value.partition(":")[0] for value in buttons)]
    )


def _line(spec: ToolSpec) -> str:
    """What a tool does, in one line."""
    first = spec.description.partition(". ")[0]
    return first if len(first) <= LINE_CHARACTERS else first[: LINE_CHARACTERS - 1] + "…"
