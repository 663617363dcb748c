"""Estimates, from logged rewards, what a version would have earned: doubly robust, one value a logged reply.

Symbols, for the logged replies i = 1 … n::

    r_i   the reward of the served reply, in [0, 1]
    q_i   what the reward model makes of the served reply
    m_i   what it makes of the version's own reply to the same chat
    w_i   the importance weight: how many times as likely the version writes the served reply, at most MAX_RATIO
    v_i = m_i + α w_i (r_i - q_i)

The reward model alone would be cheated by whatever it is wrong about; weights alone know nothing of replies that were
never served. So its error where a person did judge corrects it, as far as that cannot be chance:
``α = A / (A + Var)``, with A the variance that the model's error is expected to have. This is the shrunken correction
of :mod:`llmagent_os.policy.off_policy.judge`, for replies instead of a few actions.

Reference:
    M. Dudík, J. Langford and L. Li (2011). Doubly robust policy evaluation and learning. ICML.
"""

from __future__ import annotations

import numpy as np

from llmagent_os.policy.array_types import Floats
from llmagent_os.policy.off_policy.estimators import effective_sample_size
from llmagent_os.training.version_evaluation import LoggedRewards, as_array

#: Importance weights of whole replies are truncated here.
MAX_RATIO = 10.0
#: How wrong the reward model may be about a version, as a standard deviation of the value.
REWARD_MODEL_ERROR_SD = 0.05


def estimated_values(logged: LoggedRewards) -> Floats:
    """Return v, ``(n,)``."""
    ratios = np.minimum(as_array(logged.ratios), MAX_RATIO)  # w, (n,)
    residuals = ratios * (as_array(logged.rewards) - as_array(logged.served))  # (n,)
    chance = float((residuals**2).sum()) / max(len(residuals), 1) ** 2  # the variance of their mean
    expected = REWARD_MODEL_ERROR_SD**2
    return np.asarray(as_array(logged.fresh) + expected / (expected + chance) * residuals, np.float64)


def support(logged: LoggedRewards) -> float:
    """Return how many of the logged replies, equally weighted, would tell as much of the version."""
    return effective_sample_size(np.minimum(as_array(logged.ratios), MAX_RATIO))
