"""The payloads of Discord that the adapter reads. Fields that are not listed are ignored; wrong types are refused.

Names and types follow https://docs.discord.com/developers/resources/message and the documentation of gateway events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from llmagent_os.adapters.discord.forms import FORM
from llmagent_os.errors import BadEventError

T = TypeVar("T")

#: An id. Its upper 42 bits are the time of creation, in milliseconds since :data:`EPOCH`.
Snowflake = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,20}\Z")]

#: Permissions: a number whose bits are rights.
Permissions = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,40}\Z")]

#: The first second of 2015, in milliseconds of Unix time.
EPOCH = 1_420_070_400_000

VOICE = 1 << 13  #: flag of a message: it is a voice message
EPHEMERAL = 1 << 6  #: flag of a message: only one person sees it
FORWARD = 1  #: type of a message reference: a forwarded message, not an answer
WRITTEN = (0, 19)  #: types of messages that a person wrote: a plain message, and an answer
COMMAND, COMPONENT, FORM_SENT = 2, 3, 5  #: types of interactions
BUTTON, MENU = 2, 3  #: types of a component
ATTACHMENT = 11  #: type of a command's argument: the id of a file
THREADS = (10, 11, 12)  #: types of channels that are threads


class Member(msgspec.Struct, frozen=True):
    """What a user is in one server."""

    nick: str | None = None


class User(msgspec.Struct, frozen=True):
    """A person or a bot. Inside ``mentions`` with what the user is in the server."""

    id: Snowflake
    username: str = ""
    global_name: str | None = None
    bot: bool = False
    member: Member | None = None

    def display_name(self, member: Member | None = None) -> str:
        """The name that other people see, given what the user is in the server."""
        here = member or self.member
        return (here and here.nick) or self.global_name or self.username


class FilePayload(msgspec.Struct, frozen=True):
    """A file of a message."""

    filename: str
    url: str
    size: int = 0
    content_type: str | None = None


class MessageReference(msgspec.Struct, frozen=True):
    """The message that another message answers or forwards."""

    message_id: Snowflake | None = None
    type: int = 0


class EmbedField(msgspec.Struct, frozen=True):
    """A label and a text of an embed."""

    name: str = ""
    value: str = ""


class Embed(msgspec.Struct, frozen=True):
    """A card of an app, or the preview of a link."""

    type: str = "rich"
    title: str | None = None
    description: str | None = None
    fields: tuple[EmbedField, ...] = ()


class QuotedMessage(msgspec.Struct, frozen=True):
    """A message inside the payload of another message."""

    author: User | None = None
    content: str = ""
    mentions: tuple[User, ...] = ()
    attachments: tuple[FilePayload, ...] = ()
    embeds: tuple[Embed, ...] = ()


class ForwardedMessage(msgspec.Struct, frozen=True):
    """A forwarded message."""

    message: QuotedMessage


class MessagePayload(msgspec.Struct, frozen=True):
    """A message: of MESSAGE_CREATE, of MESSAGE_UPDATE, or of a channel's history."""

    id: Snowflake
    channel_id: Snowflake
    author: User
    content: str = ""
    type: int = 0
    guild_id: Snowflake | None = None
    member: Member | None = None
    mentions: tuple[User, ...] = ()
    mention_roles: tuple[Snowflake, ...] = ()
    attachments: tuple[FilePayload, ...] = ()
    flags: int = 0
    edited_timestamp: str | None = None
    webhook_id: Snowflake | None = None
    referenced_message: QuotedMessage | None = None
    message_reference: MessageReference | None = None
    message_snapshots: tuple[ForwardedMessage, ...] = ()
    position: int | None = None  #: only messages in threads have a position

    @property
    def files(self) -> tuple[FilePayload, ...]:
        """The files of the message and of the messages that it forwards."""
        return (*self.attachments, *(file for each in self.message_snapshots for file in each.message.attachments))

    @property
    def by_person(self) -> bool:
        """Whether a person wrote the message: no bot, no webhook, and not Discord itself ("Ana joined")."""
        return self.type in WRITTEN and not self.author.bot and self.webhook_id is None


