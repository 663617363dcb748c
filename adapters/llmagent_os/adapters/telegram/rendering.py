"""A reply as Telegram's messages: HTML, and a keyboard under the last message."""

from __future__ import annotations

import html
import re
from pathlib import Path

import msgspec
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from llmagent_os.adapter import Button, Card, Reply, Thumbs
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapters.telegram.thumb_keys import thumbs_row
from llmagent_os.markup import TELEGRAM, pieces
from llmagent_os.markup.shortening import shorten

MESSAGE_CHARACTERS = 4096  #: of one message's text, in UTF-16 code units without tags
LABEL_CHARACTERS = 60  #: of a button's label, as many as a phone shows
ROW_CHARACTERS = 24  #: of labels that fit side by side
MESSAGE_BUTTONS = 96  #: under one message, beside the thumbs
CALLBACK_BYTES = 64  #: of a button's value, which Telegram calls callback data
CARD_TEXT = 1900  #: characters of one label or text of a card
CAPTION_CHARACTERS = 1024  #: under a picture, in UTF-16 code units
PHOTO_BYTES = 10_000_000  #: larger pictures are sent as documents

_TAG = re.compile(r"<[^>]*>")
_PHOTO_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})


class OutgoingMessage(msgspec.Struct, frozen=True):
    """One message to be sent."""

    html: str
    buttons: tuple[Button, ...] = ()
    asks_feedback: bool = False  #: two thumbs stand under the message

    @property
    def plain(self) -> str:
        """The text without markup."""
        return plain(self.html)


def outgoing_messages(reply: Reply) -> tuple[OutgoingMessage, ...]:
    """The messages that ``reply`` becomes, in order. Card and buttons are part of the last one."""
    texts = list(pieces(reply.body, TELEGRAM, MESSAGE_CHARACTERS))
    if reply.card is not None:
        for row in _rows(reply.card):
            if texts and TELEGRAM.length(f"{texts[-1]}\n{row}") <= MESSAGE_CHARACTERS:
                texts[-1] += f"\n{row}"
            else:
                texts.append(row.strip())
    if not texts and (reply.buttons or not reply.all_files):
        texts = ["…"]  # Telegram takes no empty message
    last = OutgoingMessage(texts.pop(), reply.buttons, reply.asks_feedback) if texts else None
    return (*map(OutgoingMessage, texts), *([last] if last is not None else ()))


def draft_text(markdown: str) -> str:
    """The beginning of ``markdown`` that fits into one message, while more is being written; empty: nothing to show."""
    return next(iter(pieces(markdown, TELEGRAM, MESSAGE_CHARACTERS)), "")


def plain(source: str) -> str:
    """HTML without its tags.

    >>> plain("<b>1 &lt; 2</b>")
    '1 < 2'
    """
    return html.unescape(_TAG.sub("", source))


async def keyboard(message: OutgoingMessage, values: ButtonValues, *, direct: bool) -> InlineKeyboardMarkup | None:
    """The keyboard under a message: its buttons, and below them the thumbs; None: it has none."""
    rows = await key_rows(message.buttons, values)
    if message.asks_feedback:
        rows.append(thumbs_row(Thumbs(), direct=direct))
    return InlineKeyboardMarkup(rows) if rows else None


async def key_rows(buttons: tuple[Button, ...], values: ButtonValues) -> list[list[InlineKeyboardButton]]:
    """``buttons`` as rows of keys. Those with short labels are side by side."""
    rows: list[list[InlineKeyboardButton]] = []
    width = 0
    for button in buttons[:MESSAGE_BUTTONS]:
        label = shorten(button.label, LABEL_CHARACTERS)
        key = InlineKeyboardButton(label or "…", callback_data=await values.carried(button.value))
        if rows and width + len(label) <= ROW_CHARACTERS:
            rows[-1].append(key)
            width += len(label)
        else:
            rows.append([key])
            width = len(label)
    return rows


def is_photo(path: Path, size: int) -> bool:
    """Whether a file of ``size`` bytes is sent as a photo, and not as a document."""
    return path.suffix.lower() in _PHOTO_ENDINGS and size <= PHOTO_BYTES


def caption(words: str) -> str:
    """What a picture shows, in words that fit under it."""
    shown = words
    while TELEGRAM.length(html.escape(shown, quote=False)) > CAPTION_CHARACTERS:
        shown = f"{shown[: len(shown) * 9 // 10].rstrip('…')}…"
    return shown


def _rows(card: Card) -> list[str]:
    """The card as lines of bounded length."""
    title = [f"\n<b>{_escaped(card.title)}</b>"] if card.title else []
    return title + [_row(label, text) for label, text in card.rows]


def _row(label: str, text: str) -> str:
    """One row: in one line, or the label above several lines."""
    if "\n" in text:
        return f"\n<b>{_escaped(label)}</b>\n{_escaped(text)}"
    return f"<b>{_escaped(label)}:</b> {_escaped(text)}"


def _escaped(text: str) -> str:
    return html.escape(shorten(text, CARD_TEXT), quote=False)
