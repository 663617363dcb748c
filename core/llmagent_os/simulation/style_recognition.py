"""Recognises in which style a reply is written, by the trigrams of its characters.

A regularised least-squares classifier for each dimension of a bot, made from replies that the model wrote when it was
told the style. X, (samples, trigrams), is 1 where a reply has a trigram, Y, (samples, values), is 1 at the told value::

    W = Xᵀ (X Xᵀ + λ I)⁻¹ (Y - mean Y)

It shares no feature with the reward model (:mod:`llmagent_os.training.wording_features`). So a simulated person who
judges by it cannot be pleased by what only the reward model takes for the liked style.

Source: Rifkin, Yeo and Poggio 2003, Regularized Least-Squares Classification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmagent_os.policy import Action
from llmagent_os.policy.array_types import Floats

_LAMBDA = 1.0  # λ

#: Stand for the two ends of a reply: how a reply begins and ends says more than what is within it.
_BEGIN, _END = "\x02\x02", "\x03"


@dataclass(frozen=True)
class StyledReply:
    """A reply, and the style that the model was told to write it in."""

    text: str
    style: Action  #: a value for each dimension


class StyleRecognition:
    """Says which value of each dimension a reply was most probably written in.

    Args:
        samples: replies in all styles, each of them with the same dimensions.

    >>> samples = [StyledReply("Done.", {"tone": "dry"}), StyledReply("Yes, done!", {"tone": "warm"})]
    >>> StyleRecognition(samples).style_of("Yes, gone!")
    {'tone': 'warm'}
    """

    def __init__(self, samples: Sequence[StyledReply]) -> None:
        known = sorted(set[str]().union(*(_trigrams(each.text) for each in samples)))
        self._places = {gram: place for place, gram in enumerate(known)}
        design = self._design([each.text for each in samples])  # X, (samples, trigrams)
        kernel = design @ design.T + _LAMBDA * np.eye(len(samples))  # (samples, samples)
        self._fits: dict[str, tuple[list[str], Floats, Floats]] = {}  # by dimension: values, W and mean Y
        for name in samples[0].style if samples else ():
            values = sorted({each.style[name] for each in samples})
            told = np.array([[each.style[name] == value for value in values] for each in samples], np.float64)  # Y
            mean = told.mean(0)  # (values,)
            self._fits[name] = values, design.T @ np.linalg.solve(kernel, told - mean), mean

    def style_of(self, text: str) -> Action:
        """The most probable value of each dimension."""
        row = self._design([text])[0]  # (trigrams,)
        return {name: values[int(np.argmax(row @ w + mean))] for name, (values, w, mean) in self._fits.items()}

    def recognised(self, samples: Sequence[StyledReply]) -> dict[tuple[str, str], float]:
        """By dimension and value, the share of replies in that value that are recognised, in [0, 1]."""
        found: dict[tuple[str, str], list[bool]] = {}
        for each in samples:
            seen = self.style_of(each.text)
            for name, value in each.style.items():
                found.setdefault((name, value), []).append(seen[name] == value)
        return {key: sum(hits) / len(hits) for key, hits in found.items()}

    def _design(self, texts: Sequence[str]) -> Floats:
        rows = np.zeros((len(texts), len(self._places)))
        for row, text in zip(rows, texts, strict=True):
            row[[self._places[gram] for gram in _trigrams(text) if gram in self._places]] = 1
        return rows


def _trigrams(text: str) -> set[str]:
    whole = f"{_BEGIN}{text}{_END}"
    return {whole[at : at + 3] for at in range(len(whole) - 2)}
