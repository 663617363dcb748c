"""Reads addresses that people give, so that nobody reaches what only this machine may reach.

An address may lead to another machine of the operator's network: to a router, to a database, or to the cloud's own
metadata. So every address is checked when it is connected to, after its name is resolved, and so is every redirection.
OWASP calls this server-side request forgery (SSRF).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from llmagent_os.errors import LLMAgentOSError
from llmagent_os.languages import gettext

MAX_REDIRECTS = 5  #: that one request follows
_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 1 << 16
#: IPv4 addresses as networks of IPv6 alone write them (RFC 6052), and as they were written once (RFC 4291).
_IPV4_INSIDE = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


class AddressError(LLMAgentOSError):
    """An address cannot be read. The message is a clause for the person: "the server cannot be reached"."""


class Response(msgspec.Struct, frozen=True):
    """What a server has answered."""

    status: int
    headers: Mapping[str, str]  #: by lower-case name
    body: bytes
    url: str  #: that answered, after redirections


class GuardedHttp:
    """Requests to public addresses only. Use it as ``async with GuardedHttp() as http``.

    Args:
        allow_private: also take addresses of this machine and of its network.
        seconds: for one request with its redirections.
        max_bytes: of one answer.
    """

    def __init__(self, *, allow_private: bool = False, seconds: float = 15.0, max_bytes: int = 5_000_000) -> None:
        self._allow_private = allow_private
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> GuardedHttp:
        connector = aiohttp.TCPConnector(resolver=_PublicResolver(self._allow_private), limit_per_host=4)
        # No cookies, no proxies and no passwords of the operator's: a stranger's address is asked as by a stranger.
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        authorization: str = "",
        follow: bool = True,
    ) -> Response:
        """Send one request, and follow redirections.

        Args:
            method: such as GET.
            url: the address.
            headers: to send.
            body: to send; None: none.
            authorization: the header ``Authorization``. A redirection to another host does not get it.
            follow: go where a redirection leads. A body that holds a secret must not go there: then the redirection
                itself is returned.

        Raises:
            AddressError: the address is not public, does not answer in time, or answers too much.
        """
        first = _checked(url)
        try:
            async with asyncio.timeout(self._seconds):
                for _ in range(MAX_REDIRECTS + 1):
                    self._refuse_private_literal(url)
                    own = {"Authorization": authorization} if authorization and _origin(url) == first else {}
                    response = await self._once(method, url, {**(headers or {}), **own}, body)
                    target = response.headers.get("location", "")
                    if response.status not in _REDIRECTS or not target or not follow:
                        return response
                    url = urljoin(url, target)
                    _checked(url)
                    if response.status == 303:
                        method, body = "GET", None
        except TimeoutError:
            raise AddressError(
                gettext("the server did not answer within {seconds} seconds", seconds=f"{self._seconds:.0f}")
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise AddressError(_why(error)) from None
        raise AddressError(gettext("the address leads on more than {count} times", count=MAX_REDIRECTS))

    async def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        if self._session is None:
            raise RuntimeError("use GuardedHttp as a context manager")
        # Not compressed: a small answer could become a huge one.
        headers = {"Accept-Encoding": "identity", **headers}
        given: dict[str, Any] = {"headers": headers, "data": body, "allow_redirects": False}
        async with self._session.request(method, URL(url, encoded=True), **given) as response:
            parts, size = list[bytes](), 0
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                size += len(chunk)
                if size > self._max_bytes:
                    raise AddressError(
                        gettext("the file is larger than {size} MB", size=f"{self._max_bytes / 1_000_000:g}")
                    )
                parts.append(chunk)
            named = {name.lower(): value for name, value in response.headers.items()}
            return Response(response.status, named, b"".join(parts), url)

    def _refuse_private_literal(self, url: str) -> None:
        """Check a host that is written as a number: no resolver is asked for it."""
        if not self._allow_private and not _is_public(urlsplit(url).hostname or "", named=True):
            raise AddressError(_not_public(urlsplit(url).hostname or ""))


class _PublicResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to this machine or its network."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not self._allow_private and not all(_is_public(each["host"]) for each in found):
            raise AddressError(_not_public(host))
        return found

    async def close(self) -> None:
        await self._resolver.close()


async def public_addresses(host: str) -> list[str]:
    """The addresses of ``host``, all of them public, for whoever connects by a client of its own.

    Raises:
        AddressError: one of them is of this machine or of its network, or there is none.
    """
    if not _is_public(host, named=True):
        raise AddressError(_not_public(host))
    try:
        return [each["host"] for each in await _PublicResolver(False).resolve(host)]
    except OSError:
        raise AddressError(gettext("there is no server with that name")) from None


def _checked(url: str) -> tuple[str, str, int | None]:
    """The origin of an address. Raises AddressError: it is none that can be read."""
    try:
        parts = urlsplit(url)
        origin = _origin(url)
    except ValueError:
        raise AddressError(gettext("it is not an address that I can read")) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressError(gettext("it is not an address that begins with https://"))
    return origin


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port


def _not_public(host: str) -> str:
    return gettext(
        "{host} is an address of a private network or of this machine, which I do not read; give me an address that "
        "anybody on the internet can open",
        host=host,
    )


def _is_public(host: str, *, named: bool = False) -> bool:
    """Whether ``host`` is a public address. ``named``: a name counts as one, because the resolver checks it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return named and not _is_odd_number(host)
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in _IPV4_INSIDE):
        mapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.is_global and not address.is_multicast and (mapped is None or mapped.is_global)


def _is_odd_number(host: str) -> bool:
    """Whether a host is a number in a spelling that some resolvers take: ``2130706433``, ``0x7f.1``, ``127.1``."""
    return all(part[:2].lower() == "0x" or part.isdigit() for part in host.rstrip(".").split("."))


def _why(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return gettext("the server's certificate is not valid")
        case aiohttp.ClientConnectorDNSError():
            return gettext("there is no server with that name")
        case aiohttp.ClientConnectionError() | OSError():
            return gettext("the server cannot be reached")
        case _:
            return gettext("the server does not answer as it should")
