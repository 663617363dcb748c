"""What may be true, given what was seen: draws of people's tastes and habits together.

Gibbs sampling. In each round everybody's persona and whether they are contrary are drawn from all that was seen of
them; then whether they were satisfied with each reply; then tastes and habits, given that (Albert and Chib, 1993).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from llmagent_os.policy.off_policy.bandit_feedback import Floats, Logged
from llmagent_os.policy.off_policy.judge_feedback_model import Habits, Signs
from llmagent_os.policy.off_policy.regressors import Columns
from llmagent_os.policy.off_policy.reward_regression import Tastes, probability

#: Chains, each with rounds to forget where it began, rounds after that, and of these every so manieth is kept.
CHAINS, BEFORE, ROUNDS, EVERY = 4, 150, 300, 12
#: So many rounds of those before nobody is taken to be contrary: tastes must take shape first.
TRUSTING = 10


@dataclass(frozen=True)
class Draw:
    """One of the things that may be true of ``n`` decisions."""

    leanings: Floats  #: towards satisfaction, as probits, with every action, shape ``(n, actions)``
    odds: Floats  #: P(what was seen | satisfied) / P(the same | dissatisfied), shape ``(n,)``
    told: Floats  #: how much such signs tell: see :meth:`Habits.told`
    habits: Habits


def draws(logged: Logged, columns: Columns, seed: int = 0) -> Iterator[Draw]:
    """Draws, the same for the same ``seed``; ``columns`` are of the same decisions."""
    for chain in range(CHAINS):
        yield from _chain(logged, columns, np.random.default_rng([seed, chain]))


def _chain(logged: Logged, columns: Columns, rng: np.random.Generator) -> Iterator[Draw]:
    people = columns.people
    signs = Signs(people, logged.opinions, logged.nexts)
    at = np.arange(len(logged))
    tastes, habits = Tastes(columns, rng), Habits.expected(columns.count)
    for number in range(BEFORE + ROUNDS):
        leanings = tastes.leanings()
        chances = probability(leanings)
        seen = habits.likelihoods(signs)
        logs = np.log(chances[:, None] * seen[:, 1].T[:, :, None] + (1 - chances[:, None]) * seen[:, 0].T[:, :, None])
        suspected = habits.contrariness if number >= TRUSTING else 1e-300
        prior = np.log([1 - suspected, suspected])
        contrary = tastes.assign(columns.by_person(logs) + prior[:, None])
        low, high = seen[contrary[people], :, at].T
        chance, leaning = tastes.of_persona(chances), tastes.of_persona(leanings)
        satisfied = rng.random(len(at)) < chance * high / (chance * high + (1 - chance) * low)
        start = np.where(satisfied, 1 - chance, 0.0)
        lot = start + rng.random(len(at)) * np.where(satisfied, chance, 1 - chance)
        tastes.draw(leaning + ndtri(np.clip(lot, 1e-9, 1 - 1e-9)))
        habits = habits.drawn(signs, satisfied, contrary > 0, rng)
        if number >= BEFORE and (number - BEFORE) % EVERY == 0:
            everywhere = tastes.everywhere()
            low, high = habits.likelihoods(signs)[contrary[people], :, at].T
            told = habits.told(signs, probability(everywhere[at, logged.actions]))
            yield Draw(everywhere, high / low, told, habits)
