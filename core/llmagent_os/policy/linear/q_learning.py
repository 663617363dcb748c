"""Q-learning: what an action is worth in a state, and in the best of all states that follow.

``Q(s, a) ← Q(s, a) + α (r + γ max_a' Q(s', a') - Q(s, a))`` (Watkins, 1989), with Q linear in φ(s, a). Rewards reach
earlier turns of a session as they come, discounted, in the place of the maximum, which is not known before the next
turn is observed (Q(λ) with λ = 1 while the choices were greedy). Actions are drawn from a softmax of Q, so that every
choice has a probability.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.linear.linear_learner import LIMIT, Floats, LinearLearner, Person, softmax
from llmagent_os.policy.linear.session_turns import Credit


class QLearning(LinearLearner):
    """See the module."""

    name: ClassVar[str] = "q_learning"

    def __init__(
        self,
        actions: ActionSpace,
        *,
        gamma: float = 0.3,
        seed: int = 0,
        floor: float = 0.02,
        shared_step: float = 0.05,
        own_step: float = 0.25,
        temperature: float = 0.1,
    ) -> None:
        """See :class:`LinearLearner`.

        Args:
            actions: what can be chosen.
            gamma: the discount γ.
            seed: as of every learner.
            floor: the share of choices that are any.
            shared_step: α of everybody's weights, for a unit of ``φ · φ``.
            own_step: α of the person's own.
            temperature: of the softmax: the difference of Q that makes one action e times as likely as another.
        """
        super().__init__(actions, gamma=gamma, seed=seed, floor=floor)
        self._steps = shared_step, own_step
        self._temperature = temperature

    def _chances(self, scores: Floats, allowed: NDArray[np.bool_]) -> Floats:
        return softmax(scores / self._temperature, allowed)

    def _learn(self, person: Person, credit: Credit) -> None:
        turn, state = credit.turn, self._state(np.array(credit.turn.state))
        phi = self._phi(state)[turn.action]
        base = float(person.value[0])
        before = turn.expected
        error = turn.surprise(credit.change, base + float(phi @ (self._weights + person.weights)))
        if turn.expected != before:  # the first that is heard of a turn, and its taking back
            person.value[0] = np.float32(min(max(base + 0.05 * error, -LIMIT), LIMIT))
        self._step(person, error * phi / (1.0 + float(phi @ phi)), *self._steps)
