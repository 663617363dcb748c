"""Keep the tone of one exchange of thoughts: within a session, an action changes in at most one dimension at a time.

What the turn before has decided is part of the logged context, so that the probabilities of a choice can be computed
again from the log. Where the person has said what they think of the reply before, the choice is free again.

Where the value of the turn before can be chosen no more, the choice is free: the bot's file was changed in the session.

* ``previous_action`` is the label of the action of the turn before in the session.
* ``held_dimensions`` names the dimensions that stay as they are, separated by commas: those in which an earlier turn of
  the session explored. So a tone that is tried is kept until the person has reacted or the session is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llmagent_os.policy.contract import HELD_DIMENSIONS, PREVIOUS_ACTION, Action, Context, label, supported

if TYPE_CHECKING:
    from llmagent_os.policy.actions import ActionSpace
    from llmagent_os.policy.array_types import Bools


def continued(action: Action, action_dist: Mapping[str, float], context: Context) -> Context:
    """Return what the next decision of the session has to know of this one.

    Args:
        action: the action of the reply.
        action_dist: the probability of every action that could be chosen, by label.
        context: what was known.

    >>> continued({"a": "x", "b": "y"}, {"a=x,b=y": 0.01, "a=z,b=y": 0.99}, {})
    {'previous_action': 'a=x,b=y', 'held_dimensions': 'a'}
    """
    likeliest = max(action_dist, key=lambda name: action_dist[name])
    usual = dict(part.split("=", 1) for part in likeliest.split(","))
    explored = {name for name, value in action.items() if usual.get(name) != value}
    held = explored | set(str(context.get(HELD_DIMENSIONS, "")).split(","))
    return {PREVIOUS_ACTION: label(action), HELD_DIMENSIONS: ",".join(sorted(held & action.keys()))}


def continuing(space: ActionSpace, allowed: Bools, context: Context, explicit: Mapping[str, str]) -> Bools:
    """Return which of the ``allowed`` actions continue the session of ``context``, shape ``(actions,)``.

    Args:
        space: the actions of the bot.
        allowed: a mask of the actions that do what the person asked for, ``(actions,)``.
        context: what is known.
        explicit: the values that the person has asked for. They come first.
    """
    parts = str(context.get(PREVIOUS_ACTION, "")).split(",")
    before = dict(part.split("=", 1) for part in parts if "=" in part) | supported(explicit, space.dimensions)
    if space.index(before) is None:  # there was none, or it is of an older configuration
        return allowed
    held = str(context.get(HELD_DIMENSIONS, "")).split(",")
    changes = [{name for name, value in action.items() if before[name] != value} for action in space.actions]
    near = allowed & [len(changed) <= 1 and changed.isdisjoint(held) for changed in changes]
    return near if near.any() else allowed
