"""Offers the tools of a bot from the process that has its plugins: the running bot's, or one of `mcp serve`.

Only one process may have them. The plugins' locks hold within a process: two that change one person's records at once
would lose some of what each said was done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from llmagent_os.adapter_kit.outgoing_files import OUTGOING_FOLDER, OutgoingFiles
from llmagent_os.identity import Identity, person_kept_under
from llmagent_os.ledger import Ledger
from llmagent_os.mcp.access_tokens import AccessTokens, Grant, may_use
from llmagent_os.mcp.mcp_config import PERMISSION, MCPConfig
from llmagent_os.mcp.offered_tools import OfferedTools
from llmagent_os.mcp.tool_server import http_app, serve_http, serve_stdio
from llmagent_os.people.access import Access
from llmagent_os.plugin import ToolContext
from llmagent_os.tools.registry import Plugins


@dataclass(frozen=True)
class ServedBot:
    """A bot whose tools are offered."""

    title: str
    config: MCPConfig
    ledger: Ledger
    access: Access
    plugins: Plugins  #: which are loaded
    person_context: Callable[[Identity], Awaitable[ToolContext]]  #: makes the context of a person, without files
    data: Path  #: the data folder

    async def serve_http(
        self, host: str, port: int, names: tuple[str, ...], listening: Callable[[str], None] = lambda _: None
    ) -> None:
        """Serve by HTTP until cancelled; see :func:`~llmagent_os.mcp.tool_server.serve_http`.

        Args:
            host: address to listen on.
            port: to listen on.
            names: of hosts besides this machine's, under which the server is reached.
            listening: told the address.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        app = http_app(self.title, self._tools(), AccessTokens(self.ledger), self._admits, names)
        await serve_http(app, host, port, listening)

    async def serve_stdio(self, secret: str) -> None:
        """Serve whoever has started this process and gave it the token ``secret``.

        Raises:
            ConfigError: there is no such token.
        """
        await serve_stdio(self.title, self._tools(), AccessTokens(self.ledger), secret, self._admits)

    def _tools(self) -> OfferedTools:
        others = frozenset(f"{PERMISSION}_{name}" for name in self.config.servers)
        return OfferedTools(
            self.plugins,
            self.access,
            context_of=self._context_of,
            place_of=self.ledger.private_place,
            without=others,
        )

    async def _admits(self, grant: Grant) -> bool:
        return await may_use(self.access, grant.identity)

    async def _context_of(self, identity: Identity) -> ToolContext:
        files = OutgoingFiles(self.data / OUTGOING_FOLDER, person_kept_under(identity))
        return replace(await self.person_context(identity), files=files)
