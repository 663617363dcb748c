"""A request among other talk. What breaks without this: people who talk as people do are not understood, or the talk
becomes a part of the event.
"""

from __future__ import annotations

import pytest

from tests.unit.plugins.read_messages import added, read

#: A message, and the one event that it asks for.
TALK = [
    ("I have to renew my visa by friday, can you remind me on thursday at 9?", "renew my visa | on thursday | at 9"),
    (
        "hey so I need to set up a thing with marcus tomorrow, it's about the budget, whatever, 3pm works best for me",
        "thing with marcus about the budget | tomorrow | 3pm",
    ),
    (
        "Hi! Hope you had a good weekend. Could you do me a favour and put a call with Jo on thursday at 11? Great.",
        "call | with Jo | on thursday | at 11",
    ),
    (
        "Listen, I know I said I'd never do this again but sign me up for spinning on tuesday at 6:30am lol",
        "spinning | on tuesday | at 6:30am",
    ),
    ("So can you write dentist on tuesday at 3:15? Thank you so so much!!", "dentist | on tuesday | at 3:15"),
    (
        "they are asking again, can I give a talk at school, well yes of course, so: talk about bees, sunday, 3 pm.",
        "talk about bees | sunday | 3 pm",
    ),
    (
        "Morning! Coffee hasn't kicked in yet. Anyway: team sync tomorrow 10am, don't let me miss it",
        "team sync | tomorrow | 10am",
    ),
    (
        "thanks for yesterday, that really helped. now, can you schedule a follow up with Dana for next monday at 2pm?",
        "follow up | with Dana | for next monday | at 2pm",
    ),
    (
        'Not sure if you can do this but please add "Renew passport" for january 11 at 9:30',
        "Renew passport | for january 11 | at 9:30",
    ),
    ("um could you, like, add a dentist thing on tuesday at 3 or so", "dentist thing | on tuesday | at 3"),
    (
        "Please add the following to my calendar: doctor's appointment on december 2 at 8:45am. Thanks!",
        "doctor's appointment | on december 2 | at 8:45am",
    ),
    ("hello my friend, how are you? please add gym tomorrow at 6pm", "gym | tomorrow | at 6pm"),
    (
        "Add a meeting with the landlord tomorrow at 9, he is always late but whatever",
        "meeting | with the landlord | tomorrow | at 9",
    ),
    ("book club got moved, ugh. add book club on sunday at 7pm please", "book club | on sunday | at 7pm"),
    (
        "could you please, if it's not too much trouble, remind me to water the plants tomorrow evening?",
        "water the plants | tomorrow | evening",
    ),
    ("So. Tomorrow. 3pm. Dentist.", "Dentist | Tomorrow | 3pm"),
    ("Remind me — because I always forget — to take my pills at 9pm", "take my pills | at 9pm"),
    (
        "Can you believe it's already November? Remind me to order the turkey on monday at 10",
        "order the turkey | on monday | at 10",
    ),
    ("yo can u chuck in a footy game w the lads saturday 3pm cheers", "footy game | with the lads | saturday | 3pm"),
    (
        "I need you to add something for me: a viewing at 12 Elm Road on thursday at 5:30pm",
        "viewing | at 12 Elm Road | on thursday | at 5:30pm",
    ),
    (
        "remember how I said I'd start running? well, put a run in for tomorrow at 6:30am",
        "run | for tomorrow | at 6:30am",
    ),
]


@pytest.mark.parametrize(("text", "event"), TALK)
def test_the_one_request_among_other_talk_is_read(text: str, event: str) -> None:
    assert added(text) == [event]


@pytest.mark.parametrize(
    "text",
    [
        "ok so my mother in law is visiting, ugh, she arrives on saturday at noon, please put that in the calendar",
        "I just got off the phone with the garage and they can take the car on wednesday at 8, so add that please",
        "add gym tomorrow at 6, not the one at school",
        "what a day, I saw Tom yesterday and tomorrow will be better",
    ],
)
def test_talk_that_may_change_what_is_asked_is_not_passed_over(text: str) -> None:
    assert read(text) == []
