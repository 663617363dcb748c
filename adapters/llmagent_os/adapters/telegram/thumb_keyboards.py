"""The keyboards with thumbs under messages, which change as people press them."""

from __future__ import annotations

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup
from telegram import Message as TelegramMessage
from telegram.error import TelegramError

from llmagent_os.adapter import Thumbs
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.errors import says, translated
from llmagent_os.adapters.telegram.thumb_keys import (
    HEADING,
    Rows,
    carried_by,
    is_thumb,
    plain_rows,
    question_in,
    thumbs_row,
)

#: How many keyboards are remembered: those that were pressed last.
MAX_KEYBOARDS = 1000


class ThumbKeyboards:
    """The keyboards with thumbs that were pressed lately. A restart forgets them; the next press brings one back."""

    def __init__(self, api: Api) -> None:
        """Args: ``api`` changes keyboards."""
        self._api = api
        self._rows: BoundedDict[tuple[int, int], Rows] = BoundedDict(MAX_KEYBOARDS)  # by chat and message
        self._order = KeyedLocks()

    def note(self, query: CallbackQuery) -> None:
        """Remember the keyboard that a press has come from."""
        message = query.message if isinstance(query.message, TelegramMessage) else None
        if message is not None and message.reply_markup is not None and is_thumb(query.data):
            self._rows[int(message.chat.id), int(message.message_id)] = message.reply_markup.inline_keyboard

    async def show(self, chat: int, message_id: int, thumbs: Thumbs, *, direct: bool) -> None:
        """Show how the thumbs are pressed now. Where nobody dislikes the reply any more, the question goes.

        Raises:
            AdapterError: Telegram refuses the change.
        """
        async with self._order.of((chat, message_id)):
            rows = self._rows.get((chat, message_id), ())
            question = () if thumbs.down else question_in(rows)
            kept = [row for row in rows if row not in question and not any(is_thumb(carried_by(key)) for key in row)]
            await self._change(chat, message_id, [*kept, thumbs_row(thumbs, direct=direct)])

    async def ask(self, chat: int, message_id: int, heading: str, choices: Rows) -> None:
        """Put a question above the thumbs of a message.

        Raises:
            AdapterError: Telegram refuses the change.
        """
        async with self._order.of((chat, message_id)):
            rows = self._rows.get((chat, message_id), ())
            kept = [row for row in rows if row not in question_in(rows)]
            head = [InlineKeyboardButton(heading, callback_data=HEADING)]
            await self._change(chat, message_id, [*kept[:-1], head, *choices, *kept[-1:]])

    async def _change(self, chat: int, message_id: int, rows: Rows) -> None:
        before = self._rows.get((chat, message_id))
        if before is None or plain_rows(before) == plain_rows(rows):
            return
        self._rows[chat, message_id] = rows

        async def call(to: int) -> object:
            return await self._api.bot.edit_message_reply_markup(
                to, message_id, reply_markup=InlineKeyboardMarkup(rows)
            )

        try:
            await self._api.send(chat, call)
        except TelegramError as error:
            if not says(error, "not modified"):
                raise translated(error) from error
