"""Compares two versions on the same items: the mean gain with its interval, and who is harmed.

Symbols. Items are i = 1 … n, the difference is ``d_i = candidate_i - active_i``, the person is u(i)::

    g_u = Σ d_i / n_u        the gain of person u, over their n_u items
    ḡ   = (1/U) Σ g_u        the gain: every person counts the same

The interval of ḡ is Student's, with persons as the sample, because the items of one person are alike. With fewer than
:data:`MIN_PERSONS` persons the items are the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from llmagent_os.policy.array_types import Bools, Floats, Ints

#: The fewest persons that can be a sample.
MIN_PERSONS = 5


@dataclass(frozen=True)
class Gain:
    """A mean difference with a two-sided interval."""

    mean: float
    low: float
    high: float
    sample: int  #: how many persons, or items, the interval rests on


def mean_gain(
    differences: Floats, persons: Sequence[str], *, risk: float = 0.05, weights: Floats | None = None
) -> Gain:
    """Return ḡ and its interval.

    Args:
        differences: d, ``(n,)``.
        persons: u(i), n names.
        risk: the probability that the truth lies below the interval, and that it lies above.
        weights: how much an item counts within its person, and a person by their mean weight, ``(n,)``; by default 1.

    Returns:
        The gain. Its interval is infinite where a single value leaves it unknown.
    """
    values, shares = differences, np.ones(len(differences)) if weights is None else weights
    groups = group_numbers(persons)
    if groups.size and groups.max() + 1 >= MIN_PERSONS:
        sums = np.bincount(groups, shares)  # (U,)
        values = np.bincount(groups, shares * differences) / np.maximum(sums, 1e-12)  # g, (U,)
        shares = sums / np.bincount(groups)  # (U,)
    values, shares = values[shares > 0], shares[shares > 0]
    if not len(values):
        return Gain(0.0, -np.inf, np.inf, 0)
    mean = float((shares * values).sum() / shares.sum())
    if len(values) == 1:
        return Gain(mean, -np.inf, np.inf, 1)
    error = np.sqrt((shares**2 * (values - mean) ** 2).sum() * len(values) / (len(values) - 1)) / shares.sum()
    reach = float(stdtrit(len(values) - 1, 1 - risk) * error)
    return Gain(mean, mean - reach, mean + reach, len(values))


def group_numbers(names: Sequence[str]) -> Ints:
    """Number the names from 0, ``(n,)``: the same name has the same number."""
    return np.asarray(np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)[1], np.int64)


def shrunken_gains(differences: Floats, persons: Sequence[str]) -> Floats:
    """Return what the gain of every person truly is, as far as can be told from chance, ``(U,)``.

    The gain of a person is ``g_u ~ N(θ_u, σ² / n_u)`` with ``θ_u ~ N(μ, τ²)``. σ² is pooled within persons, and τ²
    comes from the moments of DerSimonian and Laird. Each gain is drawn towards the mean: ``θ_u = μ + B_u (g_u - μ)``
    with ``B_u = τ² / (τ² + σ² / n_u)``. So people who differ by chance alone all have the mean gain, and no worst
    decile is found where there is none.

    Args:
        differences: d, ``(n,)``.
        persons: u(i), n names.

    References:
        B. Efron and C. Morris (1975). Data analysis using Stein's estimator and its generalizations. JASA 70.
        R. DerSimonian and N. Laird (1986). Meta-analysis in clinical trials. Controlled Clinical Trials 7.
    """
    groups = group_numbers(persons)
    counts = np.bincount(groups).astype(np.float64)  # n_u, (U,)
    gains = np.bincount(groups, differences) / counts  # g, (U,)
    inner = ((differences - gains[groups]) ** 2).sum()
    freedom = len(differences) - len(counts)
    # With one item a person nothing is known of chance within a person: all of the spread may be chance.
    noise = inner / freedom if freedom > 0 else float(np.var(differences))
    noise = max(noise, 1e-6)
    precision = counts / noise  # (U,)
    mean = float((precision * gains).sum() / precision.sum())
    spread = float((precision * (gains - mean) ** 2).sum())
    scale = precision.sum() - (precision**2).sum() / precision.sum()
    between = max(0.0, (spread - (len(counts) - 1)) / scale) if scale > 0 else 0.0  # τ²
    kept = between / (between + 1 / precision)  # B, (U,)
    return np.asarray(mean + kept * (gains - mean), np.float64)


def worst_decile(differences: Floats, persons: Sequence[str]) -> float:
    """Return the mean gain of the tenth of the people who lose most, at least one, by :func:`shrunken_gains`."""
    gains = np.sort(shrunken_gains(differences, persons))
    return float(gains[: max(1, len(gains) // 10)].mean())


def without_most_favourable(differences: Floats, persons: Sequence[str], share: float) -> tuple[float, list[str]]:
    """Return the mean gain without the raters who favour the candidate most, and who they are.

    For a mean these are the raters with the greatest gains: dropping them changes it most.

    Args:
        differences: d, ``(n,)``.
        persons: u(i), n names.
        share: of the raters that are dropped, in (0, 1); at least one is.

    Reference:
        T. Broderick, R. Giordano and R. Meager (2020). An automatic finite-sample robustness metric: when can dropping
        a little data make a big difference? https://arxiv.org/abs/2011.14999
    """
    names = np.unique(np.asarray(persons, dtype=object).astype(str))
    groups = group_numbers(persons)
    gains = np.bincount(groups, differences) / np.bincount(groups)  # (U,)
    dropped = np.argsort(-gains)[: max(1, int(np.ceil(share * len(names))))]
    kept: Bools = np.ones(len(names), np.bool_)
    kept[dropped] = False
    return (float(gains[kept].mean()) if kept.any() else 0.0), [str(names[at]) for at in dropped]
