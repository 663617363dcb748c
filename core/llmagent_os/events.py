"""What happens on a platform, as frozen values: the only vocabulary adapters and the host share.

An adapter turns a platform payload into one of these; the host stores it as JSON (:func:`encode`, :func:`decode`)
before the platform is told that it arrived.

>>> room = Conversation(platform="web", workspace="local", channel="c1", kind="direct")
>>> said = Message(event_id="1", conversation=room, sender=Sender("u1", "Ana"), text="hi", message_id="m1")
>>> decode(encode(said)) == said
True
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from llmagent_os.errors import BadEventError


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class Conversation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stream of messages that belong together: what the host keeps in order."""

    platform: str  #: the adapter's name: ``web``, ``console``, ``slack``, ...
    workspace: str = ""  #: the platform's tenant: Slack team, Discord guild
    channel: str  #: where it is said
    thread: str | None = None  #: a thread or topic inside the channel, with a context of its own
    kind: Literal["direct", "group"] = "direct"

    @property
    def key(self) -> str:
        """One string that no other conversation has."""
        return "\x1f".join((self.platform, self.workspace, self.channel, self.thread or ""))


class Sender(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who did it, as the platform knows them."""

    user_id: str  #: the platform's own id
    name: str = ""  #: what they are called there, for display only
    is_bot: bool = False


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that came with a message; its bytes stay where the adapter put them."""

    name: str
    content_type: str
    path: str  #: a local file; empty: it could not be fetched, see ``problem``
    size: int = 0  #: bytes
    voice: bool = False  #: it was spoken into the platform's microphone
    problem: str = ""  #: why there is no file: "larger than 20 MB"


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    event_id: str  #: the platform's own id of this event: unique there, the same when redelivered
    conversation: Conversation
    sender: Sender
    at: datetime = msgspec.field(default_factory=now)  #: when it happened, UTC


class Message(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="message"):
    """Somebody said something."""

    text: str
    message_id: str  #: the platform's id of the message
    reply_to: str | None = None  #: the message it answers
    attachments: tuple[Attachment, ...] = ()
    #: the bot is meant: in a direct conversation, by its name, or as a reply to it. What is not, and is said in a group
    #: outside of the threads that the bot is part of, is dropped before it is stored.
    addressed: bool = True


class Reaction(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="reaction"):
    """An emoji put on a message or taken off it. Never flattened into text: a removed one takes its reward back."""

    message_id: str  #: the message reacted to
    emoji: str  #: the platform's raw value: a character, or a custom emoji's name
    action: Literal["added", "removed"]


class Edit(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="edit"):
    """Somebody changed what they had said."""

    message_id: str
    text: str
    edits: str = ""  #: the event id of the message that was changed: in a group, only of one that was taken


class Command(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="command"):
    """A slash command: ``/profile``."""

    name: str  #: without the slash, lower case
    arguments: str = ""
    message_id: str = ""


class Timer(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="timer"):
    """A moment has come that a plugin had asked to be woken at. Nobody on the platform did anything.

    ``conversation`` and ``sender`` are those of the event in whose answer the timer was set; ``at`` is when it was due.
    """

    plugin: str  #: whose timer it is
    key: str  #: the plugin's own name for it
    tries: int = 0  #: how often the plugin has failed to answer it


class ButtonPress(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="button"):
    """A press of one of the buttons that a reply offered."""

    message_id: str  #: the reply that carries the button
    value: str  #: the button's value


Event = Message | Reaction | Edit | Command | ButtonPress | Timer


def event_key(event: Event) -> str:
    """One string that no other event has, and the same when the platform delivers the event again.

    It is the key a reply is sent under, and the ``interaction_id`` of the reply to this event.

    >>> room = Conversation(platform="web", channel="c1")
    >>> event_key(Message(event_id="7", conversation=room, sender=Sender("u1"), text="hi", message_id="m"))
    'web:7'
    """
    return f"{event.conversation.platform}:{event.event_id}"


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event as JSON."""
    return _encoder.encode(event)


def decode(raw: bytes | str) -> Event:
    """The event that ``raw`` holds.

    Raises:
        BadEventError: ``raw`` is no event; says which field is wrong.
    """
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise BadEventError(f"not an event: {error}") from error
