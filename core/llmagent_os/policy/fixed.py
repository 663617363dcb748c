"""The policy that does not learn: what the person asked for, else the bot's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from llmagent_os.policy.contract import (
    DIMENSIONS,
    NOTHING_ASKED,
    Action,
    Context,
    Decision,
    Dimensions,
    Kind,
    asked,
    label,
)


class FixedPolicy:
    """Always the same answer to the same question, so its ``pscore`` is 1.

    >>> FixedPolicy().decide("u", {}, {"verbosity": "brief"}).action
    {'mode': 'task_oriented', 'verbosity': 'brief', 'initiative': 'act'}
    """

    version = "fixed-1"

    def __init__(self, defaults: Action | None = None, dimensions: Dimensions = DIMENSIONS) -> None:
        self.dimensions = dimensions
        self.defaults = {name: next(iter(values)) for name, values in dimensions.items()} | (defaults or {})

    def decide(
        self,
        user_id: str,
        context: Context,
        explicit: Mapping[str, str] = NOTHING_ASKED,
        *,
        decision_id: str = "",
        episode_id: str = "",
    ) -> Decision:
        """The defaults, overruled by ``explicit``."""
        action = self.defaults | asked(explicit, self.dimensions)
        return Decision(
            action=action,
            pscore=1.0,
            policy_version=self.version,
            action_dist={label(action): 1.0},
            decision_id=decision_id or uuid4().hex,
            user_id=user_id,
            context=context,
            episode_id=episode_id,
        )

    def observe(
        self, decision: Decision, reward: float | None, *, kind: Kind = "reaction", weight: float = 1.0
    ) -> None:
        """Nothing is learned; the ledger keeps the reward for the learners that do."""
