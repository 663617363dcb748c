"""What a policy would have been worth, told from what another one did.

``SNIPW``: the self-normalised mean of opinions, each weighted by how much more likely the candidate was to act so, and
by how seldom such an opinion is shown (Swaminathan and Joachims, 2015). ``DR``: doubly robust (Dudík, Langford and Li,
2011): a regression's prediction for the candidate, mended by the weighted errors of that regression where it was not
fitted. Intervals take what one person did as one piece, since people's decisions hang together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from llmagent_os.errors import PolicyError
from llmagent_os.policy.observed import Observed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 5
#: Weights beyond this are cut off: the bias is reported as their share.
CLIP = 50.0
#: Less than this is too little to conclude from.
MIN_ESS, MIN_OPINIONS, MIN_PEOPLE = 50.0, 30, 5
RIDGE = 3.0


@dataclass(frozen=True)
class Logged:
    """Decisions and how they were taken; ``n`` of them, in the order in which they were made."""

    features: Floats  #: of the contexts, shape ``(n, columns)``
    people: Ints  #: whose, shape ``(n,)``
    actions: Ints  #: chosen, shape ``(n,)``
    chances: Floats  #: of every action when it was chosen, shape ``(n, actions)``
    opinions: Ints  #: codes of ``observed.OPINIONS``
    nexts: Ints  #: codes of ``observed.NEXTS``

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def pscore(self) -> Floats:
        """The probability of what was chosen, shape ``(n,)``."""
        return np.asarray(self.chances[np.arange(len(self)), self.actions], np.float64)


@dataclass(frozen=True)
class Estimate:
    """A value, as a probability of satisfaction, with a 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """What is known of one candidate."""

    snipw: Estimate  #: from opinions alone
    dr: Estimate  #: from all that was seen
    gain: Estimate  #: DR, beyond what the logged choices were worth
    ess: float  #: effective sample size of the weights
    clipped: float  #: the share of decisions whose weight was cut off
    unsupported: float  #: the candidate's mean probability of actions that could not have been logged
    opinions: int
    people: int

    @property
    def conclusive(self) -> bool:
        """Whether there is enough to conclude from."""
        return self.ess >= MIN_ESS and self.opinions >= MIN_OPINIONS and self.people >= MIN_PEOPLE

    @property
    def promote(self) -> bool:
        """Whether the candidate is better than what was done: the gain's lower bound says so, and there is enough."""
        return self.conclusive and self.unsupported < 0.05 and self.gain.low > 0

    @property
    def verdict(self) -> str:
        """In words."""
        if not self.conclusive:
            return f"too little data (ESS {self.ess:.0f}, {self.opinions} opinions, {self.people} people)"
        if self.unsupported >= 0.05:
            return f"cannot be told: {self.unsupported:.0%} of its choices were never possible"
        if self.gain.low > 0:
            return "better"
        return "worse" if self.gain.high < 0 else "no difference shown"


def evaluate(logged: Logged, candidate: Floats, contrasts: Floats) -> Evaluation:
    """Judge a candidate.

    Args:
        logged: what was done.
        candidate: the probability it gives each action at each decision, shape ``(n, actions)``.
        contrasts: the actions as vectors, shape ``(actions, k)``: see ``ActionSpace.contrasts``.

    Raises:
        PolicyError: there are no decisions, or the shapes do not fit.
    """
    n = len(logged)
    if not n or candidate.shape != logged.chances.shape:
        raise PolicyError(f"{n} logged decisions and a candidate of shape {candidate.shape}: nothing to evaluate")
    observed = Observed.fit(logged.opinions, logged.nexts)
    chosen = np.asarray(candidate[np.arange(n), logged.actions], np.float64)
    raw = chosen / np.maximum(logged.pscore, 1e-9)
    weights = np.minimum(raw, CLIP)
    outcome = observed.outcomes(logged.opinions, logged.nexts)
    design, columns = _design(logged, contrasts)
    predicted = _cross_fitted(design, columns, logged, outcome)
    direct = (candidate * predicted).sum(1)
    residual = outcome - predicted[np.arange(n), logged.actions]
    scores = direct + weights * residual
    shown = logged.opinions > 0
    opinion_weights = np.where(shown, weights / observed.p_observed(logged.opinions), 0.0)
    return Evaluation(
        snipw=_ratio(opinion_weights, (logged.opinions == 2).astype(np.float64), logged.people),
        dr=_mean(scores, logged.people),
        gain=_mean(scores - outcome, logged.people),
        ess=float(weights.sum() ** 2 / max((weights**2).sum(), 1e-12)),
        clipped=float((raw > CLIP).mean()),
        unsupported=float(np.where(logged.chances <= 0, candidate, 0.0).sum(1).mean()),
        opinions=int(shown.sum()),
        people=len(np.unique(logged.people)),
    )


