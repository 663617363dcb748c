"""A reply while it is being written: Telegram's own drafts in private chats, paced edits of a message in groups."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
import structlog
from telegram import LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest, InvalidToken, TelegramError

from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.http import FloodError
from llmagent_os.adapters.telegram.posts import draft_of, plain
from llmagent_os.adapters.telegram.refusals import says
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)


class Drafts:
    """The drafts of replies that are not sent yet, by key. One that cannot be shown right now is left out."""

    def __init__(self, api: Api, deliveries: Deliveries, every: float) -> None:
        """Args: ``every`` is how far changes of a message in a group are apart, in seconds."""
        self._api = api
        self._deliveries = deliveries
        self._every = every
        self._native = True
        self._edited: dict[str, float] = {}  # key -> when its message was last changed, on the loop's clock

    async def show(self, where: Conversation, markdown: str, key: str) -> None:
        """Show what is written so far."""
        text = draft_of(markdown)
        chat = await self._api.present(int(where.channel))
        if not text:
            return
        try:
            if where.kind == "direct":
                await self._preview(chat, text, key)
            else:
                await self._write(chat, where, text, key)
        except FloodError as error:
            self._api.pace.pause(chat, error.seconds)
        except TelegramError as error:
            _log.debug("a draft is not shown", error=error.message)

    def over(self, key: str) -> None:
        """The reply of this key is out."""
        self._edited.pop(key, None)

    async def _preview(self, chat: int, text: str, key: str) -> None:
        if not self._native or not self._api.pace.spare(chat):
            return
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") // 2 + 1  # a positive int32, not 0
        try:
            try:
                await self._api.bot.send_message_draft(chat, number, text, parse_mode=ParseMode.HTML)
            except BadRequest as error:
                if not says(error, "can't parse"):
                    raise
                await self._api.bot.send_message_draft(chat, number, plain(text))
        except (BadRequest, InvalidToken) as error:  # to the library a method that is not there is a wrong token
            self._native = False
            _log.info("no drafts are shown in private chats: this server has none", why=error.message)

    async def _write(self, chat: int, where: Conversation, text: str, key: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._edited.get(key, -self._every) < self._every or not self._api.pace.spare(chat):
            return
        self._edited[key] = now
        progress = await self._deliveries.progress(key)
        quiet = LinkPreviewOptions(is_disabled=True)
        if progress.draft:
            await self._api.bot.edit_message_text(
                text, chat, int(progress.draft), parse_mode=ParseMode.HTML, link_preview_options=quiet
            )
            return
        sent = await self._api.bot.send_message(
            chat,
            text,
            parse_mode=ParseMode.HTML,
            message_thread_id=thread_of(where),
            link_preview_options=quiet,
            disable_notification=True,
        )
        await self._deliveries.note(key, msgspec.structs.replace(progress, draft=str(sent.message_id)))


def thread_of(where: Conversation) -> int | None:
    """The topic that a conversation is."""
    return None if where.thread is None else int(where.thread)
