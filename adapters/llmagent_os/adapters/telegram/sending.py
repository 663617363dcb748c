"""Sending replies to Telegram. A part that is known to be there already is not sent again."""

from __future__ import annotations

import asyncio
import html
from pathlib import Path
from typing import Any, Final

import structlog
from telegram import InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters
from telegram import Message as TelegramMessage
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, TelegramError

from llmagent_os.adapter import Receipt, Reply, Thumbs
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapter_kit.file_notices import not_attached
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.drafts import Drafts
from llmagent_os.adapters.telegram.errors import says, translated
from llmagent_os.adapters.telegram.parsing import PLATFORM, topic_of
from llmagent_os.adapters.telegram.rendering import (
    OutgoingMessage,
    caption,
    is_photo,
    key_rows,
    keyboard,
    outgoing_messages,
)
from llmagent_os.adapters.telegram.thumb_keyboards import ThumbKeyboards
from llmagent_os.errors import AdapterError, TryLaterError
from llmagent_os.events import Conversation
from llmagent_os.languages import lazy_gettext
from llmagent_os.sealing.sealed_files import read_file

_log = structlog.stdlib.get_logger(__name__)

_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)

#: What a person is told in a group when an answer is private and the bot may not write to the person.
WRITE_TO_ME_FIRST = lazy_gettext(
    "Please write to me directly first (@{bot}): then I can answer you where only you see it."
)

#: A part of a reply: a message or a file.
Part = OutgoingMessage | Path


