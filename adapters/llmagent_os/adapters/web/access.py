"""Who may talk to the server, and who they are.

Three dangers, three checks: another site's script opening a WebSocket with the person's cookies (the ``Origin`` must be
the page's own), another site's name made to point at this machine (without a token, the ``Host`` must be a loopback
name: DNS rebinding), and anybody on the network (with a token, it must be shown once and becomes a cookie).
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

from llmagent_os.errors import ConfigError

PERSON_COOKIE = "llmagent_person"
TOKEN_COOKIE = "llmagent_token"
YEAR = 365 * 24 * 3600  #: seconds

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"\w[\w .'-]{0,39}")


class Person(msgspec.Struct, frozen=True):
    """Who sits before a page."""

    id: str
    name: str = ""  #: of a ``?person=``


class Access:
    """The checks, for one host and token.

    Raises:
        ConfigError: others can reach ``host`` and there is no token, or it is too short.
    """

    def __init__(self, host: str, token: str | None, origins: Collection[str] = ()) -> None:
        self.loopback = _is_loopback(host)
        how = "set it to what `python -c 'import secrets; print(secrets.token_urlsafe(24))'` prints"
        if token is not None and len(token) < 16:
            raise ConfigError(
                f"web: `token` (LLMAGENT_OS_WEB_TOKEN) has {len(token)} characters, not 16 or more: {how}"
            )
        if not self.loopback and token is None:
            raise ConfigError(
                f"web: other machines can reach `host` {host!r}, so `token` (LLMAGENT_OS_WEB_TOKEN) is required: "
                f"{how}, or set `host` (LLMAGENT_OS_WEB_HOST) to '127.0.0.1'"
            )
        self._token = token
        self._origins = frozenset(_place(URL(origin)) for origin in origins)

    def host_is_ours(self, request: web.Request) -> bool:
        """Whether the browser asked for this server by a name that is its own."""
        if self._token is not None:  # a rebound name has no cookie with the token
            return True
        try:
            name = URL(f"http://{request.headers.get('Host', '')}").host or ""
        except ValueError:
            return False
        return _is_loopback(name) or name in {place[0] for place in self._origins}

    def origin_is_ours(self, request: web.Request) -> bool:
        """Whether the request comes from our own page, or from a program that is no browser (no ``Origin``)."""
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        try:
            there = URL(origin)
            here = URL(f"{there.scheme}://{request.headers.get('Host', '')}")
            return there.host is not None and (_place(there) == _place(here) or _place(there) in self._origins)
        except ValueError:
            return False

    def has_token(self, request: web.Request) -> bool:
        """Whether the request shows the token, or the cookie given for it; true where none is asked for."""
        if self._token is None:
            return True
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(shown.strip(), self._token):
            return True
        return _same(request.cookies.get(TOKEN_COOKIE, ""), self._token_cookie())

    def person(self, request: web.Request) -> Person | None:
        """Who this is; None for a browser that has no cookie yet. ``?person=`` names somebody on loopback only."""
        name = request.query.get("person", "").strip()
        if name and self.loopback and self._token is None and _NAME.fullmatch(name):
            return Person("person-" + re.sub(r"\W+", "-", name.casefold()), name)
        secret = request.cookies.get(PERSON_COOKIE, "")
        if not _SECRET.fullmatch(secret):
            return None
        # The cookie is a key to the conversations; the id that goes to logs and the ledger must not be.
        return Person(hashlib.sha256(secret.encode()).hexdigest()[:20])

    def welcome(self, request: web.Request, response: web.Response) -> None:
        """Give the browser its cookies, or keep them for another year."""
        # Not request.secure: behind a proxy that speaks TLS, only the page's own origin tells.
        secure = request.headers.get("Origin", "").startswith("https:")
        secret = request.cookies.get(PERSON_COOKIE, "")
        cookies = {PERSON_COOKIE: secret if _SECRET.fullmatch(secret) else secrets.token_urlsafe(32)}
        if self._token is not None:
            cookies[TOKEN_COOKIE] = self._token_cookie()
        for name, value in cookies.items():
            response.set_cookie(name, value, max_age=YEAR, httponly=True, samesite="Strict", secure=secure)

    def _token_cookie(self) -> str:
        return hmac.new((self._token or "").encode(), b"llmagent-os web page", hashlib.sha256).hexdigest()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").casefold() == "localhost"


def _place(url: URL) -> tuple[str, int | None]:
    return (url.host or "", url.port)


def _same(shown: str, expected: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), expected.encode())
