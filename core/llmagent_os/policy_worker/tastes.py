"""Says what a person likes best, as a policy believes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from llmagent_os.identity import PersonId

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

#: Somebody of whom nothing is known: what is believed of them is the prior.
NOBODY = PersonId("")


class Taste(NamedTuple):
    """What a person likes best in one dimension."""

    value: str
    chance: float  #: the probability that they do
    prior: float  #: the same of somebody of whom nothing is known

    @property
    def odds_learned(self) -> float:
        """How many times the person's own feedback has multiplied the odds; 1: it has taught nothing."""
        kept = [min(max(each, 1e-9), 1 - 1e-9) for each in (self.chance, self.prior)]
        own, before = (each / (1 - each) for each in kept)
        return own / before


def tastes_of(policy: LearnedPolicy, person_id: PersonId) -> dict[str, Taste]:
    """Return by dimension what the person likes best, as far as it is known."""
    own, anybody = _liked(policy, person_id), _liked(policy, NOBODY)
    found: dict[str, Taste] = {}
    for name, chances in own.items():
        best = max(chances, key=lambda value: chances[value])
        found[name] = Taste(best, chances[best], anybody[name][best])
    return found


def _liked(policy: LearnedPolicy, person_id: PersonId) -> dict[str, dict[str, float]]:
    """By dimension, the probability of each value that it is the person's best."""
    chances = policy.learner.beliefs(person_id)
    return {
        name: {
            value: sum(
                float(chance)
                for chance, action in zip(chances, policy.actions.actions, strict=True)
                if action[name] == value
            )
            for value in values
        }
        for name, values in policy.actions.dimensions.items()
    }
