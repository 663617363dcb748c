"""Who administers a group: asked of Telegram, and believed for some minutes."""

from __future__ import annotations

from telegram.error import TelegramError

from llmagent_os.adapter_kit.expiring_dict import ADMIN_SECONDS, MAX_ADMIN_ANSWERS, ExpiringDict
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.errors import translated
from llmagent_os.events import Conversation


class ChatAdmins:
    """The administrators of groups. They outlive a connection."""

    def __init__(self) -> None:
        self._known: ExpiringDict[int, frozenset[str]] = ExpiringDict(MAX_ADMIN_ANSWERS, seconds=ADMIN_SECONDS)

    async def administers(self, api: Api, conversation: Conversation, user_id: str) -> bool:
        """Whether a person administers the group of a conversation.

        Raises:
            AdapterError: Telegram does not say.
            TryLaterError: Telegram cannot be reached.
        """
        if conversation.kind != "group":
            return False
        chat = await api.present_id(int(conversation.channel))
        known = self._known.get(chat)
        if known is None:
            try:
                admins = await api.bot.get_chat_administrators(chat)
            except TelegramError as error:
                raise translated(error) from error
            known = frozenset(str(each.user.id) for each in admins if not each.user.is_bot)
            self._known.put(chat, known)
        return user_id in known
