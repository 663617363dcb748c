"""Discord's payloads to events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, Protocol

import msgspec

from llmagent_os.adapter_kit.inbound_text import (
    A_CHANNEL,
    OWN_NAME,
    SOMEONE,
    clean_name,
    quoted_message,
    without_own_name,
)
from llmagent_os.adapters.discord import payloads
from llmagent_os.adapters.discord.command_menu import ARGUMENTS
from llmagent_os.adapters.discord.forms import place_of, typed_in
from llmagent_os.adapters.discord.mentions import plain
from llmagent_os.adapters.discord.payloads import (
    InteractionPayload,
    MessagePayload,
    QuotedMessage,
    ReactionPayload,
    User,
)
from llmagent_os.adapters.discord.thumbs import THUMBS
from llmagent_os.errors import BadEventError
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Message, Reaction, Sender

PLATFORM = "discord"


class _WrittenText(msgspec.Struct, frozen=True):
    """What a message says."""

    text: str  #: with names in place of ids, and without the bot's own name
    mentioned: bool = False  #: whether the sender mentions the bot
    mentions: tuple[Sender, ...] = ()  #: the other people whom the sender mentions


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
        written = self._text(payload)
        text, mentioned = written.text, written.mentioned
        if not text and not payload.files and not mentioned:
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
            mentions=written.mentions,
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
            text=self._text(payload).text,
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

    def interaction(self, payload: InteractionPayload) -> Command | ButtonPress | Reaction:
        """The slash command or pressed button. A pressed thumb is a reaction.

        Raises:
            BadEventError: the payload names no person or no channel.
        """
        user = payload.author
        if user is None or payload.channel_id is None:
            raise BadEventError("an interaction without a person or without a channel")
        conversation = self.conversation(payload.channel_id, payload.guild_id, channel=payload.channel)
        name = (payload.member and payload.member.nick) or user.display_name()
        sender = Sender(user.id, name, user.bot, payload.locale or "")
        at = created_at(payload.id)
        if payload.message is not None and payload.data.custom_id in THUMBS:
            return Reaction(
                event_id=payload.id,
                conversation=conversation,
                sender=sender,
                at=at,
                message_id=payload.message.id,
                emoji=payload.data.custom_id,
                action="pressed",
            )
        if payload.message is not None and not payload.is_form:
            return ButtonPress(
                event_id=payload.id,
                conversation=conversation,
                sender=sender,
                at=at,
                message_id=payload.message.id,
                value=payload.data.chosen,
            )
        command = Command(event_id=payload.id, conversation=conversation, sender=sender, at=at, name="")
        if payload.is_form:
            return _filled_form(command, payload)
        name, arguments = payload.data.name.lower(), self._arguments(payload)
        return msgspec.structs.replace(command, name=name, arguments=arguments)

    def _conversation_of(self, payload: MessagePayload) -> Conversation:
        return self.conversation(payload.channel_id, payload.guild_id, in_thread=payload.position is not None)

    def _arguments(self, payload: InteractionPayload) -> str:
        given = next((str(option.value) for option in payload.data.options if option.name == ARGUMENTS), "")
        return without_own_name(plain(given, self._namer((), payload.guild_id, None)).text)

    def _text(self, payload: MessagePayload) -> _WrittenText:
        guild, own_role = payload.guild_id, self._names.own_role(payload.guild_id) if payload.mention_roles else None
        own = plain(payload.content, self._namer(payload.mentions, guild, own_role))
        parts = [without_own_name(own.text)]
        for each in payload.message_snapshots:
            words = self._quoted(each.message, guild)
            parts += [quoted_message(words)] if words else []
        answered = payload.referenced_message
        if guild is not None and answered is not None and self._is_of_others(answered, payload):
            words, author = self._quoted(answered, guild), answered.author
            name = clean_name(author.display_name()) if author else ""
            parts += [quoted_message(words, name, kind="In reply to a message")] if words else []
        people = {user.id: user.display_name() for user in payload.mentions}
        return _WrittenText(
            "\n\n".join(filter(None, parts)),
            OWN_NAME in own.text,
            tuple(Sender(user, people.get(user, "")) for user in own.users if user != self.bot_id),
        )

    def _is_of_others(self, answered: QuotedMessage, payload: MessagePayload) -> bool:
        """Whether a message is neither of the bot, which remembers it, nor of the person who answers it."""
        return answered.author is not None and answered.author.id not in (self.bot_id, payload.author.id)

    def _quoted(self, message: QuotedMessage, guild: str | None) -> str:
        """The words of a message inside another one: its text, or else those of its cards."""
        words = message.content
        if not words.strip():
            cards = [each for each in message.embeds if each.type == "rich"]
            lines = [
                [card.title or "", card.description or "", *(f"{each.name}: {each.value}" for each in card.fields)]
                for card in cards
            ]
            words = "\n".join(line for card in lines for line in card if line.strip())
        return plain(words, self._namer(message.mentions, guild, None)).text.replace(OWN_NAME, "@you").strip()

    def _namer(self, mentions: tuple[User, ...], guild: str | None, own_role: str | None) -> Callable[[str, str], str]:
        people = {user.id: clean_name(user.display_name()) for user in mentions}

        def named(kind: str, number: str) -> str:
            if number == (own_role if kind == "@&" else self.bot_id):
                return OWN_NAME
            if kind == "#":
                name = self._names.channel_name(guild, number)
                return f"#{clean_name(name)}" if name else A_CHANNEL
            if kind == "@&":
                name = self._names.role_name(guild, number)
                return f"@{clean_name(name).removeprefix('@')}" if name else "a group"
            return f"@{people[number]}" if people.get(number) else SOMEONE

        return named


def created_at(snowflake: str) -> datetime:
    """When the thing with this id was created.

    Raises:
        BadEventError: the id's time is outside the calendar.
    """
    try:
        return datetime.fromtimestamp(payloads.milliseconds(snowflake) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadEventError(f"an id without a valid time in it: {snowflake}") from error


def _filled_form(command: Command, payload: InteractionPayload) -> Command:
    place, typed = place_of(payload.data.custom_id), list(typed_in(payload.data.components))
    return msgspec.structs.replace(
        command,
        name=place.command,
        arguments=place.arguments(typed),
        form=place.form,
        values=place.values(typed),
    )


def _sender(payload: MessagePayload) -> Sender:
    return Sender(payload.author.id, payload.author.display_name(payload.member))
