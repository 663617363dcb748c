"""Learn by actor and critic: the critic learns the value of a state, the actor does more of what beats that value.

``δ_t = r_t + γ V(s_{t+1}) - V(s_t)``: the critic moves by ``δ ∇V(s_t)``, the actor by ``δ ∇ log π(a_t | s_t)``. Credit
for the earlier turns of a session decays by γ, which is the eligibility trace of λ = 1. V is linear in the state; its
weights are the sum of shared weights and the person's own.

Reference:
    R. S. Sutton and A. G. Barto (2018). Reinforcement learning: an introduction, 2nd edition, chapter 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.linear.linear_learner import WEIGHT_LIMIT, LinearLearner, PersonWeights
from llmagent_os.policy.linear.session_turns import Credit

#: The step of the shared value weights, as a share of the person's step.
SHARED_CRITIC_SHARE = 0.3


class ActorCritic(LinearLearner):
    """The actor-critic learner: see the module."""

    name: ClassVar[str] = "actor_critic"  #: the name in a bot's configuration

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
        critic_step: float = 0.03,
    ) -> None:
        """See :class:`~llmagent_os.policy.linear.linear_learner.LinearLearner`.

        Args:
            actions: the actions of the bot.
            defaults: the behaviour that a person gets until something speaks against it.
            gamma: the discount γ.
            seed: not used.
            floor: the share of decisions that take any allowed action.
            shared_step: the step size of the shared policy weights.
            own_step: the step size of the person's policy weights.
            critic_step: the step size of the person's value weights.
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
        self._critic_step = critic_step

    def _learn(self, person: PersonWeights, credit: Credit) -> None:
        state = self._state(np.array(credit.turn.state))  # (1 + STATE_COLUMNS,)
        difference = credit.turn.surprise(credit.change, float(state @ (self._value + person.value)))  # δ
        step = self._critic_step * difference / float(state @ state)
        shared = SHARED_CRITIC_SHARE * credit.turn.share * step
        self._value = np.clip(self._value + shared * state, -WEIGHT_LIMIT, WEIGHT_LIMIT)
        person.value = np.clip(person.value + step * state, -WEIGHT_LIMIT, WEIGHT_LIMIT).astype(np.float32)
        self._gradient_step(person, credit.turn, difference)
