"""How long a question takes in a base of 100,000 passages, beside a bare call of the library, and what it costs.

``python -m benchmarks.knowledge`` makes a base on disk, asks it in a new process, and prints a line each. The words
follow Zipf's law, as those of a language do. ``--check`` fails where a question takes more than ten times as long as
the bare call, or the memory grows beyond its bound.

The bare call is FTS5's own query for the same words, ordered by its own BM25, which gives row ids and nothing else.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llmagent_os.knowledge.passage_base import PassageBase
from llmagent_os.knowledge.passage_rows import CANDIDATES
from llmagent_os.knowledge.passages import Document, Section
from llmagent_os.knowledge.search import Search
from llmagent_os.knowledge.search_terms import words
from llmagent_os.knowledge.vector_file import Vectors
from llmagent_os.training.process_limits import resident_bytes

VOCABULARY = 60_000
WORDS = 80  #: of a passage
PASSAGES_OF_DOCUMENT = 100
QUESTIONS = 200
DIMENSIONS = 384
#: The most megabytes that a process may grow by when it searches a base of 100,000 passages by words.
MEMORY_BOUND = 32.0
#: How many times as long as a bare call a question may take.
RATIO_BOUND = 10.0


class Vocabulary:
    """Words, the first of them the most frequent."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        shares = 1 / np.arange(3, VOCABULARY + 3)
        self._edges = np.cumsum(shares / shares.sum())

    def draw(self, count: int, first: int = 0) -> list[str]:
        low = self._edges[first - 1] if first else 0.0
        ranks = np.searchsorted(self._edges, self._random.uniform(low, 1.0, count))
        return [f"w{min(rank, VOCABULARY - 1)}" for rank in ranks]