class ReplySender:
    """Sends replies, and continues where an earlier try ended."""

    def __init__(
        self,
        api: Api,
        deliveries: Deliveries,
        drafts: Drafts,
        values: ButtonValues,
        thumbs: ThumbKeyboards,
        bot_name: str | None,
    ) -> None:
        """Args:
        api: of Telegram.
        deliveries: how far replies have got.
        drafts: shows replies while they are written.
        values: the long values of buttons.
        thumbs: the keyboards with thumbs.
        bot_name: the bot's user name.
        """
        self._api = api
        self._deliveries = deliveries
        self._drafts = drafts
        self._values = values
        self._thumbs = thumbs
        self._bot_name = bot_name

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None, again: bool
    ) -> Receipt:
        """See :meth:`llmagent_os.adapter.Adapter.send`."""
        if reply.under is not None and conversation.kind == "group":
            return await self._ask_under(conversation, reply, int(reply.under))
        if reply.only_for is not None and conversation.kind == "group":
            return await self._send_privately(conversation, reply, reply.only_for, key, reply_to, again=again)
        return await self._deliver(conversation, reply, key, reply_to, again=again)

    async def show_thumbs(self, conversation: Conversation, message_id: str, thumbs: Thumbs) -> None:
        """See :meth:`llmagent_os.adapter.ShowsThumbs.show_thumbs`."""
        direct = conversation.kind == "direct"
        await self._thumbs.show(int(conversation.channel), int(message_id), thumbs, direct=direct)

    async def _ask_under(self, conversation: Conversation, reply: Reply, message_id: int) -> Receipt:
        """Ask a short question in the keyboard of a message: a message of its own would be for everybody to read."""
        choices = await key_rows(reply.buttons, self._values)
        try:
            await self._thumbs.ask(int(conversation.channel), message_id, reply.text, choices)
        except TryLaterError:
            raise
        except AdapterError as error:
            _log.warning("telegram: a question is not asked", error=str(error))
        return Receipt(())

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message that was sent earlier."""
        if not message_id.isdecimal():
            raise AdapterError(f"telegram: there is no message {message_id!r}")
        try:
            await self._change(conversation, message_id, outgoing_messages(reply)[0])
        except TelegramError as error:
            if not says(error, "not modified"):
                raise translated(error) from error

    async def add_reaction(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        """Put ``emoji`` on a message."""
        if not message_id.isdecimal():
            raise AdapterError(f"telegram: there is no message {message_id!r}")
        try:
            chat = await self._api.present_id(int(conversation.channel))
            await self._api.bot.set_message_reaction(chat, int(message_id), emoji)
        except TelegramError as error:
            raise translated(error) from error

    async def _deliver(
        self, conversation: Conversation, reply: Reply, key: str, reply_to: str | None, *, again: bool
    ) -> Receipt:
        answered = _reply_parameters(conversation, reply_to)

        async def post(number: int, part: Part) -> str:
            first = answered if number == 0 else None
            if isinstance(part, Path):
                return await self._upload(conversation, part, first, words.get(str(part), ""), voice=part == speech)
            draft = (await self._deliveries.progress(key)).draft if number == 0 else ""
            if draft and await self._finish_draft(conversation, part, draft):
                return draft
            keys = await keyboard(part, self._values, direct=conversation.kind == "direct")
            return await self._post(conversation, part.html, keys, first)

        parts: tuple[Part, ...] = (*outgoing_messages(reply), *map(Path, reply.all_files))
        speech = Path(reply.speech) if reply.speech else None
        words = reply.alternatives
        try:
            receipt = await self._deliveries.deliver(key, parts, post, again=again)
        except TelegramError as error:
            raise translated(error) from error
        self._drafts.forget(key)
        return receipt

    async def _send_privately(
        self, conversation: Conversation, reply: Reply, user_id: str, key: str, reply_to: str | None, *, again: bool
    ) -> Receipt:
        """Send ``reply`` into the person's own chat. No part of it becomes a message of the group."""
        # A person who writes as a group or a channel has its id, and everybody would read the answer there.
        possible = user_id.isdecimal()
        if possible:
            try:
                direct = Conversation(platform=PLATFORM, channel=user_id)
                await self._deliver(direct, reply, key, None, again=again)
            except AdapterError as error:
                if not isinstance(error.__cause__, Forbidden | BadRequest):
                    raise
                possible = False
        if not possible:
            hint = Reply(WRITE_TO_ME_FIRST.format(bot=self._bot_name))
            return await self._deliver(conversation, hint, f"{key}:hint", reply_to, again=again)
        return Receipt(())

    async def _post(
        self,
        conversation: Conversation,
        text: str,
        markup: InlineKeyboardMarkup | None,
        answered: ReplyParameters | None,
    ) -> str:
        topic = topic_of(conversation)
        mode: ParseMode | None = ParseMode.HTML

        async def call(chat: int) -> TelegramMessage:
            return await self._api.bot.send_message(
                chat,
                text,
                parse_mode=mode,
                message_thread_id=topic,
                reply_markup=markup,
                reply_parameters=answered,
                link_preview_options=_NO_PREVIEW,
            )

        while True:
            try:
                return str((await self._api.send(int(conversation.channel), call)).message_id)
            except BadRequest as error:
                if mode is not None and says(error, "can't parse entities"):
                    _log.error("telegram: this HTML cannot be parsed; sending plain text", error=error.message)
                    text, mode = OutgoingMessage(text).plain, None
                elif topic is not None and says(error, "thread not found"):
                    topic = None  # the topic was deleted; the person in the group still waits for the answer
                else:
                    raise

    async def _finish_draft(self, conversation: Conversation, message: OutgoingMessage, draft: str) -> bool:
        """Replace the draft by the finished message. Returns False if the draft is gone."""
        try:
            await self._change(conversation, draft, message)
        except BadRequest as error:
            if not says(error, "not modified"):
                _log.info("telegram: a draft cannot be finished; sending it anew", error=error.message)
                return False
        return True

    async def _change(self, conversation: Conversation, message_id: str, message: OutgoingMessage) -> None:
        """Replace one of the bot's messages by ``message``."""
        markup = await keyboard(message, self._values, direct=conversation.kind == "direct")

        async def call(chat: int) -> object:
            return await self._api.bot.edit_message_text(
                message.html,
                chat,
                int(message_id),
                parse_mode=ParseMode.HTML,
                reply_markup=markup,
                link_preview_options=_NO_PREVIEW,
            )

        await self._api.send(int(conversation.channel), call)

    async def _upload(
        self, conversation: Conversation, path: Path, answered: ReplyParameters | None, alt: str, *, voice: bool
    ) -> str:
        """Send a file: as a voice message if ``voice``, and a picture with ``alt``, what it shows, below it.

        If that is not possible, send its name: the text of the reply was sent already.
        """
        note = html.escape(f"{not_attached(path.name)} {alt}".rstrip(), quote=False)
        try:
            content = await asyncio.to_thread(read_file, path)
        except OSError as error:
            _log.warning("telegram: a file was not sent", file=path.name, error=error.strerror or str(error))
            return await self._post(conversation, note, None, answered)

        async def call(chat: int) -> TelegramMessage:
            arguments: dict[str, Any] = {
                "filename": path.name,
                "message_thread_id": topic_of(conversation),
                "reply_parameters": answered,
            }
            arguments |= {"caption": caption(alt)} if alt else {}
            if voice:
                return await self._api.bot.send_voice(chat, content, **arguments)
            if is_photo(path, len(content)):
                return await self._api.bot.send_photo(chat, content, **arguments)
            return await self._api.bot.send_document(chat, content, **arguments)

        try:
            return str((await self._api.send(int(conversation.channel), call)).message_id)
        except BadRequest as error:
            _log.warning("telegram: a file was not sent", file=path.name, error=error.message)
            return await self._post(conversation, note, None, answered)


def _reply_parameters(conversation: Conversation, reply_to: str | None) -> ReplyParameters | None:
    """Which message is answered. In a direct conversation that is plain to see."""
    if conversation.kind == "direct" or reply_to is None or not reply_to.isdecimal():
        return None
    return ReplyParameters(int(reply_to), allow_sending_without_reply=True)
