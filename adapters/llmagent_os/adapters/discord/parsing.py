"""Discord's payloads to events."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal, Protocol

from llmagent_os.adapters.discord import payloads
from llmagent_os.adapters.discord.command_menu import ARGUMENTS
from llmagent_os.adapters.discord.payloads import InteractionPayload, MessagePayload, ReactionPayload
from llmagent_os.errors import BadEventError
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Message, Reaction, Sender

PLATFORM = "discord"

_MENTION = re.compile(r"<(@[!&]?|\#)([0-9]{1,20})>|<a?:(\w{1,32}):[0-9]{1,20}>")

#: Stands where the bot's own name was. The character is on no keyboard.
_OWN_NAME = "\ue000"
_AROUND_OWN_NAME = re.compile(rf"[ \t]*{_OWN_NAME}[ \t]*")


class ServerNames(Protocol):
    """What is known of servers."""

    def is_thread(self, guild_id: str | None, channel_id: str) -> bool | None:
        """Whether a channel is a thread; None if the channel is not known."""
        ...

    def own_role(self, guild_id: str | None) -> str | None:
        """The id of the role that only this bot has."""
        ...

    def role_name(self, guild_id: str | None, role_id: str) -> str | None:
        """The name of a role."""
        ...

    def channel_name(self, guild_id: str | None, channel_id: str) -> str | None:
        """The name of a channel."""
        ...


class DiscordParser:
    """Turns payloads into events, for one bot."""

    def __init__(self, bot_id: str, names: ServerNames) -> None:
        """Args:
        bot_id: the bot's own user id.
        names: what is known of servers.
        """
        self.bot_id = bot_id
        self._names = names

    def conversation(
        self,
        channel_id: str,
        guild_id: str | None,
        *,
        in_thread: bool = False,
        channel: payloads.ChannelPayload | None = None,
    ) -> Conversation:
        """The conversation in a channel. Discord's user ids are the same everywhere, so there are no workspaces.

        Args:
            channel_id: the channel's id, or the thread's own.
            guild_id: the server's id; None for direct messages.
            in_thread: whether the payload shows that the message is in a thread.
            channel: what the payload says of the channel.
        """
        if guild_id is None:
            return Conversation(platform=PLATFORM, channel=channel_id, kind="direct")
        known = channel.type in payloads.THREADS if channel else self._names.is_thread(guild_id, channel_id)
        is_thread = in_thread if known is None else known
        return Conversation(
            platform=PLATFORM, channel=channel_id, thread=channel_id if is_thread else None, kind="group"
        )

    def message(self, payload: MessagePayload) -> Message | None:
        """The message that a person wrote, without its files; None if there is nothing in it for the bot."""
        if not payload.by_person or payload.author.id == self.bot_id:
            return None
        conversation = self._conversation_of(payload)
        text, mentioned = self._text(payload)
        if not text and not payload.attachments and not mentioned:
            return None  # a sticker, or a text that may not be read without the message content intent
        reference = payload.message_reference
        reply_to = None if reference is None or reference.type == payloads.FORWARD else reference.message_id
        quoted = payload.referenced_message
        answers_bot = (
            reply_to is not None
            and quoted is not None
            and quoted.author is not None
            and quoted.author.id == self.bot_id
        )
        return Message(
            event_id=payload.id,
            conversation=conversation,
            sender=_sender(payload),
            at=created_at(payload.id),
            text=text,
            message_id=payload.id,
            reply_to=reply_to,
            addressed=conversation.kind == "direct" or mentioned or answers_bot,
        )

    def edit(self, payload: MessagePayload) -> Edit | None:
        """The edit of a message; None if nobody changed the text: Discord also reports that a link has its preview."""
        if payload.edited_timestamp is None or not payload.by_person or payload.author.id == self.bot_id:
            return None
        try:
            at = datetime.fromisoformat(payload.edited_timestamp).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise BadEventError(f"not the time of an edit: {payload.edited_timestamp[:40]!r}") from error
        return Edit(
            event_id=f"{payload.id}:{payload.edited_timestamp}",
            conversation=self._conversation_of(payload),
            sender=_sender(payload),
            at=at,
            message_id=payload.id,
            text=self._text(payload)[0],
            edits=payload.id,
        )

    def reaction(self, payload: ReactionPayload, action: Literal["added", "removed"], sequence: str) -> Reaction | None:
        """An emoji that was added or removed. None if a bot did it, or if the message is not the bot's own.

        Args:
            payload: of the reaction.
            action: whether the emoji was added or removed.
            sequence: the gateway's id of the event. Only this id tells a second 👍 from the first one delivered twice.
        """
        user = payload.member.user if payload.member else None
        author = payload.message_author_id
        if payload.user_id == self.bot_id or (user and user.bot) or (author is not None and author != self.bot_id):
            return None
        emoji = payload.emoji.raw
        if not emoji:
            return None  # an emoji of a server that was deleted
        name = (payload.member and payload.member.nick) or (user.display_name() if user else "")
        return Reaction(
            event_id=f"{payload.message_id}:{payload.user_id}:{emoji}:{action}:{sequence}",
            conversation=self.conversation(payload.channel_id, payload.guild_id),
            sender=Sender(payload.user_id, name),
            message_id=payload.message_id,
            emoji=emoji,
            action=action,
        )

    def interaction(self, payload: InteractionPayload) -> Command | ButtonPress:
        """The slash command or pressed button.

        Raises:
            BadEventError: the payload names no person or no channel.
        """
        user = payload.author
        if user is None or payload.channel_id is None:
            raise BadEventError("an interaction without a person or without a channel")
        conversation = self.conversation(payload.channel_id, payload.guild_id, channel=payload.channel)
        sender = Sender(user.id, (payload.member and payload.member.nick) or user.display_name(), user.bot)
        at = created_at(payload.id)
        if payload.message is not None:
            return ButtonPress(
                event_id=payload.id,
                conversation=conversation,
                sender=sender,
                at=at,
                message_id=payload.message.id,
                value=payload.data.custom_id,
            )
        return Command(
            event_id=payload.id,
            conversation=conversation,
            sender=sender,
            at=at,
            name=payload.data.name.lower(),
            arguments=next((str(option.value) for option in payload.data.options if option.name == ARGUMENTS), ""),
        )

    def _conversation_of(self, payload: MessagePayload) -> Conversation:
        return self.conversation(payload.channel_id, payload.guild_id, in_thread=payload.position is not None)

    def _text(self, payload: MessagePayload) -> tuple[str, bool]:
        """The text with names in place of ids and without the bot's own name, and whether the bot was mentioned."""
        text = payload.content or "\n".join(each.message.content for each in payload.message_snapshots)
        if "<" not in text:
            return text, False
        user_names = {user.id: user.display_name() for user in payload.mentions}
        own_role = self._names.own_role(payload.guild_id) if payload.mention_roles else None
        guild, mentioned = payload.guild_id, False

        def named(match: re.Match[str]) -> str:
            nonlocal mentioned
            kind, number, emoji = match.groups()
            if emoji:
                return f":{emoji}:"
            if kind == "#":
                name = self._names.channel_name(guild, number)
                return f"#{name}" if name else match[0]
            if kind == "@&":
                if number == own_role:
                    mentioned = True
                    return _OWN_NAME
                name = self._names.role_name(guild, number)
                return f"@{name}" if name else match[0]
            if number == self.bot_id:
                mentioned = True
                return _OWN_NAME
            return f"@{user_names[number]}" if user_names.get(number) else match[0]

        text = _MENTION.sub(named, text)
        return (_AROUND_OWN_NAME.sub(" ", text).strip() if mentioned else text), mentioned


def created_at(snowflake: str) -> datetime:
    """When the thing with this id was created.

    Raises:
        BadEventError: the id's time is outside the calendar.
    """
    try:
        return datetime.fromtimestamp(payloads.milliseconds(snowflake) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadEventError(f"an id without a valid time in it: {snowflake}") from error


def _sender(payload: MessagePayload) -> Sender:
    return Sender(payload.author.id, payload.author.display_name(payload.member))
