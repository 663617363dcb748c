"""The routes: the page and its assets, the session, the WebSocket, files, health and metrics."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from aiohttp import WSMsgType, web

from llmagent_os.adapters.web.access import Access, Person
from llmagent_os.adapters.web.frames import (
    Ack,
    Conversations,
    Earlier,
    Error,
    InFrame,
    Items,
    Line,
    List,
    New,
    Open,
    Ping,
    Pong,
    Refused,
    Welcome,
    id_of,
    read_frame,
)
from llmagent_os.adapters.web.page import Page
from llmagent_os.errors import AdapterError, BadEventError, ConfigError

if TYPE_CHECKING:
    from llmagent_os.adapters.web.adapter import WebAdapter

log = structlog.stdlib.get_logger()

MAX_FRAME = 256 * 1024  #: bytes of one WebSocket message; a longer one ends the connection, as the protocol has it
HEARTBEAT = 20.0  #: seconds between the pings that find dead connections
NOT_ADMITTED = 4401  #: WebSocket close code: ask for a session first
ASSETS = ("index.html", "style.css", "chat.js", "connection.js", "outbox.js", "view.js", "markdown.js", "palette.js")
ICON = "icon.svg"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """The HTTP side of a WebAdapter."""

    def __init__(
        self,
        adapter: WebAdapter,
        access: Access,
        host: str,
        port: int,
        health: Callable[[], Awaitable[Mapping[str, Any]]] | None,
        metrics: Callable[[], bytes] | None,
    ) -> None:
        self.listening = asyncio.Event()
        self._adapter = adapter
        self._access = access
        self._host, self._port = host, port
        self._health, self._metrics = health, metrics
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The page's address, once it is known."""
        if self._url is None:
            raise AdapterError("web: the address is known only after run() has started; await started()")
        return self._url

    async def run(self) -> None:
        """Serve until cancelled."""
        runner = web.AppRunner(await self._application(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self._host, self._port).start()
            except OSError as error:
                raise ConfigError(
                    f"web: cannot listen on `host` {self._host!r}, `port` {self._port}: {error.strerror or error}; "
                    "is it running already? Set `port` (LLMAGENT_OS_WEB_PORT) to another, or to 0 for any free one"
                ) from error
            self._port = runner.addresses[0][1]  # the same after a restart of run(), where it was 0
            shown = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)
            self._url = f"http://{f'[{shown}]' if ':' in shown and shown[0] != '[' else shown}:{self._port}/"
            self.listening.set()
            log.info("web.listening", url=self._url)
            await asyncio.get_running_loop().create_future()
        finally:
            self.listening.clear()
            await self._adapter.close_pages()
            await runner.cleanup()

    async def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard], client_max_size=4096)
        assets = await asyncio.to_thread(_read_assets)
        for name, (body, content_type) in assets.items():
            application.router.add_get("/" if name == "index.html" else f"/{name}", _asset(body, content_type))
        application.router.add_post("/session", self._session)
        application.router.add_get("/socket", self._socket)
        application.router.add_get("/files/{token}/{name}", self._file)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/metrics", self._prometheus)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._access.host_is_ours(request):
            response: web.StreamResponse = web.Response(
                status=403,
                text="The Host header is not a name of this machine. To serve under another name, set `token`.\n",
            )
        elif (request.method != "GET" or request.path == "/socket") and not self._access.origin_is_ours(request):
            response = web.Response(
                status=403, text="This comes from another site's page. Behind a proxy, set `origins`.\n"
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
        found = await self._adapter.transcript.file(request.match_info["token"], name)
        if found is None or not await asyncio.to_thread(found[1].is_file):
            raise web.HTTPNotFound
        # Always a download, and in a sandbox: a file that came from elsewhere must not run as our page.
        headers = HEADERS | {"Content-Disposition": _attachment(name), "Content-Security-Policy": "sandbox"}
        headers["Content-Type"] = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return web.FileResponse(found[1], headers=headers)

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
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_FRAME, compress=False)
        socket.headers.update(HEADERS)
        await socket.prepare(request)
        person = self._access.person(request)
        if person is None or not self._access.has_token(request):
            # Not a 401 to the handshake: a page cannot see that status, but it sees a close code.
            await socket.close(code=NOT_ADMITTED, message=b"POST /session first")
            return socket
        page = Page(socket, person, self._adapter.transcript)
        self._adapter.opened(page)
        telling = asyncio.create_task(self._keep_told(page))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._hear(page, person, message.data)
        except ConnectionError:
            log.debug("web.page_gone", user_id=person.id)
        finally:
            self._adapter.closed(page)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        return socket

    async def _keep_told(self, page: Page) -> None:
        try:
            await page.keep_told()
        except ConnectionError:
            log.debug("web.page_gone", user_id=page.person.id)
        except Exception:
            log.exception("web.page_failed", user_id=page.person.id)
            await page.close()  # it comes again and resumes

    async def _hear(self, page: Page, person: Person, raw: str | bytes) -> None:
        try:
            frame = read_frame(raw)
        except BadEventError as error:
            log.info("web.bad_frame", user_id=person.id, error=str(error))
            known = id_of(raw)
            reason = "This could not be understood."
            await page.tell(Refused(id=known, reason=reason, again=False) if known else Error(reason=str(error)))
            return
        try:
            await self._act(page, person, frame)
        except ConnectionError:
            raise
        except Exception:  # one frame's trouble is not the connection's
            log.exception("web.frame_failed", user_id=person.id)
            known = getattr(frame, "id", None)
            reason = "Something went wrong here."
            await page.tell(Refused(id=known, reason=reason, again=True) if known else Error(reason=reason))

    async def _act(self, page: Page, person: Person, frame: InFrame) -> None:
        transcript = self._adapter.transcript
        match frame:
            case Ping():
                await page.tell(Pong())
            case New():
                await self.show(page, await transcript.begin(person.id), 0)
            case Open():
                wanted = frame.conversation
                if wanted is not None and await transcript.owner(wanted) == person.id:
                    await self.show(page, wanted, frame.after)
                else:
                    await self.show(page, await transcript.latest(person.id), 0)
            case List():
                lines = await transcript.conversations(person.id)
                listed = tuple(Line(id=line[0], title=line[1], at=line[2]) for line in lines)
                await page.tell(Conversations(conversations=listed))
            case Earlier():
                if page.conversation is not None:
                    kept = await transcript.before(page.conversation, frame.before)
                    await page.tell(Items(conversation=page.conversation, items=kept.items, more=kept.more))
            case _:
                refused = await self._adapter.take(page, frame)
                if refused is None:
                    await page.catch_up()  # before the Ack: the page drops its own copy then
                await page.tell(refused or Ack(id=frame.id))

    async def show(self, page: Page, conversation: str, after: int) -> None:
        """Turn ``page`` to a conversation, of which it has everything up to ``after``."""
        adapter = self._adapter
        await page.tell(
            Welcome(
                title=adapter.title,
                about=adapter.about,
                examples=adapter.examples,
                person=page.person.name,
                conversation=conversation,
                max_characters=adapter.max_characters,
            )
        )
        await page.show(conversation, after)
        adapter.show_drafts(page)


def _read_assets() -> dict[str, tuple[bytes, str]]:
    folder = files("llmagent_os.adapters.web") / "page"
    kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    return {name: ((folder / name).read_bytes(), kinds[name.rpartition(".")[2]]) for name in (*ASSETS, ICON)}


def _asset(body: bytes, content_type: str) -> Handler:
    etag = hashlib.sha256(body).hexdigest()[:32]

    async def handler(request: web.Request) -> web.StreamResponse:
        known = request.if_none_match
        if known and any(tag.value == etag for tag in known):
            return web.Response(status=304)
        response = web.Response(body=body, content_type=content_type, charset="utf-8")
        response.etag = etag
        response.headers["Cache-Control"] = "no-cache"
        return response

    return handler


def _attachment(name: str) -> str:
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
