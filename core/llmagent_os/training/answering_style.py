"""Says in which style a bot answers a person now: the style that the person's own LoRA is trained and judged in.

A person is answered in the style that they asked for, else in the one that the behaviour policy chooses, else in the
bot's default. The policy's choice depends on the situation. So it is asked in the situations of the person's latest
judged replies, and the style that it chooses most often counts::

    p(s) = mean over situations c of the probability that the policy answers in style s in situation c

A style is one value for each dimension, chosen together: two values that are each chosen often need not be chosen at
the same time. The initiative is left out, since weights cannot learn it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.policy.contract import DIMENSIONS, NO_STYLES, Action, Context, supported
from llmagent_os.policy_worker.reward_learning import decision_of
from llmagent_os.training.stored_policy import stored_policy

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

_Style = tuple[tuple[str, str], ...]

#: In how many situations the policy is asked: those of the latest judged replies.
SITUATIONS = 40


async def answering_style(ledger: Ledger, directory: Directory, bot: Mapping[str, Any], person: PersonId) -> Action:
    """Give the style in which a person is answered now, one value for each dimension without the initiative.

    Args:
        ledger: the bot's.
        directory: knows what the person asked for.
        bot: the bot's configuration, as JSON values.
        person: who is answered.

    Raises:
        LedgerError, ProfileError: something cannot be read.
    """
    behavior = dict(bot.get("behavior", {}))
    dimensions = behavior.pop("dimensions", None) or DIMENSIONS
    style: Action = {name: next(iter(values)) for name, values in dimensions.items()} | behavior
    asked = supported((await directory.profile(person)).preferences, dimensions)
    policy = await stored_policy(ledger, bot, (person,))
    if policy is not None:
        style |= surest_style(policy, person, await _situations(ledger, person), asked)
    return {name: value for name, value in (style | asked).items() if name not in NO_STYLES}


def surest_style(policy: LearnedPolicy, person: PersonId, situations: Sequence[Context], asked: Action) -> Action:
    """Give the style that a policy chooses most often for a person: argmax of p(s).

    Args:
        policy: the bot's, with what it has learned of the person.
        person: who is answered.
        situations: c; none: one of which nothing is known.
        asked: what the person asked for: no other value of these dimensions is chosen.
    """
    actions = policy.actions
    allowed = actions.allowed(asked)
    chances = np.mean(  # (actions,)
        [policy.learner.probabilities(person, context, allowed) for context in situations or [{}]], axis=0
    )
    found: dict[_Style, float] = {}
    for action, chance in zip(actions.actions, chances, strict=True):
        style = tuple((name, value) for name, value in action.items() if name not in NO_STYLES)
        found[style] = found.get(style, 0.0) + float(chance)
    surest = max(found, key=lambda style: found[style])
    return dict(surest)


async def _situations(ledger: Ledger, person: PersonId) -> list[Context]:
    rows = await ledger.rewards_of_person(person, await ledger.last_reward() + 1, SITUATIONS)
    decisions = [decision_of(row.interaction, row.person) for row in rows if row.interaction is not None]
    return [each.context for each in decisions if each is not None]
