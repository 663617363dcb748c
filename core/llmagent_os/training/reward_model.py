r"""Estimates how a person would like a reply, from few opinions of the person and those of everybody.

A logistic regression with a Gaussian prior (ridge), in two levels. With the features ``x`` of a reply, the weights
``v`` that all people share and the weights ``w_p`` of a person:

    P(p likes the reply) = 1 / (1 + exp(-w_p . x)),     w_p ~ N(v, T),     v ~ N(m, S)

Every opinion of a person moves the person's own weights. What a person's opinions say of ``v`` is the Gaussian of their
likelihood (Laplace), widened by ``T``: however many opinions one person has, they count as one sample of what people
like. So nobody decides for all others, and a person's prior is made without the person's own opinions.

Sources: Breslow and Clayton 1993, Approximate Inference in Generalized Linear Mixed Models,
https://doi.org/10.1080/01621459.1993.10594284; MacKay 1992, The Evidence Framework Applied to Classification Networks,
https://doi.org/10.1162/neco.1992.4.5.720, for the probability under uncertain weights.

Left out: variances that are fitted; groups between a person and everybody, for which ``prior`` stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from llmagent_os.chat import ToolCall
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.policy.array_types import Floats
from llmagent_os.training.logistic_evidence import Gaussian, LogisticEvidence, inverse, sigmoid, solve
from llmagent_os.training.wording_features import FEATURES, wording_features

#: Standard deviations of the weights: what people like on average, and how one person differs. The first is the
#: constant's, which says how easily somebody is pleased.
_SHARED_SD, _OWN_SD = (1.0, 0.7), (1.0, 1.5)

_ROUNDS = 4  # of fitting every person, given what all share, and the other way round


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody thought of one reply."""

    text: str  #: the words of the reply
    calls: tuple[ToolCall, ...] = ()  #: its tool calls
    reward: float  #: in [-1, 1]
    weight: float = 1.0  #: how far the rater is trusted, in [0, 1]
    person: PersonId = NOBODY  #: who was answered
    given: bool = True  #: somebody gave it; False: the behaviour policy expects it


class Scores(NamedTuple):
    """What a reward model expects of some replies."""

    liked: Floats  #: ``(replies,)``: the probability that each is liked
    logit: Floats  #: ``(replies,)``: the expected ``w . x``
    deviation: Floats  #: ``(replies,)``: the standard deviation of ``w . x``: how little is known

    def lower(self, deviations: float = 1.0) -> Floats:
        """The probability of being liked if the reply is so many deviations worse than expected, ``(replies,)``."""
        return sigmoid(self.logit - deviations * self.deviation)


class RewardModel:
    """How one person, or anybody, likes replies. Made by :func:`fit_reward_model`."""

    def __init__(self, mean: Floats, covariance: Floats, opinions: int, judged: Floats | None = None) -> None:
        """Args:
        mean: of the weights, ``(weights,)``.
        covariance: of the weights, ``(weights, weights)``.
        opinions: how many count as theirs.
        judged: the least and the greatest value of each weight's feature in replies that anybody has judged,
            ``(2, weights)``; None: nobody has judged any.
        """
        self.mean = mean
        self.covariance = covariance
        self.opinions = opinions
        self.judged = judged

    def score(self, texts: Sequence[str], calls: Sequence[Sequence[ToolCall]] | None = None) -> Scores:
        """Estimate how replies are liked.

        Args:
            texts: the words of each reply.
            calls: the tool calls of each reply; None: there are none.
        """
        design = design_of(zip(texts, calls or [()] * len(texts), strict=True))  # (replies, weights)
        logit = design @ self.mean
        variance = np.einsum("rw,wv,rv->r", design, self.covariance, design)  # (replies,)
        return Scores(sigmoid(logit / np.sqrt(1 + math.pi / 8 * variance)), logit, np.sqrt(variance))

    def beyond(self, texts: Sequence[str], calls: Sequence[Sequence[ToolCall]] | None = None) -> Floats:
        """How far each feature of replies goes beyond all that people have judged, ``(replies, weights)``, at least 0.

        Args:
            texts: the words of each reply.
            calls: the tool calls of each reply; None: there are none.
        """
        design = design_of(zip(texts, calls or [()] * len(texts), strict=True))  # (replies, weights)
        if self.judged is None:
            return np.full(design.shape, np.inf)
        return np.asarray(np.maximum(0.0, np.maximum(self.judged[0] - design, design - self.judged[1])), np.float64)

    def tastes(self) -> dict[str, float]:
        """Return how surely each feature is liked: its weight in standard deviations, the surest first."""
        sure = self.mean[1:] / np.sqrt(np.diag(self.covariance)[1:])  # (features,)
        found = dict(zip(FEATURES, map(float, sure), strict=True))
        return dict(sorted(found.items(), key=lambda item: -abs(item[1])))