class RandomVectors:
    """An embedding model that takes no time: what is measured is the search."""

    name = "random"

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.random.default_rng(len(texts[0])).standard_normal((len(texts), DIMENSIONS)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def documents(passages: int, vocabulary: Vocabulary) -> Iterator[tuple[Document, list[Section]]]:
    for number in range(0, passages, PASSAGES_OF_DOCUMENT):
        count = min(PASSAGES_OF_DOCUMENT, passages - number)
        sections = [Section(" ".join(vocabulary.draw(WORDS)), f"page {at}") for at in range(1, count + 1)]
        yield Document(document_id=f"d{number}", title=f"Document {number}"), sections


def milliseconds(ask: Callable[[str], object], questions: Sequence[str]) -> list[float]:
    """The processor time of each question."""
    taken: list[float] = []
    for question in questions:
        began = time.process_time()
        ask(question)
        taken.append(1000 * (time.process_time() - began))
    return taken


def megabytes() -> float:
    """The memory that this process has now."""
    return resident_bytes() / 1e6


def build(path: Path, passages: int, vectors: bool) -> dict[str, float]:
    base = PassageBase(path)
    began = time.process_time()
    for document, sections in documents(passages, Vocabulary(1)):
        base.put(document, sections)
    built = time.process_time() - began
    found: dict[str, float] = {"build_seconds": round(built, 1)}
    if vectors:
        model = RandomVectors()
        while missing := base.without_vectors(model.name, 1000):
            base.put_vectors(model.name, [each[0] for each in missing], model.embed([each[1] for each in missing]))
    began = time.perf_counter()
    base.put(Document(document_id="one", title="One"), [Section("one more passage about nothing")])
    found["add_one_ms"] = round(1000 * (time.perf_counter() - began), 1)
    base.compact()
    base.close()
    return found | {"file_mb": round(sum(each.stat().st_size for each in path.parent.iterdir()) / 1e6, 1)}


def ask(path: Path) -> dict[str, Any]:
    """Measure questions in a process that did not make the base."""
    vocabulary = Vocabulary(2)
    kinds = {
        "usual": [" ".join(vocabulary.draw(5, 300)) for _ in range(QUESTIONS)],  # without a language's common words
        "frequent": [" ".join(vocabulary.draw(5)) for _ in range(QUESTIONS // 4)],
    }
    bare = sqlite3.connect(path)
    before = megabytes()
    began = time.perf_counter()
    base = PassageBase(path)
    len(base)
    bare.execute("SELECT count(*) FROM documents").fetchone()
    found: dict[str, Any] = {"open_ms": round(1000 * (time.perf_counter() - began), 1)}
    search = Search(least=0.0)

    def bare_call(question: str) -> object:
        terms = " OR ".join(f'"{word}"' for word in dict.fromkeys(words(question)))
        statement = "SELECT rowid FROM passage_terms WHERE passage_terms MATCH ? ORDER BY rank LIMIT ?"
        return bare.execute(statement, (terms, CANDIDATES)).fetchall()

    for kind, questions in kinds.items():
        milliseconds(bare_call, questions[:20])
        milliseconds(lambda question: search.find([base], question), questions[:20])
        ours = milliseconds(lambda question: search.find([base], question), questions)
        theirs = milliseconds(bare_call, questions)
        found[kind] = {
            "ms": round(float(np.median(ours)), 2),
            "p95_ms": round(float(np.quantile(ours, 0.95)), 2),
            "bare_ms": round(float(np.median(theirs)), 2),
            "ratio": round(float(np.median(ours) / np.median(theirs)), 2),
            "ratio_p95": round(float(np.quantile(ours, 0.95) / np.quantile(theirs, 0.95)), 2),
        }
    found["memory_mb"] = round(megabytes() - before, 1)
    return found | _by_meaning(base, path, kinds["usual"])


def _by_meaning(base: PassageBase, path: Path, questions: Sequence[str]) -> dict[str, Any]:
    file = path.with_suffix(".vectors")
    if not file.exists():
        return {}
    model = RandomVectors()
    rows = np.memmap(file, np.float32, mode="r").reshape(-1, DIMENSIONS)

    def bare_call(question: str) -> object:
        (vector,) = model.embed([question])
        scores = rows @ vector
        best = np.argpartition(scores, -CANDIDATES)[-CANDIDATES:]
        return best[np.argsort(-scores[best])]

    search = Search(mode="dense", model=model, least_similarity=-1.0)
    milliseconds(bare_call, questions[:5])
    ours = milliseconds(lambda question: search.find([base], question), questions[:50])
    theirs = milliseconds(bare_call, questions[:50])
    values = {
        "ms": float(np.median(ours)),
        "bare_ms": float(np.median(theirs)),
        "mapped_mb": file.stat().st_size / 1e6,
    }
    dense = {name: round(value, 2) for name, value in values.items()}
    return {"dense": {**dense, "ratio": round(values["ms"] / values["bare_ms"], 2)}}


def failures(found: dict[str, Any]) -> list[str]:
    """What is beyond its bound."""
    wrong = [
        f"{kind}: {found[kind]['ratio']} times a bare call, more than {RATIO_BOUND:.0f}"
        for kind in ("usual", "frequent", "dense")
        if kind in found and found[kind]["ratio"] > RATIO_BOUND
    ]
    if found["memory_mb"] > MEMORY_BOUND:
        wrong.append(f"memory: {found['memory_mb']} MB, more than {MEMORY_BOUND:.0f}")
    return wrong


def measure(passages: int, *, vectors: bool = True) -> dict[str, Any]:
    """Make a base of ``passages``, and ask it in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "base.db"
        found: dict[str, Any] = {"passages": passages, **build(path, passages, vectors)}
        command = [sys.executable, "-m", __spec__.name if __spec__ else "benchmarks.knowledge", "--ask", str(path)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return found | json.loads(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--check", action="store_true", help="fail where a bound is not kept")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask is not None:
        print(json.dumps(ask(given.ask)))
        return
    found = measure(given.passages)
    for name, value in found.items():
        print(f"{name:>14}  {value}")
    if given.check and (wrong := failures(found)):
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
