"""Replies in Telegram's look: HTML, and keyboards under the last message."""

from __future__ import annotations

import html
import re
from pathlib import Path

import msgspec
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from llmagent_os.adapter import Button, Card, Reply
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.markup import TELEGRAM, pieces

LIMIT = 4096  #: UTF-16 units of one message's text, without tags
LABEL = 60  #: characters of a button's label that are shown whole on a phone
WIDE = 24  #: characters of labels that fit side by side
BUTTONS = 100  #: under one message
VALUE = 64  #: bytes of a button's value

_TAG = re.compile(r"<[^>]*>")
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_PICTURE_BYTES = 10_000_000


class Post(msgspec.Struct, frozen=True):
    """One message to be sent."""

    html: str
    buttons: tuple[Button, ...] = ()

    @property
    def plain(self) -> str:
        """The same without any markup."""
        return plain(self.html)


def posts(reply: Reply) -> tuple[Post, ...]:
    """The messages that ``reply`` becomes, in order; card and buttons are on the last."""
    texts = list(pieces(reply.text, TELEGRAM, LIMIT))
    if reply.card is not None:
        for row in _rows(reply.card):
            if texts and TELEGRAM.length(f"{texts[-1]}\n{row}") <= LIMIT:
                texts[-1] += f"\n{row}"
            else:
                texts.append(row.strip())
    if not texts and (reply.buttons or not reply.files):
        texts = ["…"]  # Telegram takes no empty message
    return tuple(Post(text, reply.buttons if number == len(texts) else ()) for number, text in enumerate(texts, 1))


def draft_of(markdown: str) -> str:
    """What of a text in the making fits one message: its beginning. Empty: nothing yet."""
    return next(iter(pieces(markdown, TELEGRAM, LIMIT)), "")


def plain(source: str) -> str:
    """HTML without its tags.

    >>> plain("<b>1 &lt; 2</b>")
    '1 < 2'
    """
    return html.unescape(_TAG.sub("", source))


async def keyboard(buttons: tuple[Button, ...], values: ButtonValues) -> InlineKeyboardMarkup | None:
    """``buttons`` under a message: short ones side by side."""
    if not buttons:
        return None
    rows: list[list[InlineKeyboardButton]] = []
    width = 0
    for button in buttons[:BUTTONS]:
        label = button.label if len(button.label) <= LABEL else f"{button.label[: LABEL - 1]}…"
        key = InlineKeyboardButton(label or "…", callback_data=await values.carried(button.value))
        if rows and width + len(label) <= WIDE:
            rows[-1].append(key)
            width += len(label)
        else:
            rows.append([key])
            width = len(label)
    return InlineKeyboardMarkup(rows)


def is_picture(path: Path, size: int) -> bool:
    """Whether a file is shown as a picture, and not offered as a document."""
    return path.suffix.lower() in _PICTURES and size <= _PICTURE_BYTES


def _rows(card: Card) -> list[str]:
    """The card, one line each, of bounded length."""
    title = [f"\n<b>{_short(card.title)}</b>"] if card.title else []
    return title + [f"<b>{_short(label)}:</b> {_short(text)}" for label, text in card.rows]


def _short(text: str, most: int = 1900) -> str:
    return html.escape(text if len(text) <= most else f"{text[: most - 1]}…", quote=False)
