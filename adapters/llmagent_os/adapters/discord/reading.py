"""From Discord's payloads to events."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal, Protocol

from llmagent_os.adapters.discord import wire
from llmagent_os.errors import BadEventError
from llmagent_os.events import Conversation, Edit, Message, Reaction, Sender

PLATFORM = "discord"

_MENTION = re.compile(r"<(@[!&]?|\#)([0-9]{1,20})>|<a?:(\w{1,32}):[0-9]{1,20}>")


class Names(Protocol):
    """What is known of servers."""

    def is_thread(self, guild_id: str | None, channel_id: str) -> bool | None:
        """Whether a channel is a thread; None: it is not known."""
        ...

    def own_role(self, guild_id: str | None) -> str | None:
        """The role that only this bot has."""
        ...

    def role_name(self, guild_id: str | None, role_id: str) -> str | None:
        """What a role is called."""
        ...

    def channel_name(self, guild_id: str | None, channel_id: str) -> str | None:
        """What a channel is called."""
        ...


class Reader:
    """Reads for one bot."""

    def __init__(self, me: str, names: Names) -> None:
        """Args: ``me`` is the bot's own user id."""
        self.me = me
        self._names = names

    def place(
        self, channel_id: str, guild_id: str | None, *, in_thread: bool = False, channel: wire.Channel | None = None
    ) -> Conversation:
        """The conversation in a channel. Discord's user ids are the same everywhere, so there are no workspaces.

        Args:
            channel_id: the channel's, or the thread's own.
            guild_id: of the server; None: direct messages.
            in_thread: the payload shows that it is in a thread.
            channel: what the payload says of the channel.
        """
        if guild_id is None:
            return Conversation(platform=PLATFORM, channel=channel_id, kind="direct")
        thread = channel.type in wire.THREADS if channel else self._names.is_thread(guild_id, channel_id)
        is_thread = in_thread if thread is None else thread
        return Conversation(
            platform=PLATFORM, channel=channel_id, thread=channel_id if is_thread else None, kind="group"
        )

    def message(self, said: wire.Said) -> Message | None:
        """What somebody said, without its files; None: there is nothing in it for us."""
        if not said.human or said.author.id == self.me:
            return None
        here = self._where(said)
        text, mentioned = self._text(said)
        if not text and not said.attachments and not mentioned:
            return None  # a sticker, or what may not be read without the message content intent
        reference = said.message_reference
        answers = None if reference is None or reference.type == wire.FORWARD else reference.message_id
        quoted = said.referenced_message
        to_us = answers is not None and quoted is not None and quoted.author is not None and quoted.author.id == self.me
        return Message(
            event_id=said.id,
            conversation=here,
            sender=_sender(said),
            at=moment(said.id),
            text=text,
            message_id=said.id,
            reply_to=answers,
            addressed=here.kind == "direct" or mentioned or to_us,
        )

    def edit(self, said: wire.Said) -> Edit | None:
        """What somebody changed. None: nobody did: Discord says so too when a link's preview has come."""
        if said.edited_timestamp is None or not said.human or said.author.id == self.me:
            return None
        try:
            at = datetime.fromisoformat(said.edited_timestamp).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise BadEventError(f"no time of an edit: {said.edited_timestamp[:40]!r}") from error
        return Edit(
            event_id=f"{said.id}:{said.edited_timestamp}",
            conversation=self._where(said),
            sender=_sender(said),
            at=at,
            message_id=said.id,
            text=self._text(said)[0],
            edits=said.id,
        )

    def reaction(self, reacted: wire.Reacted, action: Literal["added", "removed"], moment: str) -> Reaction | None:
        """An emoji put on or taken off. None: by ourselves, by a bot, or on what somebody else wrote.

        Args:
            reacted: what happened.
            action: which way.
            moment: the gateway's name of it, since nobody else tells the second 👍 from the first delivered twice.
        """
        user = reacted.member.user if reacted.member else None
        author = reacted.message_author_id
        if reacted.user_id == self.me or (user and user.bot) or (author is not None and author != self.me):
            return None
        emoji = reacted.emoji.raw
        if not emoji:
            return None  # a server's own emoji that is deleted
        name = (reacted.member and reacted.member.nick) or (user.called() if user else "")
        return Reaction(
            event_id=f"{reacted.message_id}:{reacted.user_id}:{emoji}:{action}:{moment}",
            conversation=self.place(reacted.channel_id, reacted.guild_id),
            sender=Sender(reacted.user_id, name),
            message_id=reacted.message_id,
            emoji=emoji,
            action=action,
        )

    def _where(self, said: wire.Said) -> Conversation:
        return self.place(said.channel_id, said.guild_id, in_thread=said.position is not None)

    def _text(self, said: wire.Said) -> tuple[str, bool]:
        """The text with names in place of ids, without the bot's own; and whether that was in it."""
        text = said.content or "\n".join(each.message.content for each in said.message_snapshots)
        if "<" not in text:
            return text, False
        names = {user.id: user.called() for user in said.mentions}
        ours = self._names.own_role(said.guild_id) if said.mention_roles else None
        guild, mentioned = said.guild_id, False

        def named(found: re.Match[str]) -> str:
            nonlocal mentioned
            kind, number, emoji = found.groups()
            if emoji:
                return f":{emoji}:"
            if kind == "#":
                name = self._names.channel_name(guild, number)
                return f"#{name}" if name else found[0]
            if kind == "@&":
                if number == ours:
                    mentioned = True
                    return _GONE
                name = self._names.role_name(guild, number)
                return f"@{name}" if name else found[0]
            if number == self.me:
                mentioned = True
                return _GONE
            return f"@{names[number]}" if names.get(number) else found[0]

        text = _MENTION.sub(named, text)
        return (_AROUND.sub(" ", text).strip() if mentioned else text), mentioned


#: Where the bot's name was; no keyboard writes it.
_GONE = "\ue000"
_AROUND = re.compile(rf"[ \t]*{_GONE}[ \t]*")


def moment(snowflake: str) -> datetime:
    """When something was made, by its id.

    Raises:
        BadEventError: its id is from beyond the calendar.
    """
    try:
        return datetime.fromtimestamp(wire.milliseconds(snowflake) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadEventError(f"no id with a time in it: {snowflake}") from error


def _sender(said: wire.Said) -> Sender:
    return Sender(said.author.id, said.author.called(said.member))
