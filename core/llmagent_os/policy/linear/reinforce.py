"""Policy gradient with a baseline: REINFORCE (Williams, 1992).

``∇J = E[(G_t - b) ∇ log π(a_t | s_t)]``, with the return ``G_t = Σ γ^k r_{t+k}`` of the session and the person's own
mean return as baseline. The policy is a softmax of linear scores. Where a reward comes late, the policy has moved on:
the step is weighted by π(a)/pscore, clipped. A reward that is taken back, with the baseline it was measured against,
moves the weights back along the gradient at the present policy, which undoes the step as far as that has not changed
since.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.linear.linear_learner import Floats, LinearLearner, Person, softmax
from llmagent_os.policy.linear.session_turns import Credit


class Reinforce(LinearLearner):
    """See the module."""

    name: ClassVar[str] = "reinforce"

    def __init__(
        self,
        actions: ActionSpace,
        *,
        gamma: float = 0.3,
        seed: int = 0,
        floor: float = 0.02,
        shared_step: float = 0.1,
        own_step: float = 0.6,
        baseline_step: float = 0.05,
    ) -> None:
        """See :class:`LinearLearner`.

        Args:
            actions: what can be chosen.
            gamma: the discount γ.
            seed: as of every learner.
            floor: the share of choices that are any.
            shared_step: how far one return moves everybody's weights.
            own_step: how far it moves the person's own.
            baseline_step: how far it moves their baseline.
        """
        super().__init__(actions, gamma=gamma, seed=seed, floor=floor)
        self._steps = shared_step, own_step
        self._baseline_step = baseline_step

    def _chances(self, scores: Floats, allowed: NDArray[np.bool_]) -> Floats:
        return softmax(scores, allowed)

    def _learn(self, person: Person, credit: Credit) -> None:
        turn, state = credit.turn, self._state(np.array(credit.turn.state))
        allowed = np.array(turn.allowed)
        chances = softmax(self._scores(state, person), allowed)
        phi = self._phi(state)
        gradient = phi[turn.action] - chances @ phi
        advantage = turn.surprise(credit.change, float(person.value[0]))
        person.value[0] += np.float32(self._baseline_step * advantage)
        ratio = min(max(chances[turn.action] / max(turn.pscore, 1e-3), 0.3), 1.5)
        self._step(person, ratio * advantage * gradient, *self._steps)
