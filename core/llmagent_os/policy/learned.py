"""Make a behaviour policy of a learner: draw actions from its probabilities, and pass on what is observed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import numpy as np

from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.blas_threads import use_one_thread
from llmagent_os.policy.continuity import continuing
from llmagent_os.policy.contract import (
    DIMENSIONS,
    EVERYTHING,
    NOTHING_ASKED,
    Action,
    Context,
    Decision,
    Dimensions,
    Kind,
    limited,
    supported,
)
from llmagent_os.policy.learner import Learner, Observation
from llmagent_os.policy.older_actions import adapted

#: The names of the learners. A new learner is added here, in :func:`make_learner`, in ``bot.Policy`` and in
#: ``config.Settings``; a test holds these lists against each other.
LEARNERS = ("bayes", "reinforce", "actor_critic", "q_learning")


class LearnedPolicy:
    """Draws its actions from the probabilities of a learner."""

    def __init__(self, learner: Learner, actions: ActionSpace, *, seed: int | None = None, made: str = "") -> None:
        """Wrap ``learner``.

        Args:
            learner: gives the probabilities.
            actions: the actions of the bot.
            seed: makes the choices repeatable; None: they are not.
            made: the settings that the learned state depends on, as one string. A state that was learned with other
                settings cannot be used.
        """
        self.learner = learner
        self.actions = actions
        self.made = made
        self._rng = np.random.default_rng(seed)

    @property
    def version(self) -> str:
        """The name of the learner's state."""
        return self.learner.version

    def decide(
        self,
        person_id: PersonId,
        context: Context,
        explicit: Mapping[str, str] = NOTHING_ASKED,
        *,
        within: Mapping[str, Collection[str]] = EVERYTHING,
        decision_id: str = "",
        episode_id: str = "",
    ) -> Decision:
        """See :class:`~llmagent_os.policy.contract.BehaviorPolicy`."""
        wishes = supported(explicit, limited(self.actions.dimensions, within))
        allowed = continuing(self.actions, self.actions.allowed(wishes, within), context, wishes)
        chances = self.learner.probabilities(person_id, context, allowed)  # (actions,)
        edges = chances.cumsum()  # (actions,)
        at = int((self._rng.random() * edges[-1] >= edges).sum())
        labels = self.actions.labels
        return Decision(
            action=self.actions.actions[at],
            pscore=float(chances[at]),
            policy_version=self.version,
            action_dist={labels[number]: float(chances[number]) for number in np.flatnonzero(allowed)},
            decision_id=decision_id or uuid4().hex,
            person_id=person_id,
            context=context,
            episode_id=episode_id,
        )

    def observe(
        self,
        decision: Decision,
        reward: float | None,
        *,
        kind: Kind = "reaction",
        weight: float = 1.0,
        at: datetime | None = None,
    ) -> None:
        """See :class:`~llmagent_os.policy.contract.BehaviorPolicy`. An action that the bot does not have is ignored."""
        observation = self.observation(decision, reward, kind=kind, weight=weight, at=at)
        if observation is not None:
            self.learner.observe(observation)

    def observation(
        self,
        decision: Decision,
        reward: float | None,
        *,
        kind: Kind = "reaction",
        weight: float = 1.0,
        at: datetime | None = None,
    ) -> Observation | None:
        """Return what the learner observes of a decision; None: the bot does not have the action.

        A decision of an older configuration teaches what it still can: :mod:`~llmagent_os.policy.older_actions`.
        """
        present = adapted(decision, self.actions.dimensions)
        if present is None:
            return None
        decision, action = present, self.actions.index(present.action)
        possible = decision.action_dist
        allowed = tuple(not possible or name in possible for name in self.actions.labels)
        if action is None or not allowed[action]:  # of an older configuration, or damaged
            return None
        return Observation(
            person_id=decision.person_id,
            decision_id=decision.decision_id,
            episode_id=decision.episode_id,
            context=decision.context,
            action=action,
            pscore=decision.pscore,
            allowed=allowed,
            kind=kind,
            reward=reward,
            weight=weight,
            at=None if at is None else at.timestamp(),
            shown=() if decision.shown is None else tuple(name in decision.shown for name in self.actions.dimensions),
        )


def make_behavior(
    learner: str,
    defaults: Action,
    gamma: float | None,
    exploration: float,
    dimensions: Dimensions = DIMENSIONS,
    seed: int | None = None,
) -> LearnedPolicy:
    """Make the policy of a bot.

    Args:
        learner: one of :data:`LEARNERS`.
        defaults: the behaviour that a person gets until something speaks against it.
        gamma: the share of a reward that is credited to the turn before; None: the learner's default.
        exploration: the share of decisions that explore. Only ``bayes`` uses it.
        dimensions: the bot's dimensions.
        seed: makes the choices repeatable; None: they are not.

    Raises:
        ConfigError: there is no such learner, or the dimensions cannot be used.
    """
    options: dict[str, Any] = {"defaults": defaults} | ({} if gamma is None else {"gamma": gamma})
    made = json.dumps(options, sort_keys=True)
    if learner == "bayes":
        options |= {"exploration": exploration}  # not in ``made``: it changes what is chosen, not what is learned
    space = ActionSpace(dimensions)
    return LearnedPolicy(make_learner(learner, space, **options), space, seed=seed, made=made)


def make_learner(name: str, actions: ActionSpace, **options: Any) -> Learner:
    """Make the learner ``name`` for these actions.

    Args:
        name: one of :data:`LEARNERS`.
        actions: the actions of the bot.
        options: the keyword arguments of the learner.

    Raises:
        ConfigError: there is no such learner.
    """
    match name:
        case "bayes":
            from llmagent_os.policy.bayes.bayes_learner import Bayes

            use_one_thread()
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
    """Make a policy that has learned nothing yet and whose choices repeat with ``seed``.

    >>> make_policy("bayes").decide(PersonId("ana"), {"intent": "create"}, {"verbosity": "brief"}).action["verbosity"]
    'brief'
    """
    space = actions or ActionSpace()
    return LearnedPolicy(make_learner(name, space, seed=seed, **options), space, seed=seed)
