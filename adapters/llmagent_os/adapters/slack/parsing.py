"""Slack's payloads to events. Every payload is checked against the shape that Slack documents."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from llmagent_os.adapter_kit.inbound_text import OWN_NAME, quoted_message, without_own_name
from llmagent_os.adapters.slack.feedback_block import EMOJI_BY_VALUE, FEEDBACK
from llmagent_os.adapters.slack.forms import FORM, SlackPlace
from llmagent_os.adapters.slack.mrkdwn import KnownNames, MentionedIds, mentioned_ids, plain
from llmagent_os.adapters.slack.names import Names
from llmagent_os.adapters.slack.payloads import (
    AssistantThreadPayload,
    ButtonAction,
    ButtonPressPayload,
    CommandPayload,
    FilePayload,
    FormPayload,
    MessageEventPayload,
    MessagePayload,
    ReactionPayload,
)
from llmagent_os.adapters.slack.written_text import SharedMessage, own_markup, shared_messages
from llmagent_os.errors import BadEventError
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Event, Message, Opened, Reaction, Sender

PLATFORM = "slack"

#: Subtypes of messages that a person wrote. Other subtypes report that a person joined, or that a channel was renamed.
_WRITTEN = (None, "file_share", "thread_broadcast", "me_message")

#: A message's ``ts``: seconds of Unix time, and a number that makes it unique.
_TS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)


class WrittenText(msgspec.Struct, frozen=True):
    """What a message says, as Slack's markup."""

    own: str = ""  #: what the sender wrote
    shared: tuple[SharedMessage, ...] = ()

    @property
    def ids(self) -> MentionedIds:
        """The people and channels in all of it."""
        parts = [self.own, *(each.author for each in self.shared), *(each.markup for each in self.shared)]
        return mentioned_ids("\n".join(parts))

    @property
    def files(self) -> tuple[FilePayload, ...]:
        """The files of the shared messages."""
        return tuple(file for each in self.shared for file in each.files)


class ParsedEvent(msgspec.Struct, frozen=True):
    """An event, and what else its payload holds."""

    event: Event
    files: tuple[FilePayload, ...] = ()  #: of the message, not fetched yet
    written: WrittenText | None = None  #: of a message or an edit, from which its text is made
    response_url: str = ""  #: address to which an answer may be posted
    trigger_id: str = ""  #: of a command or a pressed button: with it a form can be opened, for three seconds
    pressed: dict[str, Any] | None = None  #: the message whose button was pressed
    whispered: bool = False  #: only the person who pressed the button sees that message


