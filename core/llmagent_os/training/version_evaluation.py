"""What was measured of one version of a model. Step 5 of fine-tuning gives it, and the gate reads it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from llmagent_os.identity import PersonId
from llmagent_os.policy.array_types import Floats
from llmagent_os.training.probe import MeasureKind


class MeasureScores(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of one measure: one value a probe in every field."""

    name: str
    kind: MeasureKind
    scores: tuple[float, ...]  #: in [0, 1]; 1 is good
    persons: tuple[PersonId, ...]  #: whose chat the probe is
    segments: tuple[str, ...]  #: the group that the probe stands for
    prompts: tuple[str, ...]  #: the last turn of the probe
    replies: tuple[str, ...]  #: what was written; empty where the version chose among replies
    private: bool = False  #: prompts and replies may hold people's words

    @property
    def mean(self) -> float:
        """The mean score; 0 without probes."""
        return float(np.mean(self.scores)) if self.scores else 0.0


class LoggedRewards(msgspec.Struct, frozen=True, kw_only=True):
    """Replies that were served and judged by people, and what a version would have done there: n values a field."""

    persons: tuple[PersonId, ...]  #: who reacted
    segments: tuple[str, ...]  #: the group of the person or of the request
    clusters: tuple[str, ...]  #: raters who may be one hand: accounts made together, say; empty: nobody else
    weights: tuple[float, ...]  #: how far the rater is trusted, in [0, 1]
    rewards: tuple[float, ...]  #: what was thought of the served reply, in [0, 1]
    served: tuple[float, ...]  #: what the reward model makes of the served reply, in [0, 1]
    fresh: tuple[float, ...]  #: what the reward model makes of the version's own reply to the same chat, in [0, 1]
    #: importance weights: how many times as likely the version writes the served reply; 0: not known, or not sampled
    ratios: tuple[float, ...]
    #: of one person's version: the log-likelihood of the served words, in nats a reply; None: a call. Empty: not asked
    said: tuple[float | None, ...] = ()


class FreshLikings(msgspec.Struct, frozen=True, kw_only=True):
    """How one person would like a version's replies to fresh questions, by tastes that the person may have."""

    #: by question, then by drawn taste: see :mod:`~llmagent_os.training.taste_draws`
    liked: tuple[tuple[float, ...], ...]
    replies: tuple[str, ...]  #: by question
    #: the share of judged replies in this style that the person liked, by Laplace's rule, without what is held out
    liked_now: float = 0.5


class VersionEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one version, on the same probes and logged replies as of every other version.

    It holds people's ids and replies: it stays in the job's folder. What is kept longer is :meth:`summary`.
    """

    version: str  #: the version's name; ``base``: the model without a LoRA
    base: str  #: the base model's name
    nll: tuple[float, ...] = ()  #: negative log-likelihood of each test example, in nats a response token
    measures: dict[str, MeasureScores] = {}  #: by name
    drift: tuple[float, ...] = ()  #: KL from the base on each control prompt, in nats a response token
    #: KL from the version that it was trained from, as ``drift``; empty: that is the base
    parent_drift: tuple[float, ...] = ()
    rewards: LoggedRewards | None = None  #: ``None``: no judged reply was logged
    fresh: FreshLikings | None = None  #: ``None``: it answers several people
    #: how much each person's examples counted in training: sums of absolute reward × weight. Empty: not known
    contributions: dict[PersonId, float] = {}
    #: the clusters of raters who may be one hand (:mod:`~llmagent_os.training.rater_clusters`); others are not in it
    clusters: dict[PersonId, str] = {}
    seconds: float = 0.0  #: how long the evaluation took

    def summary(self) -> dict[str, Any]:
        """Give the figures alone: means, without anybody's id or words, as JSON takes them."""
        return {
            "version": self.version,
            "base": self.base,
            "nll": _mean(self.nll),
            "drift": _mean(self.drift),
            "parent_drift": _mean(self.parent_drift),
            "measures": {name: round(each.mean, 4) for name, each in sorted(self.measures.items())},
            "people": len(self.contributions),
            "seconds": round(self.seconds, 1),
        }


def _mean(values: tuple[float, ...]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def as_array(values: tuple[float, ...]) -> Floats:
    """Give the values as an array, ``(n,)``."""
    return np.asarray(values, np.float64)
