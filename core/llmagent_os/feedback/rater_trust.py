"""How much a rater's reactions count: less in a flood, and less where they are never anything but negative."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

#: More opinions of one rater in :data:`WINDOW` seconds are a flood: those beyond count nothing.
FLOOD, WINDOW = 30, 600.0

#: From so many opinions on it is told whether a rater is always negative.
JUDGED = 10

#: So many raters are remembered, the latest.
RATERS = 10_000


class Trust:
    """Tallies of raters' opinions on other people's replies and their own.

    >>> from datetime import UTC, datetime, timedelta
    >>> trust, start = Trust(), datetime(2026, 1, 1, tzinfo=UTC)
    >>> for hour in range(40): trust.note("troll", -1.0, start + timedelta(hours=hour))
    >>> trust.score("troll"), trust.score("ana")
    (0.25, 1.0)
    """

    def __init__(self, tallies: Mapping[str, Any] | None = None) -> None:
        # rater -> [positive, negative, start of the window, opinions in it]
        self._tallies: OrderedDict[str, list[float]] = OrderedDict(
            (str(rater), [float(each) for each in tally]) for rater, tally in (tallies or {}).items()
        )

    def note(self, rater_id: str, opinion: float, at: datetime) -> None:
        """Somebody has an opinion that they did not have before; 0: none after all."""
        if abs(opinion) < 1e-9:
            return
        tally = self._tallies.setdefault(rater_id, [0.0, 0.0, 0.0, 0.0])
        self._tallies.move_to_end(rater_id)
        if len(self._tallies) > RATERS:
            self._tallies.popitem(last=False)
        moment = at.timestamp()
        if not 0 <= moment - tally[2] < WINDOW:
            tally[2], tally[3] = moment, 0.0
        tally[3] += 1
        tally[0 if opinion > 0 else 1] += 1

    def score(self, rater_id: str) -> float:
        """``trust_score``: in [0, 1]. 0 in a flood; falling towards 0 with every opinion of who only ever says no."""
        positive, negative, _, recent = self._tallies.get(rater_id, (0.0, 0.0, 0.0, 0.0))
        if recent > FLOOD:
            return 0.0
        if positive + negative < JUDGED or positive > 0.05 * negative:
            return 1.0
        return JUDGED / negative

    def forget(self, rater_id: str) -> None:
        """Drop a rater's tally."""
        self._tallies.pop(rater_id, None)

    @property
    def tallies(self) -> dict[str, list[float]]:
        """To make it again from."""
        return dict(self._tallies)
