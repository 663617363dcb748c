"""One base of passages, on disk or in memory: what is added is found at once, and a restart builds nothing again."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.base_schema import WIPE_DUE, open_base, total, transaction, wipe
from llmagent_os.knowledge.base_sealing import open_sealing
from llmagent_os.knowledge.hidden_ids import IdMaker, open_ids
from llmagent_os.knowledge.passage_rows import CANDIDATES, PassageRows
from llmagent_os.knowledge.passage_splitting import split_section
from llmagent_os.knowledge.passage_vectors import PassageVectors
from llmagent_os.knowledge.passages import Document, Passage, Section
from llmagent_os.sealing.key_ring import NO_PERSON, SealedError

if TYPE_CHECKING:  # imports numpy
    from llmagent_os.knowledge.vector_file import Vectors

_log = structlog.stdlib.get_logger(__name__)

#: What a base raises that is damaged, or whose key is not there. Others go on without it.
UNUSABLE = (ConfigError, SealedError, sqlite3.Error)


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
        self._id_of: IdMaker | None = None  # None: ids are what they were made of
        self._lock = threading.RLock()
        self._rows: PassageRows | None = None  # None: the file is not open
        self._file: tuple[int, int] | None = None  # device and inode: another process may have erased the file
        self._vectors = PassageVectors(path)

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, document: Document, sections: Iterable[Section]) -> Document:
        """Add a document, or replace the one with its id. Returns it with the number of its passages.

        Raises:
            ConfigError: it holds no text.
        """
        parts = [part for section in sections for part in split_section(section)]
        if not parts:
            raise ConfigError("a fact needs a text" if document.trusted else "a document needs a text")
        with self._writing() as rows:
            self._take_out(rows, document.document_id)
            rows.put(document, parts)
        return msgspec.structs.replace(document, passages=len(parts))

    def remove(self, document_id: str) -> bool:
        """Remove a document with its passages. Returns whether there was one."""
        with self._writing() as rows:
            return self._take_out(rows, document_id)

    def remove_keyed(self, key: str) -> bool:
        """Remove the passages with a key. Returns whether there were any. Their document stays."""
        with self._writing() as rows:
            found = rows.keyed(key)
            self._take_passages(rows, found)
            return bool(found)

    def forget_author(self, accounts: Sequence[str]) -> None:
        """Erase the names of accounts that added documents. The documents stay."""
        with self._writing() as rows:
            added = dict(rows.sql.execute("SELECT rowid, added_by FROM documents WHERE added_by <> ''").fetchall())
            gone = [(rowid,) for rowid, account in added.items() if account in set(accounts)]
            rows.sql.executemany("UPDATE documents SET added_by = '' WHERE rowid = ?", gone)
        if gone:
            self.compact()

    def compact(self) -> None:
        """Take what was removed out of the files: FTS5 and SQLite only mark it at first."""
        with self._reading() as rows:
            rows.sql.execute("INSERT INTO passage_terms (passage_terms) VALUES ('optimize')")
            rows.sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def erase(self) -> int:
        """Erase the base and its files. Returns how many documents there were."""
        with self._lock:
            if self.path is not None and not self.path.exists():
                self.close()
                return 0
            count = 0
            try:
                with self._writing() as rows:  # another process may have the file open: it finds it empty
                    count = rows.clear()
                self.compact()
            except UNUSABLE as error:  # it is damaged, or its key was destroyed: its files go all the same
                _log.warning("a damaged knowledge base is erased as a whole", path=str(self.path), error=str(error))
            self.close()
            self._vectors.erase()
            if self.path is not None:
                for ending in ("", "-wal", "-shm"):
                    self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            return count

    def close(self) -> None:
        """Close the file. The next use opens it again."""
        with self._lock:
            if self._rows is not None:
                self._rows.sql.close()
            self._rows = None

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def __len__(self) -> int:
        """How many passages there are."""
        with self._reading() as rows:
            return int(total(rows.sql, "passages"))

    def documents(self) -> list[Document]:
        """All documents, in the order in which they were added."""
        with self._reading() as rows:
            return rows.documents()

    def document(self, document_id: str) -> Document | None:
        """One document; None: there is none with this id."""
        with self._reading() as rows:
            return next(iter(rows.documents("WHERE document_id = ?", (document_id,))), None)

    def new_id(self) -> str:
        """An id for a document that none has had."""
        with self._writing() as rows:
            rows.sql.execute("UPDATE totals SET value = value + 1 WHERE name = 'ids'")
            return f"fact-{total(rows.sql, 'ids')}"

    def id_of(self, key: str) -> str:
        """The id of the document with a key. Where ids are hidden, it tells nobody what the key was made of."""
        with self._reading():
            return self._id_of(key) if self._id_of and key else key

    def passages(self, document_id: str) -> list[Passage]:
        """The passages of a document, in their order."""
        with self._reading() as rows:
            return rows.passages("WHERE document_id = ? ORDER BY passage_id", (document_id,))

    def passage(self, passage_id: int) -> Passage | None:
        """One passage; None: there is none with this id any more."""
        with self._reading() as rows:
            return next(iter(rows.passages("WHERE passage_id = ?", (passage_id,))), None)

    def best(self, asked: Sequence[str], limit: int = CANDIDATES) -> list[tuple[Passage, float, float]]:
        """The passages with the highest BM25 scores, the best first: passage, score, and coverage.

        Args:
            asked: the content words of the question.
            limit: the largest number to return.
        """
        with self._reading() as rows:
            return rows.best(asked, limit)

    # ── embeddings ────────────────────────────────────────────────────────────────────────────────────────────────

    def without_vectors(self, model: str, limit: int) -> list[tuple[int, str]]:
        """Passages that have no embedding by ``model`` yet: id, and the text to embed. Those of others are removed."""
        with self._writing() as rows:
            return self._vectors.missing(rows, model, limit)

    def put_vectors(self, model: str, ids: Sequence[int], vectors: Vectors) -> None:
        """Keep the embeddings of passages by ``model``: shape (passages, dimensions), each of length 1."""
        with self._writing() as rows:
            self._vectors.put(rows, model, ids, vectors)

    def nearest(self, model: str, question: Vectors, limit: int = CANDIDATES) -> list[tuple[Passage, float]]:
        """The passages whose embeddings are nearest to that of the question, with the cosines, the nearest first."""
        with self._reading() as rows:
            return self._vectors.nearest(rows, model, question, limit)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _reading(self) -> Generator[PassageRows]:
        """The rows of the file that is there now, for one thread at a time."""
        with self._lock:
            if self._rows is not None and self.path is not None and _identity_of(self.path) != self._file:
                self.close()
            if self._rows is None:
                self._rows = self._opened()
                self._file = None if self.path is None else _identity_of(self.path)
            self._rows.name = self.name
            yield self._rows

    @contextlib.contextmanager
    def _writing(self) -> Generator[PassageRows]:
        with self._reading() as rows, transaction(rows.sql):
            yield rows

    def _opened(self) -> PassageRows:
        """Open the file. It is encrypted if that is due, and its index is brought up to date."""
        sql = open_base(self.path)
        try:
            with transaction(sql):
                sealing, is_new = open_sealing(sql, self.path, self._account)
                rows = PassageRows(sql, sealing)
                if is_new or not rows.is_indexed:
                    rows.index_again()
                self._id_of, were_readable = open_ids(sql, sealing) if self._hides_ids else (None, False)
                if is_new or were_readable:
                    sql.execute("INSERT OR IGNORE INTO totals VALUES (?, '')", (WIPE_DUE,))
            wipe(sql)
        except BaseException:
            sql.close()
            raise
        return rows

    def _take_out(self, rows: PassageRows, document_id: str) -> bool:
        self._take_passages(rows, rows.passages("WHERE document_id = ?", (document_id,)))
        return rows.sql.execute("DELETE FROM documents WHERE document_id = ?", (document_id,)).rowcount > 0

    def _take_passages(self, rows: PassageRows, passages: Sequence[Passage]) -> None:
        self._vectors.free(rows, passages)
        rows.take_out(passages)


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
