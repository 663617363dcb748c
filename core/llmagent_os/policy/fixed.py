"""Answer everybody by the bot's defaults: the policy that does not learn."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import uuid4

from llmagent_os.identity import PersonId
from llmagent_os.policy.contract import (
    DIMENSIONS,
    EVERYTHING,
    NOTHING_ASKED,
    Action,
    Context,
    Decision,
    Dimensions,
    Kind,
    label,
    limited,
    supported,
)


class FixedPolicy:
    """Chooses what the person asked for, and the bot's default of every other dimension. Its ``pscore`` is 1.

    >>> FixedPolicy().decide(PersonId("u"), {}, {"verbosity": "brief"}).action
    {'mode': 'task_oriented', 'verbosity': 'brief', 'initiative': 'act'}
    """

    version = "fixed-1"  #: the ``policy_version`` of its decisions

    def __init__(self, defaults: Action | None = None, dimensions: Dimensions = DIMENSIONS) -> None:
        """Use ``defaults``, and the first value of every dimension that is not among them."""
        self.dimensions = dimensions
        self.defaults = {name: next(iter(values)) for name, values in dimensions.items()} | (defaults or {})

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
        """Return the defaults, with the values of ``explicit`` in their place.

        Where a default cannot be chosen, the first value that can be takes its place.
        """
        left = limited(self.dimensions, within)
        usual = {
            name: value if value in left.get(name, (value,)) else left[name][0] for name, value in self.defaults.items()
        }
        action = usual | supported(explicit, left)
        return Decision(
            action=action,
            pscore=1.0,
            policy_version=self.version,
            action_dist={label(action): 1.0},
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
        """Do nothing. This policy does not learn."""
