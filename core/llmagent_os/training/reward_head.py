r"""A small head on the model's own hidden states, beside the reward model of the wording, where it predicts better.

With the mean hidden state ``s`` of a reply, its first principal components ``z = (s - c) P`` (scaled to variance 1 over
the opinions) and the wording model's logit ``η``::

    P(liked) = 1 / (1 + exp(-(η + u . z))),     u ~ N(0, σ² I)

So the head says only what the wording features do not. It is used if held-out opinions are foretold better with it, by
more than two standard errors, in a cross-validation over people (over opinions where one person is heard).

Sources: Jolliffe 1982, A Note on the Use of Principal Components in Regression, https://doi.org/10.2307/2348005; MacKay
1992 for the probability under uncertain weights, as in ``reward_model``. Left out: the chat before the reply, and
heads of each person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from llmagent_os.chat import ToolCall
from llmagent_os.identity import PersonId
from llmagent_os.policy.array_types import Floats
from llmagent_os.training.reward_model import Opinion, RewardModel, Scores

#: With fewer opinions no head is tried.
LEAST_OPINIONS = 60
#: z has so many components.
COMPONENTS = 8
#: σ of a weight of the head.
_SD = 0.5

_FOLDS = 5
_STEPS = 20  # of Newton's method

#: The mean hidden states of replies, ``(replies, hidden size)``.
ReadStates = Callable[[Sequence[str]], Floats]
#: Fits the reward model of the wording.
FitWording = Callable[[Sequence[Opinion]], RewardModel]


class _Head(NamedTuple):
    """u, and how z is made."""

    centre: Floats  #: c, ``(hidden size,)``
    axes: Floats  #: P, ``(hidden size, components)``
    weights: Floats  #: the mean of u, ``(components,)``
    covariance: Floats  #: of u, ``(components, components)``


class HeadedRewardModel(RewardModel):
    """The reward model of the wording, with a head on hidden states beside it."""

    def __init__(self, wording: RewardModel, head: _Head, read: ReadStates) -> None:
        """Args: ``wording`` is the model of the wording, ``head`` was fitted beside it, ``read`` gives the states."""
        super().__init__(wording.mean, wording.covariance, wording.opinions, wording.judged)
        self._head = head
        self._read = read

    def score(self, texts: Sequence[str], calls: Sequence[Sequence[ToolCall]] | None = None) -> Scores:
        """See :class:`~llmagent_os.training.reward_model.RewardModel`."""
        wording = super().score(texts, calls)
        if not texts:
            return wording
        z = (self._read(texts) - self._head.centre) @ self._head.axes  # (replies, components)
        logit = wording.logit + z @ self._head.weights
        variance = wording.deviation**2 + np.einsum("rk,kl,rl->r", z, self._head.covariance, z)  # (replies,)
        return Scores(_sigmoid(logit / np.sqrt(1 + math.pi / 8 * variance)), logit, np.sqrt(variance))


class HeadTrial(NamedTuple):
    """What the cross-validation says of a head: mean negative log-likelihoods of held-out opinions, in nats."""

    wording: float  #: of the wording alone
    headed: float  #: with the head beside it
    error: float  #: the standard error of the difference

    @property
    def helps(self) -> bool:
        """Whether held-out opinions are foretold better with the head, by more than two standard errors."""
        return self.wording - self.headed > 2 * self.error

    @property
    def note(self) -> str:
        """A sentence for the report."""
        used = "is used beside" if self.helps else "is not used, since it is not surely better than"
        return (
            f"a head on the model's hidden states {used} the wording features: held-out opinions have the loss "
            f"{self.headed:.3f} with it, {self.wording:.3f} without (standard error of the difference {self.error:.3f})"
        )


def fit_headed(opinions: Sequence[Opinion], fit: FitWording, read: ReadStates) -> HeadedRewardModel:
    """Fit a head beside the model of the wording.

    Args:
        opinions: in words.
        fit: fits the model of the wording.
        read: gives the hidden states.
    """
    wording = fit(opinions)
    states = read([each.text for each in opinions])  # (opinions, hidden size)
    centre = states.mean(0)
    _, sizes, axes = np.linalg.svd(states - centre, full_matrices=False)  # sizes (rank,), axes (rank, hidden size)
    count = int(min(COMPONENTS, (sizes > 1e-6 * max(sizes[0], 1e-12)).sum()))
    scaled = np.asarray(axes[:count].T / sizes[:count] * math.sqrt(len(states)), np.float64)  # P
    z = (states - centre) @ scaled  # (opinions, components)
    offset = wording.score([each.text for each in opinions], [each.calls for each in opinions]).logit
    liked = np.array([(each.reward + 1) / 2 for each in opinions])
    trust = np.array([each.weight for each in opinions])
    weights, precision = np.zeros(count), np.eye(count) / _SD**2
    for _ in range(_STEPS):
        chance = _sigmoid(offset + z @ weights)  # (opinions,)
        slope = z.T @ (trust * (liked - chance)) - weights / _SD**2
        precision = z.T @ (z * (trust * chance * (1 - chance))[:, None]) + np.eye(count) / _SD**2
        weights = np.asarray(weights + np.linalg.solve(precision, slope), np.float64)
    covariance = np.asarray(np.linalg.inv(precision), np.float64)
    return HeadedRewardModel(wording, _Head(centre, scaled, weights, covariance), read)


def try_head(opinions: Sequence[Opinion], fit: FitWording, read: ReadStates) -> HeadTrial:
    """Compare the wording alone with the wording and a head, on opinions that neither was fitted to.

    Args:
        opinions: in words, at least :data:`LEAST_OPINIONS`.
        fit: fits the model of the wording.
        read: gives the hidden states.
    """
    units = _units(opinions)
    losses: dict[int | PersonId, list[tuple[float, float]]] = {}
    for fold in range(_FOLDS):
        held = [at for at, unit in enumerate(units) if unit[1] % _FOLDS == fold]
        rest = [each for at, each in enumerate(opinions) if units[at][1] % _FOLDS != fold]
        if not held or not rest:
            continue
        left_out = [opinions[at] for at in held]
        wording, headed = _losses(fit(rest), left_out), _losses(fit_headed(rest, fit, read), left_out)  # both (held,)
        for at, one, other in zip(held, wording.tolist(), headed.tolist(), strict=True):
            losses.setdefault(units[at][0], []).append((one, other))
    means = np.array([np.mean(each, axis=0) for each in losses.values()])  # (units, 2)
    gains = means[:, 0] - means[:, 1]  # (units,)
    error = float(gains.std(ddof=1) / math.sqrt(len(gains))) if len(gains) > 1 else math.inf
    return HeadTrial(float(means[:, 0].mean()), float(means[:, 1].mean()), error)


def _units(opinions: Sequence[Opinion]) -> list[tuple[int | PersonId, int]]:
    """What each opinion is held out with, and the number of that: its person, where there are enough people."""
    people = {person: at for at, person in enumerate(dict.fromkeys(each.person for each in opinions))}
    if len(people) >= _FOLDS:
        return [(each.person, people[each.person]) for each in opinions]
    return [(at, at) for at in range(len(opinions))]


def _losses(model: RewardModel, opinions: Sequence[Opinion]) -> Floats:
    """The negative log-likelihood of each opinion, ``(opinions,)``."""
    chance = model.score([each.text for each in opinions], [each.calls for each in opinions]).liked.clip(1e-6, 1 - 1e-6)
    liked = np.array([(each.reward + 1) / 2 for each in opinions])
    return np.asarray(-(liked * np.log(chance) + (1 - liked) * np.log(1 - chance)), np.float64)


def _sigmoid(values: Floats) -> Floats:
    return 0.5 + 0.5 * np.tanh(values / 2)
