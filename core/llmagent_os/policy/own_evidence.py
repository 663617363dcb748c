"""What a person has said alone: a regression of their own opinions, without anything that other people taught.

The shared part of a learner says what a person probably likes, given what other people like. It can be wrong, and it
can be poisoned. So it may only choose among the actions that the person's own opinions do not speak against::

    w = argmin Σ_t a_t (sign v_t - φ_t · w)² + Σ_j w_j² / σ²_j,   a_t = |v_t| ``FADING``^(opinions after turn t)
    e_t = sign v_t - φ_t · w₋t,   w₋t = w without turn t
    action a is vetoed if Φ(φ_a · w) < max_b Φ(φ_b · w) - ``VETO_MARGIN``, and mean e² ≤ ``CONSISTENT``

v_t is the opinion of turn t, φ_t the row of its action in its context, σ²_j the prior variance of a weight, and Φ the
standard normal distribution function. Without opinions w is 0, and nothing is vetoed. e_t is small where every opinion
could have been foretold from the person's other opinions: a few that agree are enough. Opinions that contradict each
other veto nothing: most people are not that sure, and what others like helps them.

A regression needs several opinions. The plain sum of the opinions of one action tells sooner what was disliked::

    n_a = Σ_t v_t ``FADING``^(opinions after turn t), over the turns whose reply was like a in all that showed

Reference:
    C. E. Rasmussen and C. K. I. Williams (2006). Gaussian processes for machine learning, section 5.4.2, for e_t.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from llmagent_os.policy.array_types import Bools, Floats, Ints, Singles

#: How much worse than the best action an action is by a person's own opinions, as a probability of satisfaction, if the
#: shared part cannot choose it.
VETO_MARGIN = 0.3
#: How much less an opinion counts with every later one: tastes change. About 35 opinions count.
FADING = 0.97
#: How well every opinion is foretold by the others, at the worst: a mean squared error. Guessing 0 has the error 1.
CONSISTENT = 0.4


def net_opinions(codes: Ints, actions: Ints, shows: Bools, opinions: Floats) -> Floats:
    """Return n, by how much a person's opinions speak for every action, ``(actions,)``.

    Args:
        codes: the value of every action in every dimension, ``(actions, dimensions)``.
        actions: the numbers of the chosen actions, oldest first, ``(turns,)``.
        shows: which dimensions could show in the replies, ``(turns, dimensions)``.
        opinions: v of every turn, in [-1, 1]; 0 or nan: none was shown, ``(turns,)``.
    """
    said = np.nan_to_num(opinions)
    heard = np.flatnonzero((said != 0) & shows.any(1))  # (opinions,)
    fading = FADING ** np.arange(len(heard))[::-1]  # (opinions,)
    alike = ((codes[:, None] == codes[actions[heard]]) | ~shows[heard]).all(2)  # (actions, opinions)
    return np.asarray(alike @ (said[heard] * fading), np.float64)


def own_weights(rows: Floats, opinions: Floats, variances: Floats) -> Singles:
    """Return w, ``(size,)``; ``(0,)`` where the person has said nothing, or contradicts themselves.

    Args:
        rows: φ of every turn, oldest first, ``(turns, size)``.
        opinions: v of every turn, in [-1, 1]; 0: none was shown, ``(turns,)``.
        variances: σ² of every weight, ``(size,)``.
    """
    shown = np.flatnonzero(opinions)  # (opinions,)
    if not len(shown):
        return np.zeros(0, np.float32)
    phi, said = rows[shown], opinions[shown]  # (opinions, size), (opinions,)
    trusted = np.abs(said) * FADING ** np.arange(len(shown))[::-1]  # a, (opinions,)
    scaled = phi * variances  # (opinions, size)
    inverse = np.linalg.inv(scaled @ phi.T + np.diag(1 / trusted))  # (opinions, opinions)
    solved = inverse @ np.sign(said)  # (opinions,)
    errors = solved / inverse.diagonal()  # e, (opinions,)
    if trusted @ errors**2 > CONSISTENT * trusted.sum():
        return np.zeros(0, np.float32)
    return np.asarray(scaled.T @ solved, np.float32)


def not_vetoed(alone: Singles, phi: Floats, allowed: Bools) -> Bools:
    """Return which of the ``allowed`` actions a person's own opinions do not speak against, ``(actions,)``.

    Args:
        alone: w, ``(size,)``. It is shorter than the rows where columns are new.
        phi: the rows of all actions in the context, ``(actions, size)``.
        allowed: a mask of the actions that can be chosen. One of them is always left.
    """
    satisfied = ndtr(phi[:, : len(alone)] @ alone.astype(np.float64))  # (actions,)
    return np.asarray(allowed & (satisfied >= satisfied[allowed].max() - VETO_MARGIN), np.bool_)
