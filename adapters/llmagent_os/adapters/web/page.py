"""One open page: its WebSocket, and how far it has been told."""

from __future__ import annotations

import asyncio

from aiohttp import web

from llmagent_os.adapters.web.access import Person
from llmagent_os.adapters.web.frames import Draft, Items, OutFrame, Typing, write_frame
from llmagent_os.adapters.web.transcript import Transcript


class Page:
    """Pulls what it has not seen from the transcript, so that a slow browser holds up nobody and nothing piles up."""

    def __init__(self, socket: web.WebSocketResponse, person: Person, transcript: Transcript) -> None:
        self.person = person
        self.conversation: str | None = None  #: what it shows
        self._socket = socket
        self._transcript = transcript
        self._seen = 0
        self._telling = asyncio.Lock()  # what was read after ``_seen`` is sent before anybody reads again
        self._wake = asyncio.Event()
        self._drafts: dict[str, str] = {}
        self._typing = False

    async def show(self, conversation: str, after: int) -> None:
        """Turn to a conversation, of which the page has everything up to ``after``."""
        async with self._telling:
            self.conversation, self._seen = conversation, after
            self._drafts.clear()
        await self.catch_up()

    async def catch_up(self) -> None:
        """Send what is new or changed."""
        async with self._telling:
            if self.conversation is None:
                return
            first = self._seen == 0
            kept = await self._transcript.since(self.conversation, self._seen)
            if kept.items or first:
                await self.tell(Items(conversation=self.conversation, items=kept.items, more=kept.more))
            self._seen = max(self._seen, kept.seq)

    async def tell(self, frame: OutFrame) -> None:
        """Send one frame, waiting while the browser takes in earlier ones."""
        await self._socket.send_str(write_frame(frame))

    def changed(self) -> None:
        """There is something new in the conversation."""
        self._wake.set()

    def draft(self, message_id: str, text: str) -> None:
        """Show a draft as soon as the browser can take it; one that is overtaken meanwhile is never sent."""
        self._drafts[message_id] = text
        self._wake.set()

    def settled(self, message_id: str) -> None:
        """The message is sent: its draft is of no more use."""
        self._drafts.pop(message_id, None)

    def typing(self) -> None:
        """Show that an answer is coming."""
        self._typing = True
        self._wake.set()

    async def keep_told(self) -> None:
        """Send what comes, until cancelled or the connection breaks."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.catch_up()
            if self._typing:
                self._typing = False
                await self.tell(Typing())
            while self._drafts:
                message_id, text = next(iter(self._drafts.items()))
                del self._drafts[message_id]
                await self.tell(Draft(message_id=message_id, text=text))

    async def close(self) -> None:
        """Tell the browser that the server goes away."""
        await self._socket.close(code=1001, message=b"the server is stopping")
