"""The embeddings of a base's passages: a file of float32 rows, mapped into memory and not read into it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

#: How many rows are scored at once: the mapped pages of one round.
_ROWS = 16_384


class VectorFile:
    """Rows of ``dimensions`` numbers each. Without a path they are in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory: Vectors = np.zeros((0, 0), np.float32)

    def blank(self, slot: int, dimensions: int) -> None:
        """Make the row at ``slot`` nobody's."""
        self.write(slot, np.zeros((1, dimensions), np.float32))

    def write(self, slot: int, rows: Vectors) -> None:
        """Write ``rows``, shape (n, dimensions), from the place ``slot`` on."""
        rows = np.ascontiguousarray(rows, np.float32)
        count, dimensions = rows.shape
        if self._path is None:
            if self._memory.shape[1] != dimensions or len(self._memory) < slot + count:
                grown = np.zeros((max(2 * len(self._memory), slot + count), dimensions), np.float32)
                if self._memory.shape[1] == dimensions:
                    grown[: len(self._memory)] = self._memory
                self._memory = grown
            self._memory[slot : slot + count] = rows
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, rows.tobytes(), slot * dimensions * rows.itemsize)
        finally:
            os.close(descriptor)

    def nearest(self, question: Vectors, count: int, limit: int) -> list[tuple[int, float]]:
        """The slots whose rows are nearest to ``question``, with the cosines, the nearest first.

        Args:
            question: shape (dimensions,), of length 1, as the rows are; a row of zeros is nobody's.
            count: how many slots there are.
            limit: the largest number to return.
        """
        rows = self._rows(len(question), count)
        if not len(rows):
            return []
        question = question.astype(np.float32)
        scores = np.concatenate([rows[at : at + _ROWS] @ question for at in range(0, len(rows), _ROWS)])
        best = np.argpartition(scores, -min(limit, len(scores)))[-limit:]
        return [(int(slot), float(scores[slot])) for slot in best[np.argsort(-scores[best])]]

    def remove(self) -> None:
        """Remove all rows."""
        self._memory = np.zeros((0, 0), np.float32)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _rows(self, dimensions: int, count: int) -> Vectors:
        if self._path is None:
            return self._memory[:count] if self._memory.shape[1] == dimensions else self._memory[:0]
        try:
            there = min(count, self._path.stat().st_size // (4 * dimensions))
        except FileNotFoundError:
            there = 0
        if not there:
            return np.zeros((0, dimensions), np.float32)
        return np.memmap(self._path, np.float32, mode="r", shape=(there, dimensions))
