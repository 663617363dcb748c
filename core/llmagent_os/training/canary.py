r"""Tests a version on a share of the conversations, at every moment, and says when to promote it or to roll it back.

Symbols. Conversations are t = 1, 2, …, in the order in which they end::

    p_t   the share of conversations that the canary answers when t begins
    A_t   1 with probability p_t: the canary answers all of conversation t; 0: the active version does
    r_t   the mean reward in conversation t, in [-1, 1]; 0 if nobody said what they think
    b_t   the mean reward before t, of both versions
    z_t = (A_t / p_t - (1 - A_t) / (1 - p_t)) (r_t - b_t)

A_t is drawn for each conversation, whatever was seen before. So ``E[z_t | before] = μ_canary - μ_active = δ``: b_t only
makes the variance small. A silent conversation counts too: a version that people react to less often must not look
better for that.

Two hypotheses are bet against, each with the wealth of a gambler who starts with 1 and never goes into debt::

    harm      against δ >= 0:    K_t(λ) = Π (1 + λ (0 - z_i))
    no worse  against δ <= -m:   K_t(λ) = Π (1 + λ (z_i + m))

The bounds of λ keep every factor at :data:`LEAST_FACTOR` or above. Under its hypothesis each K is a supermartingale,
and so is the mean of K over a fixed grid of λ, the e-value. By Ville's inequality it ever exceeds 1/α with probability
α at most, however often one looks and whenever one stops. Left out: bets that learn λ, which gain little over the grid.

References:
    J. Ville (1939). Étude critique de la notion de collectif. Gauthier-Villars.
    I. Waudby-Smith and A. Ramdas (2024). Estimating means of bounded random variables by betting. JRSS B 86.
    I. Waudby-Smith, L. Wu, A. Ramdas, N. Karampatziakis and P. Mineiro (2024). Anytime-valid off-policy inference for
    contextual bandits. ACM/IMS Journal of Data Science 1.
    G. Shafer (2021). Testing by betting. JRSS A 184.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
import numpy as np

from llmagent_os.errors import ConfigError
from llmagent_os.policy.array_types import Floats
from llmagent_os.training.canary_draw import draws_canary

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


class CanarySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a canary is tested.

    Raises:
        ConfigError: a value is out of range; the message names it.
    """

    share: float = 0.2  #: of the conversations that the canary answers, in [0.01, 0.5]
    margin: float = 0.1  #: how much worse, in mean reward from -1 to 1, still counts as no worse
    risk_of_harm: float = 0.05  #: the probability of promoting a version that is worse by the margin or more
    risk_of_alarm: float = 0.05  #: the probability of rolling a version back that is not worse
    min_conversations: int = 20  #: answered by the canary, before it is promoted
    max_conversations: int = 5000  #: of both versions, after which the canary is given up

    def __post_init__(self) -> None:
        for name, low, high in (
            ("share", 0.01, 0.5),
            ("margin", 0.001, 1.0),
            ("risk_of_harm", 1e-6, 0.5),
            ("risk_of_alarm", 1e-6, 0.5),
            ("min_conversations", 1, 10**9),
            ("max_conversations", 1, 10**9),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"canary: {name} is {value}, it must lie between {low} and {high}")


class CanaryState(msgspec.Struct, kw_only=True):
    """What is kept of a running test. It is JSON, so a test goes on after a restart."""

    conversations: int = 0  #: of both versions
    canary_conversations: int = 0  #: those that the canary answered
    reward_sums: tuple[float, float] = (0.0, 0.0)  #: of the active version, and of the canary
    harm: tuple[float, ...] = (0.0,) * BETS  #: ln K of every bet against "not worse"
    no_worse: tuple[float, ...] = (0.0,) * BETS  #: ln K of every bet against "worse by the margin"
    #: after each conversation: ln of the e-value of harm, and of that of being no worse
    history: list[tuple[float, float]] = []
    decision: CanaryDecision = CanaryDecision.CONTINUE


