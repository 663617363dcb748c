"""The messages of the transcript, as pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from llmagent_os.adapter import Button, Card
from llmagent_os.forms.form import ShownForm


class SharedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file under a message, as pages see it."""

    name: str
    url: str  #: holds a part that nobody can guess
    size: int  #: bytes
    alt: str = ""  #: what the picture shows, in words; empty: the file is not shown, only offered


class Question(msgspec.Struct, frozen=True):
    """A short question about a message, which one tap answers."""

    text: str
    buttons: tuple[Button, ...]


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message, with everything that has happened to it since."""

    message_id: str
    author: Literal["person", "bot"]
    text: str
    at: datetime
    position: int = 0  #: in the conversation, from 1
    seq: int = 0  #: number of the last change; 0: the host has not taken the message yet, and no page shows it
    reply_to: str | None = None
    card: Card | None = None
    buttons: tuple[Button, ...] = ()
    form: ShownForm | None = None  #: to be filled in; gone once it is sent
    files: tuple[SharedFile, ...] = ()
    reactions: tuple[str, ...] = ()  #: the emojis that the visitor has on the message now
    pressed: str | None = None  #: the value of the button that was chosen
    question: Question | None = None  #: asks about the message; gone once it is answered
    edited: bool = False


class ItemRange(msgspec.Struct, frozen=True):
    """Successive messages of a conversation."""

    items: tuple[msgspec.Raw, ...]  #: items as JSON
    seq: int  #: all changes up to this number are contained
    more: bool = False  #: whether there are messages before the first


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Item)


def encode(item: Item) -> bytes:
    """``item`` as JSON."""
    return _encoder.encode(item)


def decode(body: bytes) -> Item:
    """The item that ``body`` holds."""
    return _decoder.decode(body)
