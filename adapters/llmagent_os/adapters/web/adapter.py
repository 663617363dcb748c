"""The browser as a platform."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from weakref import WeakSet, WeakValueDictionary

import structlog

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.adapters.web.access import Access, Person
from llmagent_os.adapters.web.frames import Press, React, Refused, Say
from llmagent_os.adapters.web.items import Item
from llmagent_os.adapters.web.page import Page
from llmagent_os.adapters.web.server import Server
from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.errors import AdapterError, HostBusyError, LLMAgentOSError
from llmagent_os.events import ButtonPress, Conversation, Event, Message, Reaction, Sender, now

log = structlog.stdlib.get_logger()

ABOUT = "Write as you would to a person. A reaction under a reply shows what helps you, and the next ones get better."


class WebAdapter:
    """Chat in the browser.

    Args:
        host: the address to listen on. Anything but a loopback address needs ``token``.
        port: 0 takes a free one.
        token: what a browser must show once, in the address (``#token=…``), in the page's form, or, for a program, as
            ``Authorization: Bearer …``; at least 16 characters. None: no token is asked for.
        data: the folder that keeps the transcript, ``web.db``.
        title: the bot's name, at the top of the page.
        examples: messages offered while a conversation is empty.
        about: one or two sentences under the title while a conversation is empty.
        health: for ``/healthz``: a mapping with ``ok``; 503 unless it is true. Details only for those with the token.
        metrics: for ``/metrics``: text in the Prometheus format.
        origins: further addresses of the page (``https://chat.example.org``), for a proxy that changes ``Host``.

    Raises:
        ConfigError: a setting is wrong; names it.
    """

    name = "web"
    capabilities = Capabilities(
        reactions=True,
        buttons=True,
        files=True,
        drafts=True,
        edits_per_second=20.0,
        max_characters=100_000,
        idempotent_send=True,
        trusted=True,
    )
    workspace = "local"  #: of every conversation
    keeps = ("web.db*",)  #: the transcript, with SQLite's files beside it
    max_characters = 16_000  #: of what a person may write at once

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 8321,
        token: str | None = None,
        data: Path,
        title: str = "Chat",
        examples: Sequence[str] = (),
        about: str = ABOUT,
        health: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
        metrics: Callable[[], bytes] | None = None,
        origins: Collection[str] = (),
    ) -> None:
        self.title = title
        self.examples = tuple(examples)
        self.about = about
        self.transcript = Transcript(Path(data) / "web.db")
        self._server = Server(self, Access(host, token, origins), host, port, health, metrics)
        self._accept: Accept | None = None
        self._pages: WeakSet[Page] = WeakSet()
        self._drafts: dict[str, dict[str, str]] = {}  # by conversation and message: for pages that come meanwhile
        self._sent: OrderedDict[str, None] = OrderedDict()  # the latest replies: a draft that comes late is dropped
        self._erased: OrderedDict[str, str] = OrderedDict()  # conversation -> the one that took its place
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def url(self) -> str:
        """The page's address.

        Raises:
            AdapterError: :meth:`run` has not started.
        """
        return self._server.url

    async def started(self) -> str:
        """Wait until the server listens; returns the page's address."""
        await self._server.listening.wait()
        return self.url

    async def run(self, accept: Accept) -> None:
        """Serve the page until cancelled.

        Raises:
            ConfigError: the port is taken, the address is not of this machine, or the transcript cannot be used.
        """
        self._accept = accept
        try:
            await self.transcript.open()
            await self._server.run()
        finally:
            self._accept = None
            await asyncio.shield(self.transcript.close())

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Put ``reply`` into the transcript, once for each ``key``; open pages show it, others when they come.

        Raises:
            AdapterError: there is no such conversation, or the transcript cannot be written.
        """
        channel, message_id = conversation.channel, _reply_id(conversation, key)
        while channel in self._erased:  # the answer to who asked to be forgotten
            channel, reply_to = self._erased[channel], None
        item = Item(message_id=message_id, author="bot", at=now(), reply_to=reply_to, **_content(reply))
        await self.transcript.add(channel, item, reply.files)
        self._sent[message_id] = None
        while len(self._sent) > 1000:
            self._sent.popitem(last=False)
        drafts = self._drafts.get(channel, {})
        drafts.pop(message_id, None)
        if not drafts:
            self._drafts.pop(channel, None)
        for page in self._showing(channel):
            page.settled(message_id)
            page.changed()
        return Receipt((message_id,))

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text`` on open pages, in the place where the reply will be."""
        message_id = _reply_id(conversation, key)
        if message_id in self._sent:
            return
        self._drafts.setdefault(conversation.channel, {})[message_id] = text
        for page in self._showing(conversation.channel):
            page.draft(message_id, text)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a reply. Its reactions stay; of new buttons none is pressed.

        Raises:
            AdapterError: there is no such reply, or the transcript cannot be written.
        """
        content = _content(reply)
        async with self._turn(conversation.channel):
            item = await self.transcript.get(conversation.channel, message_id)
            if item is None or item.author != "bot":
                raise AdapterError(f"web: there is no reply {message_id!r} in conversation {conversation.channel!r}")
            pressed = item.pressed if item.buttons == reply.buttons else None
            changes: dict[str, Any] = {**content, "pressed": pressed, "edited": True, "paths": reply.files}
            await self.transcript.change(conversation.channel, message_id, **changes)
        self._changed(conversation.channel)

    async def typing(self, conversation: Conversation) -> None:
        """Show on open pages that an answer is coming."""
        for page in self._showing(conversation.channel):
            page.typing()

    async def forget(self, user_id: str) -> int:
        """Erase everything this person (``Sender.user_id``) said here and was told; returns how many conversations.

        Their open pages turn to a new conversation, which also gets what is still to be answered in an erased one.
        """
        erased = await self.transcript.forget(user_id)
        await self._rest()
        if erased and self._accept is not None:
            fresh = await self.transcript.begin(user_id)
            self._erased |= dict.fromkeys(erased, fresh)
            while len(self._erased) > 1000:
                self._erased.popitem(last=False)
            theirs = [page for page in self._pages if page.person.id == user_id]
            # A page that is gone meanwhile opens the new conversation when it comes again.
            await asyncio.gather(*(self._server.show(page, fresh, 0) for page in theirs), return_exceptions=True)
        return len(erased)

    async def export(self, user_id: str) -> list[dict[str, Any]]:
        """Everything this person (``Sender.user_id``) said here and was told, one conversation after the other."""
        found = await self.transcript.export(user_id)
        await self._rest()
        return found

    async def _rest(self) -> None:
        """Let go of the transcript's file where the adapter does not run: nobody else would close it."""
        if self._accept is None:
            await self.transcript.close()

    def opened(self, page: Page) -> None:
        """A page is there, until it is dropped."""
        self._pages.add(page)

    def closed(self, page: Page) -> None:
        """A page is gone."""
        self._pages.discard(page)

    async def close_pages(self) -> None:
        """Tell all pages that the server goes away."""
        await asyncio.gather(*(page.close() for page in list(self._pages)), return_exceptions=True)

    def show_drafts(self, page: Page) -> None:
        """Give a page that comes while a reply is being written what there is of it."""
        for message_id, text in self._drafts.get(page.conversation or "", {}).items():
            page.draft(message_id, text)

    async def take(self, page: Page, act: Say | React | Press) -> Refused | None:
        """Hand what the person did to the host, and keep what it changed. Returns why it was not taken.

        It may come again, after a crash at any point between the steps: each of them then finds its work done.
        """
        if await self.transcript.owner(act.conversation) != page.person.id:
            return Refused(id=act.id, reason="This conversation is not yours, or was erased.", again=False)
        async with self._turn(act.conversation):
            try:
                if await self.transcript.done(act.conversation, act.id):
                    return None
                match act:
                    case Say():
                        refused = await self._say(page.person, act)
                    case React():
                        refused = await self._react(page.person, act)
                    case Press():
                        refused = await self._press(page.person, act)
            except HostBusyError as error:
                log.info("web.busy", conversation=act.conversation, event_id=act.id, error=str(error))
                return Refused(id=act.id, reason="Too much is waiting for an answer already.", again=True)
            except LLMAgentOSError as error:
                if await self.transcript.owner(act.conversation) is None:
                    return None  # what it asked for was to be forgotten, and that is done
                log.error("web.not_taken", conversation=act.conversation, event_id=act.id, error=str(error))
                return Refused(id=act.id, reason="Something went wrong, and this was not taken.", again=True)
        if refused is None:
            self._changed(act.conversation)
        return refused

    async def _say(self, person: Person, act: Say) -> Refused | None:
        text = act.text.strip()
        if not text:
            return Refused(id=act.id, reason="There is nothing in this message.", again=False)
        if len(text) > self.max_characters:
            reason = f"This message has {len(text)} characters; {self.max_characters} is the most."
            return Refused(id=act.id, reason=reason, again=False)
        item = Item(message_id=f"p-{act.id}", author="person", text=text, at=now())
        held = await self.transcript.hold(act.conversation, item)
        event = Message(text=held.text, message_id=held.message_id, **self._common(person, act))
        try:
            await self._give(event)
        except HostBusyError:  # tried again later, its place is at the end of what is said by then
            await self.transcript.remove(act.conversation, held.message_id)
            raise
        await self.transcript.show(act.conversation, held.message_id)
        return None

    async def _react(self, person: Person, act: React) -> Refused | None:
        item = await self.transcript.get(act.conversation, act.message_id)
        if item is None or item.author != "bot":
            return Refused(id=act.id, reason="There is no such reply to react to.", again=False)
        if (act.emoji in item.reactions) == act.on:  # two pages did the same
            await self.transcript.change(act.conversation, act.message_id, act.id)
            return None
        if act.on and len(item.reactions) >= 20:
            return Refused(id=act.id, reason="That is enough reactions for one reply.", again=False)
        action: Literal["added", "removed"] = "added" if act.on else "removed"
        common = self._common(person, act)
        await self._give(Reaction(message_id=act.message_id, emoji=act.emoji, action=action, **common))
        others = tuple(emoji for emoji in item.reactions if emoji != act.emoji)
        reactions = (*others, act.emoji) if act.on else others
        await self.transcript.change(act.conversation, act.message_id, act.id, reactions=reactions)
        return None

    async def _press(self, person: Person, act: Press) -> Refused | None:
        item = await self.transcript.get(act.conversation, act.message_id)
        if item is None or act.value not in {button.value for button in item.buttons}:
            return Refused(id=act.id, reason="There is no such button any more.", again=False)
        if item.pressed is not None:
            taken = item.pressed == act.value
            return None if taken else Refused(id=act.id, reason="Another choice was made already.", again=False)
        await self._give(ButtonPress(message_id=act.message_id, value=act.value, **self._common(person, act)))
        await self.transcript.change(act.conversation, act.message_id, act.id, pressed=act.value)
        return None

    async def _give(self, event: Event) -> None:
        if self._accept is None:
            raise HostBusyError("web: the host is stopping")
        await self._accept(event)

    def _common(self, person: Person, act: Say | React | Press) -> dict[str, Any]:
        conversation = Conversation(platform=self.name, workspace=self.workspace, channel=act.conversation)
        # The id is the page's, and pages are not to be trusted with what is unique beyond their own conversation.
        event_id = f"{act.conversation}:{act.id}"
        return {"event_id": event_id, "conversation": conversation, "sender": Sender(person.id, person.name)}

    def _turn(self, channel: str) -> asyncio.Lock:
        lock = self._turns.get(channel)
        if lock is None:
            self._turns[channel] = lock = asyncio.Lock()
        return lock

    def _showing(self, channel: str) -> list[Page]:
        return [page for page in self._pages if page.conversation == channel]

    def _changed(self, channel: str) -> None:
        for page in self._showing(channel):
            page.changed()


def _reply_id(conversation: Conversation, key: str) -> str:
    return "r-" + hashlib.sha256(f"{conversation.key}\x1f{key}".encode()).hexdigest()[:24]


def _content(reply: Reply) -> dict[str, Any]:
    return {"text": reply.text, "card": reply.card, "buttons": reply.buttons}
