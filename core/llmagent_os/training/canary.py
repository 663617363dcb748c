r"""Tests a version on a share of the conversations, at every moment, and says when to promote it or to roll it back.

Symbols. Conversations are t = 1, 2, …, in the order in which they begin::

    p     the share of conversations that the canary answers
    A_t   1 with probability p: the canary answers all of conversation t; 0: the active version does
    r_t   the mean reward in conversation t, in [-1, 1]; 0 if nobody said what they think
    b_t   the mean reward before t, of both versions
    z_t = (A_t / p - (1 - A_t) / (1 - p)) (r_t - b_t)

A_t is drawn for each conversation, whatever was seen before. So ``E[z_t | before] = μ_canary - μ_active = δ``: b_t only
makes the variance small. A silent conversation counts too: a version that people react to less often must not look
better for that. Who is answered plays no part: a person who is never content is so with both versions.

Two hypotheses are bet against, each with the wealth of a gambler who starts with 1 and never goes into debt::

    harm      against δ >= 0:    K_t(λ) = Π (1 + λ (0 - z_i))
    no worse  against δ <= -m:   K_t(λ) = Π (1 + λ (z_i + m))

The bounds of λ keep every factor at :data:`LEAST_FACTOR` or above. Under its hypothesis each K is a supermartingale,
and so is the mean of K over a fixed grid of λ. By Ville's inequality it ever exceeds 1/α with probability α at most,
however often one looks and whenever one stops.

No single person decides. For every person j there is a second product, over the conversations of all others. It is a
supermartingale too: whether a conversation is j's is known before A_t is drawn. What is compared with 1/α is the least
of all these means, the e-value here. It is at most any one of them, so the risk stays α. A version is promoted, or
rolled back, if the evidence is enough without whichever one person.

Left out: bets that learn λ, which gain little over the grid.

References:
    J. Ville (1939). Étude critique de la notion de collectif. Gauthier-Villars.
    I. Waudby-Smith and A. Ramdas (2024). Estimating means of bounded random variables by betting. JRSS B 86.
    I. Waudby-Smith, L. Wu, A. Ramdas, N. Karampatziakis and P. Mineiro (2024). Anytime-valid off-policy inference for
    contextual bandits. ACM/IMS Journal of Data Science 1.
    G. Shafer (2021). Testing by betting. JRSS A 184.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
import numpy as np

from llmagent_os.policy.array_types import Floats
from llmagent_os.training.canary_settings import LEAST_SHARE, CanarySettings

#: The number of bets in the grid.
BETS = 24
#: No bet loses more than 99 % of its wealth in one conversation.
LEAST_FACTOR = 0.01


class CanaryDecision(StrEnum):
    """What is to be done with a canary."""

    CONTINUE = "continue"  #: nothing is certain yet
    PROMOTE = "promote"  #: it is surely no worse than the margin allows
    ROLL_BACK = "roll_back"  #: it is surely worse
    GIVE_UP = "give_up"  #: nothing became certain in as many conversations as it was given: the active version stays


class CanaryState(msgspec.Struct, kw_only=True):
    """Where a test stands."""

    conversations: int = 0  #: of both versions
    canary_conversations: int = 0  #: those that the canary answered
    reward_sums: tuple[float, float] = (0.0, 0.0)  #: of the active version, and of the canary
    #: after each conversation: ln of the e-value of harm, and of that of being no worse
    history: list[tuple[float, float]] = []
    decision: CanaryDecision = CanaryDecision.CONTINUE


class Canary:
    """One sequential test of a version against the active one. Equal conversations in equal order give equal states.

    Args:
        name: the version's name.
        settings: how it is tested. Its share is that of every conversation that is observed, and not 0.
    """

    def __init__(self, name: str, settings: CanarySettings | None = None) -> None:
        self.name = name
        self.settings = settings or CanarySettings()
        self.state = CanaryState()
        # z lies in [-2/min(p, 1-p), 2/min(p, 1-p)], for |r - b| <= 2.
        greatest = 2 / max(self.settings.share, LEAST_SHARE)
        bets = (_bets(greatest), _bets(greatest - self.settings.margin))
        self._bets = np.stack(bets)  # λ on harm, and on being no worse, (2, BETS)
        self.logs: Floats = np.zeros((2, BETS))  #: ln K of every bet
        self._people: dict[str, int] = {}  # the place of each person in the next array
        self._own_logs: Floats = np.zeros(
            (8, 2, BETS)
        )  # what each person's conversations add to ln K, (people, 2, BETS)

    def observe(self, by_canary: bool, reward: float, person: str = "") -> CanaryDecision:
        """Take up a conversation, and say what to do. After a decision nothing changes any more.

        Args:
            by_canary: whether the canary answered.
            reward: the mean of its rewards, in [-1, 1]; 0 if there were none.
            person: who was answered; empty: the evidence need not be enough without them.

        Raises:
            ValueError: the reward is out of range.
        """
        if not -1 <= reward <= 1:
            raise ValueError(f"the reward of a conversation is {reward}, it must lie between -1 and 1")
        state, settings = self.state, self.settings
        if state.decision != CanaryDecision.CONTINUE:
            return state.decision
        baseline = sum(state.reward_sums) / state.conversations if state.conversations else 0.0  # b
        scale = 1 / settings.share if by_canary else -1 / (1 - settings.share)
        z = scale * (reward - baseline)
        gained = np.log1p(self._bets * np.array([[-z], [z + settings.margin]]))  # (2, BETS)
        self.logs = self.logs + gained
        if person:
            place = self._place(person)  # before the array is looked at: it may grow
            self._own_logs[place] += gained
        active, canary = state.reward_sums
        state.reward_sums = (active, canary + reward) if by_canary else (active + reward, canary)
        state.conversations += 1
        state.canary_conversations += by_canary
        state.history.append(self._evidence())
        state.decision = self._decide()
        return state.decision

    def _place(self, person: str) -> int:
        place = self._people.setdefault(person, len(self._people))
        if place == len(self._own_logs):
            self._own_logs = np.concatenate([self._own_logs, np.zeros_like(self._own_logs)])
        return place

    def _evidence(self) -> tuple[float, float]:
        """Give ln of the two e-values: the least of the mean over all people, and of the means without one of them."""
        without = self.logs - self._own_logs[: len(self._people)]  # (people, 2, BETS)
        logs = _log_means(np.concatenate([self.logs[None], without]))  # (1 + people, 2)
        harm, no_worse = logs.min(0).tolist()
        return harm, no_worse

    def _decide(self) -> CanaryDecision:
        settings, state = self.settings, self.state
        harm, no_worse = state.history[-1]
        if harm >= -np.log(settings.risk_of_alarm):
            return CanaryDecision.ROLL_BACK
        if no_worse >= -np.log(settings.risk_of_harm) and state.canary_conversations >= settings.min_conversations:
            return CanaryDecision.PROMOTE
        if state.conversations >= settings.max_conversations:
            return CanaryDecision.GIVE_UP
        return CanaryDecision.CONTINUE

    @property
    def answered(self) -> tuple[int, int]:
        """How many conversations the active version answered, and how many the canary."""
        return self.state.conversations - self.state.canary_conversations, self.state.canary_conversations

    @property
    def means(self) -> tuple[float, float]:
        """The mean reward in conversations of the active version, and in those of the canary; 0 without any."""
        active, canary = (
            total / max(count, 1) for total, count in zip(self.state.reward_sums, self.answered, strict=True)
        )
        return active, canary

    @property
    def evidence(self) -> tuple[float, float]:
        """The e-values of harm and of being no worse; 1 before the first conversation."""
        harm, no_worse = np.exp(
            np.minimum(self.state.history[-1] if self.state.history else (0.0, 0.0), 700.0)
        ).tolist()
        return harm, no_worse

    @property
    def why(self) -> str:
        """Where the test stands, in words."""
        if not self.state.history:
            return "no conversation has been counted yet"
        (others, own), (before, after), (harm, no_worse) = self.answered, self.means, self.evidence
        return (
            f"mean reward {after:+.3f} in {own} conversations of {self.name}, {before:+.3f} in {others} others; "
            f"evidence that it is worse {harm:.3g} of {1 / self.settings.risk_of_alarm:.3g}, "
            f"that it is no worse {no_worse:.3g} of {1 / self.settings.risk_of_harm:.3g}"
        )


def _bets(greatest_loss: float) -> Floats:
    """Return the grid of λ, ``(BETS,)``: even in ln λ, up to what keeps every factor above :data:`LEAST_FACTOR`.

    Args:
        greatest_loss: the most that λ is multiplied with in a loss.
    """
    greatest = (1 - LEAST_FACTOR) / greatest_loss
    return np.geomspace(greatest / 500, greatest, BETS)


def _log_means(logs: Floats) -> Floats:
    """Return the logarithms of means over the last axis, of numbers that are given by their logarithms."""
    most = logs.max(-1, keepdims=True)
    return np.asarray(most[..., 0] + np.log(np.exp(logs - most).mean(-1)), np.float64)


def replayed(name: str, settings: CanarySettings, seen: Sequence[tuple[bool, float, str]]) -> Canary:
    """Make a test again from what it has seen: of each conversation, what :meth:`Canary.observe` takes."""
    canary = Canary(name, settings)
    for each in seen:
        canary.observe(*each)
    return canary
