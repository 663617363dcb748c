"""A server of the Model Context Protocol as a source of tools: to the host it is what a plugin is."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import copy_context
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from mcp import types

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.chat import ToolSpec
from llmagent_os.credentials.credential import Credential, CredentialError, GivenCredential
from llmagent_os.errors import PluginError
from llmagent_os.handler import note_work
from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.mcp.http_transport import GuardedTransport, http_transport
from llmagent_os.mcp.mcp_config import PERMISSION, ServerConfig, filled
from llmagent_os.mcp.outside_result import result_of
from llmagent_os.mcp.person_sessions import PersonSessions
from llmagent_os.mcp.server_session import Progress, ServerSession
from llmagent_os.mcp.server_tools import tools_of
from llmagent_os.mcp.sign_in_discovery import SignInDiscovery
from llmagent_os.mcp.stdio_transport import Program, stdio_transport
from llmagent_os.plugin import Tool, ToolContext, ToolMark, ToolResult, ToolSource
from llmagent_os.tools.credential_use import scrubbed_result

#: Seconds that the start of the host waits for a server. Later its tools come when it is there.
START_SECONDS = 5.0
#: Seconds before a server that was not there at the start is tried again, doubled each time.
AGAIN_SECONDS = 5.0
MAX_AGAIN_SECONDS = 300.0

#: Ends the name of the tool with which a person connects, while the tools of the server are not known.
CONNECT = "connect"

_ABOUT = gettext_noop("Its tools are used with what you give, for you and for nobody else.")

_log = structlog.get_logger(__name__)


class MCPSource(ToolSource):
    """One server of ``[mcp.servers]``. Its connections are opened when they are needed, and again after they broke."""

    work = gettext_noop("is using another program…")

    def __init__(
        self,
        server: str,
        config: ServerConfig,
        *,
        variables: Mapping[str, str],
        changed: Callable[[str], Awaitable[None]],
        redirect: str = "",
        title: str = "LLMAgentOS",
        folder: Path | None = None,
        allow_private: bool = False,
        start_seconds: float = START_SECONDS,
    ) -> None:
        """Args:
        server: its name in the bot's file.
        config: what the file says of it.
        variables: the environment variables that the file names.
        changed: told the name of the source whenever its tools are others.
        redirect: where sign-ins come back to; empty: nobody can sign in on a page.
        title: of the bot, which pages of sign-ins show.
        folder: keeps what authorization servers call this installation; None: nothing is kept.
        allow_private: authorization servers may have addresses of this machine and its network.
        start_seconds: that the start of the host waits for the server.
        """
        self.name = f"{PERMISSION}_{server}"
        self._server, self._config, self._variables, self._changed = server, config, variables, changed
        self.is_personal = config.is_per_person  # what one person's credential fetches is no business of a group
        self._redirect, self._title, self._start_seconds = redirect, title, start_seconds
        self._folder = folder
        self._allow_private = allow_private or config.reaches_private
        self._listed: tuple[types.Tool, ...] | None = None
        self._shared: ServerSession | None = None
        self._sessions = PersonSessions()
        self._beside = BackgroundTasks()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._first, self._begun_at, self._is_started = asyncio.Event(), 0.0, False
        self._trouble = ""
        if config.sign_in != "none":
            self._listed = self._kept_list()
        if config.sign_in == "token":
            self.credentials = (Credential(name=server, kind="token", title=server, about=_ABOUT),)

    # ── what the host asks ───────────────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """Begin to reach the server, before the host starts the source. So several servers start side by side."""
        if self._config.command and not self._config.folder:
            self._temporary = tempfile.TemporaryDirectory(prefix="llmagent-os-mcp-")
        if not self._config.is_per_person:
            self._shared = self._session({}, {})
        if self._config.sign_in != "token":
            self._beside.spawn(self._reach(self._first))
        else:
            self._first.set()
        self._begun_at = asyncio.get_running_loop().time()

    async def start(self) -> None:
        """Wait a moment for the server. One that is not there keeps nobody waiting."""
        if not self._begun_at:
            self.begin()
        waiting = asyncio.create_task(self._first.wait())
        left = self._begun_at + self._start_seconds - asyncio.get_running_loop().time()
        await asyncio.wait({waiting}, timeout=max(0.0, left))
        waiting.cancel()
        self._is_started = True

    async def stop(self) -> None:
        """Close all connections, and end all programs."""
        await self._beside.close()
        await asyncio.gather(self._sessions.close(), *([self._shared.close()] if self._shared else []))
        if self._temporary is not None:
            await asyncio.to_thread(self._temporary.cleanup)

    def trouble(self) -> str:
        """Why the server cannot be used now; empty: it can, or nobody has tried yet."""
        return self._trouble or (self._shared.trouble if self._shared is not None else self._sessions.trouble)

    def tools(self) -> Mapping[str, Tool]:
        """The tools that the server has said it has; before it did, one with which a person connects."""
        if self._listed is None:
            return {} if self._config.sign_in == "none" else self._connect_tool()
        names = tuple(each.name for each in self.credentials)
        return tools_of(self._server, self.name, self._config, self._listed, self._call, names)

    # ── reaching the server ──────────────────────────────────────────────────────────────────────────────────────────

    async def _reach(self, first: asyncio.Event) -> None:
        """Connect, or find out where people sign in, until that works once."""
        pause = AGAIN_SECONDS
        while True:
            try:
                if self._config.sign_in == "oauth":
                    await self._find_sign_in()
                elif self._shared is not None:
                    await self._shared.client()
                else:  # each person has a connection of their own; one of nobody's says which tools there are
                    nobodys = self._session({}, {})
                    await nobodys.client()
                    await nobodys.close()
                self._trouble = ""
                return
            except PluginError as error:
                refusal = None if self._shared is None else self._refusal(self._shared)
                self._trouble = str(refusal or error)
                _log.warning("an MCP server is not there yet", server=self._server, why=self._trouble)
            finally:
                first.set()
            await asyncio.sleep(pause)
            pause = min(MAX_AGAIN_SECONDS, 2 * pause)

    async def _find_sign_in(self) -> None:
        if not self._redirect:
            raise PluginError(f"people cannot sign in to {self._server!r}: set LLMAGENT_OS_PUBLIC_URL")
        discovery = SignInDiscovery(
            self._server,
            self._config,
            client_secret=filled(self._config.client_secret, self._variables),
            redirect=self._redirect,
            title=self._title,
            file=None if self._folder is None else self._folder / f"{self._server}.json",
            allow_private=self._allow_private,
        )
        found = await discovery.found()
        self.credentials = (
            Credential(name=self._server, kind="oauth2", title=self._server, about=_ABOUT, server=found),
        )
        await self._tell()

    async def _take(self, listed: list[types.Tool]) -> None:
        """Take a list of tools. Where it is another one, the host reads the tools again."""
        # A name that needs no change comes first: no other tool of the server takes it.
        new = tuple(sorted(listed, key=lambda each: (each.name != each.name.lower(), each.name)))
        if new != self._listed:
            if self._listed is not None:
                before = {each.name: each for each in self._listed}
                names = [each.name for each in new if before.get(each.name) != each][:20]
                _log.warning("tools of an MCP server have changed", server=self._server, tools=names)
            self._listed = new
            if self._config.sign_in != "none":
                await asyncio.to_thread(self._keep_list, new)
            await self._tell()

    async def _tell(self) -> None:
        if self._is_started:  # until then the host has not read the tools
            try:
                await self._changed(self.name)
            except PluginError as error:
                _log.error("the tools of an MCP server cannot be taken", server=self._server, why=str(error))

    def _kept_list(self) -> tuple[types.Tool, ...] | None:
        """The tools of the last start, as a server says nothing without a person's credential. None: none are kept."""
        try:
            raw = None if self._folder is None else (self._folder / f"{self._server}.tools.json").read_bytes()
            return None if raw is None else tuple(types.ListToolsResult.model_validate_json(raw).tools)
        except (OSError, ValueError):
            return None

    def _keep_list(self, tools: tuple[types.Tool, ...]) -> None:
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            written = types.ListToolsResult(tools=list(tools)).model_dump_json(by_alias=True, exclude_none=True)
            (self._folder / f"{self._server}.tools.json").write_text(written, encoding="utf-8")

    def _session(self, env: Mapping[str, str], headers: Mapping[str, str]) -> ServerSession:
        """A new connection, which gets ``env`` or ``headers`` besides those of the file."""
        config = self._config
        if config.command:
            given = {name: filled(value, self._variables) for name, value in config.env.items()}
            folder = config.folder or (self._temporary.name if self._temporary is not None else None)
            secrets = tuple(filter(None, (*self._variables.values(), *env.values())))
            program = Program(self._server, config.command, config.args, {**given, **env}, folder, secrets)
            return ServerSession(
                self._server,
                lambda: stdio_transport(program),
                why_ended=lambda: "; ".join(program.last_words),
                listed=self._take,
            )
        sent = {name: filled(value, self._variables) for name, value in config.headers.items()} | dict(headers)
        return _HttpSession(self._server, config, sent, self._allow_private, self._take)

    def _session_of(self, context: ToolContext) -> ServerSession:
        """The connection for the person of a call.

        Raises:
            CredentialError: the person has given no credential.
        """
        if self._shared is not None:
            return self._shared
        secret = ""
        if self._config.sign_in != "none":
            secret = context.credentials[self._server].secret
        env = {self._config.token_variable: secret} if self._config.token_variable else {}
        headers = {"Authorization": f"Bearer {secret}"} if secret and self._config.url else {}
        key = (context.user_id, sha256(secret.encode()).hexdigest())
        return self._sessions.of(key, lambda: self._session(env, headers))

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _call(self, context: ToolContext, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        session = self._session_of(context)
        try:
            answer = await session.call(tool, arguments, self._config.timeout, _progress())
        except PluginError as error:
            raise (self._refusal(session) or error) from None
        result = await result_of(self._server, tool, answer, context.files)
        return scrubbed_result(result, [GivenCredential(secret=value) for value in self._variables.values()])

    def _refusal(self, session: ServerSession) -> PluginError | None:
        """The error of a call whose credential the server does not take. None: that was not why it failed."""
        if not isinstance(session, _HttpSession) or session.challenge is None:
            return None
        if self._config.sign_in != "none":
            return CredentialError(self._server, "refused", gettext("the server does not let me in"))
        return PluginError(
            f"the server {self._server!r} asks to sign in: write `sign_in` or `headers` "
            f"into [mcp.servers.{self._server}]"
        )

    def _connect_tool(self) -> dict[str, Tool]:
        name = f"{self._server}_{CONNECT}"
        permission = self._config.permission or f"{PERMISSION}.{self._server}.{CONNECT}"
        spec = ToolSpec(
            name=name,
            description=f"Connects the person to the server {self._server}, so that its tools can be used.",
            parameters={"type": "object", "properties": {}},
            permission=permission,
            read_only=True,
            plugin=self.name,
        )
        names = tuple(each.name for each in self.credentials)
        mark = ToolMark(permission, True, START_SECONDS * 4, effect="reads", credentials=names)
        return {name: Tool(spec, mark, lambda _: {}, self._connect)}

    async def _connect(self, context: ToolContext, _: Mapping[str, Any]) -> ToolResult:
        if self._config.sign_in == "oauth" and not self.credentials:
            raise PluginError(self._trouble or f"the server {self._server!r} does not say where to sign in")
        session = self._session_of(context)
        try:
            await session.client()
        except PluginError as error:
            raise (self._refusal(session) or error) from None
        count = len(self._listed or ())
        text = gettext("Connected to {server}: it has {count} tools.", server=self._server, count=count)
        return ToolResult({"status": "connected", "server": self._server, "tools": str(count)}, text)


def _progress() -> Progress:
    """Tells the person of the present call how far it is. The server's words are not told."""
    context, told = copy_context(), [-1]

    async def take(progress: float, total: float | None, message: str | None) -> None:
        percent = max(0, min(100, int(100 * progress / total))) if total else -1
        if percent // 10 > told[0]:
            told[0] = percent // 10
            context.run(lambda: note_work(gettext("is using another program: {percent} %…", percent=percent)))

    return take


class _HttpSession(ServerSession):
    """A connection by HTTP, which knows whether the server has asked to sign in."""

    def __init__(
        self,
        server: str,
        config: ServerConfig,
        headers: Mapping[str, str],
        allow_private: bool,
        listed: Callable[[list[types.Tool]], Awaitable[None]],
    ) -> None:
        self._guarded = GuardedTransport(allow_private=allow_private)
        self._url, self._headers, self._private = config.url, headers, allow_private
        super().__init__(server, self._streams, listed=listed)

    def _streams(self) -> AbstractAsyncContextManager[Any]:
        self._guarded = GuardedTransport(allow_private=self._private)
        return http_transport(self._url, self._headers, self._guarded)

    @property
    def challenge(self) -> str | None:
        """What the server said when it asked to sign in; None: it did not."""
        return self._guarded.challenge
