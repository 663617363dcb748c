"""Offers a bot's tools as a server of the Model Context Protocol: on the standard streams, or by streamable HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import uvicorn
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from llmagent_os.errors import ConfigError
from llmagent_os.mcp.access_tokens import AccessTokens, Grant
from llmagent_os.mcp.failed_tries import FailedTries
from llmagent_os.mcp.offered_tools import OfferedTools

#: The path of the server.
PATH = "/mcp"
#: Bytes of one request.
MAX_REQUEST = 1_000_000
#: Hosts that a browser of this machine may name.
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

#: Seconds after which a token is looked up again, where it was shown once.
WATCH_SECONDS = 30.0

_GRANT = "llmagent_os_grant"


def server_of(title: str, tools: OfferedTools, grant_of: Callable[[Any], Grant]) -> Server[Any]:
    """The server of a bot's tools, for any transport.

    Args:
        title: of the bot.
        tools: that the bot has.
        grant_of: what the one who sent a request may do, by the context of the request.
    """

    async def list_tools(
        context: ServerRequestContext[Any, Any], _: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools.listed(grant_of(context)))

    async def call_tool(
        context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        return await tools.call(grant_of(context), params.name, params.arguments or {})

    return Server(title, version=version("llmagent-os"), on_list_tools=list_tools, on_call_tool=call_tool)


async def serve_stdio(
    title: str,
    tools: OfferedTools,
    tokens: AccessTokens,
    secret: str,
    admits: Callable[[Grant], Awaitable[bool]],
) -> None:
    """Serve whoever has started this process, until its input ends.

    Args:
        title: of the bot.
        tools: that the bot has.
        tokens: of the installation.
        secret: of the token that the process was given.
        admits: whether the person of a token may still use the bot.

    Raises:
        ConfigError: there is no such token.
    """
    grant = await tokens.grant(secret)
    if grant is None or not await admits(grant):
        raise ConfigError("the token is none, or has ended: `llmagent-os mcp token add` makes one")

    async def watch() -> None:
        """End where the token is revoked while the process runs."""
        while (found := await tokens.grant(secret)) is not None and await admits(found):  # noqa: ASYNC110
            await asyncio.sleep(WATCH_SECONDS)

    server = server_of(title, tools, lambda _: grant)
    async with stdio_server() as (read, write):
        serving = asyncio.create_task(server.run(read, write, server.create_initialization_options()))
        watching = asyncio.create_task(watch())
        try:
            await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (serving, watching):
                task.cancel()
            await asyncio.gather(serving, watching, return_exceptions=True)


class TokenGate:
    """Lets requests through that show a token, and notes what the token allows."""

    def __init__(
        self,
        app: ASGIApp,
        tokens: AccessTokens,
        admits: Callable[[Grant], Awaitable[bool]],
        resource: str = "llmagent-os",
    ) -> None:
        """Args:
        app: what is behind the gate.
        tokens: of the installation.
        admits: whether the person of a token may still use the bot.
        resource: named to those who show none.
        """
        self._app, self._tokens, self._admits, self._resource = app, tokens, admits, resource
        self._tries = FailedTries()
        self._known: set[bytes] = set()  # the hashes of tokens that were right: no more than there are tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
        secret, address = secret.strip(), str((scope.get("client") or ("",))[0])
        # Behind a proxy all have one address: whoever has shown a right token is not turned away with the others.
        if self._tries.are_too_many(address) and sha256(secret.encode()).digest() not in self._known:
            await JSONResponse({"error": "too_many_tries"}, 429, {"Retry-After": "60"})(scope, receive, send)
            return
        grant = await self._tokens.grant(secret) if kind.lower() == "bearer" else None
        if grant is not None:
            self._known.add(sha256(secret.encode()).digest())
        elif secret:
            self._tries.note(address)
        if grant is None or not await self._admits(grant):
            challenge = {"WWW-Authenticate": f'Bearer realm="{self._resource}", error="invalid_token"'}
            await JSONResponse({"error": "invalid_token"}, 401, challenge)(scope, receive, send)
            return
        scope.setdefault("state", {})[_GRANT] = grant
        await self._app(scope, receive, send)


def _granted(context: ServerRequestContext[Any, Any]) -> Grant:
    """What the request's token allows, as the gate has noted it."""
    request = context.request
    grant = None if request is None else request.scope.get("state", {}).get(_GRANT)
    if not isinstance(grant, Grant):
        raise PermissionError("no token")
    return grant


def http_app(
    title: str,
    tools: OfferedTools,
    tokens: AccessTokens,
    admits: Callable[[Grant], Awaitable[bool]],
    hosts: Sequence[str] = (),
) -> ASGIApp:
    """The application that answers at :data:`PATH`.

    Args:
        title: of the bot.
        tools: that the bot has.
        tokens: of the installation.
        admits: whether the person of a token may still use the bot.
        hosts: names besides those of this machine under which the server is reached. Requests that name another host or
            come from a page of another one are refused: a page could make its own name lead here (DNS rebinding).
    """
    names = [*(f"{host}:*" for host in (*LOOPBACK, *hosts)), *hosts]
    security = TransportSecuritySettings(
        allowed_hosts=names, allowed_origins=[f"{scheme}://{name}" for name in names for scheme in ("http", "https")]
    )
    server = server_of(title, tools, _granted)
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=MAX_REQUEST,
        transport_security=security,
    )
    return TokenGate(inner, tokens, admits)


class _Uvicorn(uvicorn.Server):
    """Leaves signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve_http(app: ASGIApp, host: str, port: int, listening: Callable[[str], None]) -> None:
    """Serve until cancelled.

    Args:
        app: what is served.
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        listening: told the address, once it can be reached.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    try:
        place = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host!r}, port {port}: {error.strerror or error}") from error
    with place:
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
        server = _Uvicorn(config)
        serving = asyncio.create_task(server.serve(sockets=[place]))
        shown = f"[{host}]" if ":" in host else host
        listening(f"http://{shown}:{place.getsockname()[1]}{PATH}")
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await asyncio.wait({serving})