class Emoji(msgspec.Struct, frozen=True):
    """A Unicode emoji, or an emoji of a server."""

    name: str | None = None
    id: Snowflake | None = None

    @property
    def raw(self) -> str:
        """The emoji as Discord's API writes it: the character, or ``name:id``."""
        return f"{self.name or ''}:{self.id}" if self.id else self.name or ""


class GuildMember(msgspec.Struct, frozen=True):
    """A member of a server, with the user."""

    user: User | None = None
    nick: str | None = None
    permissions: Permissions | None = None  #: in the channel, with every interaction


class ReactionPayload(msgspec.Struct, frozen=True):
    """MESSAGE_REACTION_ADD or MESSAGE_REACTION_REMOVE."""

    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    emoji: Emoji
    guild_id: Snowflake | None = None
    member: GuildMember | None = None
    message_author_id: Snowflake | None = None


class CommandOption(msgspec.Struct, frozen=True):
    """An argument of a slash command."""

    name: str
    value: str | int | float | bool | None = None
    type: int = 3


class Resolved(msgspec.Struct, frozen=True):
    """What the ids among a command's arguments stand for."""

    attachments: Mapping[str, FilePayload] = {}


class InteractionData(msgspec.Struct, frozen=True):
    """A command's name and arguments, or the pressed button, or the menu in which an option was chosen."""

    name: str = ""
    options: tuple[CommandOption, ...] = ()
    resolved: Resolved = Resolved()
    custom_id: str = ""
    component_type: int = 0
    components: list[dict[str, Any]] = []  #: of a form that was sent
    values: tuple[str, ...] = ()  #: of the options that were chosen in a menu

    @property
    def chosen(self) -> str:
        """The value of the pressed button, or of the chosen option; empty: there is none."""
        return next(iter(self.values), "") if self.component_type == MENU else self.custom_id


class ChannelPayload(msgspec.Struct, frozen=True):
    """The channel of an interaction."""

    type: int = 0


class ButtonMessage(msgspec.Struct, frozen=True):
    """The message whose button was pressed."""

    id: Snowflake
    flags: int = 0
    components: list[dict[str, Any]] = []


class InteractionPayload(msgspec.Struct, frozen=True):
    """INTERACTION_CREATE: a slash command or a pressed button."""

    id: Snowflake
    application_id: Snowflake
    token: str
    type: int
    data: InteractionData = InteractionData()
    channel_id: Snowflake | None = None
    guild_id: Snowflake | None = None
    channel: ChannelPayload | None = None
    user: User | None = None  #: in direct messages
    member: GuildMember | None = None  #: in servers
    message: ButtonMessage | None = None
    locale: str | None = None  #: the language that the person has chosen in Discord

    @property
    def author(self) -> User | None:
        """Who gave the command or pressed the button."""
        return self.user or (self.member.user if self.member else None)

    @property
    def files(self) -> tuple[FilePayload, ...]:
        """The files that were given with the command, in the order of its arguments."""
        known = self.data.resolved.attachments
        given = (str(option.value) for option in self.data.options if option.type == ATTACHMENT)
        return tuple(known[each] for each in given if each in known)

    @property
    def is_command(self) -> bool:
        """Whether it is a slash command, or a form that stands for one."""
        return self.type == COMMAND or self.is_form

    @property
    def is_form(self) -> bool:
        """Whether a form was sent."""
        return self.type == FORM_SENT and self.data.custom_id.startswith(FORM)

    @property
    def is_press(self) -> bool:
        """Whether it is a pressed button, or an option chosen in a menu."""
        is_choice = self.data.component_type in (BUTTON, MENU) and bool(self.data.chosen)
        return self.type == COMPONENT and is_choice and self.message is not None


def decode(payload: Mapping[str, Any], kind: type[T]) -> T:
    """``payload`` as a ``kind``.

    Raises:
        BadEventError: a field is missing or has a wrong type; the message names the field.
    """
    try:
        return msgspec.convert(payload, kind)
    except msgspec.ValidationError as error:
        raise BadEventError(f"not a {kind.__name__}: {error}") from error


def milliseconds(snowflake: str) -> int:
    """When the thing with this id was created, in milliseconds of Unix time."""
    return (int(snowflake) >> 22) + EPOCH


def snowflake_at(seconds: float) -> int:
    """The first id of a moment, which is given in seconds of Unix time."""
    return max(0, int(seconds * 1000) - EPOCH) << 22
