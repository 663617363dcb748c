"""Hold logged bandit feedback as arrays: the decisions that a policy has made, and what was seen of them.

Fields that the Open Bandit Pipeline has too bear the same names (``context``, ``action``, ``pscore``, ``action_dist``).
Satisfaction, the reward of the estimators, is never seen. In its place are the signs of it: ``opinion`` and
``follow_up``.

Reference:
    Y. Saito, S. Aihara, M. Matsutani and Y. Narita (2021). Open Bandit Dataset and Pipeline. NeurIPS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llmagent_os.feedback.signals import NEXT_CATEGORIES
from llmagent_os.policy.array_types import Floats, Ints

#: The opinions that can be seen of a decision, by code.
OPINIONS = ("none", "negative", "positive")
#: What a person can do next, by code.
FOLLOW_UPS = NEXT_CATEGORIES


@dataclass(frozen=True)
class LoggedBanditFeedback:
    """``n`` logged decisions, in the order in which they were made."""

    context: Floats  #: context vectors, ``(n, columns)``
    person: Ints  #: the person who was answered, as any number, ``(n,)``
    action: Ints  #: the number of the chosen action, ``(n,)``
    action_dist: Floats  #: the probability of every action under the policy that chose, ``(n, actions)``
    opinion: Ints  #: the opinion that was shown, a code of :data:`OPINIONS`, ``(n,)``
    follow_up: Ints  #: what the person did next, a code of :data:`FOLLOW_UPS`, ``(n,)``

    def __len__(self) -> int:
        return len(self.action)

    @property
    def pscore(self) -> Floats:
        """The probability of the chosen action, ``(n,)``."""
        return np.asarray(self.action_dist[np.arange(len(self)), self.action], np.float64)
