"""Bound what new people teach about everybody.

What is learned of one person moves a shared part: what people like who are not known yet. An attacker can make any
number of accounts, and without proof of who they are, nothing tells these from as many people (Douceur, 2002). What
an attacker cannot make is time. So the replies to new people count for the shared part only up to a budget, of all
newcomers together: a token bucket that holds :data:`BURST_REPLIES` at most and is filled with :data:`DAILY_REPLIES` a
day. Accounts that come together are as one hand, then, however many they are and whatever they say. What is learned of
each newcomer's own taste is not affected.

A person is new until they react :data:`ESTABLISHED_SECONDS` after their first reaction or later. Time is that of the
observations, never that of the machine: the same observations give the same weights, whenever they are learned.

Reference:
    J. R. Douceur (2002). The Sybil attack. International Workshop on Peer-to-Peer Systems.
"""

from __future__ import annotations

from collections.abc import Mapping

#: How many replies to new people count for the shared part where there were none for long.
BURST_REPLIES = 24.0
#: How many more count with every day.
DAILY_REPLIES = 12.0
#: How many replies make a new person count as one person.
PERSON_REPLIES = 12.0
#: A person who reacts this long after their first reaction is not new any more.
ESTABLISHED_SECONDS = 24 * 3600.0
_DAY_SECONDS = 24 * 3600.0


class NewcomerBudget:
    """Counts how many replies to new people may still count for the shared part.

    >>> budget = NewcomerBudget()
    >>> [budget.share(0.0, 60.0) for _ in range(26)][-3:]
    [1.0, 0.0, 0.0]
    >>> budget.share(3600.0, 3660.0)  # one hour later
    0.5
    >>> budget.share(0.0, 25 * 3600.0), budget.share(0.0, None)
    (1.0, 1.0)
    """

    def __init__(self, state: Mapping[str, float] | None = None) -> None:
        """Start with the :attr:`state` of an earlier object, or full."""
        state = state or {}
        self._left = float(state.get("left", BURST_REPLIES))
        self._latest = float(state["latest"]) if "latest" in state else None

    def share(self, first: float | None, at: float | None) -> float:
        """Return how much a reply counts for the shared part, in [0, 1], and note that it has counted.

        Args:
            first: when the person was first heard, in seconds; None: now, or not known.
            at: when the first signal about the reply came, in seconds; None: not known, and the reply counts in full.
        """
        if at is None or is_established(first, at):
            return 1.0
        if self._latest is not None:  # clocks of several platforms differ: time never runs back
            passed = max(0.0, at - self._latest) / _DAY_SECONDS
            self._left = min(BURST_REPLIES, self._left + DAILY_REPLIES * passed)
        self._latest = at if self._latest is None else max(at, self._latest)
        share = min(1.0, self._left)
        self._left -= share
        return share

    @property
    def state(self) -> dict[str, float]:
        """What is left, and the latest time, in seconds, to store it and to make the object again."""
        return {"left": self._left} | ({} if self._latest is None else {"latest": self._latest})


def is_established(first: float | None, at: float) -> bool:
    """Return whether a person who was first heard at ``first`` is not new any more at ``at``, both in seconds."""
    return first is not None and at - first >= ESTABLISHED_SECONDS