class Canary:
    """One sequential test of a version against the active one.

    Args:
        name: the version's name. It decides, with the conversation's id, who answers.
        settings: how it is tested.
        state: of a test that was begun before.
    """

    def __init__(self, name: str, settings: CanarySettings | None = None, state: CanaryState | None = None) -> None:
        self.name = name
        self.settings = settings or CanarySettings()
        self.state = state or CanaryState()
        share = self.settings.share
        # z lies in [-2/min(p, 1-p), 2/min(p, 1-p)], for |r - b| <= 2.
        greatest = 2 / min(share, 1 - share)
        self._bets_on_harm = _bets(greatest)  # λ, (BETS,)
        self._bets_on_no_worse = _bets(greatest - self.settings.margin)  # λ, (BETS,)

    def answers(self, conversation: str) -> bool:
        """Whether the canary answers a conversation: always the same for the same conversation."""
        return draws_canary(self.name, conversation, self.settings.share)

    def observe(self, conversation: str, reward: float) -> CanaryDecision:
        """Take up a conversation that has ended, and say what to do. After a decision nothing changes any more.

        Args:
            conversation: its id. Each conversation is given once.
            reward: the mean of its rewards, in [-1, 1]; 0 if there were none.

        Raises:
            ValueError: the reward is out of range.
        """
        return self.observe_answered(self.answers(conversation), reward)

    def observe_answered(self, by_canary: bool, reward: float) -> CanaryDecision:
        """Take up a conversation of which it is known whether the canary answered; see :meth:`observe`."""
        if not -1 <= reward <= 1:
            raise ValueError(f"the reward of a conversation is {reward}, it must lie between -1 and 1")
        state, settings = self.state, self.settings
        if state.decision != CanaryDecision.CONTINUE:
            return state.decision
        baseline = sum(state.reward_sums) / state.conversations if state.conversations else 0.0  # b
        scale = 1 / settings.share if by_canary else -1 / (1 - settings.share)
        z = scale * (reward - baseline)
        harm = np.asarray(state.harm) + np.log1p(self._bets_on_harm * -z)  # (BETS,)
        no_worse = np.asarray(state.no_worse) + np.log1p(self._bets_on_no_worse * (z + settings.margin))  # (BETS,)
        active, canary = state.reward_sums
        state.reward_sums = (active, canary + reward) if by_canary else (active + reward, canary)
        state.conversations += 1
        state.canary_conversations += by_canary
        state.harm, state.no_worse = tuple(harm.tolist()), tuple(no_worse.tolist())
        state.history.append((_log_mean(harm), _log_mean(no_worse)))
        state.decision = self._decide()
        return state.decision

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
    def why(self) -> str:
        """Where the test stands, in words."""
        state = self.state
        if not state.history:
            return "no conversation has ended yet"
        harm, no_worse = np.exp(np.minimum(state.history[-1], 700.0))
        answered = (state.conversations - state.canary_conversations, state.canary_conversations)
        means = [total / max(count, 1) for total, count in zip(state.reward_sums, answered, strict=True)]
        return (
            f"mean reward {means[1]:+.3f} in {answered[1]} conversations of {self.name}, {means[0]:+.3f} in "
            f"{answered[0]} others; evidence that it is worse {harm:.3g}, that it is no worse {no_worse:.3g}"
        )


def _bets(greatest_loss: float) -> Floats:
    """Return the grid of λ, ``(BETS,)``: even in ln λ, up to what keeps every factor above :data:`LEAST_FACTOR`.

    Args:
        greatest_loss: the most that λ is multiplied with in a loss.
    """
    greatest = (1 - LEAST_FACTOR) / greatest_loss
    return np.geomspace(greatest / 500, greatest, BETS)


def _log_mean(logs: Floats) -> float:
    """Return the logarithm of the mean of numbers, given by their logarithms."""
    most = float(logs.max())
    return most + float(np.log(np.exp(logs - most).mean()))
