"""Drafts: replies that are shown while they are being written.

In private chats they are Telegram's own drafts. In groups a message is edited again and again.
"""

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
from llmagent_os.adapters.telegram.errors import says
from llmagent_os.adapters.telegram.http import FloodError
from llmagent_os.adapters.telegram.parsing import topic_of
from llmagent_os.adapters.telegram.rendering import draft_text, plain
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)


class Drafts:
    """The drafts of replies that are not sent yet, by the reply's key. A draft that cannot be shown is left out."""

    def __init__(self, api: Api, deliveries: Deliveries, interval_seconds: float) -> None:
        """Args:
        api: of Telegram.
        deliveries: how far replies have got.
        interval_seconds: between two changes of a message in a group.
        """
        self._api = api
        self._deliveries = deliveries
        self._interval_seconds = interval_seconds
        self._has_drafts = True  # whether the server has drafts of its own
        self._edited_at: dict[str, float] = {}  # key -> when its message was last changed, on the loop's clock

    async def show(self, conversation: Conversation, markdown: str, key: str) -> None:
        """Show ``markdown``, all that is written so far."""
        text = draft_text(markdown)
        chat = await self._api.present_id(int(conversation.channel))
        if not text:
            return
        try:
            if conversation.kind == "direct":
                await self._show_native(chat, text, key)
            else:
                await self._edit(chat, conversation, text, key)
        except FloodError as error:
            self._api.limiter.pause(chat, error.seconds)
        except TelegramError as error:
            _log.debug("telegram: a draft is not shown", error=error.message)

    def forget(self, key: str) -> None:
        """Forget the draft of the reply ``key``, which was sent."""
        self._edited_at.pop(key, None)

    async def _show_native(self, chat: int, text: str, key: str) -> None:
        if not self._has_drafts or not self._api.limiter.try_acquire(chat):
            return
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") // 2 + 1  # a positive int32, not 0
        try:
            try:
                await self._api.bot.send_message_draft(chat, number, text, parse_mode=ParseMode.HTML)
            except BadRequest as error:
                if not says(error, "can't parse"):
                    raise
                await self._api.bot.send_message_draft(chat, number, plain(text))
        except (BadRequest, InvalidToken) as error:  # the library takes an unknown method for a wrong token
            self._has_drafts = False
            _log.info("telegram: the server has no drafts; private chats get the whole reply", error=error.message)

    async def _edit(self, chat: int, conversation: Conversation, text: str, key: str) -> None:
        now, interval = asyncio.get_running_loop().time(), self._interval_seconds
        if now - self._edited_at.get(key, -interval) < interval or not self._api.limiter.try_acquire(chat):
            return
        self._edited_at[key] = now
        progress = await self._deliveries.progress(key)
        no_preview = LinkPreviewOptions(is_disabled=True)
        if progress.draft:
            await self._api.bot.edit_message_text(
                text, chat, int(progress.draft), parse_mode=ParseMode.HTML, link_preview_options=no_preview
            )
            return
        sent = await self._api.bot.send_message(
            chat,
            text,
            parse_mode=ParseMode.HTML,
            message_thread_id=topic_of(conversation),
            link_preview_options=no_preview,
            disable_notification=True,
        )
        await self._deliveries.note(key, msgspec.structs.replace(progress, draft=str(sent.message_id)))
