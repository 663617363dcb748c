"""The browser pages that are open, and the drafts that they show."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Generator, Sequence
from weakref import WeakSet

import msgspec

from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapters.web.browser_page import BrowserPage
from llmagent_os.adapters.web.frames import MESSAGE_FILES, Welcome
from llmagent_os.languages import LazyText, language_in_force
from llmagent_os.ledger.announcements import WEB, Announcements

#: How many replies are remembered, so that a late draft of them is dropped.
MAX_SENT = 1000

#: The longest message that a visitor may write, in characters.
MESSAGE_CHARACTERS = 16_000


#: Chooses a language. Its answer is in the new one.
_LANGUAGE = re.compile(r"/language\s+(\S+)")

#: The word behind ``/language`` that leaves the language to the bot, and that of the page to the browser.
AUTO = "auto"


class ChatDescription(msgspec.Struct, frozen=True):
    """What a page shows besides the messages."""

    title: str  #: the bot's name
    about: str | LazyText  #: one or two sentences, shown while a conversation is empty
    examples: tuple[str, ...]  #: messages that are offered while a conversation is empty
    max_file_bytes: int  #: of one file that is attached
    listens: bool  #: whether the bot understands recordings


class OpenPages:
    """All open pages."""

    def __init__(
        self,
        title: str,
        about: str | LazyText,
        examples: Sequence[str],
        max_file_bytes: int,
        *,
        listens: bool = False,
        announcements: Announcements | None = None,
    ) -> None:
        """The first arguments are those of :class:`ChatDescription`.

        ``announcements`` say what has changed; None: only this process changes anything.
        """
        self._announcements = Announcements() if announcements is None else announcements
        self._description = ChatDescription(title, about, tuple(examples), max_file_bytes, listens)
        self._pages: WeakSet[BrowserPage] = WeakSet()
        self._drafts: dict[str, dict[str, str]] = {}  # by conversation and message: for pages that are opened later
        self._sent: BoundedDict[str, None] = BoundedDict(MAX_SENT)  # by message id
        # The words behind /language that are not answered yet, by conversation.
        self._languages_asked: BoundedDict[str, str] = BoundedDict(MAX_SENT)

    def add(self, page: BrowserPage) -> None:
        """Note that ``page`` was opened."""
        self._pages.add(page)

    def remove(self, page: BrowserPage) -> None:
        """Note that ``page`` was closed."""
        self._pages.discard(page)

    async def close_all(self) -> None:
        """Close the connections of all pages."""
        await asyncio.gather(*(page.close() for page in list(self._pages)), return_exceptions=True)

    async def show(self, page: BrowserPage, conversation: str, after: int) -> None:
        """Switch ``page`` to a conversation, of which it has all changes up to ``after``."""
        await page.send(
            Welcome(
                title=self._description.title,
                about=str(self._description.about),
                examples=self._description.examples,
                person=page.visitor.name,
                conversation=conversation,
                max_characters=MESSAGE_CHARACTERS,
                max_files=MESSAGE_FILES,
                max_file_bytes=self._description.max_file_bytes,
                voice=self._description.listens,
            )
        )
        await page.show(conversation, after)
        for message_id, text in self._drafts.get(page.conversation or "", {}).items():
            page.show_draft(message_id, text)

    async def show_to(self, user_id: str, conversation: str) -> None:
        """Switch all pages of a visitor to a conversation. A page that has lost its connection switches later."""
        pages = [page for page in self._pages if page.visitor.id == user_id]
        await asyncio.gather(*(self.show(page, conversation, 0) for page in pages), return_exceptions=True)

    def notify(self, conversation: str) -> None:
        """Have the pages that show ``conversation`` fetch what has changed in it."""
        self._announcements.tell(f"{WEB}/{conversation}")

    @contextlib.contextmanager
    def listening(self) -> Generator[None]:
        """Run the block while pages fetch what is announced: by this host and, with a shared transcript, by others."""
        loop, thread = asyncio.get_running_loop(), threading.get_ident()

        def heard(conversation: str | None) -> None:
            if threading.get_ident() == thread:
                self._fetch(conversation)
            elif not loop.is_closed():
                loop.call_soon_threadsafe(self._fetch, conversation)

        stop = self._announcements.listen(WEB, heard)
        try:
            yield
        finally:
            stop()

    def _fetch(self, conversation: str | None) -> None:
        """Have pages fetch what has changed: those that show ``conversation``, or all of them."""
        for page in list(self._pages) if conversation is None else self._showing(conversation):
            page.notify()

    def show_draft(self, conversation: str, message_id: str, text: str) -> None:
        """Show ``text`` in the place of the coming message. A draft of a message that was sent is dropped."""
        if message_id in self._sent:
            return
        self._drafts.setdefault(conversation, {})[message_id] = text
        for page in self._showing(conversation):
            page.show_draft(message_id, text)

    def show_sent(self, conversation: str, message_id: str) -> None:
        """Replace the draft of a message by the message itself, which is in the transcript."""
        self._sent[message_id] = None
        drafts = self._drafts.get(conversation, {})
        drafts.pop(message_id, None)
        if not drafts:
            self._drafts.pop(conversation, None)
        for page in self._showing(conversation):
            page.drop_draft(message_id)
        self.notify(conversation)
        asked = self._languages_asked.pop(conversation, None)
        if asked is not None:
            for page in self._showing(conversation):
                page.show_in("" if asked == AUTO else language_in_force())

    def note_said(self, conversation: str, text: str) -> None:
        """Note what a visitor said: the pages follow the language that is chosen by ``/language``."""
        if found := _LANGUAGE.match(text):
            self._languages_asked[conversation] = found[1].casefold()

    def show_typing(self, conversation: str) -> None:
        """Show that an answer is coming."""
        for page in self._showing(conversation):
            page.show_typing()

    def _showing(self, conversation: str) -> list[BrowserPage]:
        return [page for page in self._pages if page.conversation == conversation]
