"""The frames that a page and the server exchange over the WebSocket, one JSON object per frame.

>>> read_frame('{"type": "ping"}')
Ping()
>>> read_frame('{"type": "dance", "id": "a1b2c3d4"}')
Traceback (most recent call last):
...
llmagent_os.errors.BadEventError: not a frame: Invalid value 'dance' - at `$.type`
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from llmagent_os.errors import BadEventError

#: An id that a page has made. ``\\Z``, since ``$`` would let a newline at the end pass.
PageId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{8,64}\Z")]
#: An id that the server has made.
ZoneName = Annotated[str, msgspec.Meta(max_length=64)]
ServerId = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"\A[^\s\x00-\x1f\x7f]+\Z")]
#: A ``seq`` or a position. SQLite's integers end at 2^63 - 1, and JavaScript's at 2^53 - 1.
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]

FIELD_CHARACTERS = 20_000  #: the most in one field of a form; the host says how many the field takes
MESSAGE_FILES = 10  #: the most files of one message


class _FromPage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    pass


class OpenConversation(_FromPage, frozen=True, kw_only=True, tag="open"):
    """Show a conversation and keep it up to date. This is the first frame of every connection."""

    conversation: ServerId | None = None  #: None: the visitor's latest conversation
    after: Count = 0  #: the last ``seq`` that the page has; 0: nothing yet
    time_zone: ZoneName = ""  #: the browser's IANA time zone; empty: it says none


class NewConversation(_FromPage, frozen=True, kw_only=True, tag="new"):
    """Begin another conversation and show it."""


class EarlierItems(_FromPage, frozen=True, kw_only=True, tag="earlier"):
    """Send the messages before a position."""

    before: Count


class ListConversations(_FromPage, frozen=True, kw_only=True, tag="list"):
    """Send the list of conversations."""


class Ping(_FromPage, frozen=True, kw_only=True, tag="ping"):
    """Answer with a Pong: the page checks the connection."""


class _Action(_FromPage, frozen=True, kw_only=True):
    id: PageId  #: the same at every try, until the server answers with Ack or Refused
    conversation: ServerId


class Say(_Action, frozen=True, kw_only=True, tag="message"):
    """The visitor wrote a message."""

    text: str
    files: Annotated[tuple[ServerId, ...], msgspec.Meta(max_length=MESSAGE_FILES)] = ()  #: ids of uploads


class Speak(_Action, frozen=True, kw_only=True, tag="voice"):
    """The visitor spoke a message. The recording was uploaded under the same id, to ``/recordings?id=``."""

    seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0  #: how long it lasts, as the page has measured


class React(_Action, frozen=True, kw_only=True, tag="reaction"):
    """The visitor added an emoji to a message, or removed it."""

    message_id: ServerId
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"\A[^\s\x00-\x1f\x7f]+\Z")]
    on: bool  #: whether the emoji was added


class Press(_Action, frozen=True, kw_only=True, tag="press"):
    """The visitor pressed a button of a reply."""

    message_id: ServerId
    value: str


class Fill(_Action, frozen=True, kw_only=True, tag="form"):
    """The visitor sent the form under a reply."""

    message_id: ServerId
    values: Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=FIELD_CHARACTERS)]], msgspec.Meta(max_length=20)]


#: What a visitor did.
Action = Say | Speak | React | Press | Fill

PageFrame = OpenConversation | NewConversation | EarlierItems | ListConversations | Ping | Action


class _FromServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    pass


class ConversationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation in the list of conversations."""

    id: str
    title: str  #: the beginning of the first message; empty while there is none
    at: str  #: when the conversation began, in ISO 8601


class Welcome(_FromServer, frozen=True, kw_only=True, tag="welcome"):
    """The answer to OpenConversation and NewConversation."""

    title: str
    about: str
    examples: tuple[str, ...]
    person: str  #: the name given by ``?person=``; empty for none
    conversation: str
    max_characters: int  #: of one message
    max_files: int  #: of one message
    max_file_bytes: int  #: of one file
    voice: bool = False  #: whether the bot understands recordings


class Conversations(_FromServer, frozen=True, kw_only=True, tag="conversations"):
    """The answer to ListConversations."""

    conversations: tuple[ConversationSummary, ...]  #: latest first


class Items(_FromServer, frozen=True, kw_only=True, tag="items"):
    """Whole messages that are new or have changed. A message that the page has already is replaced."""

    conversation: str
    items: tuple[msgspec.Raw, ...]
    more: bool = False  #: there are messages before the first of these


class Draft(_FromServer, frozen=True, kw_only=True, tag="draft"):
    """The text so far of the message that will have this id."""

    message_id: str
    text: str


class Typing(_FromServer, frozen=True, kw_only=True, tag="typing"):
    """An answer is coming."""


class Language(_FromServer, frozen=True, kw_only=True, tag="language"):
    """The visitor chose the language of the page, by ``/language``."""

    language: str  #: its code; empty: the browser's


class Ack(_FromServer, frozen=True, kw_only=True, tag="ack"):
    """The action with this id is stored. What it changed was sent before."""

    id: str


class Refused(_FromServer, frozen=True, kw_only=True, tag="refused"):
    """The action with this id was not taken."""

    id: str
    reason: str
    again: bool  #: whether the page may try again later


class Error(_FromServer, frozen=True, kw_only=True, tag="error"):
    """A frame could not be read. The connection goes on."""

    reason: str


class Pong(_FromServer, frozen=True, kw_only=True, tag="pong"):
    """The answer to Ping."""


ServerFrame = Welcome | Conversations | Items | Draft | Typing | Language | Ack | Refused | Error | Pong


class _OnlyId(msgspec.Struct, frozen=True):
    id: PageId


_decoder: msgspec.json.Decoder[PageFrame] = msgspec.json.Decoder(PageFrame)
_id_decoder = msgspec.json.Decoder(_OnlyId)
_encoder = msgspec.json.Encoder()


def read_frame(raw: str | bytes) -> PageFrame:
    """The frame that a page has sent.

    Raises:
        BadEventError: ``raw`` is not a frame; the message names the wrong field.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise BadEventError(f"not a frame: {error}") from error


def id_of(raw: str | bytes) -> str | None:
    """The id in a frame that could not be read: with a Refused for it, the page stops sending the frame."""
    try:
        return _id_decoder.decode(raw).id
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def write_frame(frame: ServerFrame) -> str:
    """``frame`` as JSON text."""
    return _encoder.encode(frame).decode()