def _design(logged: Logged, contrasts: Floats) -> tuple[Floats, int]:
    """What the regression sees of every action at every decision, shape ``(n, actions, columns)``."""
    n, actions = logged.chances.shape
    states = np.hstack([np.ones((n, 1)), logged.features])
    crossed = np.einsum("ak,ns->naks", contrasts, states).reshape(n, actions, -1)
    plain = np.broadcast_to(states[:, None], (n, actions, states.shape[1]))
    return np.concatenate([plain, crossed], axis=2), contrasts.shape[1]


def _cross_fitted(design: Floats, k: int, logged: Logged, outcome: Floats) -> Floats:
    """Ridge regressions' predictions, shape ``(n, actions)``, of each decision by one that was not fitted on it.

    Each person's deviation from everybody's is fitted too, on the action alone, and shrunk more.
    """
    n, actions, _ = design.shape
    chosen = design[np.arange(n), logged.actions]
    predicted = np.zeros((n, actions))
    states = logged.features.shape[1] + 1
    effects = np.concatenate([np.ones((n, actions, 1)), design[:, :, states::states][:, :, :k]], axis=2)
    own = effects[np.arange(n), logged.actions]
    fold: Ints = np.arange(n, dtype=np.int64) % FOLDS
    for each in range(FOLDS):
        train, test = fold != each, fold == each
        fitted = chosen[train]
        gram = fitted.T @ fitted + RIDGE * np.eye(fitted.shape[1])
        shared = np.linalg.solve(gram, fitted.T @ (outcome[train] - 0.5))
        predicted[test] = 0.5 + design[test] @ shared
        rest = outcome[train] - 0.5 - fitted @ shared
        for person in np.unique(logged.people[test]):
            mine = logged.people[train] == person
            rows = own[train][mine]
            theirs = np.linalg.solve(rows.T @ rows + 4 * RIDGE * np.eye(rows.shape[1]), rows.T @ rest[mine])
            here = test & (logged.people == person)
            predicted[here] += effects[here] @ theirs
    return np.clip(predicted, 0.0, 1.0)


def _mean(values: Floats, people: Ints) -> Estimate:
    """The mean, with an interval that takes each person as one piece where there are enough, else each decision."""
    n, mean = len(values), float(values.mean())
    return _interval(mean, _spread(values - mean, people) / n, people)


def _ratio(weights: Floats, values: Floats, people: Ints) -> Estimate:
    total = weights.sum()
    if total <= 0:
        return Estimate(float("nan"), 0.0, 1.0)
    mean = float((weights * values).sum() / total)
    return _interval(mean, _spread(weights * (values - mean), people) / float(total), people)


def _spread(errors: Floats, people: Ints) -> float:
    """The standard error of the sum: of people's sums, but not less than of single decisions' would be."""
    _, who = np.unique(people, return_inverse=True)
    sums = np.bincount(who, errors)
    count = len(sums)
    alone = float(np.sqrt((errors**2).sum()))
    if count < MIN_PEOPLE:
        return alone
    return max(alone, float(np.sqrt((sums**2).sum() * count / (count - 1))))


def _interval(mean: float, error: float, people: Ints) -> Estimate:
    freedom = max(len(np.unique(people)) - 1, 1)
    reach = float(stats.t.ppf(0.975, max(freedom, MIN_PEOPLE - 1))) * error
    return Estimate(mean, mean - reach, mean + reach)
