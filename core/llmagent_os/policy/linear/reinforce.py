"""Learn by policy gradient with a baseline: REINFORCE.

``∇J = E[(G_t - b) ∇ log π(a_t | s_t)]``: G_t is the return of the turn, b the person's own mean return, and π a softmax
of linear scores. Where a reward is taken back, the weights move back along the gradient at the present policy. That
undoes the step, as far as the policy has not changed since.

Reference:
    R. J. Williams (1992). Simple statistical gradient-following algorithms for connectionist reinforcement learning.
    Machine Learning 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.linear.linear_learner import LinearLearner, PersonWeights
from llmagent_os.policy.linear.session_turns import Credit


class Reinforce(LinearLearner):
    """The REINFORCE learner: see the module."""

    name: ClassVar[str] = "reinforce"  #: the name in a bot's configuration

    def __init__(
        self,
        actions: ActionSpace,
        *,
        defaults: Mapping[str, str] | None = None,
        gamma: float = 0.3,
        seed: int = 0,
        floor: float = 0.02,
        shared_step: float = 0.1,
        own_step: float = 0.6,
        baseline_step: float = 0.05,
    ) -> None:
        """See :class:`~llmagent_os.policy.linear.linear_learner.LinearLearner`.

        Args:
            actions: the actions of the bot.
            defaults: the behaviour that a person gets until something speaks against it.
            gamma: the discount γ.
            seed: not used.
            floor: the share of decisions that take any allowed action.
            shared_step: the step size of the shared weights.
            own_step: the step size of the person's weights.
            baseline_step: the step size of the person's baseline.
        """
        super().__init__(
            actions,
            defaults=defaults,
            gamma=gamma,
            seed=seed,
            floor=floor,
            shared_step=shared_step,
            own_step=own_step,
        )
        self._baseline_step = baseline_step

    def _learn(self, person: PersonWeights, credit: Credit) -> None:
        advantage = credit.turn.surprise(credit.change, float(person.value[0]))  # G_t - b
        person.value[0] += np.float32(self._baseline_step * advantage)
        self._gradient_step(person, credit.turn, advantage)
