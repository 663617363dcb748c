"""Whatever has tools is checked before anybody is offered them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from llmagent_os.errors import PluginError
from llmagent_os.plugin import Tool, ToolMark, ToolResult, ToolSource, ToolSpec
from llmagent_os.tools.registry import Plugins
from tests.unit.tools.test_registry import context

OK = ToolResult({"status": "ok"}, "Done.")


async def _done(*_: object) -> ToolResult:
    return OK


class Server(ToolSource):
    """A source that is no plugin: what it has is known only once it runs."""

    def __init__(self, name: str, *tools: str, says: str = "") -> None:
        self.name = name
        self.has: tuple[str, ...] = ()
        self.offers = tools
        self.says = says or name
        self.stopped = False

    async def start(self) -> None:
        self.has = self.offers

    async def stop(self) -> None:
        self.stopped = True

    def tools(self) -> Mapping[str, Tool]:
        mark = ToolMark("", read_only=True, timeout=5)
        return {name: Tool(_spec(name, self.says), mark, dict, _done) for name in self.has}


def _spec(name: str, plugin: str) -> ToolSpec:
    return ToolSpec(name=name, description="Does it.", parameters={"type": "object", "properties": {}}, plugin=plugin)


async def test_a_source_that_is_no_plugin_serves_like_one() -> None:
    """A server of tools would need a registry of its own."""
    server = Server("remote", "look-up")
    async with Plugins(installed=()) as plugins:
        await plugins.add(server)
        assert [spec.name for spec in plugins.specs()] == ["look-up"]
        assert await plugins.call("look-up", {}, context()) == OK
        assert await plugins.requests_in(context()) == (), "it is asked nothing that it does not define"
        server.has = ("look-up", "write-down")
        await plugins.refresh("remote")
        assert [spec.name for spec in plugins.specs()] == ["look-up", "write-down"]
    assert server.stopped


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (Server("Bad Name"), "needs a name like 'weather', not 'Bad Name'"),
        (Server("agent"), "cannot be called 'agent'"),
        (Server("remote", "look up"), "tool 'look up': a tool's name is letters"),
        (Server("remote", "look", says="other"), "its spec says 'look' of 'other'"),
        (Server("remote", "taken"), "'taken' is taken by the plugin 'first'"),
    ],
)
async def test_a_bad_declaration_keeps_the_source_out(server: Server, message: str) -> None:
    """Else it shows up in the middle of somebody's conversation."""
    async with Plugins(installed=()) as plugins:
        await plugins.add(Server("first", "taken"))
        with pytest.raises(PluginError, match=message):
            await plugins.add(server)
        assert [health.name for health in plugins.health()] == ["first"]
