"""Finds, reads and writes calendar objects on a CalDAV server.

The password is sent to the server that the person named, and to hosts of the same site only: a server may say that the
calendars are on another one.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from llmagent_os.adapter_kit.guarded_http import AddressError, GuardedHttp, Response
from llmagent_os.plugins.calendar.caldav.dav_xml import (
    PROPERTIES,
    DavAnswer,
    DavAnswerError,
    DavResource,
    multiget_report,
    parse_multistatus,
    sync_report,
)

_XML = "application/xml; charset=utf-8"
_NO_SYNC = (400, 403, 404, 405, 409, 410, 412, 415, 501)  #: answers of a server that cannot say what has changed


class DavError(Exception):
    """A server cannot be used now. The message is a clause for the person."""


class DavRefusedError(DavError):
    """The server does not take the name or the password."""


@dataclass(frozen=True)
class DavCalendar:
    """A calendar on a server."""

    url: str
    name: str


@dataclass(frozen=True)
class RemoteChanges:
    """What has changed on the server."""

    changed: dict[str, str]  #: path to ETag
    deleted: tuple[str, ...]
    sync_token: str  #: stands for the state after these changes; empty: the server has no such tokens


@dataclass(frozen=True)
class RemoteObject:
    """One calendar object on the server."""

    href: str
    etag: str
    data: str


class DavClient:
    """One person's access to one server."""

    def __init__(self, http: GuardedHttp, server: str, user: str, password: str, *, plain: bool = False) -> None:
        """Args:
        http: sends requests.
        server: the address that the person named.
        user: the person's name there.
        password: the person's.
        plain: whether the password may be sent without encryption, as to a server on this machine.
        """
        self._http = http
        self._server = server
        self._authorization = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
        self._plain = plain

    async def calendars(self) -> list[DavCalendar]:
        """The person's calendars that may hold events.

        Raises:
            DavError: the server cannot be reached, or is no CalDAV server.
        """
        for start in (self._server, urljoin(self._server, "/.well-known/caldav"), urljoin(self._server, "/")):
            response = await self._send("PROPFIND", start, PROPERTIES, {"Depth": "0"})
            if response.status != 207:
                continue
            found = next(iter((await self._read(response)).resources), DavResource(""))
            if "calendar" in found.kinds:
                return [DavCalendar(response.url, found.name)]
            homes = found.homes or (await self._homes(response.url, found.principal) if found.principal else [])
            if homes:
                return [each for home in homes for each in await self._calendars_in(urljoin(response.url, home))]
        raise DavError("I found no calendar there")

    async def _homes(self, base: str, principal: str) -> list[str]:
        url = urljoin(base, principal)
        response = await self._send("PROPFIND", url, PROPERTIES, {"Depth": "0"})
        found = (await self._read(response)).resources if response.status == 207 else []
        return [urljoin(response.url, home) for each in found for home in each.homes]

    async def _calendars_in(self, home: str) -> list[DavCalendar]:
        response = await self._send("PROPFIND", home, PROPERTIES, {"Depth": "1"})
        found = (await self._read(response)).resources if response.status == 207 else []
        usable = [
            each for each in found if "calendar" in each.kinds and (not each.components or "VEVENT" in each.components)
        ]
        return [DavCalendar(urljoin(response.url, each.href), each.name or _last_part(each.href)) for each in usable]

    async def changes(self, calendar: str, token: str, known: Mapping[str, str]) -> RemoteChanges:
        """What has changed in a calendar.

        Args:
            calendar: its address.
            token: of the last sync; empty: there was none.
            known: path to ETag of what was there after the last sync.
        """
        response = await self._send("REPORT", calendar, sync_report(token), {"Depth": "0"})
        if response.status == 207:
            answer = await self._read(response)
            found = [each for each in answer.resources if _path(each.href) != _path(calendar)]
            changed = {_path(each.href): each.etag for each in found if each.status != 404}
            deleted = [_path(each.href) for each in found if each.status == 404]
            if not token:  # the server lists what there is: the rest is gone
                deleted = [href for href in known if href not in changed]
            return RemoteChanges(changed, tuple(deleted), answer.sync_token)
        if token and response.status in _NO_SYNC:
            return await self.changes(calendar, "", known)  # the token is too old
        if response.status in _NO_SYNC:
            return await self._listed(calendar, known)
        raise _refusal(response)

    async def _listed(self, calendar: str, known: Mapping[str, str]) -> RemoteChanges:
        """What has changed, by the ETags of all objects."""
        response = await self._send("PROPFIND", calendar, PROPERTIES, {"Depth": "1"})
        if response.status != 207:
            raise _refusal(response)
        there = {
            _path(each.href): each.etag
            for each in (await self._read(response)).resources
            if "collection" not in each.kinds
        }
        return RemoteChanges(there, tuple(href for href in known if href not in there), "")

    async def fetch(self, calendar: str, hrefs: list[str]) -> list[RemoteObject]:
        """Read objects. Those that are gone are left out."""
        response = await self._send(
            "REPORT", calendar, multiget_report([_quoted(href) for href in hrefs]), {"Depth": "1"}
        )
        if response.status != 207:
            raise _refusal(response)
        found = (await self._read(response)).resources
        return [RemoteObject(_path(each.href), each.etag, each.data) for each in found if each.data]

    async def write(self, calendar: str, href: str, data: bytes, etag: str) -> tuple[int, str]:
        """Write an object. Returns the status and the new ETag; 412: somebody else has changed or made it.

        Args:
            calendar: the calendar's address.
            href: the object's path.
            data: the object.
            etag: of the object that it takes the place of; empty: there must be none.
        """
        condition = {"If-Match": etag} if etag else {"If-None-Match": "*"}
        headers = condition | {"Content-Type": "text/calendar; charset=utf-8"}
        response = await self._send("PUT", urljoin(calendar, _quoted(href)), data, headers)
        return response.status, response.headers.get("etag", "")

    async def delete(self, calendar: str, href: str, etag: str) -> int:
        """Delete an object. Returns the status."""
        condition = {"If-Match": etag} if etag else {}
        return (await self._send("DELETE", urljoin(calendar, _quoted(href)), b"", condition)).status

    async def _send(self, method: str, url: str, body: str | bytes, headers: Mapping[str, str]) -> Response:
        self._check_host(url)
        raw = body.encode() if isinstance(body, str) else body
        given = {"Content-Type": _XML, **headers} if raw else dict(headers)
        try:
            response = await self._http.request(
                method, url, headers=given, body=raw or None, authorization=self._authorization
            )
        except AddressError as error:
            raise DavError(str(error)) from None
        if response.status == 401:
            raise DavRefusedError("the server does not take the name or the password")
        if response.status == 429 or response.status >= 500:
            raise _refusal(response)
        return response

    def _check_host(self, url: str) -> None:
        host, named = urlsplit(url).hostname or "", urlsplit(self._server).hostname or ""
        if host != named and _site(host) != _site(named):
            raise DavError(f"the server sends me on to {host}, which is another site")
        if urlsplit(url).scheme != "https" and not self._plain:
            raise DavError("the address does not begin with https://, so the password would be sent for all to read")

    async def _read(self, response: Response) -> DavAnswer:
        try:
            return await asyncio.to_thread(parse_multistatus, response.body)
        except DavAnswerError as error:
            raise DavError(f"the server does not answer as a calendar server: {error}") from None


def _refusal(response: Response) -> DavError:
    return DavError(f"the server answers {response.status}")


def _site(host: str) -> str:
    """The site of a host: its last two names. A number stands for itself."""
    return host if host.replace(".", "").isdigit() or ":" in host else ".".join(host.lower().split(".")[-2:])


def _path(href: str) -> str:
    """A path that is written in one way only."""
    return unquote(urlsplit(href).path)


def _quoted(path: str) -> str:
    return quote(path, safe="/@:+,;=!$&'()*~-._")


def _last_part(href: str) -> str:
    return _path(href).rstrip("/").rpartition("/")[2]
