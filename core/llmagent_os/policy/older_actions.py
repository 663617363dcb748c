"""What decisions teach that were made with other dimensions, before the bot's file was changed.

A decision speaks of what its action and the bot's present actions have in common:

* A dimension that was added could not show in the reply. Nothing is learned of it.
* A dimension that was taken out is left out of the action. Actions that differed in it alone are one, and their
  probabilities are added.
* A value that was taken out can be chosen no more. A decision for it teaches nothing, until the value comes back.
* A value that was added had the probability 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from llmagent_os.policy.contract import Action, Decision, label


def adapted(decision: Decision, dimensions: Mapping[str, Collection[str]]) -> Decision | None:
    """Return a decision as one among the actions of ``dimensions``; None: it teaches nothing about them.

    A decision that was made with the same dimensions is returned as it is.

    >>> old = Decision(action={"tone": "plain"}, pscore=0.5, policy_version="1")
    >>> new = adapted(old, {"tone": ("plain", "playful"), "length": ("short", "long")})
    >>> new.action, new.shown
    ({'tone': 'plain', 'length': 'short'}, ('tone',))
    """
    if decision.action.keys() == dimensions.keys():
        return decision
    action = _action(decision.action, dimensions)
    if action is None:
        return None
    chances: dict[str, float] = {}
    for name, chance in decision.action_dist.items():
        other = _action(dict(part.split("=", 1) for part in name.split(",") if "=" in part), dimensions)
        if other is not None:
            chances[label(other)] = chances.get(label(other), 0.0) + chance
    shown = decision.action.keys() if decision.shown is None else decision.shown
    return msgspec.structs.replace(
        decision,
        action=action,
        action_dist=chances,
        pscore=min(1.0, max(decision.pscore, chances.get(label(action), 0.0))),
        shown=tuple(name for name in dimensions if name in decision.action and name in shown),
    )


def _action(before: Action, dimensions: Mapping[str, Collection[str]]) -> Action | None:
    """The present action for an earlier one; None: there is none. A new dimension has its first value."""
    if not before.keys() & dimensions.keys():
        return None
    action = {name: before.get(name, next(iter(values))) for name, values in dimensions.items()}
    return action if all(value in dimensions[name] for name, value in action.items()) else None
