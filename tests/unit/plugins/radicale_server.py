"""Radicale, a real CalDAV server, on a loopback port, and a phone that uses it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from base64 import b64encode
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp

from tests.free_port import free_port

USER, PASSWORD = "ana", "quetzal-7319"
AUTHORIZATION = {"Authorization": f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}
#: What phones send along with times in Berlin.
BERLIN = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE"""


class Radicale:
    """A server in a process of its own, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process: asyncio.subprocess.Process | None = None
        (folder / "users").write_text(f"{USER}:{PASSWORD}\n")

    async def start(self) -> None:
        """Start, and wait until the server answers."""
        options = {
            "server-hosts": f"127.0.0.1:{self.port}",
            "auth-type": "htpasswd",
            "auth-htpasswd-filename": str(self.folder / "users"),
            "auth-htpasswd-encryption": "plain",
            "auth-delay": "0",
            "storage-filesystem-folder": str(self.folder / "collections"),
            "logging-level": "error",
        }
        given = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "radicale", "--config", "", *given, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(30), aiohttp.ClientSession() as http:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(self.url):
                        return
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop, as a server that is switched off."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


class Phone:
    """Another program that uses the same calendar."""

    def __init__(self, server: Radicale, http: aiohttp.ClientSession, calendar: str = "work") -> None:
        self.calendar = f"{server.url}{USER}/{calendar}/"
        self._http = http

    async def make_calendar(self) -> None:
        """Make the calendar on the server."""
        async with self._http.request("MKCALENDAR", self.calendar) as answer:
            assert answer.status == 201, await answer.text()

    async def objects(self) -> dict[str, str]:
        """All objects: name to text."""
        async with self._http.request("PROPFIND", self.calendar, headers={"Depth": "1"}) as answer:
            names = sorted({part.split("<")[0] for part in (await answer.text()).split(f"/{USER}/")})
        found: dict[str, str] = {}
        for name in (each.rpartition("/")[2] for each in names if each.endswith(".ics")):
            found[name] = await self.read(name)
        return found

    async def read(self, name: str) -> str:
        """The text of one object."""
        async with self._http.get(self.calendar + name) as answer:
            assert answer.status == 200
            return (await answer.text()).replace("\r\n ", "")

    async def put(self, name: str, *entries: str) -> None:
        """Write an object of entries, which are given as lines without their frame."""
        framed = [f"BEGIN:VEVENT\nUID:{name}\nDTSTAMP:20200101T000000Z\n{each.strip()}\nEND:VEVENT" for each in entries]
        lines = "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:phone", BERLIN, *framed, "END:VCALENDAR", ""])
        await self.put_text(name, lines.replace("\n", "\r\n"))

    async def put_text(self, name: str, text: str) -> None:
        """Write an object."""
        headers = {"Content-Type": "text/calendar"}
        async with self._http.put(self.calendar + name, data=text.encode(), headers=headers) as answer:
            assert answer.status in (201, 204), await answer.text()

    async def delete(self, name: str) -> None:
        """Delete an object."""
        async with self._http.delete(self.calendar + name) as answer:
            assert answer.status in (200, 204)


@contextlib.asynccontextmanager
async def running_server(folder: Path) -> AsyncGenerator[tuple[Radicale, Phone]]:
    """A server with one calendar, and a phone that uses it."""
    server = Radicale(folder)
    await server.start()
    try:
        async with aiohttp.ClientSession(headers=AUTHORIZATION) as http:
            phone = Phone(server, http)
            await phone.make_calendar()
            yield server, phone
    finally:
        await server.stop()
