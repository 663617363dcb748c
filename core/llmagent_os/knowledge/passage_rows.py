"""The rows of one open base: documents, their passages, and the index of the passages' terms.

The index holds no texts: what is taken out of it must be named again, term by term. So every change of a passage goes
through here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from llmagent_os.knowledge.base_schema import total
from llmagent_os.knowledge.base_sealing import BaseSealing
from llmagent_os.knowledge.bm25_scores import TermStatistics, bm25
from llmagent_os.knowledge.notes import is_note_title
from llmagent_os.knowledge.passages import Document, Passage, Section
from llmagent_os.knowledge.search_terms import TERMS_VERSION, words

#: How many passages FTS5 gives for scoring.
CANDIDATES = 50

#: The most terms of a question that are looked for: the rarest ones.
MAX_TERMS = 32

#: A term that more passages have, as a share of all, finds no candidates where a rarer one does: reading through half
#: of the base for a word like "page" takes a hundred times as long, and the word says little.
COMMON = 0.05
#: In a base with fewer passages than this, no term is common.
SMALL = 2000

_DOCUMENT = (
    "SELECT document_id, title, source, trusted, added_by, added_at, digest, "
    "(SELECT count(*) FROM passages WHERE passages.document_id = documents.document_id) FROM documents"
)
_PASSAGE = (
    "SELECT passage_id, passages.document_id, text, about, coalesce(nullif(passages.title, ''), documents.title), "
    "place, key, trusted FROM passages JOIN documents USING (document_id)"
)


class PassageRows:
    """Reads and writes the rows behind a connection. The caller locks, and begins and ends transactions."""

    def __init__(self, sql: sqlite3.Connection, sealing: BaseSealing | None) -> None:
        """Args:
        sql: the open base.
        sealing: None: it is not encrypted.
        """
        self.sql = sql
        self._sealing = sealing
        self.name = ""  #: of the base, which its passages carry

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def documents(self, where: str = "", values: Sequence[Any] = ()) -> list[Document]:
        """The documents that fulfil a condition of SQL, in the order in which they were added."""
        return list(map(_document, self.sql.execute(f"{_DOCUMENT} {where} ORDER BY added_at, rowid", values)))

    def passages(self, where: str = "", values: Sequence[Any] = ()) -> list[Passage]:
        """The passages that fulfil a condition of SQL."""
        return list(map(self._passage, self.sql.execute(f"{_PASSAGE} {where}", values).fetchall()))

    def keyed(self, key: str) -> list[Passage]:
        """The passages with a key."""
        return self.passages("WHERE key = ? AND key <> ''", (self._hidden(key),))

    def best(self, asked: Sequence[str], limit: int) -> list[tuple[Passage, float, float]]:
        """The passages with the highest BM25 scores, the best first: passage, score, and coverage."""
        terms = list(dict.fromkeys(asked))
        counts = {term: _count(self.sql, self._hidden(term)) for term in terms}
        passages, size = int(total(self.sql, "passages")), int(total(self.sql, "terms"))
        known = sorted((term for term in terms if counts[term]), key=counts.__getitem__)[:MAX_TERMS]
        limit_of_rare = max(COMMON * passages, SMALL)
        rare = [term for term in known if counts[term] <= limit_of_rare] or known[:1]
        if not rare:
            return []
        found = self.passages(
            "WHERE passage_id IN (SELECT rowid FROM passage_terms WHERE passage_terms MATCH ? ORDER BY rank LIMIT ?)",
            (" OR ".join(f'"{self._hidden(term)}"' for term in rare), max(limit, CANDIDATES)),
        )
        statistics = TermStatistics(passages, size / max(passages, 1), counts)
        scored: list[tuple[Passage, float, float]] = []
        for passage in found:
            has = _terms(passage)
            coverage = sum(term in has for term in terms) / len(terms)
            scored.append((passage, bm25(terms, has, statistics), coverage))
        return sorted(scored, key=lambda each: -each[1])[:limit]

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, document: Document, parts: Iterable[Section]) -> None:
        """Add a document that is not there."""
        self.sql.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(document.document_id, self._sealed(document.title), self._sealed(document.source)),
                *(int(document.trusted), self._sealed(document.added_by), document.added_at.isoformat()),
                self._sealed(document.digest),
            ),
        )
        for part in parts:
            self._put_passage(document, part)

    def take_out(self, passages: Iterable[Passage]) -> None:
        """Take passages out of the table and of the index."""
        for passage in passages:
            terms = _terms(passage)
            self.sql.execute(
                "INSERT INTO passage_terms (passage_terms, rowid, terms) VALUES ('delete', ?, ?)",
                (passage.passage_id, self._indexed(terms)),
            )
            self.sql.execute("DELETE FROM passages WHERE passage_id = ?", (passage.passage_id,))
            self._count_in(-1, -len(terms))

    def clear(self) -> int:
        """Take everything out, unread. Returns how many documents there were."""
        self.sql.execute("INSERT INTO passage_terms (passage_terms) VALUES ('delete-all')")
        self.sql.execute("DELETE FROM slots")
        self.sql.execute("DELETE FROM passages")
        self.sql.execute("UPDATE totals SET value = 0 WHERE name IN ('passages', 'terms')")
        return self.sql.execute("DELETE FROM documents").rowcount

    def index_again(self) -> None:
        """Index all passages: the base is new, or its terms are of another version or were not hidden."""
        self.sql.execute("INSERT INTO passage_terms (passage_terms) VALUES ('delete-all')")
        count = size = 0
        for passage in self.passages():
            terms = _terms(passage)
            row = (passage.passage_id, self._indexed(terms))
            self.sql.execute("INSERT INTO passage_terms (rowid, terms) VALUES (?, ?)", row)
            count, size = count + 1, size + len(terms)
        values = [("passages", count), ("terms", size), ("terms_version", TERMS_VERSION)]
        self.sql.executemany("UPDATE totals SET value = ?2 WHERE name = ?1", values)

    @property
    def is_indexed(self) -> bool:
        """Whether the index has the terms of this version of the program."""
        return bool(total(self.sql, "terms_version") == TERMS_VERSION)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _put_passage(self, document: Document, part: Section) -> None:
        cursor = self.sql.execute(
            "INSERT INTO passages (document_id, title, place, text, about, key) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(document.document_id, self._sealed(part.title), self._sealed(part.place)),
                *(self._sealed(part.text), self._sealed(part.about), self._hidden(part.key)),
            ),
        )
        number = int(cursor.lastrowid or 0)
        terms = _terms(
            Passage(
                passage_id=number,
                document_id=document.document_id,
                text=part.text,
                about=part.about,
                title=part.title or document.title,
                place=part.place,
            )
        )
        row = (number, self._indexed(terms))
        self.sql.execute("INSERT INTO passage_terms (rowid, terms) VALUES (?, ?)", row)
        self._count_in(1, len(terms))

    def _count_in(self, passages: int, terms: int) -> None:
        values = [("passages", passages), ("terms", terms)]
        self.sql.executemany("UPDATE totals SET value = value + ?2 WHERE name = ?1", values)

    def _sealed(self, text: str) -> str:
        return self._sealing.sealed(text) if self._sealing else text

    def _hidden(self, word: str) -> str:
        return self._sealing.hidden(word) if self._sealing else word

    def _indexed(self, terms: Iterable[str]) -> str:
        """Terms as the index holds them."""
        return " ".join(map(self._hidden, terms))

    def _passage(self, row: Sequence[Any]) -> Passage:
        return Passage(
            passage_id=row[0],
            document_id=row[1],
            text=row[2],
            about=row[3],
            title=row[4],
            place=row[5],
            key=row[6],
            trusted=bool(row[7]),
            base=self.name,
        )


def _document(row: Sequence[Any]) -> Document:
    return Document(
        document_id=row[0],
        title=row[1],
        source=row[2],
        trusted=bool(row[3]),
        added_by=row[4],
        added_at=datetime.fromisoformat(row[5]),
        digest=row[6],
        passages=row[7],
    )


def _terms(passage: Passage) -> list[str]:
    title = "" if is_note_title(passage.title) else passage.title
    return words("\n".join((passage.text, passage.about, title, passage.place)))


def _count(sql: sqlite3.Connection, term: str) -> int:
    row = sql.execute("SELECT doc FROM term_counts WHERE term = ?", (term,)).fetchone()
    return 0 if row is None else int(row[0])
