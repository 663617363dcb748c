"""Bound what new people teach about everybody.

What is learned of one person moves a shared part: what people like who are not known yet. An attacker can make any
number of accounts, and nothing tells these from as many people (Douceur, 2002). What an attacker cannot make is time.
So all newcomers together are treated as if they might be one hand. What is learned of each newcomer's own taste is not
affected. A person is new until they react :data:`ESTABLISHED_SECONDS` after their first reaction or later.

* A learner that draws its shared part from people (``bayes``) gives the newcomers :func:`newcomer_shares`: they count
  as few people, and who came first is served first. So nobody who comes later takes the place of those who were there,
  however many accounts there are and however they vote.
* A learner that only takes steps has a :class:`NewcomerBudget`: :data:`HOURLY_REPLIES` replies in every hour count.

Time is that of the observations, never that of the machine: the same observations give the same weights, whenever they
are learned.

Reference:
    J. R. Douceur (2002). The Sybil attack. International Workshop on Peer-to-Peer Systems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: How many replies to new people count for the shared part in one hour of the clock.
HOURLY_REPLIES = 12.0
#: A person who reacts this long after their first reaction is not new any more.
ESTABLISHED_SECONDS = 24 * 3600.0
#: How many replies make a new person count as one person.
PERSON_REPLIES = 12.0
#: As how many people the newcomers count while nobody was there before them, and how many fewer for every one who was.
FIRST_PEOPLE, PEOPLE_REPLACED = 9.0, 3.0
#: As how many people they count for every one who was there before, if many were.
NEWCOMERS_A_PERSON = 1 / 16
#: Who was first heard this much earlier was there before.
BEFORE_SECONDS = 12 * 3600.0
#: Newcomers who were first heard this long ago did not come back the next day.
STAYED_AWAY_SECONDS = 48 * 3600.0
#: The hours whose budgets are remembered, so that clocks of several platforms may differ.
REMEMBERED_HOURS = 48


def newcomer_shares(arrivals: Sequence[tuple[float, int]], established: int) -> list[float]:
    """Return how much the replies to each newcomer count for the shared part, in [0, 1].

    The newcomers who came together, within :data:`BEFORE_SECONDS`, have a budget. It depends on how many people were
    there before: e people leave max(9 - 3 e, e / 16) people's worth. It is served in the order of arrival.

    Args:
        arrivals: when each newcomer was first heard, in seconds, and how many replies of theirs are known.
        established: how many people are not new.

    >>> newcomer_shares([(0.0, 72), (60.0, 72), (120.0, 72)], 0)
    [1.0, 0.5, 0.0]
    >>> newcomer_shares([(0.0, 24)], 16)
    [0.5]
    """
    order = sorted(range(len(arrivals)), key=lambda at: arrivals[at][0])
    shares = [0.0] * len(arrivals)
    before, used, earlier = float(established), 0.0, 0  # people, replies, and the place in the order of who came before
    for at in order:
        first, replies = arrivals[at]
        while first - arrivals[order[earlier]][0] >= BEFORE_SECONDS:
            counted = shares[order[earlier]] * arrivals[order[earlier]][1]
            before, used, earlier = before + min(1.0, counted / PERSON_REPLIES), used - counted, earlier + 1
        people = max(FIRST_PEOPLE - PEOPLE_REPLACED * before, NEWCOMERS_A_PERSON * before)
        shares[at] = min(1.0, max(0.0, PERSON_REPLIES * people - used) / max(replies, 1))
        used += shares[at] * replies
    return shares


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
