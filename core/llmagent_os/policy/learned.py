"""A learner as a behaviour policy: it draws actions from the learner's probabilities and tells it what came of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import numpy as np

from llmagent_os.errors import ConfigError
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import DIMENSIONS, NOTHING_ASKED, Action, Context, Decision, Dimensions, Kind
from llmagent_os.policy.learner import Learner, Observation

#: The learners that a bot can choose.
LEARNERS = ("bayes", "reinforce", "actor_critic", "q_learning")


class LearnedPolicy:
    """Decides as its learner says."""

    def __init__(self, learner: Learner, actions: ActionSpace, *, seed: int | None = None, made: str = "") -> None:
        """Nothing is decided yet.

        Args:
            learner: gives the probabilities.
            actions: what can be chosen.
            seed: makes the drawing repeatable; None: it is not.
            made: names the settings that decide what the learner makes of what it is told.
        """
        self.learner = learner
        self.actions = actions
        self.made = made
        self._rng = np.random.default_rng(seed)

    @property
    def version(self) -> str:
        """The learner and its state."""
        return self.learner.version

    def decide(
        self,
        user_id: str,
        context: Context,
        explicit: Mapping[str, str] = NOTHING_ASKED,
        *,
        decision_id: str = "",
        episode_id: str = "",
    ) -> Decision:
        """See :class:`~llmagent_os.policy.BehaviorPolicy`."""
        allowed = self.actions.allowed(explicit)
        chances = self.learner.probabilities(user_id, context, allowed)
        edges = chances.cumsum()
        at = int((self._rng.random() * edges[-1] >= edges).sum())
        labels = self.actions.labels
        return Decision(
            action=self.actions.actions[at],
            pscore=float(chances[at]),
            policy_version=self.version,
            action_dist={labels[each]: float(chances[each]) for each in np.flatnonzero(allowed)},
            decision_id=decision_id or uuid4().hex,
            user_id=user_id,
            context=context,
            episode_id=episode_id,
        )

    def observe(
        self, decision: Decision, reward: float | None, *, kind: Kind = "reaction", weight: float = 1.0
    ) -> None:
        """See :class:`~llmagent_os.policy.BehaviorPolicy`."""
        action = self.actions.index(decision.action)
        known = decision.action_dist
        allowed = tuple(not known or each in known for each in self.actions.labels)
        if action is None or not allowed[action]:  # of an older configuration, or damaged
            return
        self.learner.observe(
            Observation(
                user_id=decision.user_id,
                decision_id=decision.decision_id,
                episode_id=decision.episode_id,
                context=decision.context,
                action=action,
                pscore=decision.pscore,
                allowed=allowed,
                kind=kind,
                reward=reward,
                weight=weight,
            )
        )


def make_behavior(
    learner: str,
    defaults: Action,
    gamma: float | None,
    exploration: float,
    dimensions: Dimensions = DIMENSIONS,
    seed: int | None = None,
) -> LearnedPolicy:
    """The policy of a bot that is set up so.

    Args:
        learner: one of :data:`LEARNERS`.
        defaults: how people are answered before anything is known of anybody.
        gamma: how much of a reward is credited to the turn before; None: the learner's own.
        exploration: of ``bayes``.
        dimensions: what the bot chooses between.
        seed: makes its choices repeatable; None: they are not.
    """
    options: dict[str, Any] = {} if gamma is None else {"gamma": gamma}
    if learner == "bayes":
        options |= {"defaults": defaults}
    made = json.dumps(options, sort_keys=True)
    if learner == "bayes":
        options |= {"exploration": exploration}  # of choosing, not of learning
    space = ActionSpace(dimensions)
    return LearnedPolicy(make_learner(learner, space, **options), space, seed=seed, made=made)


def make_learner(name: str, actions: ActionSpace, **options: Any) -> Learner:
    """The learner of that name.

    Raises:
        ConfigError: there is none.
    """
    match name:
        case "bayes":
            from llmagent_os.policy.bayes.bayes_learner import Bayes

            return Bayes(actions, **options)
        case "reinforce":
            from llmagent_os.policy.linear.reinforce import Reinforce

            return Reinforce(actions, **options)
        case "actor_critic":
            from llmagent_os.policy.linear.actor_critic import ActorCritic

            return ActorCritic(actions, **options)
        case "q_learning":
            from llmagent_os.policy.linear.q_learning import QLearning

            return QLearning(actions, **options)
        case _:
            raise ConfigError(f"there is no learner {name!r}: {', '.join(LEARNERS)}")


def make_policy(name: str, actions: ActionSpace | None = None, *, seed: int = 0, **options: Any) -> LearnedPolicy:
    """A policy that knows nobody yet, whose choices repeat with ``seed``.

    >>> make_policy("bayes").decide("ana", {"intent": "create"}, {"verbosity": "brief"}).action["verbosity"]
    'brief'
    """
    space = actions or ActionSpace()
    return LearnedPolicy(make_learner(name, space, seed=seed, **options), space, seed=seed)
