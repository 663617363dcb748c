"""What belongs to a new event besides its time: the place, the people, the note, the number in its title, the reminders
before it. What breaks without this: a note becomes a part of the place, a task is taken for a change, only the first of
two reminders is set.
"""

from __future__ import annotations

import pytest

from tests.unit.plugins.calendar_talk import MODEL, Talk
from tests.unit.plugins.read_messages import read

#: A message, and the one event that it asks for: its arguments.
DETAILS: list[tuple[str, dict[str, str]]] = [
    (
        "karaoke friday 9pm at the Blue Note, dress code seventies",
        {"title": "karaoke", "date": "friday", "time": "9pm", "place": "the Blue Note", "note": "dress code seventies"},
    ),
    (
        "supper at gran's sunday 6pm bring flowers",
        {"title": "supper", "date": "sunday", "time": "6pm", "place": "gran's", "note": "bring flowers"},
    ),
    (
        "Table for six at Da Vinci, Jan 9, 7:15pm, booking ref 3310",
        {"title": "Table for six", "date": "Jan 9", "time": "7:15pm", "place": "Da Vinci", "note": "booking ref 3310"},
    ),
    (
        "Opera, Saturday, 19.00, row 8 seat 3",
        {"title": "Opera", "date": "Saturday", "time": "19.00", "note": "row 8 seat 3"},
    ),
    (
        "call with Jo (extension 4402) monday 4pm",
        {"title": "call", "date": "monday", "time": "4pm", "person": "Jo", "note": "extension 4402"},
    ),
    (
        "uncle's train arrives at Central Station tomorrow at 17:20, platform 3",
        {
            "title": "uncle's train arrives",
            "date": "tomorrow",
            "time": "at 17:20",
            "place": "Central Station, platform 3",
        },
    ),
    (
        "retirement party, saturday 6pm, Riverside Hall",
        {"title": "retirement party", "date": "saturday", "time": "6pm", "place": "Riverside Hall"},
    ),
    (
        "teeth cleaning tuesday 8:10, Dr. Sato",
        {"title": "teeth cleaning Dr. Sato", "date": "tuesday", "time": "8:10"},
    ),
    (
        "interview in French at Renault monday 9:30",
        {"title": "interview in French", "date": "monday", "time": "9:30", "place": "Renault"},
    ),
    (
        "auntie's 70th birthday on dec 12 at 3pm in the village hall",
        {"title": "auntie's 70th birthday", "date": "on dec 12", "time": "at 3pm", "place": "the village hall"},
    ),
    ("cousins are staying with us dec 23 to 27", {"title": "cousins are staying with us", "date": "dec 23 to 27"}),
    (
        'add "Lunch with "Red Ed"" on friday at 1pm',
        {"title": 'Lunch with "Red Ed"', "date": "on friday", "time": "at 1pm"},
    ),
    (
        'new event: "Budget: round 2" on friday at 1pm',
        {"title": "Budget: round 2", "date": "on friday", "time": "at 1pm"},
    ),
    (
        "Xmas brunch at Tina's 25 december 11am",
        {"title": "Xmas brunch", "date": "25 december", "time": "11am", "place": "Tina's"},
    ),
    (
        "drop the bike off at the workshop tomorrow 8am",
        {"title": "drop the bike off", "date": "tomorrow", "time": "8am", "place": "the workshop"},
    ),
    (
        "bring the sofa to Ed's on saturday at 3",
        {"title": "bring the sofa to Ed's", "date": "on saturday", "time": "at 3"},
    ),
    (
        "we need to leave at 6am on saturday to catch the bus",
        {"title": "leave to catch the bus", "date": "on saturday", "time": "at 6am"},
    ),
    ("Pay £90 deposit for the hall by monday", {"title": "Pay £90 deposit for the hall", "date": "by monday"}),
    (
        "can you put in the choir's concert? it's on the 16th at 2pm in St Mark's",
        {"title": "choir's concert", "date": "on the 16th", "time": "at 2pm", "place": "St Mark's"},
    ),
    (
        "Got tickets for Carmen at the Lyceum on the 12th, 7.30pm",
        {"title": "Carmen", "date": "on the 12th", "time": "7.30pm", "place": "the Lyceum"},
    ),
    (
        "lunch with Bea saturday 1pm at La Torre, anniversary gift",
        {
            "title": "lunch",
            "date": "saturday",
            "time": "1pm",
            "person": "Bea",
            "place": "La Torre",
            "note": "anniversary gift",
        },
    ),
    (
        '"Chapter 9: The Return" reading group sunday 5pm',
        {"title": "Chapter 9: The Return reading group", "date": "sunday", "time": "5pm"},
    ),
    ("1:1 with Mira thursday 14:00", {"title": "1:1", "date": "thursday", "time": "14:00", "person": "Mira"}),
]


