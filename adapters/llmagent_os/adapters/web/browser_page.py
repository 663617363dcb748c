"""One open browser page: its WebSocket, and how much of the conversation it has."""

from __future__ import annotations

import asyncio

from aiohttp import web

from llmagent_os.adapters.web.access import Visitor
from llmagent_os.adapters.web.frames import Draft, Items, Language, ServerFrame, Typing, write_frame
from llmagent_os.adapters.web.transcript import Transcript


class BrowserPage:
    """Takes what the page has not seen out of the transcript: a slow browser holds up nobody, and nothing piles up."""

    def __init__(self, socket: web.WebSocketResponse, visitor: Visitor, transcript: Transcript) -> None:
        self.visitor = visitor
        self.conversation: str | None = None  #: the conversation that the page shows
        self._socket = socket
        self._transcript = transcript
        self._seen = 0  # the page has all changes up to this number
        self._sending = asyncio.Lock()  # what was read after ``_seen`` is sent before anything else is read
        self._wake = asyncio.Event()
        self._drafts: dict[str, str] = {}
        self._typing = False
        self._language: str | None = None  # that the page is still to be told

    async def show(self, conversation: str, after: int) -> None:
        """Switch to a conversation, of which the page has all changes up to ``after``."""
        async with self._sending:
            self.conversation, self._seen = conversation, after
            self._drafts.clear()
        await self.catch_up()

    async def catch_up(self) -> None:
        """Send what is new or has changed."""
        async with self._sending:
            if self.conversation is None:
                return
            first = self._seen == 0
            found = await self._transcript.since(self.conversation, self._seen)
            if found.items or first:
                await self.send(Items(conversation=self.conversation, items=found.items, more=found.more))
            self._seen = max(self._seen, found.seq)

    async def send(self, frame: ServerFrame) -> None:
        """Send one frame. Waits while the browser takes in earlier frames."""
        await self._socket.send_str(write_frame(frame))

    def notify(self) -> None:
        """Send soon what has changed in the conversation."""
        self._wake.set()

    def show_draft(self, message_id: str, text: str) -> None:
        """Show a draft as soon as the browser can take it. A draft that is replaced before is never sent."""
        self._drafts[message_id] = text
        self._wake.set()

    def drop_draft(self, message_id: str) -> None:
        """Drop the draft of a message that was sent."""
        self._drafts.pop(message_id, None)

    def show_typing(self) -> None:
        """Show that an answer is coming."""
        self._typing = True
        self._wake.set()

    def show_in(self, language: str) -> None:
        """Have the page show its own texts in a language; empty: the browser's."""
        self._language = language
        self._wake.set()

    async def keep_sending(self) -> None:
        """Send changes and drafts until cancelled, or until the connection breaks."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._typing:  # before the messages: one that has come already ends it
                self._typing = False
                await self.send(Typing())
            await self.catch_up()
            if self._language is not None:
                language, self._language = self._language, None
                await self.send(Language(language=language))
            while self._drafts:
                message_id, text = next(iter(self._drafts.items()))
                del self._drafts[message_id]
                await self.send(Draft(message_id=message_id, text=text))

    async def close(self) -> None:
        """Close the connection: the server goes away."""
        await self._socket.close(code=1001, message=b"the server is stopping")
