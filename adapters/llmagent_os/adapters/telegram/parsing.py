"""Telegram's updates to events. Nothing is asked of Telegram here, and nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from telegram import (
    CallbackQuery,
    Chat,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    MessageReactionCountUpdated,
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeCustomEmoji,
    ReactionTypeEmoji,
    Update,
    User,
)
from telegram import (
    Message as TelegramMessage,
)

from llmagent_os.adapter_kit.files import numbered_name
from llmagent_os.adapter_kit.inbound_text import clean_name, quoted_message
from llmagent_os.adapters.telegram.entities import ParsedText, parse_text
from llmagent_os.adapters.telegram.reaction_counts import Counts, CountStep
from llmagent_os.adapters.telegram.remote_files import RemoteFile, files_of
from llmagent_os.adapters.telegram.thumb_keys import HEADING, is_thumb
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Event, Message, Reaction, Sender
from llmagent_os.host import slash_commands

PLATFORM = "telegram"

#: The emoji that stands for a paid reaction.
PAID_REACTION = "⭐"


class ParsedEvent(msgspec.Struct, frozen=True):
    """An event, and the files that belong to it."""

    event: Event
    files: tuple[RemoteFile, ...] = ()  #: not downloaded yet


class TelegramParser:
    """Turns updates into events, for one bot."""

    def __init__(self, bot: User, commands: Callable[[], Collection[str]]) -> None:
        """Args:
        bot: the bot itself.
        commands: returns the names of the present slash commands.
        """
        self._bot = bot
        self._commands = commands

    def parse(self, update: Update) -> ParsedEvent | None:
        """The message, edit, command or button press of an update; None if the update is none of these."""
        if update.message is not None:
            return self._message(update.message)
        if update.edited_message is not None:
            return self._edit(update.edited_message, update.update_id)
        if update.callback_query is not None:
            return self._button_press(update.callback_query)
        return None

    def reactions(self, update_id: int, changed: MessageReactionUpdated) -> list[ParsedEvent]:
        """One event for every emoji that was added or removed."""
        rater = changed.user or changed.actor_chat
        if rater is None or rater.id == self._bot.id:
            return []
        sender = _person(rater) if isinstance(rater, User) else _group(rater)
        old = [emoji_of(reaction) for reaction in changed.old_reaction]
        new = [emoji_of(reaction) for reaction in changed.new_reaction]
        steps: list[tuple[Literal["added", "removed"], str]] = [("removed", emoji) for emoji in old if emoji not in new]
        steps.extend(("added", emoji) for emoji in new if emoji not in old)
        return [
            ParsedEvent(
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

    def _message(self, message: TelegramMessage) -> ParsedEvent | None:
        sender = self._sender(message)
        if sender is None:
            return None
        conversation = conversation_in(message.chat, message)
        parsed = self._parsed_text(message)
        files = tuple(files_of(message))
        text = parsed.text or (message.sticker.emoji or "" if message.sticker is not None else "")
        if not text and not files:
            if not parsed.mentioned:
                return None  # a person joined, a title was changed, a location was shared
            text = message.text or message.caption or ""
        answered = _answered(message)
        common: dict[str, Any] = {
            "event_id": f"{message.chat.id}:{message.message_id}",
            "conversation": conversation,
            "sender": sender,
            "at": _moment(message.date),
            "message_id": str(message.message_id),
        }
        if parsed.command and not files:
            name, _, bot_name = parsed.command.removeprefix("/").partition("@")
            if not self._is_own_command(name, bot_name, in_group=conversation.kind == "group"):
                return None
            arguments = parsed.text[len(parsed.command) :].strip()
            return ParsedEvent(Command(name=name.lower(), arguments=arguments, **common))
        answers_bot = answered is not None and answered.from_user is not None and answered.from_user.id == self._bot.id
        addressed = conversation.kind == "direct" or parsed.mentioned or answers_bot
        if not addressed and slash_commands.parse(text) is not None:
            return None  # a command for another bot that Telegram has not marked
        reply_to = None if answered is None else str(answered.message_id)
        text = self._with_quote(text, message, sender)
        mentions = tuple(map(_person, parsed.mentions))
        return ParsedEvent(
            Message(text=text, reply_to=reply_to, addressed=addressed, mentions=mentions, **common), files
        )

    def album(self, pieces: Sequence[TelegramMessage]) -> ParsedEvent | None:
        """The one message that the pieces of an album are, with the id of the first.

        Args:
            pieces: in the order of their ids.
        """
        found = [parsed for piece in pieces if (parsed := self._message(piece)) is not None]
        events = [each.event for each in found if isinstance(each.event, Message)]
        if not events:
            return None
        names: set[str] = set()
        files: list[RemoteFile] = []
        for number, file in enumerate(file for each in found for file in each.files):
            name = numbered_name(file.name, number) if file.name in names else file.name
            names.add(name)
            files.append(msgspec.structs.replace(file, name=name))
        event = msgspec.structs.replace(
            events[0],
            text="\n\n".join(dict.fromkeys(event.text for event in events if event.text)),
            addressed=any(event.addressed for event in events),
            mentions=tuple(dict.fromkeys(person for event in events for person in event.mentions)),
        )
        return ParsedEvent(event, tuple(files))

    def _parsed_text(self, message: TelegramMessage) -> ParsedText:
        """What a message says. A forwarded message neither mentions the bot nor gives it a command."""
        written = message.text or message.caption or ""
        parsed = parse_text(written, message.entities or message.caption_entities, self._bot)
        if message.forward_origin is None:
            return parsed
        text = quoted_message(written, _origin(message.forward_origin)) if written else ""
        return ParsedText(text, mentions=parsed.mentions)

    def _with_quote(self, text: str, message: TelegramMessage, sender: Sender) -> str:
        """``text`` with the words that the message answers. An edit that changes nothing has the same text."""
        quote = self._quote(message, sender)
        return f"{text}\n\n{quote}".strip() if quote else text

    def _quote(self, message: TelegramMessage, sender: Sender) -> str:
        """The words that a message answers, if the bot cannot know them, or if the person has chosen a part of them."""
        answered, quote = _answered(message), message.quote
        author = answered.from_user if answered is not None else None
        name = clean_name(author.full_name) if author is not None and author.id != self._bot.id else ""
        if quote is not None and quote.text and quote.is_manual:
            return quoted_message(quote.text, name, kind="In reply to a part of a message")
        if answered is None or message.chat.type == Chat.PRIVATE or author is None:
            return ""
        words = answered.text or answered.caption or ""
        if not words or author.id == self._bot.id or str(author.id) == sender.user_id:
            return ""
        return quoted_message(words, name, kind="In reply to a message")

    def _is_own_command(self, name: str, bot_name: str, *, in_group: bool) -> bool:
        """Whether a command is for this bot. In a group, a command without a bot's name may be for any bot there."""
        if bot_name:
            return bot_name.lower() == (self._bot.username or "").lower()
        return not in_group or name.lower() in self._commands()

    def _edit(self, message: TelegramMessage, update_id: int) -> ParsedEvent | None:
        sender = self._sender(message)
        text = message.text or message.caption
        if sender is None or not text:
            return None
        when = message.edit_date or message.date
        first = f"{message.chat.id}:{message.message_id}"
        return ParsedEvent(
            Edit(
                event_id=f"{first}:e{int(when.timestamp())}:{update_id}",
                conversation=conversation_in(message.chat, message),
                sender=sender,
                at=_moment(when),
                message_id=str(message.message_id),
                text=self._with_quote(self._parsed_text(message).text, message, sender),
                edits=first,
            )
        )

    def _button_press(self, press: CallbackQuery) -> ParsedEvent | None:
        if press.message is None or press.data is None or press.data == HEADING:
            return None  # on a message that was sent through the inline search of another chat
        message = press.message if isinstance(press.message, TelegramMessage) else None
        if is_thumb(press.data):
            return ParsedEvent(
                Reaction(
                    event_id=press.id,
                    conversation=conversation_in(press.message.chat, message),
                    sender=_person(press.from_user),
                    message_id=str(press.message.message_id),
                    emoji=press.data,
                    action="pressed",
                )
            )
        return ParsedEvent(
            ButtonPress(
                event_id=press.id,
                conversation=conversation_in(press.message.chat, message),
                sender=_person(press.from_user),
                message_id=str(press.message.message_id),
                value=press.data,
            )
        )

    def _sender(self, message: TelegramMessage) -> Sender | None:
        """Who wrote a message; None if it was the bot, or if there is no person to answer."""
        if message.chat.type == Chat.CHANNEL or message.is_automatic_forward:
            return None
        if message.sender_chat is not None:  # anybody may write as a group or a channel: they would share one memory
            return None
        if message.via_bot is not None:  # another bot has written it, and the person has only picked it
            return None
        if message.from_user is None or message.from_user.id == self._bot.id:
            return None
        return _person(message.from_user)


