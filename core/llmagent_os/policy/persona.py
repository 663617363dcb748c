"""Say what kind of person somebody is, by how the policy has come to answer them: their persona.

A persona is one value of one dimension that the policy surely chooses for a person, and that is no default of the bot:
``verbosity=brief``. The defaults make no persona: everybody gets them until something speaks against them. Symbols::

    p_t(s)  the probability that the policy, as it is when the person's t-th sign has been learned, answers in style s
    e_t(s) = e_(t-1)(s) + RATE (p_t(s) - e_(t-1)(s)),   e_0(s) = 0

A person joins the persona s with the greatest e if that is :data:`JOIN` or more, and leaves it where e(s) falls below
:data:`LEAVE`. So six signs are needed at least, and one step of a sampler that thinks otherwise for once changes
nothing. It holds for every learner, since each says how it would answer.

Source: Roberts 1959, Control Chart Tests Based on Geometric Moving Averages,
https://doi.org/10.1080/00401706.1959.10489860, for e. Left out: the mixture of personas inside the Bayes learner. Its
components have other numbers in every chain, no name in words, and there are none in the other learners.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llmagent_os.policy.contract import NO_STYLES

if TYPE_CHECKING:  # numpy is not loaded for a bot that does not learn
    from llmagent_os.policy.actions import ActionSpace
    from llmagent_os.policy.array_types import Floats

#: How much one sign moves the shares.
RATE = 0.2
#: The share of a style from which on it is a person's persona, and the one below which it is theirs no more.
JOIN, LEAVE = 0.7, 0.4


def style_chances(actions: ActionSpace, chances: Floats) -> dict[str, float]:
    """Add up the probabilities of actions by style, ``dimension=value``. Weights cannot learn the initiative: left out.

    Args:
        actions: the actions of the bot.
        chances: the probability of every action, ``(actions,)``.

    >>> import numpy as np
    >>> from llmagent_os.policy.actions import ActionSpace
    >>> space = ActionSpace({"tone": ("plain", "playful"), "initiative": ("a", "b")})
    >>> style_chances(space, np.array([0.1, 0, 0.4, 0.5]))
    {'tone=plain': 0.1, 'tone=playful': 0.9}
    """
    return {
        style_name(name, value): sum(
            float(chance) for chance, action in zip(chances, actions.actions, strict=True) if action[name] == value
        )
        for name, values in actions.dimensions.items()
        if name not in NO_STYLES
        for value in values
    }


def style_name(dimension: str, value: str) -> str:
    """The name of a style, and of the persona that likes it."""
    return f"{dimension}={value}"


def style_of(name: str) -> tuple[str, str]:
    """The dimension and the value that a name stands for."""
    dimension, _, value = name.partition("=")
    return dimension, value


def moved(shares: Mapping[str, float], chances: Mapping[str, float]) -> dict[str, float]:
    """Return e after one more sign of a person. Styles that the bot has no more go.

    Args:
        shares: e before, by style.
        chances: p, by style, as :func:`style_chances` gives it.
    """
    return {name: (old := shares.get(name, 0.0)) + RATE * (chance - old) for name, chance in chances.items()}


def persona_of(shares: Mapping[str, float], before: str, defaults: Mapping[str, str]) -> str:
    """Return the persona of a person; empty: none.

    Args:
        shares: e, by style.
        before: the persona that the person was of until now; empty: none.
        defaults: the bot's default of each dimension.
    """
    candidates = {name: share for name, share in shares.items() if defaults.get(style_of(name)[0]) != style_of(name)[1]}
    if candidates.get(before, 0.0) >= LEAVE:
        return before
    surest = max(candidates, key=lambda name: candidates[name], default="")
    return surest if candidates.get(surest, 0.0) >= JOIN else ""
