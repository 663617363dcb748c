"""A browser page without a browser. It speaks the web adapter's frames, and collects what a person would see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp

PATIENCE = 20.0  #: seconds after which a test that waits for something fails


class FakePage:
    """One open page of one browser. The cookies belong to the browser, and outlive the page."""

    def __init__(self, url: str, *, person: str = "", token: str | None = None, jar: aiohttp.CookieJar | None = None):
        self.url = url
        self.query = f"?person={person}" if person else ""
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.origin = url.rstrip("/")
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True) if jar is None else jar)
        self.conversation: str | None = None
        self.seq = 0
        self.items: dict[str, dict[str, Any]] = {}
        self.drafts: dict[str, str] = {}
        self.frames: list[dict[str, Any]] = []
        self.said = ""  #: the text of the server's last answer to an upload
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._came = asyncio.Condition()

    @property
    def is_open(self) -> bool:
        """Whether the page is connected."""
        return self._socket is not None and not self._socket.closed

    async def open(self, **first: Any) -> None:
        """Get a session, connect, and show the conversation, by default from where the page was."""
        origin = {"Origin": self.origin}
        async with self.http.post(f"{self.url}session", headers=origin | self.headers) as answer:
            assert answer.status == 200, await answer.text()
        self._socket = await self.http.ws_connect(f"{self.url}socket{self.query}", headers=origin)
        self._reading = asyncio.create_task(self._read())
        count = len(self.frames)
        await self.send({"type": "open", "conversation": self.conversation, "after": self.seq} | first)
        await self.until(lambda: any(frame["type"] == "welcome" for frame in self.frames[count:]))

    async def send(self, frame: dict[str, Any] | str | bytes) -> None:
        """Send one frame, or raw text or bytes."""
        assert self._socket is not None
        if isinstance(frame, bytes):
            await self._socket.send_bytes(frame)
        else:
            await self._socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def act(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Send an action of the person. Returns the Ack or the Refused."""
        count = len(self.frames)
        await self.send({"conversation": self.conversation} | frame)

        def answers() -> list[dict[str, Any]]:
            return [
                one for one in self.frames[count:] if one["type"] in ("ack", "refused") and one["id"] == frame["id"]
            ]

        await self.until(lambda: bool(answers()))
        return answers()[0]

    async def until(self, true: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for frames until ``true`` returns true.

        Raises:
            TimeoutError: that took longer than ``seconds``.
            ConnectionError: the connection was closed meanwhile.
        """
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: true() or not self.is_open)
        if not true():
            raise ConnectionError("the page's connection was closed")

    async def close(self) -> None:
        """Close the connection; the cookies stay."""
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading
        self._socket = self._reading = None

    async def quit(self) -> None:
        """Close the browser."""
        await self.close()
        await self.http.close()

    async def closed(self) -> int | None:
        """Wait until the server has closed the connection; returns the close code."""
        assert self._socket is not None
        assert self._reading is not None
        async with asyncio.timeout(PATIENCE):
            await self._reading
        return self._socket.close_code

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            await self._read_frames(self._socket)
        finally:
            async with self._came:
                self._came.notify_all()

    async def _read_frames(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            frame: dict[str, Any] = json.loads(message.data)
            self.frames.append(frame)
            match frame["type"]:
                case "welcome":
                    if frame["conversation"] != self.conversation:
                        self.items.clear()
                        self.seq = 0
                    self.conversation = frame["conversation"]
                case "items":
                    for item in frame["items"]:
                        self.items[item["message_id"]] = item
                        self.seq = max(self.seq, item["seq"])
                        self.drafts.pop(item["message_id"], None)
                case "draft" if frame["message_id"] not in self.items:
                    self.drafts[frame["message_id"]] = frame["text"]
                case _:
                    pass
            async with self._came:
                self._came.notify_all()

    def listed(self, author: str | None = None) -> list[dict[str, Any]]:
        """The messages in their order."""
        items = sorted(self.items.values(), key=lambda item: item["position"])
        return [item for item in items if author in (None, item["author"])]
