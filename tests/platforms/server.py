"""The protocol of the three loopback servers: what people do on them, and what they see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
from aiohttp import web


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the bot, as people see it."""

    message_id: str
    text: str  #: as people read it: markup rendered, entities decoded
    buttons: tuple[str, ...] = ()  #: labels of the buttons that can be pressed, and of the options that can be chosen
    menus: int = 0  #: how many menus hold the options
    feedback: bool = False  #: whether a thumb up and a thumb down to press stand under it
    thread: str | None = None
    draft: bool = False  #: whether it is still being written
    channel: str = ""
    files: tuple[str, ...] = ()  #: names
    alternatives: tuple[str, ...] = ()  #: what its pictures show, in words
    voice: bool = False  #: whether it is a voice message
    only_for: str | None = None  #: the one person who sees it, if others are there


def abort(socket: web.WebSocketResponse) -> None:
    """Cut a connection without closing it, as a broken network does."""
    request = socket._req  # pyright: ignore[reportPrivateUsage]
    if request is not None and request.transport is not None:
        request.transport.abort()


class PlatformServer(Protocol):
    """A platform with people on it. It keeps running, with all its messages, while the bot is away."""

    name: str  #: ``slack``, ``discord`` or ``telegram``
    ana: str  #: the platform's id of a person, whose default conversation is a direct one with the bot
    ben: str  #: the platform's id of another person
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
        """Wait until a bot is connected and would receive a message."""
        ...

    def newcomer(self, number: int) -> str:
        """The platform's id of one more person, who has not written yet; the same number is the same person."""
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
        """Write a message as a person.

        Args:
            text: of the message.
            user: who writes; empty: Ana.
            channel: where; empty: the person's direct conversation with the bot.
            thread: a thread (topic) of the channel, by any name; the first use of a name makes the thread.
            mention: whether the message begins with the bot's name, as the platform writes a mention.
            reply_to: the message that is answered, if the platform has replies.
            files: uploaded with the message, by name.
            voice: whether the one file is a voice message.

        Returns:
            The platform's id of the message, which may still be on its way to the bot.
        """
        ...

    async def redeliver(self) -> None:
        """Deliver the last message again, as the platform does if an acknowledgement got lost."""
        ...

    async def change(self, message_id: str, text: str) -> None:
        """Edit the message ``message_id`` as the person who wrote it."""
        ...

    async def react(self, message_id: str, emoji: str, *, on: bool, user: str = "") -> None:
        """Add an emoji (the character) to a message, or remove it, as a person."""
        ...

    async def press(self, message_id: str, label: str, *, user: str = "") -> None:
        """Press the button with this label, as a person."""
        ...

    async def command(self, name: str, arguments: str = "", *, user: str = "", channel: str = "") -> None:
        """Give a slash command as a person, in the way the platform's own client sends it."""
        ...

    def shown(self, channel: str = "", *, user: str = "") -> list[Shown]:
        """The bot's messages in a channel (empty: Ana's direct conversation), oldest first, as ``user`` sees them."""
        ...

    async def until(self, ready: Callable[[list[Shown]], bool], channel: str = "") -> list[Shown]:
        """The bot's messages in a channel, as soon as ``ready`` returns true for them.

        Raises:
            TimeoutError: after 20 seconds.
        """
        ...

    async def wait(self, true: Callable[[], bool], seconds: float | None = ...) -> None:
        """Return when ``true`` returns true. It is called whenever something has changed on the server.

        Raises:
            TimeoutError: after ``seconds``.
        """
        ...

    def limit(self, seconds: float, times: int = 1) -> None:
        """Refuse the next ``times`` messages of the bot with 429 and this ``retry_after``."""
        ...

    async def drop(self) -> None:
        """Cut the bot's connection, as a broken network does. Later events are kept as the platform keeps them."""
        ...

    async def garbage(self) -> None:
        """Send malformed payloads to the bot: missing, unknown and far too large fields, wrong types, no JSON."""
        ...
