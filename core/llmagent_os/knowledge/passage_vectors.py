"""The embeddings of a base's passages: which passage has which row of the file of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmagent_os.knowledge.base_schema import total
from llmagent_os.knowledge.passage_rows import PassageRows
from llmagent_os.knowledge.passages import Passage

if TYPE_CHECKING:  # imports numpy
    from llmagent_os.knowledge.vector_file import VectorFile, Vectors

#: The ending of the file with the embeddings, beside the base.
VECTORS = ".vectors"


class PassageVectors:
    """The embeddings of one base. The caller locks, and begins and ends transactions."""

    def __init__(self, path: Path | None) -> None:
        """Args: ``path`` is the file of the base; None: it is in memory."""
        self._path = None if path is None else path.with_suffix(VECTORS)
        self._opened: VectorFile | None = None

    def missing(self, rows: PassageRows, model: str, limit: int) -> list[tuple[int, str]]:
        """Passages that have no embedding by ``model`` yet: id, and the text to embed. Those of others are removed."""
        if total(rows.sql, "model") != model:
            rows.sql.execute("DELETE FROM slots")
            rows.sql.execute("UPDATE totals SET value = ? WHERE name = 'model'", (model,))
            self._file.remove()
        found = rows.passages(
            "WHERE passage_id NOT IN (SELECT passage_id FROM slots WHERE passage_id IS NOT NULL) "
            "ORDER BY passage_id LIMIT ?",
            (limit,),
        )
        return [(each.passage_id, ". ".join(filter(None, (each.source, each.text, each.about)))) for each in found]

    def put(self, rows: PassageRows, model: str, ids: Sequence[int], vectors: Vectors) -> None:
        """Keep the embeddings of passages by ``model``: shape (passages, dimensions), each of length 1."""
        sql = rows.sql
        if total(sql, "model") != model:
            return  # another model was chosen meanwhile
        (following,) = sql.execute("SELECT coalesce(max(slot) + 1, 0) FROM slots").fetchone()
        empty = sql.execute("SELECT slot FROM slots WHERE passage_id IS NULL LIMIT ?", (len(ids),))
        free = [row[0] for row in empty]
        sql.execute("UPDATE totals SET value = ? WHERE name = 'dimensions'", (vectors.shape[1],))
        slots = [*free, *range(following, following + len(ids) - len(free))]
        for slot, passage_id, vector in zip(slots, ids, vectors, strict=True):
            if sql.execute("SELECT 1 FROM passages WHERE passage_id = ?", (passage_id,)).fetchone():
                self._file.write(slot, vector[None, :])
                sql.execute("INSERT OR REPLACE INTO slots VALUES (?, ?)", (slot, passage_id))

    def nearest(self, rows: PassageRows, model: str, question: Vectors, limit: int) -> list[tuple[Passage, float]]:
        """The passages whose embeddings are nearest to that of the question, with the cosines, the nearest first."""
        if total(rows.sql, "model") != model:
            return []
        (count,) = rows.sql.execute("SELECT coalesce(max(slot) + 1, 0) FROM slots").fetchone()
        return [
            (passage, cosine)
            for slot, cosine in self._file.nearest(question, count, limit)
            for passage in rows.passages("WHERE passage_id = (SELECT passage_id FROM slots WHERE slot = ?)", (slot,))
        ]

    def free(self, rows: PassageRows, passages: Sequence[Passage]) -> None:
        """Make the rows of passages nobody's."""
        for passage in passages:
            row = rows.sql.execute("SELECT slot FROM slots WHERE passage_id = ?", (passage.passage_id,)).fetchone()
            if row is not None:
                rows.sql.execute("UPDATE slots SET passage_id = NULL WHERE slot = ?", row)
                self._file.blank(row[0], int(total(rows.sql, "dimensions")))

    def erase(self) -> None:
        """Erase the file."""
        self._opened = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    @property
    def _file(self) -> VectorFile:
        """The rows. numpy is imported only where there are any."""
        from llmagent_os.knowledge.vector_file import VectorFile

        if self._opened is None:
            self._opened = VectorFile(self._path)
        return self._opened
