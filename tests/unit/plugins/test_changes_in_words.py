"""Dialogues about events that are there: what the calendar does, and what it says it did.

What breaks without these: the wrong one of two events moves, a whole series goes for one day, a reminder rings for an
event that was moved, or a reply says less than what happened.
"""

from __future__ import annotations

import pytest

from tests.unit.plugins.calendar_talk import Talk

#: Events in the calendar, and what is said and replied in turn.
DIALOGUES: list[tuple[list[tuple[str, ...]], list[tuple[str, str]]]] = [
    (  # one time of a repetition, or all of them: asked, and undone
        [("yoga", "2026-11-26 18:00", "FREQ=WEEKLY")],
        [
            ("cancel yoga", "yoga repeats every week. Should I delete it only tomorrow, or every time?"),
            ("[Only tomorrow]", "I've deleted yoga, tomorrow, Thursday 26 November, at 6 PM. The other times stay."),
            ("when is yoga", "You have yoga, Thursday 3 December at 6 PM (every week)."),
            ("undo", "I've put yoga back as before."),
            ("cancel yoga", "yoga repeats every week. Should I delete it only tomorrow, or every time?"),
            ("all of them", "I've deleted yoga, tomorrow, Thursday 26 November, at 6 PM (every week)."),
        ],
    ),
    (
        [("yoga", "2026-11-26 18:00", "FREQ=WEEKLY;BYDAY=TH")],
        [
            ("move yoga to 7pm", "yoga repeats every Thursday. Should I change it only tomorrow, or every time?"),
            (
                "just this one",
                "I've moved yoga to tomorrow, Thursday 26 November, at 7 PM. The other times stay.",
            ),
            ("undo", "I've put yoga back as before."),
            ("move yoga to friday from now on", "I've moved yoga to Friday 27 November at 6 PM, every Friday."),
            ("skip yoga on december 4", "I've deleted yoga, Friday 4 December at 6 PM. The other times stay."),
        ],
    ),
    (  # what was listed: the second one, the others, all but one
        [("dentist", "2026-11-26 10:30"), ("review", "2026-11-26 15:00"), ("call", "2026-11-26 17:00")],
        [
            (
                "what's on tomorrow",
                "You have 3 events tomorrow, Thursday 26 November. [10:30 AM: dentist, 3 PM: review, 5 PM: call]",
            ),
            ("move the second one to friday", "I've moved review to Friday 27 November at 3 PM."),
            ("the last one", "Call: tomorrow, Thursday 26 November, at 5 PM, 1 hour."),
            (
                "all but the dentist can go",
                "That deletes 2 events: review, Friday 27 November at 3 PM; call, tomorrow, Thursday 26 November, at"
                " 5 PM. Are you sure?",
            ),
            ("[No]", "All right, nothing has changed."),
            ("cancel the first", "I've deleted dentist, tomorrow, Thursday 26 November, at 10:30 AM."),
        ],
    ),
    (  # two events fit: nothing is changed that was not meant
        [("review with Max", "2026-11-26 10:00"), ("review with Eva", "2026-11-27 10:00")],
        [
            (
                "move the review to 11",
                "2 events fit: review with Max, tomorrow, Thursday 26 November, at 10 AM; review with Eva, Friday 27"
                " November at 10 AM. Which one should I change?",
            ),
            ("the one with Eva", "I've moved review with Eva to Friday 27 November at 11 AM."),
            ("same time monday", "I've moved review with Eva to Monday 30 November at 11 AM."),
            ("also on tuesday", "I've added review with Eva for Tuesday 1 December at 11 AM."),
            ("what did I just add?", "You added review with Eva, Tuesday 1 December at 11 AM."),
            (
                "remind me 15 minutes before review with Max",
                "I'll remind you 15 minutes before review with Max: tomorrow, Thursday 26 November, at 9:45 AM.",
            ),
            (
                "what did I just add?",
                "You added a reminder: review with Max, tomorrow, Thursday 26 November, at 9:45 AM.",
            ),
        ],
    ),
    (  # name, place, person, notes, length and end
        [("dinner with Maria", "2026-11-28 19:00")],
        [
            (
                "add a note to the dinner: bring wine",
                "I've noted for dinner with Maria, Saturday 28 November at 7 PM: bring wine.",
            ),
            (
                "the dinner is at Nobu",
                "I've changed dinner with Maria: it is now at Nobu, Saturday 28 November at 7 PM.",
            ),
            ("where is the dinner?", "Dinner with Maria is at Nobu, Saturday 28 November at 7 PM."),
            ("tell me about it", "Dinner with Maria at Nobu: Saturday 28 November at 7 PM, 1 hour. Note: bring wine."),
            (
                "the dinner goes until 11",
                "I've changed dinner with Maria: it is now Saturday 28 November from 7 PM to 11 PM.",
            ),
            ("how long is the dinner?", "Dinner with Maria lasts 4 hours: Saturday 28 November from 7 PM to 11 PM."),
            (
                "I meant Marie, not Maria",
                "I've changed dinner with Maria: it is now dinner with Marie at Nobu, Saturday 28 November from 7 PM"
                " to 11 PM.",
            ),
            (
                "make it an hour shorter",
                "I've changed dinner with Marie: it is now Saturday 28 November from 7 PM to 10 PM.",
            ),
            ("postpone it to next week", "I've moved dinner with Marie to Saturday 5 December from 7 PM to 10 PM."),
        ],
    ),
    (  # a reminder before an event follows it
        [("lunch with Priya", "2026-11-26 12:00")],
        [
            (
                "remind me 10 minutes before the lunch",
                "I'll remind you 10 minutes before lunch with Priya: tomorrow, Thursday 26 November, at 11:50 AM.",
            ),
            ("move it to 1pm", "I've moved lunch with Priya to tomorrow, Thursday 26 November, at 1 PM."),
            (
                "what reminders do I have?",
                "Your reminder: lunch with Priya, tomorrow, Thursday 26 November, at 12:50 PM.",
            ),
            (
                "no, 2 hours before",
                "I'll remind you 2 hours before lunch with Priya: tomorrow, Thursday 26 November, at 11 AM.",
            ),
            ("what do I have tomorrow?", "You have lunch with Priya, tomorrow, Thursday 26 November, at 1 PM."),
            ("cancel lunch", "I've deleted lunch with Priya, tomorrow, Thursday 26 November, at 1 PM."),
            ("what reminders do I have?", "You have no reminders coming up."),
            ("undo", "I've put lunch with Priya back as before."),
            (
                "what reminders do I have?",
                "Your reminder: lunch with Priya, tomorrow, Thursday 26 November, at 11 AM.",
            ),
        ],
    ),
    (  # how long before: asked with buttons
        [("dentist", "2026-11-27 10:00")],
        [
            ("remind me of the dentist", "How long before dentist, Friday 27 November at 10 AM should I remind you?"),
            ("[1 day before]", "I'll remind you 1 day before dentist: tomorrow, Thursday 26 November, at 10 AM."),
            ("remind me a day before the dentist", "I already remind you 1 day before dentist."),
            (
                "remind me 3 days before the dentist",
                "That would be yesterday at 10 AM, which has already passed, so I set no reminder.",
            ),
            ("remind me 15 minutes before the opera", "I found nothing about opera."),
        ],
    ),
    (
        [("standup", "2026-11-26 00:10", "FREQ=WEEKLY;BYDAY=TU,TH")],
        [
            (
                "remind me 20 minutes before the standup",
                "I'll remind you 20 minutes before standup, every Tuesday and Thursday, starting today at 11:50 PM.",
            ),
            ("what's the next reminder?", "Your reminder: standup, today at 11:50 PM (every Monday and Wednesday)."),
        ],
    ),
    (  # free time
        [("planning", "2026-11-26 09:00"), ("lunch with Ana", "2026-11-26 13:00"), ("gym", "2026-11-27 19:00")],
        [
            (
                "find me a free hour tomorrow afternoon",
                "You have 1 hour free tomorrow, Thursday 26 November, in the afternoon: from noon to 1 PM and from"
                " 2 PM to 6 PM.",
            ),
            (
                "find a free slot of 5 hours tomorrow afternoon",
                "I found no free time of 5 hours tomorrow, Thursday 26 November, in the afternoon.",
            ),
            (
                "which evenings am I free this week?",
                "You're free this week in the evening: today; tomorrow, Thursday 26 November; Friday 27 November from"
                " 6 PM to 7 PM and from 8 PM to 10 PM; Saturday 28 November; Sunday 29 November.",
            ),
        ],
    ),
    (  # one day of a series is left out
        [("choir", "2026-12-02 19:00", "FREQ=WEEKLY")],
        [
            (
                "no choir between christmas and new year",
                "I've deleted choir, Wednesday 30 December at 7 PM. The other times stay.",
            ),
            (
                "how many choir rehearsals are there in december?",
                "You have 4 events in December: choir, Wednesday 2"
                " December at 7 PM; choir, Wednesday 9 December at 7 PM; choir, Wednesday 16 December at 7 PM; choir,"
                " Wednesday 23 December at 7 PM.",
            ),
        ],
    ),
]


