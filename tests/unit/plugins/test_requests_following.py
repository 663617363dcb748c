"""What goes on from the message before, and what is only told. The rules alone: no model is asked."""

from __future__ import annotations

import pytest

from tests.unit.plugins.calendar_talk import Talk

#: Titles, starts, and whether they are reminders. It is Wednesday 25 November 2026, 9 AM.
EVENTS = (
    ("dentist", "2026-11-26T10:30", False),
    ("dentist", "2026-11-26T09:30", True),
    ("pottery", "2026-11-26T19:00", False),
    ("budget review", "2026-11-27T15:00", False),
    ("audit call", "2026-11-30T09:00", False),
    ("audit call", "2026-11-30T14:00", False),
    ("board call", "2026-12-02T09:00", False),
    ("pay rent", "2026-11-25T18:00", True),
)


async def answer(*said: str) -> str:
    """The last reply to somebody with this calendar."""
    talk = Talk()
    for title, start, reminder in EVENTS:
        await talk.give(title, start, reminder=reminder)
    replies = [await talk.say(each) for each in said]
    return replies[-1]


@pytest.mark.parametrize(
    ("first", "then", "reply"),
    [
        ("what's on tomorrow?", "and the day after?", "You have budget review, Friday 27 November at 3 PM."),
        ("what's on tomorrow?", "and in the evening?", "You have pottery, tomorrow, Thursday 26 November, at 7 PM."),
        (
            "show me monday",
            "and the following week?",
            "You have no events from Monday 7 December to",
        ),
        ("am i free on friday morning?", "and the afternoon?", "You're not free: you have budget review"),
        ("what's on friday", "and the day before?", "You have 3 events tomorrow, Thursday 26 November"),
        ("remind me an hour before the budget review", "same for the pottery", "I'll remind you 1 hour before pottery"),
        (
            "move the pottery to saturday",
            "and the budget review too",
            "I've moved budget review to Saturday 28 November",
        ),
        (
            "cancel the pottery",
            "same with the budget review",
            "I've deleted budget review, Friday 27 November at 3 PM.",
        ),
        ("seminar monday 3pm", "another one at 5pm, same day", "I've added seminar for Monday 30 November at 5 PM."),
        (
            "seminar monday 3pm",
            "and a concert the same day at 8pm",
            "I've added concert for Monday 30 November at 8 PM.",
        ),
        ("seminar monday 3pm", "another one same time tuesday", "I've added seminar for Tuesday 1 December at 3 PM."),
        ("seminar monday 3pm", "lol undo", "I've taken seminar out of your calendar again."),
    ],
)
async def test_a_message_goes_on_from_the_one_before(first: str, then: str, reply: str) -> None:
    assert (await answer(first, then)).startswith(reply)


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("the 2 o'clock one", "at 2 PM"),
        ("2pm one", "at 2 PM"),
        ("the later one", "at 2 PM"),
        ("the afternoon one", "at 2 PM"),
        ("the morning one pls", "at 9 AM"),
        ("early one", "at 9 AM"),
        ("9", "at 9 AM"),
    ],
)
async def test_an_option_is_named_by_its_time(said: str, when: str) -> None:
    assert await answer("move the audit call to wednesday", said) == (
        f"I've moved audit call to Wednesday 2 December {when}."
        f"{' It overlaps with board call at 9 AM.' if when == 'at 9 AM' else ''}"
    )


async def test_words_that_name_no_option_begin_no_other_request() -> None:
    asked = await answer("move the audit call to wednesday", "the blue one")
    assert asked == "Which one? Please choose one of the buttons."


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("not thursday, the pottery is on saturday", "I've moved pottery to Saturday 28 November at 7 PM."),
        ("the pottery isn't on thursday, it's on saturday", "I've moved pottery to Saturday 28 November at 7 PM."),
        ("the budget review is not at 3, it's at 4", "I've moved budget review to Friday 27 November at 4 PM."),
        ("shift the pottery to the same time on monday", "I've moved pottery to Monday 30 November at 7 PM."),
        ("the pottery has to move to 8 pm on the same day", "I've moved pottery to tomorrow, Thursday 26 November"),
        ("remind me about the rent at 7pm instead", "I've moved pay rent to today at 7 PM."),
        ("the pottery is at 14 Kingsway", "I've changed pottery: it is now at 14 Kingsway"),
        ("i won't be at the pottery tomorrow but don't delete it", "All right, pottery"),
        ("i'm not free on friday, just telling you, don't change anything", "All right, I've changed nothing."),
        (
            "dont remind me about the dentist, i know already",
            "I've deleted the reminder about dentist, tomorrow, Thursday 26 November, at 9:30 AM. dentist, tomorrow,",
        ),
        ("don't remind me about the rent", "Shall I delete pay rent, today at 6 PM?"),
        ("stop reminding me about the rent", "I've deleted the reminder about pay rent, today at 6 PM."),
        ("when does the pottery start tomorrow", "You have pottery, tomorrow, Thursday 26 November, at 7 PM."),
        ("what time does the pottery end tomorrow", "Pottery ends tomorrow at 8 PM."),
    ],
)
async def test_what_is_told_is_read_as_it_is_meant(said: str, reply: str) -> None:
    assert (await answer(said)).startswith(reply)


async def test_a_bare_hour_soon_after_waking_is_in_the_morning() -> None:
    told = await answer("wake me at 5 and remind me at 5:30 to feed the cat")
    assert "feed the cat, tomorrow, Thursday 26 November, at 5:30 AM" in told


@pytest.mark.parametrize("said", ["Bob can't make pottery", "is the pottery at 6?", "the pottery is at 6, right?"])
async def test_a_remark_or_a_question_changes_nothing(said: str) -> None:
    talk = Talk()
    for title, start, reminder in EVENTS:
        await talk.give(title, start, reminder=reminder)
    before = await talk.person.titles()
    await talk.say(said)
    assert await talk.person.titles() == before
