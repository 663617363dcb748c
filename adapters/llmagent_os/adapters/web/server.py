"""The HTTP server: the page, the session, the WebSocket, files, health and metrics."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import structlog
from aiohttp import web

from llmagent_os.adapter_kit.files import UNKNOWN_TYPE
from llmagent_os.adapter_kit.http_listener import listening
from llmagent_os.adapter_kit.pages import MAX_BODY_BYTES, AnswerPage, add_pages
from llmagent_os.adapter_kit.pages import PREFIX as PAGES
from llmagent_os.adapters.web.access import Access
from llmagent_os.adapters.web.file_response import file_response
from llmagent_os.adapters.web.open_pages import OpenPages
from llmagent_os.adapters.web.page_actions import PageActions
from llmagent_os.adapters.web.page_assets import Handler, add_assets
from llmagent_os.adapters.web.page_socket import PageSocket
from llmagent_os.adapters.web.recordings import Recordings
from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.adapters.web.uploads import Uploads
from llmagent_os.errors import AdapterError
from llmagent_os.languages import ENGLISH, speaking

_log = structlog.stdlib.get_logger(__name__)

MAX_FRAME_BYTES = 256 * 1024  #: of one WebSocket message; a longer one ends the connection, as the protocol wants
MAX_REQUEST_BYTES = 4096  #: of the body of a request
HEARTBEAT_SECONDS = 20.0  #: between the pings that find dead connections
SHUTDOWN_SECONDS = 2.0  #: how long a request that is being answered may go on when the bot stops
UPLOADS = "/uploads"  #: the path to which pages send files
RECORDINGS = "/recordings"  #: the path to which pages send what visitors record
NO_SESSION = 4401  #: close code of a WebSocket: the page must ask for a session first
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Server:
    """The routes, and the checks in front of them."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        access: Access,
        transcript: Transcript,
        pages: OpenPages,
        actions: PageActions,
        uploads: Uploads,
        health: Callable[[], Awaitable[Mapping[str, Any]]] | None,
        metrics: Callable[[], bytes] | None,
        plugin_pages: AnswerPage | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        """Args:
        host: address to listen on.
        port: 0 takes a free one.
        access: who may talk to the server.
        transcript: what was said.
        pages: the pages that are open.
        actions: takes what visitors do.
        uploads: takes the files that they attach.
        health: for ``/healthz``.
        metrics: for ``/metrics``.
        plugin_pages: answers requests for pages of plugins.
        recordings: takes what visitors record; None: the bot does not listen.
        """
        self.is_listening = asyncio.Event()
        self._host, self._port = host, port
        self._access = access
        self._transcript = transcript
        self._pages = pages
        self._uploads = uploads
        self._page_socket = PageSocket(transcript, pages, actions)
        self._health, self._metrics = health, metrics
        self._plugin_pages = plugin_pages
        self._recordings = recordings
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The page's address.

        Raises:
            AdapterError: the server has not started.
        """
        if self._url is None:
            raise AdapterError("web: the address is known only after run() has started; await started()")
        return self._url

    async def run(self) -> None:
        """Serve until cancelled."""
        refused = (
            f"web: cannot listen on `host` {self._host!r}, `port` {self._port} (is it running already? Set `port`, "
            "LLMAGENT_OS_WEB_PORT, to another one, or to 0 for any free one)"
        )
        application = await self._application()
        async with listening(
            application,
            self._host,
            self._port,
            refused=refused,
            shutdown_seconds=SHUTDOWN_SECONDS,
            streamed={UPLOADS, RECORDINGS},
        ) as port:
            self._port = port  # a free port stays the same when run() is called again
            shown = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)
            self._url = f"http://{f'[{shown}]' if ':' in shown and shown[0] != '[' else shown}:{port}/"
            self.is_listening.set()
            _log.info("web: listening", url=self._url)
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.is_listening.clear()
                await self._pages.close_all()

    async def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard], client_max_size=max(MAX_REQUEST_BYTES, MAX_BODY_BYTES))
        await add_assets(application)
        application.router.add_post("/session", self._session)
        application.router.add_get("/socket", self._socket)
        application.router.add_post(UPLOADS, self._upload)
        application.router.add_get("/files/{token}/{name}", self._file)
        application.router.add_post(RECORDINGS, self._recording)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/metrics", self._prometheus)
        if self._plugin_pages is not None:
            add_pages(application, self._plugin_pages)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(PAGES):  # its address is a secret, which a page of another site does not know
            response: web.StreamResponse = await handler(request)
        elif not self._access.has_own_host(request):
            response = web.Response(
                status=403,
                text="The Host header is not a name of this machine. To serve under another name, set `token`.\n",
            )
        elif (request.method != "GET" or request.path == "/socket") and not self._access.has_own_origin(request):
            response = web.Response(
                status=403, text="This request comes from the page of another site. Behind a proxy, set `origins`.\n"
            )
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=f"{error.status}: {error.reason}\n")
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    async def _session(self, request: web.Request) -> web.Response:
        if not self._access.has_token(request):
            return web.json_response({"error": "token"}, status=401)
        response = web.json_response({})
        self._access.welcome(request, response)
        return response

    async def _file(self, request: web.Request) -> web.StreamResponse:
        if not self._access.has_token(request):
            raise web.HTTPUnauthorized
        name = request.match_info["name"]
        found = await self._transcript.file(request.match_info["token"], name)
        if found is None or not await asyncio.to_thread(found[1].is_file):
            raise web.HTTPNotFound
        # Always a download, and in a sandbox: the file may come from anywhere, and must not run as part of the page.
        headers = HEADERS | {"Content-Disposition": _attachment(name), "Content-Security-Policy": "sandbox"}
        headers["Content-Type"] = mimetypes.guess_type(name)[0] or UNKNOWN_TYPE
        try:
            return await file_response(request, found[1], headers)
        except OSError as error:
            _log.error("web: a file of a reply cannot be read", file=name, error=str(error))
            raise web.HTTPNotFound from error

    async def _upload(self, request: web.Request) -> web.Response:
        visitor = self._access.visitor(request)
        if visitor is None or not self._access.has_token(request):
            raise web.HTTPUnauthorized
        with speaking(visitor.language or ENGLISH):
            return await self._uploads.receive(visitor, request)

    async def _recording(self, request: web.Request) -> web.Response:
        """Take a recording, before the frame ``voice`` names it."""
        visitor = self._access.visitor(request)
        if visitor is None or not self._access.has_token(request):
            raise web.HTTPUnauthorized
        if self._recordings is None:
            raise web.HTTPNotFound
        with speaking(visitor.language or ENGLISH):
            problem = await self._recordings.take(visitor.id, request)
        return web.json_response({"error": problem} if problem else {}, status=422 if problem else 200)

    async def _healthz(self, request: web.Request) -> web.Response:
        report = {"ok": True} if self._health is None else dict(await self._health())
        ok = bool(report.get("ok"))
        if not self._access.has_token(request):
            report = {"ok": ok}
        return web.json_response(report, status=200 if ok else 503)

    async def _prometheus(self, request: web.Request) -> web.Response:
        if self._metrics is None:
            raise web.HTTPNotFound
        if not self._access.has_token(request):
            raise web.HTTPUnauthorized
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=self._metrics(), headers=headers)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, max_msg_size=MAX_FRAME_BYTES, compress=False)
        socket.headers.update(HEADERS)
        await socket.prepare(request)
        visitor = self._access.visitor(request)
        if visitor is None or not self._access.has_token(request):
            # A page cannot see the status of a refused handshake, but it sees a close code.
            await socket.close(code=NO_SESSION, message=b"POST /session first")
        else:
            with speaking(visitor.language or ENGLISH):
                await self._page_socket.serve(socket, visitor)
        return socket


def _attachment(name: str) -> str:
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
