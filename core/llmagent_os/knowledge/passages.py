"""The values of the knowledge room: documents, their passages, and what a search finds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from llmagent_os.languages import gettext

#: When a document without a time was added: one that a program has put in.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Section(msgspec.Struct, frozen=True):
    """A part of a document as a reader gives it, before it is split into passages."""

    text: str
    place: str = ""  #: where it stands: ``page 3``, ``Holidays > Sick leave``
    about: str = ""  #: words that people ask with and that are not in the text
    title: str = ""  #: of its own; empty: that of the document
    key: str = ""  #: names the section among those of its document; empty: it has no name


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was read into a base as a whole, and is updated and removed as a whole."""

    document_id: str  #: unique in its base
    title: str = ""
    source: str = ""  #: the file or the address that it was read from; empty: words
    #: the bot's own words, written by its developer. Everything else is data: it is cited, and may cause no tool call.
    trusted: bool = False
    added_by: str = ""  #: the account that added it; empty: the bot's own files
    added_at: datetime = NO_TIME
    digest: str = ""  #: of what it was read from: the same digest need not be read again
    passages: int = 0  #: how many passages it has


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a document: what a search finds, the model is shown and an answer cites."""

    passage_id: int  #: unique in its base, and never given twice
    document_id: str
    text: str
    about: str = ""  #: words that people ask with and that are not in the text
    title: str = ""  #: of the document
    place: str = ""  #: in the document
    key: str = ""  #: names the passage in its document: the ``id`` of an object in JSON; empty: it has no name
    trusted: bool = False  #: see :class:`Document`
    base: str = ""  #: the base that it is in, as :class:`~llmagent_os.knowledge.scopes.Scopes` names it

    @property
    def source(self) -> str:
        """Title and place, as an answer names them.

        >>> Passage(passage_id=1, document_id="h", text="…", title="Handbook", place="page 3").source
        'Handbook (page 3)'
        """
        return f"{self.title} ({self.place})" if self.title and self.place else self.title or self.place

    @property
    def fact_id(self) -> str:
        """What :meth:`llmagent_os.modules.KnowledgeBase.remove` takes: the key, else the id of the document."""
        return self.key or self.document_id


class Hit(msgspec.Struct, frozen=True):
    """A passage that answers a question, with its scores."""

    passage: Passage
    #: comparable within one search. ``bm25``: the share, 0 to 1, of the highest BM25 score that the question could
    #: reach. ``dense``: the cosine. ``hybrid``: the sum of reciprocal ranks.
    score: float
    coverage: float = 0.0  #: the share of the question's content words that the passage has, 0 to 1
    similarity: float = 0.0  #: the cosine of the embeddings of question and passage; 0 where there are none

    @property
    def fact(self) -> Passage:
        """The passage."""
        return self.passage


_PLACE = re.compile(r"(page|line) (\d+)")


def shown_place(place: str) -> str:
    """The place of a passage in the language in force. Headings of the document stay as they are.

    >>> shown_place("page 3"), shown_place("Holidays > Sick leave")
    ('page 3', 'Holidays > Sick leave')
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        return place
    return (
        gettext("page {number}", number=found[2]) if found[1] == "page" else gettext("line {number}", number=found[2])
    )
