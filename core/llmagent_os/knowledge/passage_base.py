"""One base of passages, on disk or in memory: what is added is found at once, and a restart builds nothing again."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.base_schema import open_base
from llmagent_os.knowledge.base_sealing import BaseSealing, open_sealing
from llmagent_os.knowledge.bm25_scores import TermStatistics, bm25
from llmagent_os.knowledge.notes import is_note_title
from llmagent_os.knowledge.passage_splitting import split_section
from llmagent_os.knowledge.passages import Document, Passage, Section
from llmagent_os.knowledge.search_terms import TERMS_VERSION, words
from llmagent_os.sealing.key_ring import NO_PERSON, SealedError

if TYPE_CHECKING:  # imports numpy
    from llmagent_os.knowledge.vector_file import VectorFile, Vectors

#: The ending of the file with the embeddings, beside the base.
VECTORS = ".vectors"

#: What a base raises that is damaged, or whose key is not there. Others go on without it.
UNUSABLE = (ConfigError, SealedError, sqlite3.Error)

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


class PassageBase:
    """Documents and their passages. It may be used from several threads, and its file from several processes."""

    def __init__(
        self, path: Path | None = None, name: str = "", account: str = NO_PERSON, *, hides_ids: bool = False
    ) -> None:
        """Nothing is opened yet.

        Args:
            path: of the file; None: in memory. It is encrypted where its folder is.
            name: of the base, which its passages carry.
            account: whose key encrypts it; empty: no person's.
            hides_ids: the ids of its documents are made by :meth:`id_of`.
        """
        self.path = path
        self.name = name
        self._account = account
        self._hides_ids = hides_ids
        self._sealing: BaseSealing | None = None  # None: the file that is open is not encrypted
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode: another process may have erased the file
        self._vector_file: VectorFile | None = None

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, document: Document, sections: Iterable[Section]) -> Document:
        """Add a document, or replace the one with its id. Returns it with the number of its passages.

        Raises:
            ConfigError: it holds no text.
        """
        parts = [part for section in sections for part in split_section(section)]
        if not parts:
            raise ConfigError("a fact needs a text" if document.trusted else "a document needs a text")
        with self._writing() as sql:
            self._take_out(sql, document.document_id)
            sql.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(document.document_id, self._sealed(document.title), self._sealed(document.source)),
                    *(int(document.trusted), self._sealed(document.added_by), document.added_at.isoformat()),
                    self._sealed(document.digest),
                ),
            )
            for part in parts:
                self._put_in(sql, document, part)
        return msgspec.structs.replace(document, passages=len(parts))

    def remove(self, document_id: str) -> bool:
        """Remove a document with its passages. Returns whether there was one."""
        with self._writing() as sql:
            return self._take_out(sql, document_id)

    def remove_keyed(self, key: str) -> bool:
        """Remove the passages with a key. Returns whether there were any. Their document stays."""
        with self._writing() as sql:
            rows = sql.execute(f"{_PASSAGE} WHERE key = ? AND key <> ''", (self._hidden(key),)).fetchall()
            self._take_passages(sql, rows)
            return bool(rows)

    def forget_author(self, accounts: Sequence[str]) -> None:
        """Erase the names of accounts that added documents. The documents stay."""
        with self._writing() as sql:
            added = dict(sql.execute("SELECT rowid, added_by FROM documents WHERE added_by <> ''").fetchall())
            gone = [(rowid,) for rowid, account in added.items() if account in set(accounts)]
            sql.executemany("UPDATE documents SET added_by = '' WHERE rowid = ?", gone)
        if gone:
            self.compact()

    def compact(self) -> None:
        """Take what was removed out of the files: FTS5 and SQLite only mark it at first."""
        with self._lock:
            sql = self._opened()
            sql.execute("INSERT INTO passage_terms (passage_terms) VALUES ('optimize')")
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def erase(self) -> int:
        """Erase the base and its files. Returns how many documents there were."""
        with self._lock:
            if self.path is not None and not self.path.exists():
                self.close()
                return 0
            count = 0
            with contextlib.suppress(*UNUSABLE):  # it is damaged, or its key was destroyed: its files go all the same
                count = self._empty()
                self.compact()
            self.close()
            self._vector_file = None
            if self.path is not None:
                self.path.with_suffix(VECTORS).unlink(missing_ok=True)
                for ending in ("", "-wal", "-shm"):
                    self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            return count

    def _empty(self) -> int:
        """Take everything out, unread. Another process may have the file open: it finds it empty."""
        with self._writing() as sql:
            sql.execute("INSERT INTO passage_terms (passage_terms) VALUES ('delete-all')")
            sql.execute("DELETE FROM slots")
            sql.execute("DELETE FROM passages")
            sql.execute("UPDATE totals SET value = 0 WHERE name IN ('passages', 'terms')")
            return sql.execute("DELETE FROM documents").rowcount

    def close(self) -> None:
        """Close the file. The next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def __len__(self) -> int:
        """How many passages there are."""
        with self._lock:
            return int(self._total(self._opened(), "passages"))

    def documents(self) -> list[Document]:
        """All documents, in the order in which they were added."""
        with self._lock:
            rows = self._opened().execute(f"{_DOCUMENT} ORDER BY added_at, rowid").fetchall()
        return [_document(row) for row in rows]

    def document(self, document_id: str) -> Document | None:
        """One document; None: there is none with this id."""
        with self._lock:
            row = self._opened().execute(f"{_DOCUMENT} WHERE document_id = ?", (document_id,)).fetchone()
        return None if row is None else _document(row)

    def new_id(self) -> str:
        """An id for a document that none has had."""
        with self._writing() as sql:
            sql.execute("UPDATE totals SET value = value + 1 WHERE name = 'ids'")
            return f"fact-{self._total(sql, 'ids')}"

    def id_of(self, key: str) -> str:
        """The id of the document with a key. In an encrypted base it tells nobody what the key was made of."""
        with self._lock:
            self._opened()
            return self._hidden(key)

    def passages(self, document_id: str) -> list[Passage]:
        """The passages of a document, in their order."""
        with self._lock:
            sql = self._opened()
            rows = sql.execute(f"{_PASSAGE} WHERE document_id = ? ORDER BY passage_id", (document_id,)).fetchall()
        return [self._passage(row) for row in rows]

    def passage(self, passage_id: int) -> Passage | None:
        """One passage; None: there is none with this id any more."""
        with self._lock:
            row = self._opened().execute(f"{_PASSAGE} WHERE passage_id = ?", (passage_id,)).fetchone()
        return None if row is None else self._passage(row)

    def best(self, asked: Sequence[str], limit: int = CANDIDATES) -> list[tuple[Passage, float, float]]:
        """The passages with the highest BM25 scores, the best first: passage, score, and coverage.

        Args:
            asked: the content words of the question.
            limit: the largest number to return.
        """
        terms = list(dict.fromkeys(asked))
        with self._lock:
            sql = self._opened()
            counts = {term: _count(sql, self._hidden(term)) for term in terms}
            total, size = int(self._total(sql, "passages")), int(self._total(sql, "terms"))
            found = sorted((term for term in terms if counts[term]), key=counts.__getitem__)[:MAX_TERMS]
            limit_of_rare = max(COMMON * total, SMALL)
            rare = [term for term in found if counts[term] <= limit_of_rare] or found[:1]
            if not rare:
                return []
            rows = sql.execute(
                f"{_PASSAGE} WHERE passage_id IN "
                "(SELECT rowid FROM passage_terms WHERE passage_terms MATCH ? ORDER BY rank LIMIT ?)",
                (" OR ".join(f'"{self._hidden(term)}"' for term in rare), max(limit, CANDIDATES)),
            ).fetchall()
        statistics = TermStatistics(total, size / max(total, 1), counts)
        scored: list[tuple[Passage, float, float]] = []
        for passage in map(self._passage, rows):
            has = _terms(passage.text, passage.about, passage.title, passage.place)
            coverage = sum(term in has for term in terms) / len(terms)
            scored.append((passage, bm25(terms, has, statistics), coverage))
        return sorted(scored, key=lambda each: -each[1])[:limit]

    # ── embeddings ────────────────────────────────────────────────────────────────────────────────────────────────

    def without_vectors(self, model: str, limit: int) -> list[tuple[int, str]]:
        """Passages that have no embedding by ``model`` yet: id, and the text to embed. Those of others are removed."""
        with self._writing() as sql:
            if self._total(sql, "model") != model:
                sql.execute("DELETE FROM slots")
                sql.execute("UPDATE totals SET value = ? WHERE name = 'model'", (model,))
                self._vectors.remove()
            rows = sql.execute(
                f"{_PASSAGE} WHERE passage_id NOT IN (SELECT passage_id FROM slots WHERE passage_id IS NOT NULL) "
                "ORDER BY passage_id LIMIT ?",
                (limit,),
            ).fetchall()
        passages = map(self._passage, rows)
        return [(each.passage_id, ". ".join(filter(None, (each.source, each.text, each.about)))) for each in passages]

    def put_vectors(self, model: str, ids: Sequence[int], vectors: Vectors) -> None:
        """Keep the embeddings of passages by ``model``: shape (passages, dimensions), each of length 1."""
        with self._writing() as sql:
            if self._total(sql, "model") != model:
                return  # another model was chosen meanwhile
            (following,) = sql.execute("SELECT coalesce(max(slot) + 1, 0) FROM slots").fetchone()
            empty = sql.execute("SELECT slot FROM slots WHERE passage_id IS NULL LIMIT ?", (len(ids),))
            free = [row[0] for row in empty]
            sql.execute("UPDATE totals SET value = ? WHERE name = 'dimensions'", (vectors.shape[1],))
            slots = [*free, *range(following, following + len(ids) - len(free))]
            for slot, passage_id, vector in zip(slots, ids, vectors, strict=True):
                if sql.execute("SELECT 1 FROM passages WHERE passage_id = ?", (passage_id,)).fetchone():
                    self._vectors.write(slot, vector[None, :])
                    sql.execute("INSERT OR REPLACE INTO slots VALUES (?, ?)", (slot, passage_id))

    def nearest(self, model: str, question: Vectors, limit: int = CANDIDATES) -> list[tuple[Passage, float]]:
        """The passages whose embeddings are nearest to that of the question, with the cosines, the nearest first."""
        with self._lock:
            sql = self._opened()
            if self._total(sql, "model") != model:
                return []
            (count,) = sql.execute("SELECT coalesce(max(slot) + 1, 0) FROM slots").fetchone()
            found: list[tuple[Passage, float]] = []
            for slot, cosine in self._vectors.nearest(question, count, limit):
                row = sql.execute(
                    f"{_PASSAGE} WHERE passage_id = (SELECT passage_id FROM slots WHERE slot = ?)", (slot,)
                ).fetchone()
                if row is not None:
                    found.append((self._passage(row), cosine))
        return found

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _vectors(self) -> VectorFile:
        """The embeddings. numpy is imported only where there are any."""
        from llmagent_os.knowledge.vector_file import VectorFile

        if self._vector_file is None:
            self._vector_file = VectorFile(None if self.path is None else self.path.with_suffix(VECTORS))
        return self._vector_file

    def _opened(self) -> sqlite3.Connection:
        """The connection, to the file that is there now."""
        if self._connection is not None and self.path is not None and _file(self.path) != self._file:
            self.close()
        if self._connection is None:
            sql = open_base(self.path)
            try:
                self._prepare(sql)
            except BaseException:
                sql.close()
                raise
            self._connection, self._file = sql, None if self.path is None else _file(self.path)
        return self._connection

    def _prepare(self, sql: sqlite3.Connection) -> None:
        """Find out how the base is encrypted, encrypt it if that is due, and bring its index up to date."""
        with self._lasting(sql):
            self._sealing, is_new = open_sealing(sql, self.path, self._account)
            if is_new or self._total(sql, "terms_version") != TERMS_VERSION:
                self._index_again(sql)
            is_hidden = self._hide_ids(sql)
        if is_new or is_hidden:  # what was encrypted now must not stay readable in free pages and in the log
            sql.execute("VACUUM")
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _hide_ids(self, sql: sqlite3.Connection) -> bool:
        """Replace the keys that were ids before the base was encrypted. Returns whether there were any."""
        if self._sealing is None or not self._hides_ids:
            return False
        found = sql.execute("SELECT document_id FROM documents WHERE document_id LIKE '____:%'").fetchall()
        for (key,) in found:
            for table in ("documents", "passages"):
                sql.execute(f"UPDATE {table} SET document_id = ? WHERE document_id = ?", (self._hidden(key), key))
        return bool(found)

    @contextlib.contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            sql = self._opened()
            with self._lasting(sql):
                yield sql

    @staticmethod
    @contextlib.contextmanager
    def _lasting(sql: sqlite3.Connection) -> Generator[None]:
        """Run the block in a transaction."""
        sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            sql.execute("ROLLBACK")
            raise
        sql.execute("COMMIT")

    def _sealed(self, text: str) -> str:
        return self._sealing.sealed(text) if self._sealing else text

    def _hidden(self, word: str) -> str:
        return self._sealing.hidden(word) if self._sealing else word

    def _indexed(self, terms: Iterable[str]) -> str:
        """Terms as the index holds them."""
        return " ".join(map(self._hidden, terms))

    def _put_in(self, sql: sqlite3.Connection, document: Document, part: Section) -> None:
        terms = _terms(part.text, part.about, part.title or document.title, part.place)
        cursor = sql.execute(
            "INSERT INTO passages (document_id, title, place, text, about, key) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(document.document_id, self._sealed(part.title), self._sealed(part.place)),
                *(self._sealed(part.text), self._sealed(part.about), self._hidden(part.key)),
            ),
        )
        row = (cursor.lastrowid, self._indexed(terms))
        sql.execute("INSERT INTO passage_terms (rowid, terms) VALUES (?, ?)", row)
        _add(sql, 1, len(terms))

    def _take_out(self, sql: sqlite3.Connection, document_id: str) -> bool:
        self._take_passages(sql, sql.execute(f"{_PASSAGE} WHERE document_id = ?", (document_id,)).fetchall())
        return sql.execute("DELETE FROM documents WHERE document_id = ?", (document_id,)).rowcount > 0

    def _take_passages(self, sql: sqlite3.Connection, rows: Iterable[Sequence[Any]]) -> None:
        for passage in map(self._passage, rows):
            terms = _terms(passage.text, passage.about, passage.title, passage.place)
            sql.execute(
                "INSERT INTO passage_terms (passage_terms, rowid, terms) VALUES ('delete', ?, ?)",
                (passage.passage_id, self._indexed(terms)),
            )
            self._free_slot(sql, passage.passage_id)
            sql.execute("DELETE FROM passages WHERE passage_id = ?", (passage.passage_id,))
            _add(sql, -1, -len(terms))

    def _free_slot(self, sql: sqlite3.Connection, passage_id: int) -> None:
        row = sql.execute("SELECT slot FROM slots WHERE passage_id = ?", (passage_id,)).fetchone()
        if row is not None:
            sql.execute("UPDATE slots SET passage_id = NULL WHERE slot = ?", row)
            self._vectors.blank(row[0], int(self._total(sql, "dimensions")))

    def _index_again(self, sql: sqlite3.Connection) -> None:
        """Index all passages: the base is new, or its terms are of another version or were not hidden."""
        sql.execute("INSERT INTO passage_terms (passage_terms) VALUES ('delete-all')")
        count = size = 0
        for passage in map(self._passage, sql.execute(_PASSAGE).fetchall()):
            terms = _terms(passage.text, passage.about, passage.title, passage.place)
            row = (passage.passage_id, self._indexed(terms))
            sql.execute("INSERT INTO passage_terms (rowid, terms) VALUES (?, ?)", row)
            count, size = count + 1, size + len(terms)
        values = [("passages", count), ("terms", size), ("terms_version", TERMS_VERSION)]
        sql.executemany("UPDATE totals SET value = ?2 WHERE name = ?1", values)

    @staticmethod
    def _total(sql: sqlite3.Connection, name: str) -> Any:
        return sql.execute("SELECT value FROM totals WHERE name = ?", (name,)).fetchone()[0]

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


def _terms(text: str, about: str, title: str, place: str) -> list[str]:
    return words("\n".join((text, about, "" if is_note_title(title) else title, place)))


def _add(sql: sqlite3.Connection, passages: int, terms: int) -> None:
    sql.execute("UPDATE totals SET value = value + ? WHERE name = 'passages'", (passages,))
    sql.execute("UPDATE totals SET value = value + ? WHERE name = 'terms'", (terms,))


def _count(sql: sqlite3.Connection, term: str) -> int:
    row = sql.execute("SELECT doc FROM term_counts WHERE term = ?", (term,)).fetchone()
    return 0 if row is None else int(row[0])


def _file(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
