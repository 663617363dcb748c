"""What tests of servers of tools share: a person's context, and plugins with servers."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmagent_os.adapter_kit.outgoing_files import MemoryFiles
from llmagent_os.identity import PersonId
from llmagent_os.mcp.loaded_servers import add_servers
from llmagent_os.mcp.mcp_config import MCPConfig
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext
from llmagent_os.records import MemoryRecords
from llmagent_os.tools.registry import Plugins

OUTSIDE = Path(__file__).parent / "outside_server.py"


def context(user: str = "memory::u1") -> ToolContext:
    return ToolContext(
        user_id=PersonId(user),
        conversation_key="room",
        call_id="1",
        now=datetime(2026, 11, 22, 17, 0, tzinfo=UTC),
        time_zone="UTC",
        text="",
        records=MemoryRecords(),
        profile=Profile(user_id=PersonId(user)),
        files=MemoryFiles(),
    )


def outside(*args: str, **more: Any) -> dict[str, Any]:
    """The table of a server that misbehaves. It needs no packages, so it starts at once."""
    return {"command": sys.executable, "args": ["-ES", str(OUTSIDE), *args], **more}


@asynccontextmanager
async def with_servers(
    servers: Mapping[str, Any], variables: Mapping[str, str] | None = None, **more: Any
) -> AsyncGenerator[Plugins]:
    """Plugins whose only sources are servers of a bot's file."""
    given = {name: more.pop(name) for name in ("allowed", "vault", "failures") if name in more}
    async with Plugins(installed=(), start_timeout=90, **given) as plugins:
        config = MCPConfig.model_validate({"servers": servers})
        await add_servers(plugins, config, variables or {}, start_seconds=60, **more)
        yield plugins
