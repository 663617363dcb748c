"""The files of the page: HTML, style, scripts and icon."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files

from aiohttp import web

ASSETS = (
    "index.html",
    "style.css",
    "chat.js",
    "connection.js",
    "outbox.js",
    "attachments.js",
    "view.js",
    "icons.js",
    "markdown.js",
    "palette.js",
    "voice.js",
    "icon.svg",
)

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def add_assets(application: web.Application) -> None:
    """Add a route for every file of the page. ``index.html`` is at ``/``."""
    for name, body in (await asyncio.to_thread(_read)).items():
        content_type = _TYPES[name.rpartition(".")[2]]
        application.router.add_get("/" if name == "index.html" else f"/{name}", _handler(body, content_type))


def _read() -> dict[str, bytes]:
    folder = files("llmagent_os.adapters.web") / "page"
    return {name: (folder / name).read_bytes() for name in ASSETS}


def _handler(body: bytes, content_type: str) -> Handler:
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
