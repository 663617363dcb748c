"""Searches bases: by words (BM25), by meaning (embeddings), or both, joined by reciprocal rank fusion.

Reciprocal rank fusion adds ``1 / (60 + rank)`` over the lists (Cormack, Clarke & Buettcher 2009).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar

import msgspec
import structlog

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.embedding_models import BATCH, EmbeddingError, EmbeddingModel
from llmagent_os.knowledge.passage_base import UNUSABLE, PassageBase
from llmagent_os.knowledge.passages import Hit
from llmagent_os.knowledge.search_terms import words

_T = TypeVar("_T")
_log = structlog.stdlib.get_logger(__name__)

#: How passages are found. ``hybrid``: by words and by meaning.
SearchMode = Literal["bm25", "dense", "hybrid"]

#: The constant of reciprocal rank fusion.
RANK_CONSTANT = 60


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """How a bot's knowledge is searched."""

    mode: SearchMode = "bm25"
    model: EmbeddingModel | None = None  #: None: only ``bm25`` can be done
    limit: int = 3  #: the largest number of passages that is found
    #: the share of the question's content words that a passage must have to count as an answer by its words, 0 to 1
    least: float = 0.5
    least_similarity: float = 0.3  #: the cosine that it must have to count as an answer by its meaning

    def find(self, bases: Iterable[PassageBase], question: str) -> list[Hit]:
        """The passages in ``bases`` that answer ``question``, the best first. A damaged base is logged and left out."""
        bases = list(bases)
        by_meaning = self._by_meaning(bases, question) if self.mode != "bm25" and self.model else []
        by_words = self._by_words(bases, question) if self.mode != "dense" or not by_meaning else []
        if self.mode == "bm25" or not by_meaning:
            return by_words[: self.limit]
        if self.mode == "dense":
            return by_meaning[: self.limit]
        return fused(by_words, by_meaning)[: self.limit]

    def _by_words(self, bases: Sequence[PassageBase], question: str) -> list[Hit]:
        asked = words(question)
        if not asked:
            return []
        found = [
            Hit(passage, score, coverage)
            for base in bases
            for passage, score, coverage in _found(base, lambda base: base.best(asked))
            if coverage >= self.least
        ]
        return sorted(found, key=lambda hit: -hit.score)

    def _by_meaning(self, bases: Sequence[PassageBase], question: str) -> list[Hit]:
        if self.model is None or not question.strip():
            return []
        name = self.model.name
        try:
            (vector,) = self.model.embed([question])
        except (EmbeddingError, ConfigError) as error:
            _log.warning("knowledge is searched by words only", error=str(error))
            return []
        found = [
            Hit(passage, cosine, similarity=cosine)
            for base in bases
            for passage, cosine in _found(base, lambda base: base.nearest(name, vector))
            if cosine >= self.least_similarity
        ]
        return sorted(found, key=lambda hit: -hit.score)


def _found(base: PassageBase, ask: Callable[[PassageBase], list[_T]]) -> list[_T]:
    try:
        return ask(base)
    except UNUSABLE as error:
        _log.error("a knowledge base cannot be searched", path=str(base.path), error=str(error))
        return []


def fused(*lists: Sequence[Hit]) -> list[Hit]:
    """Join ranked lists by reciprocal rank fusion. Of a passage in several lists, all scores are kept."""
    joined: dict[tuple[str, int], Hit] = {}
    for hits in lists:
        for rank, hit in enumerate(hits, 1):
            key = hit.passage.base, hit.passage.passage_id
            before = joined.get(key, Hit(hit.passage, 0.0))
            joined[key] = Hit(
                hit.passage,
                before.score + 1 / (RANK_CONSTANT + rank),
                max(before.coverage, hit.coverage),
                max(before.similarity, hit.similarity),
            )
    return sorted(joined.values(), key=lambda hit: -hit.score)


def embed_missing(base: PassageBase, model: EmbeddingModel) -> int:
    """Embed the passages of ``base`` that have no embedding by ``model`` yet. Returns how many.

    Raises:
        EmbeddingError: it cannot be done now.
        ConfigError: the model is not there.
    """
    count = 0
    while missing := base.without_vectors(model.name, BATCH):
        ids, texts = zip(*missing, strict=True)
        base.put_vectors(model.name, ids, model.embed(texts))
        count += len(ids)
    return count
