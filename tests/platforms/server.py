"""What the three loopback servers have in common: the people on them, and what those people see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
from aiohttp import web


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the bot, as people see it."""

    message_id: str
    text: str  #: as it is displayed: markup rendered, entities decoded
    buttons: tuple[str, ...] = ()  #: labels of those that can be pressed
    thread: str | None = None
    draft: bool = False  #: it is still being written
    channel: str = ""
    files: tuple[str, ...] = ()  #: names
    only_for: str | None = None  #: the one person who sees it, where others are there


def abort(socket: web.WebSocketResponse) -> None:
    """Cut a connection, as a network does: nobody is told."""
    request = socket._req  # pyright: ignore[reportPrivateUsage]
    if request is not None and request.transport is not None:
        request.transport.abort()


class PlatformServer(Protocol):
    """A platform with people on it. It goes on, with all that was said, while a bot is away."""

    name: str  #: ``slack``, ``discord`` or ``telegram``
    ana: str  #: the platform's id of a person, who is in a direct conversation with the bot by default
    ben: str  #: and of another
    group: str  #: the platform's id of a channel (group, supergroup) in which Ana, Ben and the bot are

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables that point a bot at this server: tokens and addresses. After :meth:`start`."""
        ...

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1 (the same again after a :meth:`stop`)."""
        ...

    async def stop(self) -> None:
        """Close every connection and listen no more."""
        ...

    async def connected(self) -> None:
        """Wait until a bot is there and would receive what is said."""
        ...

    async def say(
        self,
        text: str,
        *,
        user: str = "",
        channel: str = "",
        thread: str | None = None,
        mention: bool = False,
        reply_to: str | None = None,
        files: Mapping[str, bytes] | None = None,
        voice: bool = False,
    ) -> str:
        """Somebody (Ana, unless said) says something (to the bot directly, unless a channel is named).

        Args:
            text: what.
            user: who.
            channel: where; empty: their direct conversation with the bot.
            thread: a thread (topic) there, by a name of the caller's own; the first use of a name makes it.
            mention: it begins with the bot's name, as the platform writes a mention.
            reply_to: the message it answers, where the platform has replies.
            files: uploaded along, by name.
            voice: the one file is a voice message.

        Returns:
            The platform's id of the message. It may be on its way to the bot still.
        """
        ...

    async def redeliver(self) -> None:
        """Deliver the last message once more, as the platform does where an acknowledgement got lost."""
        ...

    async def change(self, message_id: str, text: str) -> None:
        """Whoever said ``message_id`` edits it."""
        ...

    async def react(self, message_id: str, emoji: str, *, on: bool, user: str = "") -> None:
        """Somebody puts an emoji (the character) on a message, or takes it off."""
        ...

    async def press(self, message_id: str, label: str, *, user: str = "") -> None:
        """Somebody presses the button with this label."""
        ...

    async def command(self, name: str, arguments: str = "", *, user: str = "", channel: str = "") -> None:
        """Somebody gives a slash command, the way the platform's own client sends it."""
        ...

    def shown(self, channel: str = "", *, user: str = "") -> list[Shown]:
        """The bot's messages in a channel (empty: Ana's direct conversation), oldest first, as ``user`` sees them."""
        ...

    async def until(self, ready: Callable[[list[Shown]], bool], channel: str = "") -> list[Shown]:
        """The bot's messages in a channel, as soon as ``ready`` of them; raises TimeoutError after 20 seconds."""
        ...

    def limit(self, seconds: float, times: int = 1) -> None:
        """Refuse the next ``times`` messages of the bot with 429 and this ``retry_after``."""
        ...

    async def drop(self) -> None:
        """Cut the bot's connection, as a network does; what happens meanwhile is kept as the platform keeps it."""
        ...

    async def garbage(self) -> None:
        """Send the bot what a platform should not: fields missing, of other types, unknown, far too large, no JSON."""
        ...
