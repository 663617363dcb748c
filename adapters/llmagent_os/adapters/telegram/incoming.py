"""From Telegram's updates to events. Nothing is asked of Telegram here, and nothing fetched."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from mimetypes import guess_extension
from typing import Any, Literal

import msgspec
from telegram import (
    CallbackQuery,
    Chat,
    MessageReactionCountUpdated,
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeCustomEmoji,
    ReactionTypeEmoji,
    Update,
    User,
)
from telegram import (
    Message as Said,
)

from llmagent_os.adapters.telegram.counts import Counts
from llmagent_os.adapters.telegram.entities import read
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Event, Message, Reaction, Sender
from llmagent_os.host import slash_commands as slash

NAME = "telegram"

#: What is asked for. Reactions come only where they are named.
KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "message_reaction",
    "message_reaction_count",
    "my_chat_member",
)

#: What a reaction that was paid for is called here.
PAID = "⭐"


class Remote(msgspec.Struct, frozen=True):
    """A file that Telegram holds."""

    file_id: str
    name: str
    content_type: str
    size: int = 0  #: bytes, as Telegram says; 0: it does not
    voice: bool = False


class Found(msgspec.Struct, frozen=True):
    """An event, and what is to be fetched before it is whole."""

    event: Event
    files: tuple[Remote, ...] = ()


class Reader:
    """Reads the updates of one bot."""

    def __init__(self, me: User, commands: Callable[[], Collection[str]]) -> None:
        """Args: ``me`` is the bot itself, and ``commands`` gives the names of those that it knows."""
        self._me = me
        self._commands = commands

    def read(self, update: Update) -> Found | None:
        """What ``update`` says in one event; None: nothing for us."""
        if update.message is not None:
            return self._message(update.message)
        if update.edited_message is not None:
            return self._edit(update.edited_message, update.update_id)
        if update.callback_query is not None:
            return self._press(update.callback_query)
        return None

    def reactions(self, update_id: int, changed: MessageReactionUpdated) -> list[Found]:
        """One event for each emoji that was put on or taken off."""
        by = changed.user or changed.actor_chat
        if by is None or by.id == self._me.id:
            return []
        sender = _person(by) if isinstance(by, User) else _group(by)
        old, new = [emoji_of(each) for each in changed.old_reaction], [emoji_of(each) for each in changed.new_reaction]
        steps: list[tuple[Literal["added", "removed"], str]] = [("removed", each) for each in old if each not in new]
        steps.extend(("added", each) for each in new if each not in old)
        return [
            Found(
                Reaction(
                    event_id=f"{update_id}:{number}",
                    conversation=conversation_in(changed.chat),
                    sender=sender,
                    at=_moment(changed.date),
                    message_id=str(changed.message_id),
                    emoji=emoji,
                    action=action,
                )
            )
            for number, (action, emoji) in enumerate(steps)
        ]

    def _message(self, said: Said) -> Found | None:
        sender = self._sender(said)
        if sender is None:
            return None
        here = conversation_in(said.chat, said)
        marked = read(said.text or said.caption or "", said.entities or said.caption_entities, self._me)
        files = tuple(_files(said))
        text = marked.text or (said.sticker.emoji or "" if said.sticker is not None else "")
        if not text and not files:
            if not marked.named:
                return None  # somebody came, a title was changed, a place was shared
            text = said.text or said.caption or ""
        answers = _answered(said)
        common: dict[str, Any] = {
            "event_id": f"{said.chat.id}:{said.message_id}",
            "conversation": here,
            "sender": sender,
            "at": _moment(said.date),
            "message_id": str(said.message_id),
        }
        if marked.command and not files:
            name, _, whose = marked.command.removeprefix("/").partition("@")
            ours = whose.lower() == (self._me.username or "").lower() if whose else None
            if ours is False or (ours is None and here.kind == "group" and name.lower() not in self._commands()):
                return None  # for another bot
            arguments = marked.text[len(marked.command) :].strip()
            return Found(Command(name=name.lower(), arguments=arguments, **common))
        to_me = answers is not None and answers.from_user is not None and answers.from_user.id == self._me.id
        addressed = here.kind == "direct" or marked.named or to_me
        if not addressed and slash.parse(text) is not None:
            return None  # as above, where Telegram has not marked it
        message = Message(
            text=text, reply_to=None if answers is None else str(answers.message_id), addressed=addressed, **common
        )
        return Found(message, files)

    def _edit(self, said: Said, update_id: int) -> Found | None:
        sender = self._sender(said)
        text = said.text or said.caption
        if sender is None or not text:
            return None
        when = said.edit_date or said.date
        first = f"{said.chat.id}:{said.message_id}"
        return Found(
            Edit(
                event_id=f"{first}:e{int(when.timestamp())}:{update_id}",
                conversation=conversation_in(said.chat, said),
                sender=sender,
                at=_moment(when),
                message_id=str(said.message_id),
                text=read(text, said.entities or said.caption_entities, self._me).text,
                edits=first,
            )
        )

    def _press(self, press: CallbackQuery) -> Found | None:
        if press.message is None or press.data is None:
            return None  # on a message that was sent through another chat's search: none of ours
        said = press.message if isinstance(press.message, Said) else None
        return Found(
            ButtonPress(
                event_id=press.id,
                conversation=conversation_in(press.message.chat, said),
                sender=_person(press.from_user),
                message_id=str(press.message.message_id),
                value=press.data,
            )
        )

    def _sender(self, said: Said) -> Sender | None:
        """Who said it; None: nobody to answer, or ourselves."""
        if said.chat.type == Chat.CHANNEL or said.is_automatic_forward:
            return None
        if said.sender_chat is not None:  # behind a group or a channel may be anybody: they would share one memory
            return None
        if said.from_user is None or said.from_user.id == self._me.id:
            return None
        return _person(said.from_user)


def conversation_in(chat: Chat, said: Said | None = None) -> Conversation:
    """Where something happened: a topic is a conversation of its own."""
    topic = said.message_thread_id if said is not None and said.is_topic_message else None
    return Conversation(
        platform=NAME,
        channel=str(int(chat.id)),
        thread=None if topic is None else str(int(topic)),
        kind="direct" if chat.type == Chat.PRIVATE else "group",
    )


def counts_of(changed: MessageReactionCountUpdated) -> Counts:
    """How many there are of each emoji."""
    return {emoji_of(each.type): int(each.total_count) for each in changed.reactions}


def count_event(update_id: int, number: int, changed: MessageReactionCountUpdated, **step: Any) -> Found:
    """One step of an anonymous count, by a rater that nobody knows."""
    rater: str = step.pop("rater")
    return Found(
        Reaction(
            event_id=f"{update_id}:{number}",
            conversation=conversation_in(changed.chat),
            sender=Sender(rater),
            at=_moment(changed.date),
            message_id=str(changed.message_id),
            **step,
        )
    )


def emoji_of(reaction: ReactionType) -> str:
    """The character, or the id of a custom one."""
    if isinstance(reaction, ReactionTypeEmoji):
        return reaction.emoji
    return reaction.custom_emoji_id if isinstance(reaction, ReactionTypeCustomEmoji) else PAID


def _person(user: User) -> Sender:
    return Sender(str(int(user.id)), user.full_name, bool(user.is_bot))


def _group(chat: Chat) -> Sender:
    return Sender(str(int(chat.id)), chat.title or "")


def _moment(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _answered(said: Said) -> Said | None:
    """The message that ``said`` answers. In a topic everything seems to answer the one that began it."""
    answered = said.reply_to_message
    if answered is None or (said.is_topic_message and answered.message_id == said.message_thread_id):
        return None
    return answered


def _files(said: Said) -> list[Remote]:
    found: list[Remote] = []
    if said.photo:
        largest = max(said.photo, key=lambda each: each.width * each.height)
        found.append(Remote(largest.file_id, f"photo-{said.message_id}.jpg", "image/jpeg", largest.file_size or 0))
    if said.voice is not None:
        kind = said.voice.mime_type or "audio/ogg"
        found.append(Remote(said.voice.file_id, f"voice{_ending(kind, '.ogg')}", kind, said.voice.file_size or 0, True))
    if said.video_note is not None:
        found.append(Remote(said.video_note.file_id, "video-note.mp4", "video/mp4", said.video_note.file_size or 0))
    # An animation comes as a document too, for old clients.
    for kind, each in (
        ("audio", said.audio),
        ("video", said.video),
        ("animation", said.animation),
        ("document", None if said.animation is not None else said.document),
    ):
        if each is not None:
            content_type = each.mime_type or "application/octet-stream"
            name = each.file_name or kind + _ending(content_type, "")
            found.append(Remote(each.file_id, name, content_type, each.file_size or 0))
    return found


def _ending(content_type: str, otherwise: str) -> str:
    return otherwise or guess_extension(content_type.partition(";")[0]) or ""