def conversation_in(chat: Chat, message: TelegramMessage | None = None) -> Conversation:
    """The conversation of a chat. A topic of a group is a conversation of its own."""
    topic = message.message_thread_id if message is not None and message.is_topic_message else None
    return Conversation(
        platform=PLATFORM,
        channel=str(int(chat.id)),
        thread=None if topic is None else str(int(topic)),
        kind="direct" if chat.type == Chat.PRIVATE else "group",
    )


def topic_of(conversation: Conversation) -> int | None:
    """The id of the topic that a conversation is; None if it is a whole chat."""
    return None if conversation.thread is None else int(conversation.thread)


def counts_of(changed: MessageReactionCountUpdated) -> Counts:
    """How many reactions there are, by emoji."""
    return {emoji_of(count.type): int(count.total_count) for count in changed.reactions}


def count_event(update_id: int, number: int, changed: MessageReactionCountUpdated, step: CountStep) -> ParsedEvent:
    """One step of an anonymous count, as a reaction.

    Args:
        update_id: of the update.
        number: of the step in the update, from 0.
        changed: the update.
        step: one reaction more or less.
    """
    return ParsedEvent(
        Reaction(
            event_id=f"{update_id}:{number}",
            conversation=conversation_in(changed.chat),
            sender=Sender(step.rater),
            at=_moment(changed.date),
            message_id=str(changed.message_id),
            emoji=step.emoji,
            action=step.action,
        )
    )