@pytest.mark.parametrize(("given", "said"), DIALOGUES, ids=[said[0][0] for _, said in DIALOGUES])
async def test_a_dialogue(given: list[tuple[str, ...]], said: list[tuple[str, str]]) -> None:
    talk = Talk()
    for title, start, *repeat in given:
        await talk.give(title, start, repeat="".join(repeat))
    for words, reply in said:
        assert (words, await talk.say(words)) == (words, reply)


async def test_a_question_whether_to_add_is_answered_with_another_day() -> None:
    """ "No, friday" is about the event that waits, and not about the one before it."""
    talk = Talk(asks_first=True)
    await talk.give("gym", "2026-11-26 18:00")
    assert await talk.say("when is the gym?") == "You have gym, tomorrow, Thursday 26 November, at 6 PM."
    await talk.say("add dentist on monday at 10am")
    assert await talk.say("no, tuesday") == "Shall I add dentist for Tuesday 1 December at 10 AM?"
    assert await talk.say("[Yes]") == "I've added dentist for Tuesday 1 December at 10 AM."
    assert await talk.person.titles() == [
        "gym, tomorrow, Thursday 26 November, at 6 PM",
        "dentist, Tuesday 1 December at 10 AM",
    ]


async def test_all_but_an_event_that_is_not_there_deletes_nothing() -> None:
    talk = Talk()
    await talk.give("dentist", "2026-11-26 10:30")
    result = await talk.person.say("delete", which="all", date="tomorrow", besides="opera")
    assert result.text == "I found no opera to keep, so I deleted nothing."
    assert len(await talk.person.titles()) == 1


@pytest.mark.parametrize(
    ("start", "said", "hour"),
    [
        ("10:00", "5", 17),
        ("12:00", "11", 11),
        ("18:00", "9", 21),
        ("14:00", "10", 10),
        ("18:00", "7", 19),
        ("05:30", "6", 6),
    ],
)
async def test_a_time_that_does_not_say_its_half_is_the_nearer_one_of_the_day(start: str, said: str, hour: int) -> None:
    talk = Talk()
    await talk.give("session", f"2026-11-27 {start}")
    await talk.say(f"move the session to {said}")
    listed = await talk.person.say("list", title="session")
    clock = "noon" if hour == 12 else f"{hour % 12 or 12} {'PM' if hour >= 12 else 'AM'}"
    assert listed.data["when"] == f"Friday 27 November at {clock}"
