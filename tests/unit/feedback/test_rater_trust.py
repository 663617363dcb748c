"""What breaks without this: one person who floods replies with reactions, or only ever says no, teaches everybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from llmagent_os.feedback.rater_trust import MAX_WINDOW_OPINIONS, Trust
from llmagent_os.identity import Identity

FLOOD, GRUMP, HAPPY, FAIR, NEW = map(Identity, ("flood", "grump", "happy", "fair", "new"))


def test_a_flood_and_a_rater_who_only_says_no_lose_weight() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    trust = Trust()
    for second in range(MAX_WINDOW_OPINIONS + 1):
        trust.note(FLOOD, 1.0, start + timedelta(seconds=second))
    assert trust.score(FLOOD) == 0.0
    trust.note(FLOOD, 1.0, start + timedelta(hours=1))
    assert trust.score(FLOOD) == 1.0, "it passes"
    for hour in range(50):
        trust.note(GRUMP, -1.0, start + timedelta(hours=hour))
        trust.note(HAPPY, 1.0, start + timedelta(hours=hour))
        trust.note(FAIR, -1.0 if hour % 4 else 1.0, start + timedelta(hours=hour))
    assert trust.score(GRUMP) == 0.2
    assert trust.score(HAPPY) == trust.score(FAIR) == trust.score(NEW) == 1.0
    assert Trust(trust.tallies).score(GRUMP) == 0.2
