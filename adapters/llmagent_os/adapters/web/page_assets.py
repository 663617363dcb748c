"""The files of the page: HTML, style, scripts and icon."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files

from aiohttp import web

from llmagent_os.adapters.web.page_texts import language_of_page, page_in, script_in
from llmagent_os.languages import ENGLISH, LANGUAGES
from llmagent_os.languages.catalogues import read_catalogues

ASSETS = (
    "index.html",
    "style.css",
    "chat.js",
    "connection.js",
    "outbox.js",
    "attachments.js",
    "view.js",
    "forms.js",
    "icons.js",
    "translation.js",
    "markdown.js",
    "palette.js",
    "voice.js",
    "icon.svg",
)

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def add_assets(application: web.Application) -> None:
    """Add a route for every file of the page.

    ``index.html`` is at ``/``, and the texts for the scripts are at ``/texts.js``: both in the language of the page.
    """
    for name, body in (await asyncio.to_thread(_read)).items():
        if name != "index.html":
            application.router.add_get(f"/{name}", _handler({"": body}, _TYPES[name.rpartition(".")[2]]))
            continue
        await asyncio.to_thread(read_catalogues, tuple(LANGUAGES))
        pages = {language: page_in(language, body.decode()) for language in LANGUAGES}
        application.router.add_get("/", _handler(pages, _TYPES["html"]))
    scripts = {language: script_in(language) for language in LANGUAGES}
    application.router.add_get("/texts.js", _handler(scripts, _TYPES["js"]))


def _read() -> dict[str, bytes]:
    folder = files("llmagent_os.adapters.web") / "page"
    return {name: (folder / name).read_bytes() for name in ASSETS}


def _handler(bodies: Mapping[str, bytes], content_type: str) -> Handler:
    """Args: ``bodies`` by language; a single one is for all."""
    etags = {language: hashlib.sha256(body).hexdigest()[:32] for language, body in bodies.items()}

    async def handler(request: web.Request) -> web.StreamResponse:
        accepts = request.headers.get("Accept-Language", "")
        language = "" if "" in bodies else language_of_page(request.cookies, accepts) or ENGLISH
        etag, body = etags[language], bodies[language]
        known = request.if_none_match
        if known and any(tag.value == etag for tag in known):
            return web.Response(status=304)
        response = web.Response(body=body, content_type=content_type, charset="utf-8")
        response.etag = etag
        response.headers["Cache-Control"] = "no-cache"
        if language:
            response.headers["Content-Language"] = language
            response.headers["Vary"] = "Accept-Language, Cookie"
        return response

    return handler
