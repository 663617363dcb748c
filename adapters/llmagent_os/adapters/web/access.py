"""Who may talk to the server, and who the visitor is.

Three dangers, three checks:

* The script of another site opens a WebSocket with the visitor's cookies: the ``Origin`` must be the page's own.
* The name of another site is made to point at this machine (DNS rebinding): without a token, the ``Host`` must be a
  loopback name.
* Anybody on the network opens the page: the token must be shown once, and becomes a cookie.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Collection

import msgspec
from aiohttp import web
from yarl import URL

from llmagent_os.adapters.web.page_texts import language_of_page
from llmagent_os.errors import ConfigError

PERSON_COOKIE = "llmagent_person"
TOKEN_COOKIE = "llmagent_token"
COOKIE_SECONDS = 365 * 24 * 3600  #: how long a browser keeps the cookies
MIN_TOKEN_CHARACTERS = 16

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"\w[\w .'-]{0,39}")


class Visitor(msgspec.Struct, frozen=True):
    """The person at a browser page."""

    id: str
    name: str = ""  #: given by ``?person=``
    language: str = ""  #: of the page; empty: the browser asks for none that there are texts in
    time_zone: str = ""  #: IANA name that the browser says; empty: it says none


class Access:
    """The checks, for one host and token."""

    def __init__(self, host: str, token: str | None, origins: Collection[str] = ()) -> None:
        """Args:
        host: the address that the server listens on.
        token: what a browser must show; None: no token is needed.
        origins: further addresses of the page.

        Raises:
            ConfigError: other machines can reach ``host`` and there is no token, or the token is too short.
        """
        self.loopback = _is_loopback(host)
        how = "set it to the output of `python -c 'import secrets; print(secrets.token_urlsafe(24))'`"
        if token is not None and not (token.isascii() and token.isprintable() and token == token.strip()):
            raise ConfigError(
                "web: `token` (LLMAGENT_OS_WEB_TOKEN) has characters that a browser cannot send, such as letters with "
                f"accents, typographic quotes or spaces at its ends: {how}"
            )
        if token is not None and len(token) < MIN_TOKEN_CHARACTERS:
            raise ConfigError(
                f"web: `token` (LLMAGENT_OS_WEB_TOKEN) has {len(token)} characters, and needs "
                f"{MIN_TOKEN_CHARACTERS} or more: {how}"
            )
        if not self.loopback and token is None:
            raise ConfigError(
                f"web: other machines can reach `host` {host!r}, so `token` (LLMAGENT_OS_WEB_TOKEN) is required: "
                f"{how}, or set `host` (LLMAGENT_OS_WEB_HOST) to '127.0.0.1'"
            )
        self._token = token
        self._origins = frozenset(_host_and_port(URL(origin)) for origin in origins)

    def has_own_host(self, request: web.Request) -> bool:
        """Whether the browser asked for this server by one of the server's own names."""
        if self._token is not None:  # under a rebound name, the browser has no cookie with the token
            return True
        try:
            name = URL(f"http://{request.headers.get('Host', '')}").host or ""
        except ValueError:
            return False
        return _is_loopback(name) or name in {host for host, _ in self._origins}

    def has_own_origin(self, request: web.Request) -> bool:
        """Whether a request comes from the page itself, or from a program that is no browser (no ``Origin``)."""
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        try:
            page = URL(origin)
            server = URL(f"{page.scheme}://{request.headers.get('Host', '')}")
            place = _host_and_port(page)
            return page.host is not None and (place == _host_and_port(server) or place in self._origins)
        except ValueError:
            return False

    def has_token(self, request: web.Request) -> bool:
        """Whether a request shows the token or its cookie; always true if no token is needed."""
        if self._token is None:
            return True
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(shown.strip(), self._token):
            return True
        return _same(request.cookies.get(TOKEN_COOKIE, ""), self._token_cookie())

    def visitor(self, request: web.Request) -> Visitor | None:
        """Who sent a request; None for a browser without a cookie. ``?person=`` gives a name, on loopback only."""
        language = language_of_page(request.cookies, request.headers.get("Accept-Language", ""))
        name = request.query.get("person", "").strip()
        if name and self.loopback and self._token is None and _NAME.fullmatch(name):
            return Visitor("person-" + re.sub(r"\W+", "-", name.casefold()), name, language)
        secret = request.cookies.get(PERSON_COOKIE, "")
        if not _SECRET.fullmatch(secret):
            return None
        # The cookie is a key to the conversations. The id goes to logs and the ledger, and must not be a key.
        return Visitor(hashlib.sha256(secret.encode()).hexdigest()[:20], language=language)

    def welcome(self, request: web.Request, response: web.Response) -> None:
        """Give the browser its cookies, or renew them for another year."""
        # request.secure would be wrong behind a proxy that ends TLS; the page's own origin is right.
        secure = request.headers.get("Origin", "").startswith("https:")
        secret = request.cookies.get(PERSON_COOKIE, "")
        cookies = {PERSON_COOKIE: secret if _SECRET.fullmatch(secret) else secrets.token_urlsafe(32)}
        if self._token is not None:
            cookies[TOKEN_COOKIE] = self._token_cookie()
        for name, value in cookies.items():
            response.set_cookie(name, value, max_age=COOKIE_SECONDS, httponly=True, samesite="Strict", secure=secure)

    def _token_cookie(self) -> str:
        return hmac.new((self._token or "").encode(), b"llmagent-os web page", hashlib.sha256).hexdigest()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").casefold() == "localhost"


def _host_and_port(url: URL) -> tuple[str, int | None]:
    return (url.host or "", url.port)


def _same(shown: str, expected: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), expected.encode())
