"""What a page and the server say to each other over the WebSocket, one JSON object a frame.

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

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _In(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    pass


class Open(_In, frozen=True, kw_only=True, tag="open"):
    """Show a conversation and keep it up to date. The first frame of every connection."""

    conversation: Short | None = None  #: None: the person's latest
    after: Annotated[int, msgspec.Meta(ge=0)] = 0  #: the last ``seq`` the page has; 0: nothing yet


class New(_In, frozen=True, kw_only=True, tag="new"):
    """Begin another conversation and show it."""


class Earlier(_In, frozen=True, kw_only=True, tag="earlier"):
    """Send the messages before a position."""

    before: Annotated[int, msgspec.Meta(ge=0)]


class List(_In, frozen=True, kw_only=True, tag="list"):
    """Which conversations are there?"""


class Ping(_In, frozen=True, kw_only=True, tag="ping"):
    """Is the server there?"""


class _Act(_In, frozen=True, kw_only=True):
    id: Id  #: made by the page; the same each time it is sent, until an Ack or a Refused
    conversation: Short


class Say(_Act, frozen=True, kw_only=True, tag="message"):
    """The person wrote something."""

    text: str


class React(_Act, frozen=True, kw_only=True, tag="reaction"):
    """The person put an emoji on a message, or took it off."""

    message_id: Short
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[^\s\x00-\x1f\x7f]+$")]
    on: bool


class Press(_Act, frozen=True, kw_only=True, tag="press"):
    """The person pressed a button of a reply."""

    message_id: Short
    value: str


InFrame = Open | New | Earlier | List | Ping | Say | React | Press


class _Out(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    pass


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation in the list of them."""

    id: str
    title: str  #: how its first message begins; "" while empty
    at: str  #: when it began, ISO 8601


class Welcome(_Out, frozen=True, kw_only=True, tag="welcome"):
    """The answer to Open and New."""

    title: str
    about: str
    examples: tuple[str, ...]
    person: str  #: the name given by ``?person=``; "" for none
    conversation: str
    max_characters: int  #: of one message


class Conversations(_Out, frozen=True, kw_only=True, tag="conversations"):
    """The answer to List."""

    conversations: tuple[Line, ...]  #: latest first


class Items(_Out, frozen=True, kw_only=True, tag="items"):
    """Messages that are new or changed, each whole: one that the page has already is replaced."""

    conversation: str
    items: tuple[msgspec.Raw, ...]
    more: bool = False  #: there are messages before the first of these


class Draft(_Out, frozen=True, kw_only=True, tag="draft"):
    """All that is written so far of the message that will have this id."""

    message_id: str
    text: str


class Typing(_Out, frozen=True, kw_only=True, tag="typing"):
    """An answer is coming."""


class Ack(_Out, frozen=True, kw_only=True, tag="ack"):
    """The event of this id is safe; what it changed was sent before."""

    id: str


class Refused(_Out, frozen=True, kw_only=True, tag="refused"):
    """The event of this id was not taken."""

    id: str
    reason: str
    again: bool  #: the same may be tried again later


class Error(_Out, frozen=True, kw_only=True, tag="error"):
    """A frame could not be read; the connection goes on."""

    reason: str


class Pong(_Out, frozen=True, kw_only=True, tag="pong"):
    """Yes."""


OutFrame = Welcome | Conversations | Items | Draft | Typing | Ack | Refused | Error | Pong


class _OnlyId(msgspec.Struct, frozen=True):
    id: Id


_decoder: msgspec.json.Decoder[InFrame] = msgspec.json.Decoder(InFrame)
_id_decoder = msgspec.json.Decoder(_OnlyId)
_encoder = msgspec.json.Encoder()


def read_frame(raw: str | bytes) -> InFrame:
    """The frame that a page sent.

    Raises:
        BadEventError: it is none; says which field is wrong.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise BadEventError(f"not a frame: {error}") from error


def id_of(raw: str | bytes) -> str | None:
    """The id inside a frame that could not be read, so that the page need not send it for ever."""
    try:
        return _id_decoder.decode(raw).id
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def write_frame(frame: OutFrame) -> str:
    """``frame`` as JSON text."""
    return _encoder.encode(frame).decode()
