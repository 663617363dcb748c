"""Who administers a server, as Discord says with every slash command and every pressed button.

Messages do not say it. Asking for it would take the server's roles and those of its member, and one more right.
"""

from __future__ import annotations

from llmagent_os.adapter_kit.expiring_dict import ADMIN_SECONDS, MAX_ADMIN_ANSWERS, ExpiringDict
from llmagent_os.adapters.discord.payloads import InteractionPayload
from llmagent_os.errors import AdapterError
from llmagent_os.events import Conversation

#: The permissions Administrator and Manage Server.
ADMINISTRATOR, MANAGE_SERVER = 1 << 3, 1 << 5


class ServerAdmins:
    """What the last interactions said."""

    def __init__(self) -> None:
        self._known: ExpiringDict[tuple[str, str], bool] = ExpiringDict(MAX_ADMIN_ANSWERS, seconds=ADMIN_SECONDS)

    def note(self, payload: InteractionPayload) -> None:
        """Remember what an interaction says of whoever caused it."""
        member = payload.member
        if member is None or member.user is None or payload.channel_id is None or member.permissions is None:
            return
        granted = int(member.permissions) & (ADMINISTRATOR | MANAGE_SERVER) != 0
        self._known.put((payload.channel_id, member.user.id), granted)

    def administers(self, conversation: Conversation, user_id: str) -> bool:
        """Whether a person administers the server of a conversation.

        Raises:
            AdapterError: no interaction of the person has said so lately.
        """
        if conversation.kind != "group":
            return False
        known = self._known.get((conversation.channel, user_id))
        if known is None:
            raise AdapterError("discord: only slash commands and buttons say who administers a server")
        return known
