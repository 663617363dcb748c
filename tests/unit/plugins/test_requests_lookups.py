"""Questions about the calendar, in people's words.

What breaks without this: "how long is the workshop?" is answered with its day, or a question adds an event.
"""

from __future__ import annotations

import pytest

from tests.unit.plugins.calendar_talk import Talk
from tests.unit.plugins.read_changes import calls

#: A message, and the calls that it asks for.
READ = [
    ("when am I seeing Raj?", ["list | title: Raj | asked: events"]),
    ("when do i join the planning", ["list | title: planning | asked: events"]),
    ("what is entered for friday?", ["list | date: for friday | asked: events"]),
    ("what's noted for xmas eve?", ["list | date: for xmas eve | asked: events"]),
    ("when do we fly to oslo?", ["list | title: oslo | asked: events"]),
    ("what jobs do i have on friday", ["list | date: on friday | asked: events"]),
    ("gap on friday between 2 and 5?", ["list | date: on friday | time: between 2 and 5 | asked: gaps"]),
    ("tomorrow's list", ["list | date: tomorrow | asked: events"]),
    ("jobs tomorrow?", ["list | date: tomorrow | asked: events"]),
    ("free slot friday between 9 and 12?", ["list | date: friday | time: between 9 and 12 | asked: gaps"]),
    ("free hour tomorrow?", ["list | date: tomorrow | duration: an hour | asked: gaps"]),
    ("is my friday evening next week free?", ["list | date: friday next week | time: evening | asked: free"]),
    ("when am I free tomorrow?", ["list | date: tomorrow | asked: gaps"]),
    ("when do I have time for an hour next week", ["list | date: next week | duration: an hour | asked: gaps"]),
    ("find a free slot of two hours on friday", ["list | date: on friday | duration: two hours | asked: gaps"]),
    ("any free time tomorrow", ["list | date: tomorrow | asked: gaps"]),
    ("do I have any plans for the weekend?", ["list | date: for the weekend | asked: events"]),
    ("what time is the dentist?", ["list | title: dentist | asked: events"]),
    ("what time does the workshop end?", ["list | title: workshop | asked: end"]),
    ("when does yoga start?", ["list | title: yoga | asked: events"]),
    ("who am I meeting tomorrow?", ["list | date: tomorrow | asked: person"]),
    ("who is the interview with?", ["list | title: interview | asked: person"]),
    ("how long until the dentist?", ["list | title: dentist | asked: until"]),
    ("how many days until the workshop", ["list | title: workshop | asked: until"]),
    ("tell me about the workshop", ["list | title: workshop | asked: details"]),
    ("what am I doing tonight?", ["list | time: tonight | asked: events"]),
    ("how does my week look?", ["list | date: this week | asked: events"]),
    ("show my calendar for next week", ["list | date: for next week | asked: events"]),
    ("list all my events", ["list | which: all | asked: events"]),
    ("my schedule tomorrow", ["list | date: tomorrow | asked: events"]),
    ("what's on my calendar", ["list | which: all | asked: events"]),
    ("what's on", ["list | which: all | asked: events"]),
    ("what do I have on", ["list | which: all | asked: events"]),
    ("is there anything planned for friday?", ["list | date: for friday | asked: events"]),
    ("do I have a dentist appointment?", ["list | title: dentist appointment | asked: events"]),
    ("do I have yoga tomorrow?", ["list | title: yoga | date: tomorrow | asked: events"]),
    ("is the dentist on friday?", ["list | title: dentist | asked: events"]),
    ("when did I last have yoga?", ["list | title: yoga | which: last | asked: events"]),
    ("how busy am I on friday", ["list | date: on friday | asked: count"]),
    ("what else do I have today", ["list | date: today | asked: left"]),
    ("do I have anything with Bob?", ["list | title: Bob | asked: events"]),
    ("anything with Eva this week?", ["list | title: Eva | date: this week | asked: events"]),
    ("what about sunday?", ["list | date: sunday | asked: events"]),
    ("where do I have to be at 3 tomorrow?", ["list | date: tomorrow | time: at 3 | asked: events"]),
    ("read out my agenda for today", ["list | date: for today | asked: events"]),
    ("what's the plan for tomorrow", ["list | date: for tomorrow | asked: events"]),
    ("agenda", ["list | which: all | asked: events"]),
    ("how many meetings do I have next week?", ["list | date: next week | asked: count"]),
    ("do you know when the review is?", ["list | title: review | asked: events"]),
    ("can you tell me when the dentist is", ["list | title: dentist | asked: events"]),
    ("show me what I have on friday", ["list | date: on friday | asked: events"]),
    ("what appointments do I have on friday?", ["list | date: on friday | asked: events"]),
    ("have I got anything on at 3?", ["list | time: at 3 | asked: events"]),
    ("what's going on next weekend?", ["list | date: on next weekend | asked: events"]),
    ("is my friday afternoon free?", ["list | date: friday | time: afternoon | asked: free"]),
    ("am I available at 10 on monday?", ["list | date: on monday | time: at 10 | asked: free"]),
    ("do I have a free evening this week?", ["list | date: this week | time: evening | asked: gaps"]),
    ("first thing on monday?", ["list | date: on monday | time: first thing | asked: events"]),
    ("when's my next free hour?", ["list | duration: an hour | asked: gaps"]),
    ("got any plans tonight?", ["list | time: tonight | asked: events"]),
    ("could you check if I'm free on friday at 3?", ["list | date: on friday | time: at 3 | asked: free"]),
    ("check whether I have something on sunday", ["list | date: on sunday | asked: events"]),
    ("let me know what's on tomorrow", ["list | date: on tomorrow | asked: events"]),
    ("what notes do I have for the dinner", ["list | title: dinner | asked: notes"]),
    ("is there a dentist appointment in my calendar?", ["list | title: dentist appointment | asked: events"]),
    ("what time am I meeting Bob?", ["list | title: Bob | asked: events"]),
    ("when do I see Alice?", ["list | title: Alice | asked: events"]),
    ("whats on my plate tomorrow", ["list | date: tomorrow | asked: events"]),
    ("what have I got on friday", ["list | date: on friday | asked: events"]),
    ("any appointments on monday?", ["list | date: on monday | asked: events"]),
    ("what's my day like tomorrow", ["list | date: tomorrow | asked: events"]),
    ("how's my thursday looking", ["list | date: thursday | asked: events"]),
    ("do I have a busy week?", ["list | date: this week | asked: count"]),
    ("am I doing anything this weekend", ["list | date: this weekend | asked: events"]),
    ("what's after lunch on friday", ["list | title: lunch | date: on friday | than: after lunch | asked: after"]),
    ("what do I have before noon tomorrow", ["list | date: tomorrow | time: before noon | asked: events"]),
    ("do I have lunch plans on saturday?", ["list | title: lunch plans | date: on saturday | asked: events"]),
    ("what's my first appointment tomorrow", ["list | which: first | date: tomorrow | asked: events"]),
    ("when's my first meeting on friday", ["list | which: first | date: on friday | asked: events"]),
    ("which day is the party", ["list | title: party | asked: events"]),
    ("what's happening on saturday evening", ["list | date: on saturday | time: evening | asked: events"]),
    ("next week?", ["list | date: next week | asked: events"]),
    ("list my appointments for friday please", ["list | date: for friday | asked: events"]),
    ("show me all my events in december", ["list | date: in december | asked: events"]),
    ("give me an overview of next week", ["list | date: next week | asked: events"]),
    ("what are my plans for new year's eve", ["list | date: for new year's eve | asked: events"]),
    ("when is my flight", ["list | title: flight | asked: events"]),
    ("where's the party", ["list | title: party | asked: place"]),
    ("how long does the workshop take", ["list | title: workshop | asked: length"]),
    ("until when does the workshop last", ["list | title: workshop | asked: end"]),
    ("when will the workshop be over", ["list | title: workshop | asked: end"]),
    ("who's coming to the interview", ["list | title: interview | asked: person"]),
    ("with whom is the interview", ["list | title: interview | asked: person"]),
    ("how many events are in my calendar", ["list | which: all | asked: count"]),
    ("how many times do I have yoga in december", ["list | title: yoga | date: in december | asked: count"]),
    ("how many reminders do I have", ["list | kind: reminder | which: all | asked: count"]),
    ("do I have any reminders for tomorrow?", ["list | kind: reminder | date: for tomorrow | asked: events"]),
    ("did I set a reminder for the pizza?", ["list | title: pizza | kind: reminder | asked: events"]),
    ("what's the next reminder", ["list | which: next | kind: reminder | asked: events"]),
    ("when am I seeing Zoe next?", ["list | title: Zoe | asked: events"]),
    ("is anything on today?", ["list | date: on today | asked: events"]),
    ("nothing on friday?", ["list | date: on friday | asked: events"]),
    ("what's today's schedule", ["list | date: today | asked: events"]),
    ("today's agenda please", ["list | date: today | asked: events"]),
    ("what did I schedule for friday", ["list | date: for friday | asked: events"]),
    ("what's left this week", ["list | date: this week | asked: events"]),
    ("what else is happening tomorrow", ["list | date: tomorrow | asked: events"]),
    ("is there anything after 5pm tomorrow?", ["list | date: tomorrow | time: after 5pm | asked: events"]),
    ("am I free on friday for lunch", ["list | date: on friday | asked: free"]),
    ("am I free tonight", ["list | time: tonight | asked: free"]),
    ("do I have anything at 3pm on friday", ["list | date: on friday | time: at 3pm | asked: events"]),
    ("is 3pm on friday free", ["list | date: on friday | time: 3pm | asked: free"]),
    ("would tuesday at 10 work", ["list | date: tuesday | time: at 10 | asked: free"]),
    ("does friday at 2 suit me", ["list | date: friday | time: at 2 | asked: free"]),
    ("when could I fit in a two hour meeting next week", ["list | date: next week | duration: two hour | asked: gaps"]),
    (
        "find me half an hour for a call with Ana on friday",
        ["list | date: on friday | duration: half an hour | asked: gaps"],
    ),
    ("is there space for another meeting tomorrow", ["list | date: tomorrow | asked: free"]),
    ("what days am I free next week", ["list | date: next week | asked: gaps"]),
    ("which mornings are free next week", ["list | date: next week | time: morning | asked: gaps"]),
    ("am I free all day sunday", ["list | date: sunday | time: all day | asked: free"]),
    ("have I got time for a coffee tomorrow at 4", ["list | date: tomorrow | time: at 4 | asked: free"]),
    ("when's a good time for a meeting on friday", ["list | date: on friday | asked: gaps"]),
    ("what's my availability tomorrow", ["list | date: tomorrow | asked: gaps"]),
    ("which afternoon do I have free next week", ["list | date: next week | time: afternoon | asked: gaps"]),
    ("free time on saturday?", ["list | date: on saturday | asked: gaps"]),
]

#: What asks for nothing that these rules do.
LEFT_TO_THE_MODEL = [
    "what is the weather tomorrow",
    "where is my phone",
    "when is easter",
    "how long is a marathon",
    "what day is it",
]


@pytest.mark.parametrize(("text", "asked"), READ)
def test_a_question_is_read(text: str, asked: list[str]) -> None:
    assert calls(text) == asked


@pytest.mark.parametrize("text", LEFT_TO_THE_MODEL)
def test_what_asks_for_something_else_is_left_to_the_model(text: str) -> None:
    assert calls(text) == []


async def test_what_is_suggested_fits_the_calendar_and_is_understood() -> None:
    talk = Talk()
    await talk.say("dentist friday at 9")
    plugins = talk.person.plugins
    assert await plugins.suggestions(talk.person.context()) == ["When is dentist?"]
    await talk.say("gym today at 6pm")
    suggested = await plugins.suggestions(talk.person.context())
    assert suggested == ["What do I have today?", "When is dentist?"]
    assert [word in await talk.say(words) for words, word in zip(suggested, ("gym", "9 AM"), strict=True)] == [
        True,
        True,
    ]
