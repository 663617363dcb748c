"""Pages of plugins on the web: a calendar that a phone subscribes to, a form that a person fills in.

A page's address holds a secret of the person, so whoever knows the address may see the page. Every address begins with
:data:`PREFIX` and the plugin's name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog
from aiohttp import web

from llmagent_os.errors import LLMAgentOSError
from llmagent_os.languages import accepted_language, gettext, speaking
from llmagent_os.languages.catalogues import language_of_account

#: Begins the path of every page.
PREFIX = "/pages/"
MAX_BODY_BYTES = 16_384  #: of a form
#: Nothing of a page is kept, framed or told to other sites: its address is a secret.
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}

_log = structlog.stdlib.get_logger(__name__)


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody on the web asks of a plugin."""

    method: str  #: GET, HEAD or POST
    path: str  #: after the plugin's name, without a slash at its beginning
    headers: Mapping[str, str] = {}  #: by lower-case name
    body: bytes = b""  #: of a form
    query: Mapping[str, str] = {}  #: of the address, behind its question mark


class PageResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin's answer."""

    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = {}
    body: bytes = b""


#: Answers a request for a page of a plugin, which is named. None: there is no such page.
AnswerPage = Callable[[str, PageRequest], Awaitable[PageResponse | None]]


def add_pages(application: web.Application, answer: AnswerPage) -> None:
    """Add the pages of plugins to an HTTP server. A page is in the language that the browser asks for."""

    async def serve(request: web.Request) -> web.Response:
        language = accepted_language(request.headers.get("Accept-Language", ""))
        with speaking(await language_of_account(language)):
            return await answered(request)

    async def answered(request: web.Request) -> web.Response:
        asked = PageRequest(
            method=request.method,
            path=request.match_info["path"],
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read() if request.method == "POST" else b"",
            query=dict(request.query),
        )
        try:
            found = await answer(request.match_info["plugin"], asked)
        except LLMAgentOSError as error:
            _log.error("a page could not be shown", plugin=request.match_info["plugin"], error=str(error))
            unavailable = gettext("This page is not available just now.")
            return web.Response(status=503, text=f"{unavailable}\n", headers=HEADERS)
        if found is None:
            return web.Response(status=404, text=f"{gettext('There is no such page.')}\n", headers=HEADERS)
        headers = HEADERS | dict(found.headers) | {"Content-Type": found.content_type}
        return web.Response(status=found.status, body=found.body, headers=headers)

    application.router.add_get(f"{PREFIX}{{plugin}}/{{path:.+}}", serve)
    application.router.add_post(f"{PREFIX}{{plugin}}/{{path:.+}}", serve)
