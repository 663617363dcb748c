"""Bound what new people teach about everybody.

What is learned of one person moves a shared part: what people like who are not known yet. An attacker can make any
number of accounts, and can have all of them react within minutes. So the replies to new people count for the shared
part only up to a budget: :data:`HOURLY_REPLIES` replies in every hour, of all newcomers together. What is learned of
each newcomer's own taste is not affected.

A person is new until they react :data:`ESTABLISHED_SECONDS` after their first reaction or later. Time is that of the
observations, never that of the machine: the same observations give the same weights, whenever they are learned.
"""

from __future__ import annotations

from collections.abc import Mapping

#: How many replies to new people count for the shared part in one hour of the clock.
HOURLY_REPLIES = 12.0
#: A person who reacts this long after their first reaction is not new any more.
ESTABLISHED_SECONDS = 24 * 3600.0
#: The hours whose budgets are remembered, so that clocks of several platforms may differ.
REMEMBERED_HOURS = 48


class NewcomerBudget:
    """Counts how many replies to new people have counted for the shared part, hour by hour.

    >>> budget = NewcomerBudget()
    >>> [budget.share(0.0, 60.0 * minute) for minute in range(14)][-3:]
    [1.0, 0.0, 0.0]
    >>> budget.share(0.0, 25 * 3600.0), budget.share(0.0, None)
    (1.0, 1.0)
    """

    def __init__(self, used: Mapping[str, float] | None = None) -> None:
        """Start with the :attr:`used` of an earlier object, or with none."""
        self._used = {int(hour): float(count) for hour, count in (used or {}).items()}

    def share(self, first: float | None, at: float | None) -> float:
        """Return how much a reply counts for the shared part, in [0, 1], and note that it has counted.

        Args:
            first: when the person was first heard, in seconds; None: now, or not known.
            at: when the first signal about the reply came, in seconds; None: not known, and the reply counts in full.
        """
        if at is None or is_established(first, at):
            return 1.0
        hour = int(at // 3600)
        used = self._used.pop(hour, 0.0)
        share = min(1.0, max(0.0, HOURLY_REPLIES - used))
        self._used[hour] = used + share
        for oldest in sorted(self._used)[:-REMEMBERED_HOURS]:
            del self._used[oldest]
        return share

    @property
    def used(self) -> dict[str, float]:
        """What was counted, by hour since 1970, to store it and to make the object again."""
        return {str(hour): count for hour, count in self._used.items()}


def is_established(first: float | None, at: float) -> bool:
    """Return whether a person who was first heard at ``first`` is not new any more at ``at``, both in seconds."""
    return first is not None and at - first >= ESTABLISHED_SECONDS
