"""How an answer names words that were taught by ``/learn``: they have no title of their own."""

from __future__ import annotations

import re
from datetime import date, datetime

from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import day_parts_text

_NOTE = re.compile(r"(?:your|a) note of \d{1,2} [A-Z][a-z]+")


def note_title(day: date, *, for_all: bool) -> str:
    """What an answer from a note calls it.

    Args:
        day: when it was taught, where the person is.
        for_all: whether others than the person are answered from it.

    >>> note_title(date(2026, 12, 1), for_all=False)
    'your note of 1 December'
    """
    return f"{'a' if for_all else 'your'} note of {day.day} {day:%B}"


def is_note_title(title: str) -> bool:
    """Return whether ``title`` names a note. Such a title is no words to find the note by: everybody has a 1 December.

    >>> is_note_title("your note of 1 December"), is_note_title("Handbook")
    (True, False)
    """
    return _NOTE.fullmatch(title) is not None


def title_for_all(title: str) -> str:
    """The title of a passage when everybody gets it.

    >>> title_for_all("your note of 1 December"), title_for_all("Handbook")
    ('a note of 1 December', 'Handbook')
    """
    return title.replace("your", "a", 1) if is_note_title(title) else title


def shown_title(title: str) -> str:
    """The title of a passage in the language in force. Titles of documents stay as they are.

    >>> shown_title("your note of 1 December"), shown_title("Handbook")
    ('your note of 1 December', 'Handbook')
    """
    if not is_note_title(title):
        return title
    whose, _, _, day, month = title.split()
    try:
        date_of = datetime.strptime(f"{day} {month} 2000", "%d %B %Y").date()
    except ValueError:  # words of somebody that only look like it
        return title
    named = day_parts_text("MMMMd", date_of)
    return gettext("your note of {day}", day=named) if whose == "your" else gettext("a note of {day}", day=named)
