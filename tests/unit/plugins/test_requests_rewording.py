"""Everyday turns of phrase: slips that are corrected, lengths and shifts, zones, and talk around a request."""

from __future__ import annotations

import pytest

from llmagent_os.plugins.calendar.requests.rewording import reword
from tests.unit.plugins.read_messages import added, read


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("add gym tomorrow at 6. no wait, at 7", ["gym | tomorrow | at 7"]),
        ("dentist on friday, no sorry, thursday at 10", ["dentist | on thursday | at 10"]),
        ("book yoga at 5pm, i mean 6pm on friday", ["yoga | on friday | at 6pm"]),
        ("exam Dec 1st at 9 o'clock P.M., no wait A.M.", ["exam | Dec 1st | at 9 A.M."]),
        ("not tomorrow, friday: haircut at 9", ["haircut | friday | at 9"]),
        (
            "set up a 45-minute review with Ana on Monday at 1:15 PM",
            ["review | with Ana | on Monday | at 1:15 PM | 45 minute"],
        ),
        ("demo for Kim, December 3rd, 11 a.m., one hour", ["demo for Kim | December 3rd | 11 a.m. | one hour"]),
        ("late shift thursday 14-22", ["late shift | thursday | from 14:00 to 22:00"]),
        ("choir every tuesday 6pm until 22 december", ["choir | 6pm | every tuesday, until 22 december"]),
        ("call with Boston tomorrow 10am their time", ["call | with Boston | tomorrow | 10am Boston time"]),
        (
            "standup with the Tokyo team thursday 9am their time",
            ["standup | with the Tokyo team | thursday | 9am Tokyo time"],
        ),
        ("piano every monday at 5 until 14 december", ["piano | at 5 | every monday, until 14 december"]),
        (
            "the doctor said to take the pills at 8am for 7 days, remind me every day",
            ["take the pills | at 8am | every day for 7 days"],
        ),
        (
            "judo for Ben at 3 and piano for Zoe at 4:30 on friday",
            ["judo for Ben | on friday | at 3", "piano for Zoe | on friday | at 4:30"],
        ),
        ("gym at 7 and dinner on saturday at 8", ["gym | at 7", "dinner | on saturday | at 8"]),
        (
            "shopping\n- saturday 9am market\n- saturday 11am bakery",
            ["market | saturday | 9am", "bakery | saturday | 11am"],
        ),
        ("let me know at 4 so i don't miss the delivery", ["delivery | at 4"]),
        ("webinar thursday 7pm eastern with the US team", ["webinar | with the US team | thursday | 7pm eastern"]),
        ("gym mon, wed, fri 6:30 until 18 december", ["gym | 6:30 | every mon, wed, fri, until 18 december"]),
        (
            "What a morning, I'm late. Anyway the vet can see her tomorrow at 4:15, please add it",
            ["vet | tomorrow | at 4:15"],
        ),
        ("meeting on monday at 16 o'clock", ["meeting | on monday | at 16:00"]),
        ("Ann turns 10 on 9 December", ["Ann turns 10 | on 9 December"]),
        ("in half an hour i need to take the cake out, tell me", ["take the cake out | in half an hour"]),
        ("give me a shout at noon so i don't miss the courier", ["courier | at noon"]),
        ("drops at 9pm for 5 days, remind me every day", ["drops | at 9pm | every day for 5 days"]),
        (
            "ok so like bo just told me her party is on saturday and it starts at 8 in the evening"
            " can you put it in lol",
            ["party | on saturday | at 8 in the evening"],
        ),
        (
            "I was talking to Bo and we figured the best would be to get lunch tomorrow, say 12:30,"
            " put that down please",
            ["lunch | with Bo | tomorrow | at 12:30"],
        ),
        (
            "Hello, I'm not good with this. Could you please note that I am at the clinic on Monday at half past ten?"
            " Thank you so much.",
            ["clinic | on Monday | at half past ten"],
        ),
    ],
)
def test_everyday_turns_of_phrase_are_read(text: str, events: list[str]) -> None:
    assert added(text) == events


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("remind me the evening before the vet at 8pm to pack my bag", "the evening before at 8pm"),
        ("for the budget meeting i need a reminder half an hour earlier", "half an hour before"),
        ("remind me the night before the flight to check in", "the night before"),
        ("i need a heads-up 20 minutes before the interview", "20 minutes before"),
        ("alarm 3h before", "3h before"),
        ("please remember me of the interview 10 minutes before", "10 minutes before"),
        ("remember me half an hour before the vet", "half an hour before"),
    ],
)
def test_a_reminder_before_an_event_is_read(text: str, lead: str) -> None:
    [(tool, arguments)] = read(text)
    assert (tool, arguments["lead"]) == ("remind_before", lead)


@pytest.mark.parametrize(
    "text",
    [
        "move the gym to friday at 7",
        "remind me an hour before the trip to Rome",
        "lunch with 6-8 people on friday at 12",
        "trip from June 6-14",
        "read chapters 3-15 tomorrow",
        "no, thursday at 10",
    ],
)
def test_other_words_stay_as_they_are(text: str) -> None:
    assert reword(text) == text
