"""A message of the transcript, as the page shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from llmagent_os.adapter import Button, Card


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file under a reply, as the page sees it."""

    name: str
    url: str  #: with a part that nobody can guess
    size: int  #: bytes


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message as the page shows it, with all that has happened to it since."""

    message_id: str
    author: Literal["person", "bot"]
    text: str
    at: datetime
    position: int = 0  #: its place in the conversation, from 1
    seq: int = 0  #: the count of its last change; 0: the host has not taken it yet, and no page is told
    reply_to: str | None = None
    card: Card | None = None
    buttons: tuple[Button, ...] = ()
    files: tuple[File, ...] = ()
    reactions: tuple[str, ...] = ()  #: emojis the person has on it now
    pressed: str | None = None  #: the value of the button that was chosen
    edited: bool = False


class Kept(msgspec.Struct, frozen=True):
    """A stretch of a conversation."""

    items: tuple[msgspec.Raw, ...]  #: Items as JSON
    seq: int  #: everything up to here is in
    more: bool = False  #: there are messages before the first


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Item)


def encode(item: Item) -> bytes:
    """``item`` as JSON."""
    return _encoder.encode(item)


def decode(body: bytes) -> Item:
    """The item that ``body`` holds."""
    return _decoder.decode(body)
