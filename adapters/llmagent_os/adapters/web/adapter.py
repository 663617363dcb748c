"""The browser as a platform."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.files import FOLDER
from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.adapter_kit.pages import AnswerPage
from llmagent_os.adapters.web.access import Access
from llmagent_os.adapters.web.open_pages import OpenPages
from llmagent_os.adapters.web.page_actions import PageActions
from llmagent_os.adapters.web.recordings import Recordings
from llmagent_os.adapters.web.server import Server
from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.adapters.web.transcript_items import Item, Question
from llmagent_os.adapters.web.transcript_rows import TranscriptRows
from llmagent_os.adapters.web.uploads import Uploads
from llmagent_os.errors import AdapterError
from llmagent_os.events import Conversation, now
from llmagent_os.languages import LazyText, lazy_gettext
from llmagent_os.ledger.announcements import Announcements
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import web_transcript

#: What a page says while a conversation is empty, unless the bot has its own text.
ABOUT = lazy_gettext(
    "Write as you would to a person. A reaction under a reply shows what helps you, and the next ones get better."
)

#: How many erased conversations are remembered, with the ones that took their place.
MAX_ERASED = 1000


class WebAdapter:
    """Chat in the browser.

    Args:
        host: the address to listen on. Anything but a loopback address needs ``token``.
        port: 0 takes a free one.
        token: what a browser must show once: in the address (``#token=…``), in the page's form or, for a program, as
            ``Authorization: Bearer …``; at least 16 characters. None: no token is needed.
        data: the folder of the transcript, ``web.db``, and of the recordings that visitors make.
        title: the bot's name, at the top of the page.
        examples: messages that are offered while a conversation is empty.
        about: one or two sentences under the title while a conversation is empty.
        health: for ``/healthz``: a mapping with ``ok``; the status is 503 unless it is true. Only requests with the
            token get the details.
        metrics: for ``/metrics``: text in the Prometheus format.
        pages: answers requests for pages of plugins; None: there are none.
        listens: whether the bot understands recordings: without it, the page shows no microphone.
        origins: further addresses of the page (``https://chat.example.org``), for a proxy that changes ``Host``.
        max_file_bytes: larger files, and longer recordings, are refused.
        shared: the database that several hosts share, which keeps the transcript; None: a file in ``data`` does.
        announcements: say what other hosts change in it; None: there are no others.

    Raises:
        ConfigError: a setting is wrong; the message names it.
    """

    name = "web"
    capabilities = Capabilities(
        reactions=True,
        buttons=True,
        files=True,
        voice=True,
        drafts=True,
        edits_per_second=20.0,
        max_characters=100_000,
        idempotent_send=True,
        trusted=True,
        shows_refusals=True,
        forms="page",
    )
    keeps = ("web.db*",)  #: the transcript, with SQLite's files beside it
    keeps_tables = tuple(table.name for table in web_transcript)  #: the transcript, where several hosts share it

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 8321,
        token: str | None = None,
        data: Path,
        title: str = "Chat",
        examples: Sequence[str] = (),
        about: str | LazyText = ABOUT,
        health: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
        metrics: Callable[[], bytes] | None = None,
        pages: AnswerPage | None = None,
        listens: bool = False,
        origins: Collection[str] = (),
        max_file_bytes: int = 20_000_000,
        shared: SharedRows | None = None,
        announcements: Announcements | None = None,
    ) -> None:
        #: what was said
        self.transcript = Transcript(Path(data) / "web.db" if shared is None else TranscriptRows(shared, Path(data)))
        self._order = KeyedLocks()
        uploads = Uploads(Path(data), max_file_bytes, self.transcript.shared_paths)
        recordings = Recordings(Path(data) / FOLDER, max_file_bytes) if listens else None
        self._pages = OpenPages(title, about, examples, max_file_bytes, listens=listens, announcements=announcements)
        self._actions = PageActions(self.transcript, self._pages, self._order, uploads, recordings)
        self._server = Server(
            host,
            port,
            access=Access(host, token, origins),
            transcript=self.transcript,
            pages=self._pages,
            actions=self._actions,
            uploads=uploads,
            health=health,
            metrics=metrics,
            plugin_pages=pages,
            recordings=recordings,
        )
        self._erased: BoundedDict[str, str] = BoundedDict(MAX_ERASED)  # conversation -> the one that took its place

    @property
    def url(self) -> str:
        """The page's address.

        Raises:
            AdapterError: :meth:`run` has not started.
        """
        return self._server.url

    async def started(self) -> str:
        """Wait until the server listens; returns the page's address."""
        await self._server.is_listening.wait()
        return self.url

    async def run(self, accept: Accept) -> None:
        """Serve the page until cancelled.

        Raises:
            ConfigError: the port is in use, the address is not of this machine, or the transcript cannot be used.
        """
        self._actions.open(accept)
        try:
            await self.transcript.open()
            with self._pages.listening():
                await self._server.run()
        finally:
            self._actions.close()
            await asyncio.shield(self.transcript.close())

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Put ``reply`` into the transcript, once for every ``key``. Open pages show it, other pages when they open.

        Raises:
            AdapterError: there is no such conversation, or the transcript cannot be written.
        """
        channel, message_id = conversation.channel, _reply_id(conversation, key)
        while channel in self._erased:  # the answer to a person who asked to be forgotten
            channel, reply_to = self._erased[channel], None
        if reply.under is not None:
            return await self._ask_under(channel, reply, reply.under)
        item = Item(message_id=message_id, author="bot", at=now(), reply_to=reply_to, **_content(reply))
        await self.transcript.add(channel, item, reply.all_files, reply.alternatives)
        self._pages.show_sent(channel, message_id)
        return Receipt((message_id,))

    async def _ask_under(self, channel: str, reply: Reply, message_id: str) -> Receipt:
        """Put a short question under a reply that the visitor has just disliked."""
        async with self._order.of(channel):
            item = await self.transcript.get(channel, message_id)
            if item is not None and item.reactions:  # else the reaction was taken off meanwhile
                await self.transcript.change(channel, message_id, question=Question(reply.text, reply.buttons))
        self._pages.notify(channel)
        return Receipt(())

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text`` on open pages, in the place of the coming reply."""
        self._pages.show_draft(conversation.channel, _reply_id(conversation, key), text)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a reply. Its reactions stay; if the buttons change, none of the new ones is pressed.

        Raises:
            AdapterError: there is no such reply, or the transcript cannot be written.
        """
        channel = conversation.channel
        async with self._order.of(channel):
            item = await self.transcript.get(channel, message_id)
            if item is None or item.author != "bot":
                raise AdapterError(f"web: there is no reply {message_id!r} in conversation {channel!r}")
            pressed = item.pressed if item.buttons == reply.buttons else None
            changes: dict[str, Any] = {**_content(reply), "pressed": pressed, "edited": True, "paths": reply.all_files}
            changes["alternatives"] = reply.alternatives
            await self.transcript.change(channel, message_id, **changes)
        self._pages.notify(channel)

    async def typing(self, conversation: Conversation) -> None:
        """Show on open pages that an answer is coming."""
        self._pages.show_typing(conversation.channel)

    async def forget(self, user_id: str) -> int:
        """Erase all conversations of a person (``Sender.user_id``). Returns how many there were.

        The person's open pages switch to a new conversation. Answers that are still to come in an erased conversation
        go there too.
        """
        erased = await self.transcript.forget(user_id)
        await self._close_unless_open()
        if erased and self._actions.is_open:
            fresh = await self.transcript.begin_unowned(user_id)
            self._erased.update(dict.fromkeys(erased, fresh))
            await self._pages.show_to(user_id, fresh)
        return len(erased)

    async def delete_old(self, before: datetime) -> int:
        """Delete all messages before a moment; returns how many. A page that shows them keeps them until it reloads."""
        deleted = await self.transcript.delete_old(before)
        await self._close_unless_open()
        return deleted

    async def export(self, user_id: str) -> list[dict[str, Any]]:
        """Everything that this person (``Sender.user_id``) and the bot said here, one conversation after the other."""
        found = await self.transcript.export(user_id)
        await self._close_unless_open()
        return found

    async def _close_unless_open(self) -> None:
        """Close the transcript's file where the adapter does not run: nothing else would close it."""
        if not self._actions.is_open:
            await self.transcript.close()


def _reply_id(conversation: Conversation, key: str) -> str:
    return "r-" + hashlib.sha256(f"{conversation.key}\x1f{key}".encode()).hexdigest()[:24]


def _content(reply: Reply) -> dict[str, Any]:
    return {"text": reply.body, "card": reply.card, "buttons": reply.buttons, "form": reply.form}