@pytest.mark.parametrize(("said", "wanted"), DETAILS)
def test_the_details_of_an_event_are_kept_apart(said: str, wanted: dict[str, str]) -> None:
    assert read(said) == [("create_event", wanted)]


#: Reminders before an event: what is said, and the arguments of each.
LEADS: list[tuple[str, list[dict[str, str]]]] = [
    ("heads up an hour before the review", [{"title": "review", "lead": "an hour before"}]),
    (
        "remind me 2 days and 3 hours before the review",
        [{"title": "review", "lead": "2 days before"}, {"title": "review", "lead": "3 hours before"}],
    ),
    (
        "remind me 1 hour and 30 minutes before the review",
        [{"title": "review", "lead": "1 hour and 30 minutes before"}],
    ),
    (
        "remind me an hour before the review and again ten minutes before",
        [{"title": "review", "lead": "an hour before"}, {"title": "review", "lead": "ten minutes before"}],
    ),
    (
        "remind me the evening before to iron my shirt",
        [{"lead": "the evening before", "new_title": "iron my shirt"}],
    ),
    ("set an alert two hours prior to my surgery", [{"title": "surgery", "lead": "two hours prior"}]),
    (
        "the night before my flight remind me to pack",
        [{"title": "flight", "lead": "the night before", "new_title": "pack"}],
    ),
    ("remind me about the vet the day before at 7pm", [{"title": "vet", "lead": "the day before at 7pm"}]),
    ("let me know 2 hours before the flight leaves", [{"title": "flight", "lead": "2 hours before"}]),
    ("remind me two days before so I can get the papers together", [{"lead": "two days before"}]),
]


@pytest.mark.parametrize(("said", "wanted"), LEADS)
def test_reminders_before_an_event_are_read(said: str, wanted: list[dict[str, str]]) -> None:
    assert read(said) == [("remind_before", each) for each in wanted]


@pytest.mark.parametrize(
    "said",
    [
        "tell Anna I'll be late tonight at 8",
        "skip yoga friday at 6",
        "get a taxi friday at 6",
        "read my emails tomorrow at 9",
        "see you all friday at 9 then",
        "take care, see you on friday at 5",
        "we're leaving now",
        "I have to be honest, friday at 6 is bad",
        "there is something wrong with friday at 10",
        "retirement do, saturday 6pm, Riverside Hall",
        "Get boiler serviced - Tuesday 8 December, morning slot 8-12",
    ],
)
def test_what_only_looks_like_a_task_adds_nothing(said: str) -> None:
    assert [tool for tool, _ in read(said) if tool == "create_event"] == []


async def test_a_wish_without_a_time_is_asked_about() -> None:
    talk = Talk()
    assert await talk.say("i need to see the doctor") == "When is see the doctor?"
    assert await talk.say("friday 8:30") == "I've added see the doctor for Friday 27 November at 8:30 AM."
    assert await talk.say("i need to sleep") == MODEL


async def test_a_note_that_is_not_to_be_forgotten_makes_no_reminder_of_the_event() -> None:
    talk = Talk()
    said = await talk.say("book club on thursday 7:30pm, don't forget the wine")
    assert said == "I've added book club for tomorrow, Thursday 26 November, at 7:30 PM. Noted for it: the wine."
