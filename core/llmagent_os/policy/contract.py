"""The contract that every behaviour policy keeps, learned or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Protocol
from uuid import uuid4

import msgspec

from llmagent_os.feedback.signals import Kind as Kind

#: How to behave: one value for each of the bot's dimensions, ``{"mode": "task_oriented", "verbosity": "brief", …}``.
Action = dict[str, str]

#: What is known when deciding, by feature name. A string or a truth value is a category; a number counts as it is,
#: so give it a scale of about one.
Context = dict[str, str | bool | int | float]

#: What a bot chooses between: for each dimension its values, and what the model is told where one is chosen. Where that
#: is empty, it is told the value's name.
Dimensions = Mapping[str, Mapping[str, str]]

#: The dimensions a bot has unless it declares others; the first value of each is the default. Initiative is a matter of
#: the tools, and not told to the model.
DIMENSIONS: Dimensions = MappingProxyType(
    {
        "mode": dict.fromkeys(("task_oriented", "conversational"), ""),
        "verbosity": dict.fromkeys(("normal", "brief", "detailed"), ""),
        "initiative": dict.fromkeys(("act", "ask_first"), ""),
    }
)

#: So many behaviours can be learned of: every combination of the dimensions' values is one.
MAX_ACTIONS = 64

NOTHING_ASKED: Mapping[str, str] = MappingProxyType({})


def asked(explicit: Mapping[str, str], dimensions: Mapping[str, Collection[str]]) -> Action:
    """What of ``explicit`` can be done where there are these ``dimensions``: it may be of an older configuration.

    >>> asked({"verbosity": "brief", "learning": "on"}, DIMENSIONS)
    {'verbosity': 'brief'}
    """
    return {name: value for name, value in explicit.items() if value in dimensions.get(name, ())}


def label(action: Mapping[str, str]) -> str:
    """An action as one string.

    >>> label({"verbosity": "brief", "mode": "task_oriented"})
    'mode=task_oriented,verbosity=brief'
    """
    return ",".join(f"{key}={action[key]}" for key in sorted(action))


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A chosen behaviour and how likely that choice was: what off-policy evaluation needs."""

    action: Action
    pscore: float  #: probability of ``action`` under the policy that chose it, in (0, 1]
    policy_version: str
    action_dist: dict[str, float] = {}  #: probability of each action that could be chosen, by :func:`label`
    decision_id: str = msgspec.field(default_factory=lambda: uuid4().hex)  #: the ``interaction_id`` where it has one
    user_id: str = ""  #: whom it was for
    context: Context = {}  #: what was known
    episode_id: str = ""  #: the session it is a turn of; empty: it stands alone


class BehaviorPolicy(Protocol):
    """Decides how to answer a person and observes what came of it."""

    def decide(
        self,
        user_id: str,
        context: Context,
        explicit: Mapping[str, str] = NOTHING_ASKED,
        *,
        decision_id: str = "",
        episode_id: str = "",
    ) -> Decision:
        """Choose. Changes nothing that is learned.

        Args:
            user_id: for whom.
            context: what is known.
            explicit: what the person asked for in so many words: wins, and is not explored against.
            decision_id: what to call the decision; empty: a new name.
            episode_id: the session that it is a turn of; empty: it stands alone.
        """
        ...

    def observe(
        self, decision: Decision, reward: float | None, *, kind: Kind = "reaction", weight: float = 1.0
    ) -> None:
        """Learn how ``decision`` was taken.

        Args:
            decision: as it was decided, or read from the ledger.
            reward: what it is worth now, in [-1, 1]: replaces what the same kind said of it before. None: it was taken
                back; a reaction that is taken off again takes with it whatever else was learned of the decision. 0 is
                an opinion in the middle, not silence: silence is never observed.
            kind: where that is known from.
            weight: how much it counts, in [0, 1]: less from a bystander, or from a rater who is not trusted.
        """
        ...
