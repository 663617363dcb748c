"""Actor and critic: the critic learns what a state is worth to a person, the actor does more of what beats that.

``δ_t = r_t + γ V(s_{t+1}) - V(s_t)``; the critic moves by ``δ ∇V(s_t)``, the actor by ``δ ∇ log π(a_t | s_t)`` (Sutton
and Barto, chapter 13). What is credited to earlier turns of a session decays by γ, which is the eligibility trace of
λ = 1. ``V`` is linear in the state, with a part of everybody's and one of the person's own.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.linear.linear_learner import LIMIT, Floats, LinearLearner, Person, softmax
from llmagent_os.policy.linear.session_turns import Credit


class ActorCritic(LinearLearner):
    """See the module."""

    name: ClassVar[str] = "actor_critic"

    def __init__(
        self,
        actions: ActionSpace,
        *,
        gamma: float = 0.3,
        seed: int = 0,
        floor: float = 0.02,
        shared_step: float = 0.1,
        own_step: float = 0.6,
        critic_step: float = 0.03,
    ) -> None:
        """See :class:`LinearLearner`.

        Args:
            actions: what can be chosen.
            gamma: the discount γ.
            seed: as of every learner.
            floor: the share of choices that are any.
            shared_step: how far one temporal difference moves everybody's policy.
            own_step: how far it moves the person's own.
            critic_step: how far it moves the value of the state.
        """
        super().__init__(actions, gamma=gamma, seed=seed, floor=floor)
        self._steps = shared_step, own_step
        self._critic_step = critic_step

    def _chances(self, scores: Floats, allowed: NDArray[np.bool_]) -> Floats:
        return softmax(scores, allowed)

    def _learn(self, person: Person, credit: Credit) -> None:
        turn, state = credit.turn, self._state(np.array(credit.turn.state))
        difference = turn.surprise(credit.change, float(state @ (self._value + person.value)))
        step = self._critic_step * difference / float(state @ state)
        self._value = np.clip(self._value + 0.3 * step * state, -LIMIT, LIMIT)
        person.value = np.clip(person.value + step * state, -LIMIT, LIMIT).astype(np.float32)
        chances = softmax(self._scores(state, person), np.array(turn.allowed))
        phi = self._phi(state)
        ratio = min(max(chances[turn.action] / max(turn.pscore, 1e-3), 0.3), 1.5)
        self._step(person, ratio * difference * (phi[turn.action] - chances @ phi), *self._steps)
