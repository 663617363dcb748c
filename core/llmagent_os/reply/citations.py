"""Cites the passages that an answer is from: finds which they are, names them, and has buttons that show them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llmagent_os.adapter import Button
from llmagent_os.knowledge.notes import shown_title
from llmagent_os.knowledge.passages import Hit, Passage, shown_place
from llmagent_os.knowledge.search_terms import words
from llmagent_os.languages import gettext, ngettext

#: Begins the value of the button that shows a passage. The base and the passage's number come after it.
SHOW_PASSAGE = "agent:passage:"

#: The share of an answer's own content words that a passage must have to be its source, where the model names none.
ENOUGH_WORDS = 0.5

MAX_TITLE = 80  #: characters of a source's name
MAX_LABEL = 40  #: characters of a button

_MARK = re.compile(r"\s*\[\s*(\d{1,2}(?:\s*,\s*\d{1,2})*)\s*\]")
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]\"']+", re.IGNORECASE)
_PICTURE = re.compile(r"!(?=\[)")


def cited_passages(text: str, question: str, passages: Sequence[Hit]) -> list[Passage]:
    """The passages that an answer is from: those whose number it names, else those that have its words.

    Args:
        text: the answer.
        question: its words tell nothing of where the answer is from.
        passages: those that the model was shown, in the order of their numbers.
    """
    named = {int(number) for mark in _MARK.findall(text) for number in mark.split(",")}
    if found := [hit.passage for number, hit in enumerate(passages, 1) if number in named]:
        return found
    own = set(words(_MARK.sub("", text))) - set(words(question))
    if not own:
        return []
    return [hit.passage for hit in passages if len(own & set(words(hit.passage.text))) / len(own) >= ENOUGH_WORDS]


def without_marks(text: str) -> str:
    """An answer without the numbers of passages.

    >>> without_marks("30 days [1], and more [2, 3].")
    '30 days, and more.'
    """
    return _MARK.sub("", text)


def without_foreign_addresses(text: str, known: Iterable[str]) -> str:
    """``text`` without pictures, and without web addresses that stand in none of the texts ``known``.

    A passage could have the model write what it knows of the person into an address, which the platform then opens for
    a preview.

    >>> without_foreign_addresses("See https://a.example/x or https://evil.example/?name=Sam", ["at https://a.example/x"])
    'See https://a.example/x or (address left out)'
    """
    sources = "\n".join(known)
    left_out = gettext("(address left out)")

    def kept(found: re.Match[str]) -> str:
        address = found[0].rstrip(".,;:!?")
        return found[0] if address in sources else left_out + found[0][len(address) :]

    return _ADDRESS.sub(kept, _PICTURE.sub("", text))


def source_line(cited: Sequence[Passage]) -> str:
    """The line below an answer that names its sources; empty: there are none.

    >>> source_line([Passage(passage_id=1, document_id="h", text="…", title="Handbook", place="page 3")])
    'Source: Handbook (page 3)'
    """
    names = list(dict.fromkeys(source_name(each) for each in cited))
    if not names:
        return ""
    return ngettext("Source: {names}", "Sources: {names}", len(names), names="; ".join(names))


def passage_buttons(cited: Sequence[Passage]) -> tuple[Button, ...]:
    """One button for each passage, which shows it."""
    if len(cited) == 1:
        return (Button(gettext("Show the passage"), reference(cited[0])),)
    return tuple(Button(_show_label(number, each), reference(each)) for number, each in enumerate(cited, 1))


def _show_label(number: int, passage: Passage) -> str:
    return gettext("Show {number}: {name}", number=number, name=source_name(passage))[:MAX_LABEL]


def reference(passage: Passage) -> str:
    """The value of the button that shows a passage."""
    return f"{SHOW_PASSAGE}{passage.base}:{passage.passage_id}"


def source_name(passage: Passage) -> str:
    """Title and place without markup: a document's title may be anything."""
    title, place = shown_title(passage.title), shown_place(passage.place)
    source = f"{title} ({place})" if title and place else title or place
    plain = re.sub(r"[*_`~<>|\[\]\\@#\n]+", " ", source)
    name = " ".join(plain.split())
    return name if len(name) <= MAX_TITLE else f"{name[: MAX_TITLE - 1]}…"
