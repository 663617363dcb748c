"""Learn by Q-learning: the value of an action in a state, with the best that can follow.

``Q(s, a) ← Q(s, a) + α (r + γ max_a' Q(s', a') - Q(s, a))``, with Q linear in φ(s, a). The maximum is not known before
the next turn is observed. In its place, rewards reach the earlier turns of a session as they come, discounted: Q(λ)
with λ = 1, as long as the choices were greedy. Actions are drawn from a softmax of Q, so that every choice has a
probability.

Reference:
    C. J. C. H. Watkins (1989). Learning from delayed rewards. PhD thesis, University of Cambridge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.array_types import Bools, Floats
from llmagent_os.policy.linear.linear_learner import WEIGHT_LIMIT, LinearLearner, PersonWeights, softmax
from llmagent_os.policy.linear.session_turns import Credit

#: The step size of a person's mean return, which Q is measured from.
MEAN_RETURN_STEP = 0.05


class QLearning(LinearLearner):
    """The Q-learning learner: see the module."""

    name: ClassVar[str] = "q_learning"  #: the name in a bot's configuration

    def __init__(
        self,
        actions: ActionSpace,
        *,
        defaults: Mapping[str, str] | None = None,
        gamma: float = 0.3,
        seed: int = 0,
        floor: float = 0.02,
        shared_step: float = 0.05,
        own_step: float = 0.25,
        temperature: float = 0.1,
    ) -> None:
        """See :class:`~llmagent_os.policy.linear.linear_learner.LinearLearner`.

        Args:
            actions: the actions of the bot.
            defaults: the behaviour that a person gets until something speaks against it.
            gamma: the discount γ.
            seed: not used.
            floor: the share of decisions that take any allowed action.
            shared_step: α of the shared weights, per unit of ``1 + φ · φ``.
            own_step: α of the person's weights, per unit of ``1 + φ · φ``.
            temperature: of the softmax. A difference of Q by ``temperature`` makes an action e times as likely.
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
        self._temperature = temperature
        self._lean *= temperature  # the scores are divided by it

    def _chances(self, scores: Floats, allowed: Bools) -> Floats:
        return softmax(scores / self._temperature, allowed)

    def _learn(self, person: PersonWeights, credit: Credit) -> None:
        turn, state = credit.turn, self._state(np.array(credit.turn.state))
        phi = self._phi(state)[turn.action] * self._could_show(turn)  # (size,)
        base = float(person.value[0])  # the person's mean return
        before = turn.expected
        error = turn.surprise(credit.change, base + float(phi @ (self._weights + person.weights)))
        if turn.expected != before:  # the turn is learned from for the first time, or was taken back
            moved = base + MEAN_RETURN_STEP * error
            person.value[0] = np.float32(min(max(moved, -WEIGHT_LIMIT), WEIGHT_LIMIT))
        self._step(person, turn, error * phi / (1.0 + float(phi @ phi)))
