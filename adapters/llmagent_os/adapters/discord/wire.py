"""Discord's payloads, as far as they are read here. What is not listed is ignored; what does not fit is refused.

Names and types follow https://docs.discord.com/developers/resources/message and the gateway's events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from llmagent_os.errors import BadEventError

T = TypeVar("T")

#: An id. Its upper 42 bits are the time, in milliseconds since :data:`EPOCH`.
Snowflake = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,20}\Z")]

#: The first second of 2015, in milliseconds of Unix time.
EPOCH = 1_420_070_400_000

VOICE = 1 << 13  #: a message's flag: it was spoken
EPHEMERAL = 1 << 6  #: a message's flag: one person sees it
FORWARD = 1  #: a reference's type: not an answer
SAID = (0, 19)  #: the message types that somebody wrote: plain, and an answer
COMMAND, COMPONENT = 2, 3  #: interaction types
BUTTON = 2  #: component type
THREADS = (10, 11, 12)  #: channel types


class Member(msgspec.Struct, frozen=True):
    """What a person is in one server."""

    nick: str | None = None


class User(msgspec.Struct, frozen=True):
    """A person or a bot; within ``mentions`` also what they are in the server."""

    id: Snowflake
    username: str = ""
    global_name: str | None = None
    bot: bool = False
    member: Member | None = None

    def called(self, member: Member | None = None) -> str:
        """The name that others see."""
        here = member or self.member
        return (here and here.nick) or self.global_name or self.username


class File(msgspec.Struct, frozen=True):
    """An attachment."""

    filename: str
    url: str
    size: int = 0
    content_type: str | None = None


class Reference(msgspec.Struct, frozen=True):
    """The message that another one answers or forwards."""

    message_id: Snowflake | None = None
    type: int = 0


class Quoted(msgspec.Struct, frozen=True):
    """What is said of a message within another one."""

    author: User | None = None
    content: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """A forwarded message."""

    message: Quoted


class Said(msgspec.Struct, frozen=True):
    """A message: MESSAGE_CREATE, MESSAGE_UPDATE, or one of a channel's history."""

    id: Snowflake
    channel_id: Snowflake
    author: User
    content: str = ""
    type: int = 0
    guild_id: Snowflake | None = None
    member: Member | None = None
    mentions: tuple[User, ...] = ()
    mention_roles: tuple[Snowflake, ...] = ()
    attachments: tuple[File, ...] = ()
    flags: int = 0
    edited_timestamp: str | None = None
    webhook_id: Snowflake | None = None
    referenced_message: Quoted | None = None
    message_reference: Reference | None = None
    message_snapshots: tuple[Snapshot, ...] = ()
    position: int | None = None  #: only messages in threads have one

    @property
    def human(self) -> bool:
        """Whether a person wrote it: no bot, no webhook, and not Discord itself ("Ana joined")."""
        return self.type in SAID and not self.author.bot and self.webhook_id is None


class Emoji(msgspec.Struct, frozen=True):
    """A character, or a server's own."""

    name: str | None = None
    id: Snowflake | None = None

    @property
    def raw(self) -> str:
        """As Discord's API writes it: the character, or ``name:id``."""
        return f"{self.name or ''}:{self.id}" if self.id else self.name or ""


class MemberUser(msgspec.Struct, frozen=True):
    """A member with who it is."""

    user: User | None = None
    nick: str | None = None


class Reacted(msgspec.Struct, frozen=True):
    """MESSAGE_REACTION_ADD or MESSAGE_REACTION_REMOVE."""

    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    emoji: Emoji
    guild_id: Snowflake | None = None
    member: MemberUser | None = None
    message_author_id: Snowflake | None = None


class Option(msgspec.Struct, frozen=True):
    """An argument of a slash command."""

    name: str
    value: str | int | float | bool | None = None


class Given(msgspec.Struct, frozen=True):
    """What an interaction brings: a command's name and arguments, or which button was pressed."""

    name: str = ""
    options: tuple[Option, ...] = ()
    custom_id: str = ""
    component_type: int = 0


class Channel(msgspec.Struct, frozen=True):
    """Where an interaction happened."""

    type: int = 0


class Carrier(msgspec.Struct, frozen=True):
    """The message whose button was pressed."""

    id: Snowflake
    flags: int = 0
    components: list[dict[str, Any]] = []


class Interacted(msgspec.Struct, frozen=True):
    """INTERACTION_CREATE."""

    id: Snowflake
    application_id: Snowflake
    token: str
    type: int
    data: Given = Given()
    channel_id: Snowflake | None = None
    guild_id: Snowflake | None = None
    channel: Channel | None = None
    user: User | None = None  #: in direct messages
    member: MemberUser | None = None  #: in servers
    message: Carrier | None = None


def read(payload: Mapping[str, Any], kind: type[T]) -> T:
    """``payload`` as a ``kind``.

    Raises:
        BadEventError: it is none; says at which field.
    """
    try:
        return msgspec.convert(payload, kind)
    except msgspec.ValidationError as error:
        raise BadEventError(f"no {kind.__name__}: {error}") from error


def milliseconds(snowflake: str) -> int:
    """When something was made, by its id, in milliseconds of Unix time."""
    return (int(snowflake) >> 22) + EPOCH


def snowflake_at(seconds: float) -> int:
    """The first id of a moment, in seconds of Unix time."""
    return max(0, int(seconds * 1000) - EPOCH) << 22
