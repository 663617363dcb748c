"""The contract that every behaviour policy keeps, learned or not."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

#: How to behave: one value for each of the bot's dimensions, ``{"mode": "task_oriented", "verbosity": "brief", …}``.
Action = dict[str, str]

#: What is known when deciding: plain JSON values by feature name.
Context = dict[str, Any]

#: The dimensions a bot has unless it declares others, and their values; the first of each is the default.
DIMENSIONS: dict[str, tuple[str, ...]] = {
    "mode": ("task_oriented", "conversational"),
    "verbosity": ("normal", "brief", "detailed"),
    "initiative": ("act", "ask_first"),
}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A chosen behaviour and how likely that choice was: what off-policy evaluation needs."""

    action: Action
    pscore: float  #: probability of ``action`` under the policy that chose it, in (0, 1]
    policy_version: str
    action_dist: dict[str, float] = {}  #: probability of each action, by :func:`label`


def label(action: Action) -> str:
    """An action as one string.

    >>> label({"verbosity": "brief", "mode": "task_oriented"})
    'mode=task_oriented,verbosity=brief'
    """
    return ",".join(f"{key}={action[key]}" for key in sorted(action))


class BehaviorPolicy(Protocol):
    """Decides how to answer a person and observes what came of it."""

    def decide(self, user_id: str, context: Context, explicit: Action) -> Decision:
        """Choose. Whatever ``explicit`` says (the person's own words) is not explored against."""
        ...

    def observe(self, decision: Decision, reward: float, *, user_id: str, kind: str = "reaction") -> None:
        """Learn that ``decision`` for ``user_id`` earned ``reward``, in [-1, 1]."""
        ...
