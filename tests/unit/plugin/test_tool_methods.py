"""Tool schemas: what an author writes becomes what a model sees, and loading a plugin names its mistakes."""

from __future__ import annotations

import re
from typing import Literal

import pytest

from llmagent_os.errors import PluginError, ToolArgumentError
from llmagent_os.plugin import Plugin, RuleArgument, Span, ToolContext, ToolResult, tool
from llmagent_os.plugin.tool_methods import tool_methods

OK = ToolResult({"status": "ok"}, "Done.")


class Pizza(Plugin):
    name = "pizza"

    @tool(permission="pizza.write", timeout=3)
    async def order_pizza(
        self,
        context: ToolContext,
        topping: Span,
        size: Literal["small", "big"] = "small",
        note: str | None = None,
        json: list[str] | None = None,
    ) -> ToolResult:
        """Order a pizza.

        To the person's own address.

        Args:
            topping: what is on it,
                copied
            size: how big
        """
        return ToolResult({"status": "ordered", "topping": topping, "size": size}, f"Ordered with {topping}.")


def test_hints_and_docstring_become_the_schema() -> None:
    """A model that is shown another schema calls the tool with wrong arguments."""
    found = tool_methods(Pizza())["order_pizza"]
    assert found.spec.description == "Order a pizza. To the person's own address."
    assert found.spec.parameters == {
        "type": "object",
        "properties": {
            "topping": {"type": "string", "x-span": True, "description": "what is on it, copied"},
            "size": {"type": "string", "enum": ["small", "big"], "default": "small", "description": "how big"},
            "note": {"type": "string"},
            "json": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["topping"],
    }
    assert (found.spec.permission, found.spec.read_only, found.spec.plugin, found.mark.timeout) == (
        "pizza.write",
        False,
        "pizza",
        3,
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "'topping' is missing"),
        ({"topping": "ham", "colour": "red"}, "no argument 'colour'"),
        ({"topping": "ham", "size": "huge"}, "size='huge'"),
        ({"topping": ["ham"]}, "topping=['ham']"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], named: str) -> None:
    """The model gets a second try, and needs to know what was wrong with the first."""
    with pytest.raises(ToolArgumentError, match=re.escape(named)):
        tool_methods(Pizza())["order_pizza"].check(arguments)


def test_numbers_and_words_are_interchangeable() -> None:
    """A model that writes 4 where a string is wanted means "4"."""
    assert tool_methods(Pizza())["order_pizza"].check({"topping": 4}) == {"topping": "4"}


class NotAsync(Plugin):
    name = "bad"

    @tool()  # type: ignore[arg-type]
    def eat(self, context: ToolContext) -> ToolResult:  # pyright: ignore
        """Eat."""
        return OK


class NoHint(Plugin):
    name = "bad"

    @tool()
    async def eat(self, context: ToolContext, food) -> ToolResult:  # type: ignore[no-untyped-def] # pyright: ignore
        """Eat."""
        return OK


class NoDocstring(Plugin):
    name = "bad"

    @tool()
    async def eat(self, context: ToolContext, food: str) -> ToolResult:
        return OK


class NoContext(Plugin):
    name = "bad"

    @tool()  # type: ignore[arg-type]
    async def eat(self, food: str) -> ToolResult:  # pyright: ignore
        """Eat."""
        return OK


class NoJson(Plugin):
    name = "bad"

    @tool()
    async def eat(self, context: ToolContext, food: re.Pattern[str] | object) -> ToolResult:
        """Eat."""
        return OK


class NoType(Plugin):
    name = "bad"

    @tool()
    async def eat(self, context: ToolContext, food: Pizza) -> ToolResult:
        """Eat."""
        return OK


class Unread(Plugin):
    name = "bad"

    @tool()
    async def eat(self, context: ToolContext, food: Unknown) -> ToolResult:  # type: ignore[name-defined] # noqa: F821 # pyright: ignore
        """Eat."""
        return OK


class Anything(Plugin):
    name = "bad"

    @tool()  # type: ignore[arg-type]
    async def eat(self, context: ToolContext, **food: str) -> ToolResult:
        """Eat."""
        return OK


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (NotAsync, "plugin 'bad', tool 'eat': must be 'async def'"),
        (NoHint, "plugin 'bad', tool 'eat', parameter 'food': .*needs a type hint"),
        (NoDocstring, "plugin 'bad', tool 'eat': needs a docstring"),
        (NoContext, "plugin 'bad', tool 'eat': the first parameter must be 'context: ToolContext'"),
        (NoType, "plugin 'bad', tool 'eat', parameter 'food': no JSON"),
        (Unread, "plugin 'bad', tool 'eat', parameter 'food': the type hint 'Unknown' cannot be read"),
        (Anything, "plugin 'bad', tool 'eat', parameter 'food': must be passable by its name"),
    ],
)
def test_bad_definitions_are_named_when_loaded(kind: type[Plugin], message: str) -> None:
    """Otherwise they show up in the middle of somebody's conversation."""
    with pytest.raises(PluginError, match=message):
        tool_methods(kind())


async def test_what_only_rules_use_is_not_shown_to_models() -> None:
    """A model that was trained before an argument existed must read the same tool as before."""

    class Lamp(Plugin):
        """Has an argument and a tool for rules."""

        name = "lamp"

        @tool()
        async def light(self, context: ToolContext, room: str, colour: RuleArgument | None = None) -> ToolResult:
            """Light a room."""
            return ToolResult({"room": room, "colour": colour or "white"}, "There is light.")

        @tool(offered=False)
        async def dim(self, context: ToolContext) -> ToolResult:
            """Dim the light."""
            return ToolResult({}, "It is dim.")

    tools = tool_methods(Lamp())
    assert list(tools["light"].spec.parameters["properties"]) == ["room"]
    assert tools["light"].check({"room": "hall", "colour": "red"}) == {"room": "hall", "colour": "red"}
    assert (tools["light"].mark.offered, tools["dim"].mark.offered) == (True, False)


def test_an_argument_for_rules_needs_a_default() -> None:
    class Lamp(Plugin):
        """Has an argument that models cannot give."""

        name = "lamp"

        @tool()
        async def light(self, context: ToolContext, colour: RuleArgument) -> ToolResult:
            """Light a room."""
            return ToolResult({}, colour)

    with pytest.raises(PluginError, match="parameter 'colour': a RuleArgument needs a default"):
        tool_methods(Lamp())
