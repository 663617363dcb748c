"""Scores how far a rater's reactions are trusted: less in a flood, and less if the rater is never positive."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from llmagent_os.identity import Identity

#: The opinions of one rater that count within :data:`FLOOD_WINDOW_SECONDS`. Opinions beyond them are a flood.
MAX_WINDOW_OPINIONS = 30
#: The length of the window in which a rater's opinions are counted.
FLOOD_WINDOW_SECONDS = 600.0

#: The number of opinions from which on a rater is checked for being always negative.
MIN_JUDGED_OPINIONS = 10
#: A rater is always negative if their positive opinions are at most this share of their negative ones.
MAX_POSITIVE_SHARE = 0.05

#: The number of raters who are remembered: those with the latest opinions.
MAX_RATERS = 10_000


class Trust:
    """Counts each rater's positive and negative opinions, and scores the rater by them.

    >>> from datetime import UTC, datetime, timedelta
    >>> from llmagent_os.identity import parse
    >>> troll, ana = parse("slack:T1:troll"), parse("slack:T1:ana")
    >>> trust, start = Trust(), datetime(2026, 1, 1, tzinfo=UTC)
    >>> for hour in range(40): trust.note(troll, -1.0, start + timedelta(hours=hour))
    >>> trust.score(troll), trust.score(ana)
    (0.25, 1.0)
    """

    def __init__(self, tallies: Mapping[str, Any] | None = None) -> None:
        """Start with the :attr:`tallies` of an earlier object, or with none."""
        # rater -> [positive, negative, start of the window, opinions in the window]
        self._tallies: OrderedDict[str, list[float]] = OrderedDict(
            (str(rater), [float(number) for number in tally]) for rater, tally in (tallies or {}).items()
        )

    def note(self, rater_id: Identity, opinion: float, at: datetime) -> None:
        """Count a rater's new or changed opinion.

        Args:
            rater_id: the identity that reacted.
            opinion: the opinion as it is now, in [-1, 1]; 0 is no opinion, and is not counted.
            at: when the rater reacted.
        """
        if abs(opinion) < 1e-9:
            return
        tally = self._tallies.setdefault(rater_id, [0.0, 0.0, 0.0, 0.0])
        self._tallies.move_to_end(rater_id)
        if len(self._tallies) > MAX_RATERS:
            self._tallies.popitem(last=False)
        moment = at.timestamp()
        if not 0 <= moment - tally[2] < FLOOD_WINDOW_SECONDS:
            tally[2], tally[3] = moment, 0.0
        tally[3] += 1
        tally[0 if opinion > 0 else 1] += 1

    def score(self, rater_id: Identity) -> float:
        """Return the trust in a rater, in [0, 1].

        The score is 0 during a flood. For a rater who is always negative the score falls towards 0 with every further
        negative opinion. For all others the score is 1.
        """
        positive, negative, _, recent = self._tallies.get(rater_id, (0.0, 0.0, 0.0, 0.0))
        if recent > MAX_WINDOW_OPINIONS:
            return 0.0
        if positive + negative < MIN_JUDGED_OPINIONS or positive > MAX_POSITIVE_SHARE * negative:
            return 1.0
        return MIN_JUDGED_OPINIONS / negative

    def forget(self, rater_id: str) -> None:
        """Drop what was counted of a rater."""
        self._tallies.pop(rater_id, None)

    @property
    def tallies(self) -> dict[str, list[float]]:
        """All counts by rater, to store them and to make the object again."""
        return dict(self._tallies)
