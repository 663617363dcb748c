"""A person's latest turns, so that what is said of one of them is credited to it and to those before it."""

from __future__ import annotations

import math

import msgspec

from llmagent_os.feedback.signals import worth_of
from llmagent_os.policy.learner import Observation

#: So many turns of a person are remembered: what comes later on older ones is not learned.
TURNS = 32


class Turn(msgspec.Struct, kw_only=True):
    """One decision and what it has earned so far."""

    decision_id: str
    episode_id: str
    action: int
    pscore: float
    allowed: tuple[bool, ...]
    state: list[float]  #: the context as numbers
    signs: dict[str, float] = {}  #: what stands, by kind
    credited: float = 0.0  #: of the return, what was learned already
    expected: float | None = None  #: what it was measured against; None: nothing was learned, or it was taken back

    @property
    def reward(self) -> float:
        """r_t: what the person thinks, where they said so, else what they did next; in [-1, 1].

        An opinion takes the place of other signs instead of adding to them, so that who reacts a lot is not learned
        from more than who only goes on: silence is missing, and then what came next is all there is.
        """
        if "reaction" in self.signs:
            return self.signs["reaction"]
        rest = [worth_of(kind, reward) for kind, reward in self.signs.items()]
        return max(-1.0, min(1.0, math.fsum(rest)))

    def surprise(self, change: float, expected: float) -> float:
        """What is to be learned of a change of the return: the first is measured against what was ``expected``, later
        ones are changes, and where all is taken back so is what it was measured against.
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
    """A turn, and how much its return has changed."""

    turn: Turn
    change: float


def note(turns: list[Turn], seen: Observation, state: list[float], gamma: float) -> list[Credit]:
    """Write down an observation, and credit the turns of its session.

    Args:
        turns: of the person, oldest first; changed in place.
        seen: the observation. It takes the place of an earlier one of the same decision and kind.
        state: its context as numbers.
        gamma: the discount γ of the return Σ γ^k r_{t+k}.

    Returns:
        The turns whose return has changed, that of ``seen`` first; none, where it says nothing new.
    """
    at = next((at for at in range(len(turns) - 1, -1, -1) if turns[at].decision_id == seen.decision_id), None)
    if at is None:
        if seen.reward is None:  # too long ago to be taken back; what is remembered must not make room for it
            return []
        at = len(turns)
        turns.append(
            Turn(
                decision_id=seen.decision_id,
                episode_id=seen.episode_id,
                action=seen.action,
                pscore=seen.pscore,
                allowed=seen.allowed,
                state=state,
            )
        )
    turn = turns[at]
    before, signs = turn.reward if turn.signs else 0.0, dict(turn.signs)
    if seen.reward is None or not math.isfinite(seen.reward):
        if seen.kind == "reaction":  # taken off: the turn is withdrawn, with whatever else it said
            signs.clear()
        signs.pop(seen.kind, None)
    else:
        weight = min(max(seen.weight, 0.0), 1.0) if math.isfinite(seen.weight) else 0.0
        signs[seen.kind] = max(-1.0, min(1.0, seen.reward)) * weight
    other = bool(signs) != bool(turn.signs)
    turn.signs = signs
    change = (turn.reward if signs else 0.0) - before
    credits = [Credit(turn, change)] if change or other else []
    share = gamma if change else 0.0
    for earlier in reversed(turns[:at]):
        if not turn.episode_id or earlier.episode_id != turn.episode_id or share < 1e-3:
            break
        credits.append(Credit(earlier, share * change))
        share *= gamma
    del turns[: max(0, len(turns) - TURNS)]
    return credits
