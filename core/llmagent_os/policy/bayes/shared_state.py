"""Keep what all people share in the Bayes learner, one guess of every chain, and its priors.

The symbols and the equation numbers are those of :mod:`~llmagent_os.policy.bayes.gibbs_sampler`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from llmagent_os.policy.array_types import Floats
from llmagent_os.policy.bayes.design_matrix import DesignMatrix
from llmagent_os.policy.bayes.learner_feedback_model import NEXT_PRIOR, OUTSPOKEN_MEAN, RATER_PRIOR

#: τ₀², ω₀²: the prior variances of weights between personas, and between the people of one persona, for each of
#: :data:`~llmagent_os.policy.bayes.design_matrix.GROUPS`.
BETWEEN_PRIOR = np.array([0.1, 1.0, 0.5, 1 / 32, 1 / 16, 1 / 16, 1 / 32])
WITHIN_PRIOR = np.array([0.1, 0.6, 0.3, 1 / 128, 1 / 64, 1 / 64, 1 / 128])


@dataclass(frozen=True)
class SharedState:
    """What all people have in common. Replaced as a whole, so that one thread can decide while another learns.

    The names of the arrays are part of the stored format.
    """

    design: DesignMatrix  #: makes the rows φ
    mu: Floats  #: μ, the weights of the personas, ``(chains, personas, size)``
    odds: Floats  #: π, the share of people in every persona, ``(chains, personas)``
    nexts: Floats  #: θ, P(next sign | dissatisfied or satisfied), ``(chains, 2, NEXT_SIGNS)``
    raters: Floats  #: ρ, the share of every kind of rater, ``(chains, RATER_KINDS)``
    outspoken: Floats  #: κ, how much more often the dissatisfied show an opinion, ``(chains,)``
    between: Floats  #: τ², the variance of weights between personas, ``(GROUPS,)``
    within: Floats  #: ω², the variance of weights between the people of one persona, ``(GROUPS,)``

    @classmethod
    def start(cls, design: DesignMatrix, chains: int, personas: int, rng: np.random.Generator) -> SharedState:
        """Draw a state from the priors, before anybody is known.

        The second half of the chains mirrors the first, so that on the average over the chains nothing is preferred.
        """
        half = rng.normal(size=((chains + 1) // 2, personas, design.size))
        half *= np.sqrt(BETWEEN_PRIOR[design.groups])  # equation (3)
        return cls(
            design=design,
            mu=np.concatenate([half, -half])[:chains],  # (chains, personas, size)
            odds=np.full((chains, personas), 1.0 / personas),
            nexts=np.tile(NEXT_PRIOR / NEXT_PRIOR.sum(1, keepdims=True), (chains, 1, 1)),
            raters=np.tile(RATER_PRIOR / RATER_PRIOR.sum(), (chains, 1)),
            outspoken=np.full(chains, OUTSPOKEN_MEAN),
            between=BETWEEN_PRIOR.copy(),
            within=WITHIN_PRIOR.copy(),
        )

    def grown(self, design: DesignMatrix, rng: np.random.Generator) -> SharedState:
        """Return the state with weights for the columns that are new in ``design``, drawn from equation (3)."""
        new = rng.normal(size=(*self.odds.shape, design.size - self.design.size))  # (chains, personas, new columns)
        new *= np.sqrt(self.between[design.groups[self.design.size :]])
        return replace(self, design=design, mu=np.concatenate([self.mu, new], axis=2))
