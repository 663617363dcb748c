"""What a call of a tool costs: of a plugin, of a program by MCP, and of a service by MCP over HTTP.

``python -m benchmarks.mcp [--calls 500]`` prints processor time of this process for one call, through the registry in
all cases, and of the server. The server by HTTP runs in this process, so its share is in the same number.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable

from mcp.server.mcpserver import MCPServer
from tests.unit.mcp.calling import OUTSIDE, context
from tests.unit.mcp.signed_in_server import served

from llmagent_os.mcp.loaded_servers import add_servers
from llmagent_os.mcp.mcp_config import MCPConfig
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool
from llmagent_os.tools.registry import Plugins


class Greeter(Plugin):
    """The same tool, in this process."""

    name = "own"

    @tool(permission="own.greet")
    async def greet(self, context: ToolContext, name: str) -> ToolResult:
        """Greet somebody."""
        return ToolResult({"said": f"Hello, {name}!"}, f"Hello, {name}!")


async def microseconds(call: Callable[[], Awaitable[object]], calls: int) -> float:
    """Processor time of this process for one call, in microseconds."""
    for _ in range(20):
        await call()
    began = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - began) / calls * 1e6


async def measure(calls: int) -> None:
    server = MCPServer("web", log_level="ERROR")

    @server.tool()
    def greet(name: str) -> str:
        """Greet somebody."""
        return f"Hello, {name}!"

    async with (
        served(server.streamable_http_app()) as url,
        Plugins(installed=(), start_timeout=90) as plugins,
    ):
        program = {"command": sys.executable, "args": ["-ES", str(OUTSIDE)]}
        config = MCPConfig.model_validate({"servers": {"program": program, "web": {"url": url}}})
        await plugins.add(Greeter())
        began = time.process_time()
        await add_servers(plugins, config, {}, start_seconds=60)
        print(f"two servers started: {(time.process_time() - began) * 1e3:6.0f} ms of this process")
        for name, what in (("greet", "a plugin"), ("program_greet", "a program"), ("web_greet", "HTTP, both ends")):
            cost = await microseconds(lambda name=name: plugins.call(name, {"name": "Ana"}, context()), calls)
            print(f"{what:16} {cost:8.0f} µs of processor time a call")
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{'the program':16} {(children.ru_utime + children.ru_stime) / calls * 1e6:8.0f} µs a call, its start included"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500)
    asyncio.run(measure(parser.parse_args().calls))