def emoji_of(reaction: ReactionType) -> str:
    """The emoji of a reaction: the character, or the id of a custom emoji."""
    if isinstance(reaction, ReactionTypeEmoji):
        return reaction.emoji
    return reaction.custom_emoji_id if isinstance(reaction, ReactionTypeCustomEmoji) else PAID_REACTION


def _origin(origin: MessageOrigin) -> str:
    """Who wrote a forwarded message."""
    if isinstance(origin, MessageOriginUser):
        return clean_name(origin.sender_user.full_name)
    if isinstance(origin, MessageOriginHiddenUser):
        return clean_name(origin.sender_user_name)
    if isinstance(origin, MessageOriginChat):
        return clean_name(origin.sender_chat.title or "")
    return clean_name(origin.chat.title or "") if isinstance(origin, MessageOriginChannel) else ""


def _person(user: User) -> Sender:
    return Sender(str(int(user.id)), user.full_name, bool(user.is_bot), str(user.language_code or ""))


def _group(chat: Chat) -> Sender:
    return Sender(str(int(chat.id)), chat.title or "")


def _moment(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _answered(message: TelegramMessage) -> TelegramMessage | None:
    """The message that ``message`` answers. In a topic, all messages seem to answer the one that began it."""
    answered = message.reply_to_message
    if answered is None or (message.is_topic_message and answered.message_id == message.message_thread_id):
        return None
    return answered
