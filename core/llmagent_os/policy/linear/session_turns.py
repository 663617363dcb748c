"""Keep a person's latest turns, and turn signals into changes of their returns.

The reward r_t of a turn is what its signals say. The return G_t = Σ_k γ^k r_{t+k} adds the discounted rewards of the
later turns of the session.
"""

from __future__ import annotations

import math

import msgspec

from llmagent_os.feedback.signals import worth_of
from llmagent_os.policy.learner import Observation

#: How many turns of a person are remembered. Signals about older turns are not learned.
REMEMBERED_TURNS = 32

#: A credit that is discounted below this share is dropped.
MIN_CREDIT_SHARE = 1e-3


class SessionTurn(msgspec.Struct, kw_only=True):
    """One decision and its reward so far. The names of the fields are part of the stored format."""

    decision_id: str  #: the decision
    episode_id: str  #: the session; empty: the turn stands alone
    action: int  #: the number of the chosen action
    pscore: float  #: the probability of the choice
    allowed: tuple[bool, ...]  #: which actions could be chosen
    state: list[float]  #: the context vector
    shown: tuple[bool, ...] = ()  #: which dimensions could show in the reply; empty: all of them
    share: float = 1.0  #: how much the turn counts for the shared weights, in [0, 1]
    signs: dict[str, float] = {}  #: the present value of every signal, by kind
    credited: float = 0.0  #: the part of the return that was learned already
    expected: float | None = None  #: the return that was expected; None: nothing is learned of the turn

    @property
    def reward(self) -> float:
        """r_t, in [-1, 1]: the person's opinion if there is one, else the sum of the other signals.

        An opinion replaces the other signals. If it were added to them, more would be learned from people who react
        often than from people who only go on.
        """
        if "reaction" in self.signs:
            return self.signs["reaction"]
        rest = [worth_of(kind, reward) for kind, reward in self.signs.items()]
        return max(-1.0, min(1.0, math.fsum(rest)))

    def surprise(self, change: float, expected: float) -> float:
        """Return what is to be learned from a change of the return, and note that it was learned.

        The first change is measured against ``expected``, and later ones count as they are. Where the whole return is
        taken back, the first measurement is taken back too.

        Args:
            change: the change of G_t.
            expected: the return that the learner expects now.
        """
        self.credited += change
        if self.expected is None:
            self.expected = expected
            return change - expected
        if abs(self.credited) < 1e-9:
            measured, self.credited, self.expected = self.expected, 0.0, None
            return change + measured
        return change


class Credit(msgspec.Struct):
    """A turn whose return has changed."""

    turn: SessionTurn  #: the turn
    change: float  #: the change of its return


def record(
    turns: list[SessionTurn], seen: Observation, state: list[float], gamma: float, share: float = 1.0
) -> list[Credit]:
    """Add an observation, and credit its turn and the earlier turns of the session.

    Args:
        turns: the person's turns, oldest first; changed in place.
        seen: the observation. It replaces an earlier one of the same decision and kind.
        state: the context vector of the observation.
        gamma: the discount γ of the return.
        share: how much the turn counts for the shared weights, if it is new.

    Returns:
        The turns whose return has changed, the turn of ``seen`` first; empty, if the observation says nothing new.
    """
    at = next((at for at in range(len(turns) - 1, -1, -1) if turns[at].decision_id == seen.decision_id), None)
    if at is None:
        if seen.reward is None:  # the turn is too old, and must not push out a newer one
            return []
        at = len(turns)
        turns.append(
            SessionTurn(
                decision_id=seen.decision_id,
                episode_id=seen.episode_id,
                action=seen.action,
                pscore=seen.pscore,
                allowed=seen.allowed,
                state=state,
                shown=seen.shown,
                share=share,
            )
        )
    turn = turns[at]
    before, signs = turn.reward if turn.signs else 0.0, _updated(turn.signs, seen)
    other = bool(signs) != bool(turn.signs)  # the turn begins or ceases to say something
    turn.signs = signs
    change = (turn.reward if signs else 0.0) - before
    credits = [Credit(turn, change)] if change or other else []
    share = gamma if change else 0.0
    for earlier in reversed(turns[:at]):
        if not turn.episode_id or earlier.episode_id != turn.episode_id or share < MIN_CREDIT_SHARE:
            break
        credits.append(Credit(earlier, share * change))
        share *= gamma
    del turns[: max(0, len(turns) - REMEMBERED_TURNS)]
    return credits


def _updated(signs: dict[str, float], seen: Observation) -> dict[str, float]:
    """Return the signals of a turn after an observation."""
    signs = dict(signs)
    if seen.reward is None or not math.isfinite(seen.reward):
        if seen.kind == "reaction":  # the reaction was taken off: the turn is withdrawn, with its other signals
            signs.clear()
        signs.pop(seen.kind, None)
    else:
        weight = min(max(seen.weight, 0.0), 1.0) if math.isfinite(seen.weight) else 0.0
        signs[seen.kind] = max(-1.0, min(1.0, seen.reward)) * weight
    return signs
