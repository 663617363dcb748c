"""The feedback buttons under replies on Telegram: two keys in the last row of a message's keyboard.

Telegram tells a bot of reactions in a group only if the bot is an administrator. It tells of pressed keys everywhere.
A keyboard is the same for everybody who reads the message. So it shows how many people have pressed each thumb, and in
a direct chat a tick. A question that belongs to a message in a group stands in rows of its own above the thumbs.
"""

from __future__ import annotations

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from llmagent_os.adapter import Thumbs
from llmagent_os.events import PRESSED_DOWN, PRESSED_UP

#: What the two keys carry: the emoji of the reaction that a press is.
THUMBS = (PRESSED_UP, PRESSED_DOWN)
#: What the key carries that shows the words of a question. A press of it does nothing.
HEADING = "-"

#: The rows of a keyboard.
Rows = Sequence[Sequence[InlineKeyboardButton]]


def thumbs_row(thumbs: Thumbs, *, direct: bool) -> list[InlineKeyboardButton]:
    """The row with the two thumbs.

    >>> [key.text for key in thumbs_row(Thumbs(up=2), direct=False)]
    ['👍 2', '👎']
    """
    counts = zip(("👍", "👎"), (thumbs.up, thumbs.down), THUMBS, strict=True)
    return [
        InlineKeyboardButton(f"{face} {'✓' if direct else count}" if count else face, callback_data=data)
        for face, count, data in counts
    ]


def is_thumb(data: str | None) -> bool:
    """Whether a key with this value is a thumb."""
    return data in THUMBS


def left_of(rows: Rows, pressed: str | None) -> InlineKeyboardMarkup | None:
    """The keyboard that is left once the key with the value ``pressed`` was taken.

    A question goes as a whole, and leaves everything else. Any other choice takes all choices with it. The thumbs stay.
    """
    question = question_in(rows)
    if any(key.callback_data == pressed for row in question for key in row):
        kept = [row for row in rows if row not in question]
    else:
        kept = [row for row in rows if any(is_thumb(carried_by(key)) for key in row)]
    return InlineKeyboardMarkup(kept) if kept else None


def question_in(rows: Rows) -> Rows:
    """The rows of a question: its heading, and what follows up to the thumbs."""
    at = next((number for number, row in enumerate(rows) if any(carried_by(key) == HEADING for key in row)), len(rows))
    return [row for row in rows[at:] if not any(is_thumb(carried_by(key)) for key in row)]


def plain_rows(rows: Rows) -> list[list[tuple[str, str]]]:
    """What a keyboard says, for a comparison."""
    return [[(key.text, carried_by(key)) for key in row] for row in rows]


def carried_by(key: InlineKeyboardButton) -> str:
    """The value of a key; empty: it has none, as a link."""
    return key.callback_data if isinstance(key.callback_data, str) else ""
