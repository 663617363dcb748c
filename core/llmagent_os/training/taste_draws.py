r"""Says how surely one version's replies are liked better or worse than another's, when one person gave few opinions.

The reward model knows a person's taste as a Gaussian, wide where the person has said little. Symbols, for the questions
i = 1 … n, with the features ``a_i`` of the new reply and ``b_i`` of the one that is given now::

    w_d ~ N(mean, covariance)                  a taste that the person may have, d = 1 … DRAWS
    π_d ~ Dirichlet(1, …, 1)                   which questions the person may ask: the Bayesian bootstrap
    g_d = Σ_i π_di (σ(w_d · a_i) - σ(w_d · b_i))    the gain, if both are so

The quantiles of g say how sure the gain is. What a feature is worth that the person never judged is not known: a reply
that goes there has a wide gain. Equal replies have the gain 0, whatever the taste. All draws are the same every time.

Sources: Rubin 1981, The Bayesian Bootstrap, https://doi.org/10.1214/aos/1176345338. Left out: that the reward model may
be wrong in kind. The tests beside this one are there for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from llmagent_os.chat import ToolCall
from llmagent_os.policy.array_types import Floats
from llmagent_os.training.reward_model import RewardModel, design_of

#: How many tastes are drawn.
DRAWS = 500
#: The probability that the true gain lies below :attr:`DrawnGain.low`.
RISK = 0.05
#: Keeps the factorisation of a covariance from failing by rounding.
_JITTER = 1e-9


class DrawnGain(NamedTuple):
    """How much more often the new replies are liked: a share, from -1 to 1."""

    mean: float
    low: float  #: the gain is lower with probability :data:`RISK`


def drawn_likings(model: RewardModel, texts: Sequence[str], calls: Sequence[Sequence[ToolCall]]) -> Floats:
    """How replies are liked by each drawn taste, ``(DRAWS, replies)``, in [0, 1].

    Args:
        model: how the person likes replies, by their wording.
        texts: the words of each reply.
        calls: the tool calls of each reply.
    """
    noise = np.random.default_rng(0).normal(size=(DRAWS, len(model.mean)))
    root = np.linalg.cholesky(model.covariance + _JITTER * np.eye(len(model.mean)))  # (weights, weights)
    tastes = model.mean + noise @ root.T  # (DRAWS, weights)
    logits = tastes @ design_of(zip(texts, calls, strict=True)).T  # (DRAWS, replies)
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2), np.float64)


def drawn_gain(after: Floats, before: Floats) -> DrawnGain:
    """How much more often the replies ``after`` are liked than those ``before``.

    Args:
        after: of the new replies, by :func:`drawn_likings`, ``(DRAWS, n)``, n at least 1.
        before: of those that are given now, to the same questions, ``(DRAWS, n)``.
    """
    draws, count = after.shape
    shares = np.random.default_rng(1).dirichlet(np.ones(count), draws)  # π, (DRAWS, n)
    gains = (shares * (after - before)).sum(axis=1)  # (DRAWS,)
    return DrawnGain(float((after - before).mean()), float(np.quantile(gains, RISK)))
