"""Everything that can happen on a platform, as frozen values. Adapters and the host share no other vocabulary.

An adapter turns a platform's payload into an event. The host stores the event as JSON (:func:`encode`, :func:`decode`)
before it confirms to the platform that the event arrived.

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
    """Return the present moment in UTC."""
    return datetime.now(UTC)


#: The workspace of every conversation of a platform without workspaces that runs here: the web chat, the terminal.
#: That two people are in it does not say that they know each other.
LOCAL_WORKSPACE = "local"

#: Begins the emoji of a :class:`Reaction` that a button gave: no platform has an emoji with such a name.
PRESSED = "pressed:"
#: The emojis of the two feedback buttons under a reply. A press is worth what the thumb behind the colon is worth. An
#: adapter reports a press as ``added``, and only where a button can be released again as ``removed``.
PRESSED_UP, PRESSED_DOWN = f"{PRESSED}👍", f"{PRESSED}👎"


class Conversation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stream of messages that belong together. The host answers the messages of one conversation in order."""

    platform: str  #: the adapter's name: ``web``, ``console``, ``slack``, ...
    workspace: str = ""  #: the platform's tenant: Slack team, Discord guild
    channel: str  #: the platform's id of the channel or chat
    thread: str | None = None  #: the id of a thread or topic inside the channel, which has its own context
    kind: Literal["direct", "group"] = "direct"

    @property
    def key(self) -> str:
        """A string that identifies the conversation on all platforms."""
        return "\x1f".join((self.platform, self.workspace, self.channel, self.thread or ""))


class Sender(msgspec.Struct, frozen=True, omit_defaults=True):
    """The account that caused an event, as the platform knows it."""

    #: the platform's own id of the account: neither an identity nor a person (:mod:`llmagent_os.identity`)
    user_id: str
    name: str = ""  #: the display name on the platform
    is_bot: bool = False
    locale: str = ""  #: the language tag (BCP 47) that the platform has of the account; empty: it says none
    time_zone: str = ""  #: the IANA time zone that the platform has of the account, unchecked; empty: it says none


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that came with a message. Its bytes stay where the adapter stored them."""

    name: str  #: the file's name on the platform
    content_type: str  #: its media type, such as ``image/png``
    path: str  #: a local file; empty: the file could not be fetched, see ``problem``
    size: int = 0  #: bytes
    voice: bool = False  #: a voice message, recorded on the platform
    problem: str = ""  #: the reason why there is no file: "larger than 20 MB"


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    event_id: str  #: the platform's own id of this event: unique there, the same when redelivered
    conversation: Conversation
    sender: Sender
    at: datetime = msgspec.field(default_factory=now)  #: when it happened, UTC


class Message(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="message"):
    """A person wrote or spoke a message."""

    text: str  #: as the person wrote it
    message_id: str  #: the platform's id of the message
    reply_to: str | None = None  #: the id of the message that this one answers
    attachments: tuple[Attachment, ...] = ()
    #: the people whom the text mentions, without the bot: the text has their names, and here are their ids too
    mentions: tuple[Sender, ...] = ()
    #: the message is meant for the bot: in a direct conversation, by its name, or as a reply to one of its messages.
    #: Other messages of a group are dropped before they are stored, except in threads that the bot takes part in.
    addressed: bool = True


class Reaction(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="reaction"):
    """An emoji was put on a message, or removed. Not flattened into text: a removed emoji takes its reward back."""

    message_id: str  #: the message with the reaction
    #: the platform's raw value: a character, or a custom emoji's name; of a pressed button :data:`PRESSED_UP` or
    #: :data:`PRESSED_DOWN`
    emoji: str
    #: ``pressed``: a feedback button that a second press releases. Whether this press gives or takes back is for the
    #: host to say, which knows what the person has pressed before
    action: Literal["added", "removed", "pressed"]


class Edit(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="edit"):
    """A person changed the text of a message."""

    message_id: str  #: the message that was changed
    text: str  #: the new text
    edits: str = ""  #: the event id of the changed message; in a group, only if that message was accepted


class Command(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="command"):
    """A person typed a slash command, such as ``/profile``."""

    name: str  #: without the slash, lower case
    arguments: str = ""  #: the text after the name
    message_id: str = ""  #: the platform's id of the message, if the command is one
    attachments: tuple[Attachment, ...] = ()  #: files that were given with it, where the platform has a field for that
    #: the form that was filled in, as ``plugin:key``: the command stands for it. Empty: the command was typed
    form: str = ""
    values: tuple[tuple[str, str], ...] = ()  #: what stands in the fields of the form, by their keys, unchecked


class Timer(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="timer"):
    """A plugin's timer is due. No person caused this event.

    ``conversation`` and ``sender`` are those of the event whose answer set the timer. ``at`` is when the timer was due.
    """

    plugin: str  #: the name of the plugin that set the timer
    key: str  #: the plugin's own name for the timer
    tries: int = 0  #: how often the plugin failed to answer this timer
    deferrable: bool = False  #: the person did not ask for this moment: quiet hours hold the timer back


class ButtonPress(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="button"):
    """A person pressed a button of a reply."""

    message_id: str  #: the reply with the button
    value: str  #: the button's value


class Opened(_Event, frozen=True, kw_only=True, omit_defaults=True, tag="opened"):
    """A person opened a new conversation with the bot, and has said nothing in it yet."""


Event = Message | Reaction | Edit | Command | ButtonPress | Timer | Opened


def event_key(event: Event) -> str:
    """Return a string that identifies the event. It stays the same when the platform delivers the event again.

    The reply to this event is sent under this key, and it is the reply's ``interaction_id``.

    >>> room = Conversation(platform="web", channel="c1")
    >>> event_key(Message(event_id="7", conversation=room, sender=Sender("u1"), text="hi", message_id="m"))
    'web:7'
    """
    return f"{event.conversation.platform}:{event.event_id}"


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """Write an event as JSON."""
    return _encoder.encode(event)


def decode(raw: bytes | str) -> Event:
    """Read an event from JSON.

    Raises:
        BadEventError: ``raw`` is not an event; the message names the wrong field.
    """
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise BadEventError(f"not an event: {error}") from error