def fit_reward_model(
    opinions: Iterable[Opinion],
    person: PersonId | None = None,
    *,
    prior: RewardModel | None = None,
    average: bool = False,
) -> RewardModel:
    """Fit a reward model.

    Args:
        opinions: of everybody, the person's own among them. An opinion without a weight is left out.
        person: whose taste is wanted; None: that of anybody who is answered, so a person is drawn at random.
        prior: what all people of ``opinions`` share before their opinions are heard: for a group, the model of
            everybody outside of it. None: nothing is known.
        average: of anybody: what all people share is wanted, and not how a person drawn at random may differ from it.
            That is what a reply for everybody is chosen by.
    """
    return RewardModels(opinions, prior=prior).of(person, average=average)


class RewardModels:
    """The reward models of many people, who are fitted together once: each further model costs no more for it."""

    def __init__(self, opinions: Iterable[Opinion], *, prior: RewardModel | None = None) -> None:
        """Args: as of :func:`fit_reward_model`."""
        rows = [each for each in opinions if each.weight > 0]
        self._opinions = len(rows)
        self._own_variance = _variances(_OWN_SD)
        self._people = _by_person(rows)
        self._judged = _range([each for each in rows if each.given], prior)
        self._likelihoods, self._everybody = _fit_everybody(self._people, _prior(prior), self._own_variance)

    def of(self, person: PersonId | None, *, average: bool = False) -> RewardModel:
        """Return one person's model, or that of anybody; see :func:`fit_reward_model`."""
        everybody = self._everybody
        if person is not None and person in self._likelihoods:  # what the others say of what all share
            everybody = everybody.plus(self._likelihoods[person].widened(self._own_variance), -1.0)
        shared = inverse(everybody.precision)  # (weights, weights)
        mean, covariance = shared @ everybody.shift, shared + np.diag(self._own_variance)
        if average and person is None:
            return RewardModel(mean, shared, self._opinions, self._judged)
        mine = None if person is None else self._people.get(person)
        if mine is None:
            return RewardModel(mean, covariance, 0, self._judged)
        before = Gaussian(inverse(covariance), solve(covariance, mean))
        after = before.plus(mine.likelihood(before))
        covariance = inverse(after.precision)
        return RewardModel(covariance @ after.shift, covariance, len(mine.liked), self._judged)


def _fit_everybody(
    people: Mapping[PersonId, LogisticEvidence], first: Gaussian, own_variance: Floats
) -> tuple[dict[PersonId, Gaussian], Gaussian]:
    """Fit what every person's opinions say of the person's weights, and the weights that all share."""
    likelihoods: dict[PersonId, Gaussian] = {}
    everybody = first
    for _ in range(_ROUNDS):
        mean = solve(everybody.precision, everybody.shift)  # (weights,)
        around = Gaussian(np.diag(1 / own_variance), mean / own_variance)
        likelihoods = {person: theirs.likelihood(around) for person, theirs in people.items()}
        everybody = first
        for each in likelihoods.values():
            everybody = everybody.plus(each.widened(own_variance))
    return likelihoods, everybody


def _prior(model: RewardModel | None) -> Gaussian:
    if model is None:
        return Gaussian(np.diag(1 / _variances(_SHARED_SD)), np.zeros(len(FEATURES) + 1))
    return Gaussian(inverse(model.covariance), solve(model.covariance, model.mean))


def _variances(deviations: tuple[float, float]) -> Floats:
    """The variance of each weight, ``(weights,)``, from the constant's and a feature's standard deviation."""
    return np.array([deviations[0], *[deviations[1]] * len(FEATURES)]) ** 2


def design_of(replies: Iterable[tuple[str, Sequence[ToolCall]]]) -> Floats:
    """The features of replies, with a constant before them; shape ``(replies, 1 + features)``."""
    rows = [[1.0, *wording_features(text, calls)] for text, calls in replies]
    return np.array(rows).reshape(-1, len(FEATURES) + 1)


def _by_person(opinions: Iterable[Opinion]) -> dict[PersonId, LogisticEvidence]:
    people: dict[PersonId, list[Opinion]] = {}
    for each in opinions:
        people.setdefault(each.person, []).append(each)
    return {person: _evidence(theirs) for person, theirs in people.items()}


def _evidence(opinions: Sequence[Opinion]) -> LogisticEvidence:
    return LogisticEvidence(
        design_of((each.text, each.calls) for each in opinions),
        np.array([(each.reward + 1) / 2 for each in opinions]),
        np.array([each.weight for each in opinions]),
    )


def _range(opinions: Sequence[Opinion], prior: RewardModel | None) -> Floats | None:
    """The least and the greatest value of each feature in judged replies, ``(2, weights)``; None: there are none."""
    rows = [] if prior is None or prior.judged is None else [prior.judged]  # each (replies, weights)
    rows += [design_of((each.text, each.calls) for each in opinions)] if opinions else []
    if not rows:
        return None
    together = np.concatenate(rows)
    return np.stack([together.min(axis=0), together.max(axis=0)])
