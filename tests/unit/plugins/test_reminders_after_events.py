"""Reminders that come when an event is over, or some time after it.

What breaks without this: "5 minutes after yoga" is taken for a title, and rings at no time.
"""

from __future__ import annotations

import pytest

from tests.unit.plugins.calendar_talk import Talk

#: What is said of a yoga from 6 to 7 PM on Thursday, how the answer says it, and the time.
SAID = [
    (
        "remind me 5 minutes after yoga to drink water",
        "5 minutes after yoga: ",
        "7:05 PM",
    ),
    (
        "remind me half an hour after the yoga to call mum",
        "30 minutes after yoga: ",
        "7:30 PM",
    ),
    ("remind me after yoga to drink water", "after yoga: ", "7 PM"),
    ("ping me when yoga is over", "after yoga: ", "7 PM"),
    (
        "remind me 10 minutes after yoga starts to breathe",
        "10 minutes after yoga starts: ",
        "6:10 PM",
    ),
    (
        "remind me 10 minutes before yoga to drink water",
        "10 minutes before yoga: ",
        "5:50 PM",
    ),
]


@pytest.mark.parametrize(("said", "how", "at"), SAID, ids=[each[0] for each in SAID])
async def test_a_reminder_comes_at_its_distance_from_the_event(said: str, how: str, at: str) -> None:
    talk = Talk()
    await talk.give("yoga", "2026-11-26 18:00")
    assert f"I'll remind you {how}tomorrow, Thursday 26 November, at {at}" in await talk.say(said)


async def test_a_reminder_after_an_event_moves_with_it() -> None:
    talk = Talk()
    await talk.give("yoga", "2026-11-26 18:00")
    await talk.say("remind me 5 minutes after yoga to drink water")
    await talk.say("move yoga to 8pm")
    assert "drink water, tomorrow, Thursday 26 November, at 9:05 PM" in await talk.say("show my reminders")


async def test_times_around_work_and_meals() -> None:
    talk = Talk()
    assert "today at 5:30 PM" in await talk.say("remind me after work to buy milk")
    assert "today at 2 PM" in await talk.say("remind me an hour after lunch to drink water")
