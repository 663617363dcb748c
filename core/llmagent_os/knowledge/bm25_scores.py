"""BM25 (Robertson & Zaragoza 2009) with the idf of Lucene, which is positive in the smallest base too.

FTS5 ranks by BM25 as well, but gives a term that half of the passages have an idf of almost 0, and scores of two bases
cannot be compared. So FTS5 finds the candidates, and they are scored here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

K1, B = 1.5, 0.75


class TermStatistics(msgspec.Struct, frozen=True):
    """What BM25 knows of a base."""

    passages: int  #: how many there are
    mean_terms: float  #: how many terms a passage has, on average
    counts: Mapping[str, int]  #: for each term of the question: how many passages have it

    def idf(self, term: str) -> float:
        """The weight of a term: the rarer, the more. Above 0."""
        count = self.counts.get(term, 0)
        return math.log(1 + (self.passages - count + 0.5) / (count + 0.5))


def bm25(asked: Sequence[str], found: Sequence[str], statistics: TermStatistics) -> float:
    """The BM25 score of a passage, as a share of the highest that the question could reach: 0 to 1.

    Args:
        asked: the different terms of the question.
        found: all terms of the passage.
        statistics: of the base.

    >>> statistics = TermStatistics(2, 2.0, {"tea": 1, "office": 1})
    >>> bm25(["tea"], ["tea", "four"], statistics) > bm25(["tea", "office"], ["tea", "four"], statistics) > 0
    True
    """
    length = K1 * (1 - B + B * len(found) / max(statistics.mean_terms, 1.0))
    score = highest = 0.0
    for term in asked:
        idf = statistics.idf(term)
        highest += idf * (K1 + 1)
        if count := found.count(term):
            score += idf * count * (K1 + 1) / (count + length)
    return score / highest if highest else 0.0