class SlackParser:
    """Turns payloads into events, for one bot in one workspace."""

    def __init__(self, bot_user: str, team: str, names: KnownNames | None = None, key: str = "") -> None:
        """Args:
        bot_user: the bot's own user id.
        team: the workspace's id.
        names: that are known of people and channels.
        key: a secret of the installation, for the ids of filled-in forms.
        """
        self.bot_user = bot_user
        self.team = team
        self._names = names or Names()
        self._key = key.encode()

    def parse(self, body: dict[str, Any]) -> ParsedEvent | None:
        """The event, command or button press of a payload; None if the payload is none of these.

        Raises:
            BadEventError: the payload does not have the documented shape.
        """
        kind = body.get("type")
        try:
            if kind == "event_callback":
                event = msgspec.convert(body.get("event"), dict[str, Any])
                return self._event(event, str(body.get("event_id") or ""))
            if kind == "block_actions":
                return self._button_press(msgspec.convert(body, ButtonPressPayload))
            if kind == "view_submission":
                return self._form(msgspec.convert(body, FormPayload))
            if "command" in body:
                return self._command(msgspec.convert(body, CommandPayload))
        except (msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
            raise BadEventError(f"slack: a payload of type {str(kind)[:40]!r} is malformed: {error}") from error
        return None

    def from_history(self, raw: object, channel: str) -> ParsedEvent | None:
        """A message of the history of ``channel``, as the same event as when the message was delivered.

        Raises:
            BadEventError: ``raw`` is not a message.
        """
        try:
            found = msgspec.convert(raw, dict[str, Any])
            payload = msgspec.convert({**found, "channel": channel}, MessageEventPayload)
            return self._message(payload, self._team_of(found))
        except (msgspec.ValidationError, ValueError) as error:
            raise BadEventError(f"slack: a message of the history is malformed: {error}") from error

    def _team_of(self, event: dict[str, Any]) -> str:
        """The workspace of whoever caused ``event``. In a shared channel the envelope names the channel's workspace."""
        return str(event.get("user_team") or event.get("source_team") or event.get("team") or self.team)

    def _event(self, event: dict[str, Any], event_id: str) -> ParsedEvent | None:
        team = self._team_of(event)
        match event.get("type"):
            case "message" | "app_mention":
                return self._message(msgspec.convert(event, MessageEventPayload), team)
            case "reaction_added":
                return self._reaction("added", msgspec.convert(event, ReactionPayload), event_id, team)
            case "reaction_removed":
                return self._reaction("removed", msgspec.convert(event, ReactionPayload), event_id, team)
            case "assistant_thread_started":
                return self._opened(msgspec.convert(event, AssistantThreadPayload), team)
            case _:
                return None

    def _opened(self, payload: AssistantThreadPayload, team: str) -> ParsedEvent:
        """A thread that a person has opened in the assistant pane. It has one id, however often Slack says so."""
        thread = payload.assistant_thread
        opened = Opened(
            event_id=f"{thread.channel_id}:{thread.thread_ts}:opened",
            conversation=self._conversation(thread.channel_id, team, True, thread.thread_ts),
            sender=Sender(thread.user_id),
            at=_moment(payload.event_ts),
        )
        return ParsedEvent(opened)

    def _message(self, payload: MessageEventPayload, team: str) -> ParsedEvent | None:
        """A message that a person wrote or edited."""
        if payload.subtype == "message_changed" and payload.message is not None:
            return self._edit(payload, payload.message, team)
        if payload.subtype not in _WRITTEN or not self._by_person(payload):
            return None
        direct = payload.is_direct
        written = _written(payload)
        mentioned = f"<@{self.bot_user}>" in written.own or f"<@{self.bot_user}|" in written.own
        thread = payload.thread
        mentions = self._mentions(written)
        # Under a message of the bot's own, people talk to the bot, unless they mention somebody else.
        answers_bot = thread is not None and payload.parent_user_id == self.bot_user and not mentions
        begun_thread = payload.ts if mentioned and not direct else None  # a mention in a channel begins a thread
        event = Message(
            event_id=f"{payload.channel}:{payload.ts}",
            conversation=self._conversation(payload.channel, team, direct, thread or begun_thread),
            sender=Sender(payload.user or ""),
            at=_moment(payload.ts),
            text=self.text_of(written),
            message_id=payload.ts,
            reply_to=thread,
            addressed=direct or mentioned or answers_bot,
            mentions=mentions,
        )
        return ParsedEvent(event, (*(payload.files or ()), *written.files), written)

    def _edit(self, change: MessageEventPayload, message: MessagePayload, team: str) -> ParsedEvent | None:
        before = change.previous_message
        # Link previews and reactions change a message too, and leave its text as it was.
        if not message.edited or not self._by_person(message) or (before is not None and before.text == message.text):
            return None
        written = _written(message)
        event = Edit(
            event_id=f"{change.channel}:{message.ts}:e{message.edited.get('ts', change.ts)}",
            conversation=self._conversation(change.channel, team, change.is_direct, message.thread),
            sender=Sender(message.user or ""),
            at=_moment(change.ts),
            message_id=message.ts,
            text=self.text_of(written),
            edits=f"{change.channel}:{message.ts}",
        )
        return ParsedEvent(event, written=written)

    def _reaction(
        self, action: Literal["added", "removed"], payload: ReactionPayload, event_id: str, team: str
    ) -> ParsedEvent | None:
        item = payload.item
        if item.type != "message" or not item.channel or not item.ts or payload.user == self.bot_user:
            return None
        if payload.item_user and payload.item_user != self.bot_user:
            return None  # a reaction to a person's message
        reaction = Reaction(
            event_id=event_id or f"{item.channel}:{item.ts}:{payload.user}:{payload.reaction}:{payload.event_ts}",
            conversation=self._conversation(item.channel, team, item.channel.startswith("D"), None),
            sender=Sender(payload.user),
            at=_moment(payload.event_ts),
            message_id=item.ts,
            emoji=payload.reaction,
            action=action,
        )
        return ParsedEvent(reaction)

    def _command(self, payload: CommandPayload) -> ParsedEvent:
        direct = payload.channel_id.startswith("D")
        command = Command(
            event_id=payload.trigger_id,
            conversation=self._conversation(payload.channel_id, payload.team_id or self.team, direct, None),
            sender=Sender(payload.user_id, payload.user_name),
            name=payload.command.removeprefix("/").lower(),
            arguments=without_own_name(plain(payload.text, self._names, self.bot_user)),
        )
        return ParsedEvent(command, response_url=payload.response_url, trigger_id=payload.trigger_id)

    def _form(self, payload: FormPayload) -> ParsedEvent | None:
        view = payload.view
        if view.callback_id != FORM:
            return None
        place = msgspec.json.decode(view.private_metadata, type=SlackPlace)
        team, form = payload.team, place.form
        direct = place.channel.startswith("D")
        command = Command(
            event_id=view.event_id(form, self._key),
            conversation=self._conversation(place.channel, team.id if team else self.team, direct, place.thread),
            sender=Sender(payload.user.id, payload.user.username),
            name=form.command,
            arguments=form.arguments(view.typed),
            form=form.form,
            values=form.values(view.typed),
        )
        return ParsedEvent(command, response_url=place.response_url)

    def _button_press(self, payload: ButtonPressPayload) -> ParsedEvent | None:
        action = payload.actions[0] if payload.actions else None
        ts = payload.container.get("message_ts")
        if action is None or action.chosen is None or not isinstance(ts, str):
            return None
        channel, team = payload.channel.id, payload.team.id if payload.team else self.team
        event_id = f"{ts}:{payload.user.id}:{action.action_ts}"
        if action.type == FEEDBACK:
            return self._feedback(event_id, payload, action, ts, team)
        thread = payload.container.get("thread_ts") or (payload.message or {}).get("thread_ts")
        thread = thread if isinstance(thread, str) and thread != ts else None
        press = ButtonPress(
            event_id=event_id,
            conversation=self._conversation(channel, team, channel.startswith("D"), thread),
            sender=Sender(payload.user.id, payload.user.username),
            message_id=ts,
            value=action.chosen,
        )
        whispered = payload.container.get("is_ephemeral") is True
        return ParsedEvent(
            press,
            response_url=payload.response_url,
            trigger_id=payload.trigger_id,
            pressed=payload.message,
            whispered=whispered,
        )

    def _feedback(
        self, event_id: str, payload: ButtonPressPayload, action: ButtonAction, ts: str, team: str
    ) -> ParsedEvent | None:
        """A pressed feedback button, which is a reaction of whoever pressed it."""
        emoji, channel = EMOJI_BY_VALUE.get(action.value or ""), payload.channel.id
        if emoji is None:
            return None
        reaction = Reaction(
            event_id=event_id,
            conversation=self._conversation(channel, team, channel.startswith("D"), None),
            sender=Sender(payload.user.id, payload.user.username),
            at=_moment(action.action_ts),
            message_id=ts,
            emoji=emoji,
            action="added",
        )
        return ParsedEvent(reaction)

    def _by_person(self, message: MessagePayload) -> bool:
        return bool(message.user) and message.user != self.bot_user and message.bot_id is None

    def _conversation(self, channel: str, team: str, direct: bool, thread: str | None) -> Conversation:
        kind: Literal["direct", "group"] = "direct" if direct else "group"
        return Conversation(platform=PLATFORM, workspace=team, channel=channel, thread=thread, kind=kind)

    def with_names(self, parsed: ParsedEvent) -> Event:
        """The event of ``parsed``, with the names that are known by now."""
        event, written = parsed.event, parsed.written
        if written is None:
            return event
        if isinstance(event, Message):
            return msgspec.structs.replace(event, text=self.text_of(written), mentions=self._mentions(written))
        return msgspec.structs.replace(event, text=self.text_of(written)) if isinstance(event, Edit) else event

    def text_of(self, written: WrittenText) -> str:
        """``written`` as plain text without the bot's own name. Shared messages are quoted.

        >>> parser = SlackParser("UBOT", "T1")
        >>> parser.text_of(WrittenText("<@UBOT>: see <https://e.org|this> in <#C1|general> &amp; ask <@U7>"))
        'see this (https://e.org) in #general & ask someone'
        """
        parts = [without_own_name(self._plain(written.own))]
        for each in written.shared:
            author = self._plain(each.author).removeprefix("@").replace(OWN_NAME, "you")
            words = self._plain(each.markup).replace(OWN_NAME, "@you")
            kind = "Forwarded message" if words else "Forwarded files"
            parts.append(quoted_message(words, author, kind=kind) if words else f"{kind} from {author or 'someone'}.")
        return "\n\n".join(filter(None, parts))

    def _plain(self, markup: str) -> str:
        return plain(markup, self._names, self.bot_user)

    def _mentions(self, written: WrittenText) -> tuple[Sender, ...]:
        users = mentioned_ids(written.own).users
        return tuple(Sender(user, self._names.user(user) or "") for user in users if user != self.bot_user)


def _written(message: MessagePayload) -> WrittenText:
    return WrittenText(own_markup(message.text, message.blocks), tuple(shared_messages(message.attachments)))


def _moment(ts: str) -> datetime:
    if _TS.fullmatch(ts):
        with contextlib.suppress(OSError, OverflowError):
            return datetime.fromtimestamp(float(ts), UTC)
    raise ValueError(f"{ts[:40]!r} is not a timestamp")
