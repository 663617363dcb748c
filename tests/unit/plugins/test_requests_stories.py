"""Requests within long talk, and what several requests of a message share.

What breaks without this: the model guesses about long messages, deletes what somebody only complains about, or puts the
second event of a list on another day.
"""

from __future__ import annotations

from typing import Any

import pytest

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.left_alone import event_named, is_not_needed, leaves_alone
from tests.unit.plugins.read_messages import NOW, added, read, requests_of

TITLES = ("gym", "dentist", "dinner with Nora", "lunch with Bob", "run with Jo")


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (
            "man what a week, I'm dead on my feet, no way I'm making it to the gym on friday, bin it",
            [("delete_event", {"title": "gym", "date": "on friday"})],
        ),
        (
            "Nora's kid is ill, poor thing, so dinner on friday won't work. She suggested sunday instead, same time."
            " Can you change it?",
            [("move_event", {"title": "dinner with Nora", "date": "on friday", "new_date": "sunday"})],
        ),
        (
            "Bob can't do friday at all, he has a conflict with lunch. move it to monday at 1",
            [("move_event", {"title": "lunch with Bob", "date": "friday", "new_date": "monday", "new_time": "at 1"})],
        ),
        (
            "Ms. Nora asks if Friday could become Monday, same hour. Please change it.",
            [("move_event", {"title": "Nora", "date": "Friday", "new_date": "Monday"})],
        ),
        (
            "too cold friday so gym a week later",
            [("move_event", {"title": "gym", "date": "friday", "new_time": "a week later"})],
        ),
        (
            "Jo hurt her ankle, so running is out for the next two weeks. So please take the run off saturday. Thanks!",
            [("delete_event", {"title": "run", "date": "saturday"})],
        ),
        (
            "my phone says nothing tomorrow but I was sure I had the dentist. what do I have tomorrow?",
            [("list_events", {"date": "tomorrow", "asked": "events"})],
        ),
        (
            "don't cancel the lunch but what time is it at?",
            [("list_events", {"title": "lunch with Bob", "asked": "events"})],
        ),
        ("has the lunch with Bob been cancelled?", [("list_events", {"title": "lunch with Bob", "asked": "events"})]),
        ("cancel the gym but not the dentist", [("delete_event", {"title": "gym"})]),
    ],
)
def test_the_request_of_a_story_is_read(text: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
    assert read(text, *TITLES) == calls


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (
            "I need to book the car in for its MOT, they have a slot on december 2nd at 8:15, so put that in please",
            ["its MOT | on december 2nd | at 8:15"],
        ),
        (
            "we finally got tickets for the Coldplay concert, it's on december 18th at 7:30pm, I can't wait. put it in"
            " my calendar pleeease",
            ["Coldplay concert | on december 18th | at 7:30pm"],
        ),
        (
            "My mother-in-law arrives on Friday, train gets in at 17:20. Remind me at 16:45 that day to leave",
            ["leave | on Friday | at 16:45"],
        ),
        (
            "Flight to Oslo Dec 3 at 6:40am. Hotel check-in the same day at 3pm.",
            ["Flight to Oslo | Dec 3 | at 6:40am", "Hotel check-in | Dec 3 | at 3pm"],
        ),
        (
            "schedule a call with the lawyer on Monday at 11 and another one with the accountant on Tuesday at 2pm",
            ["call | with the lawyer | on Monday | at 11", "call | with the accountant | on Tuesday | at 2pm"],
        ),
        (
            "i need 2 reminders. one at 10 for the laundry and one at 11:30 for the oven",
            ["laundry | at 10", "oven | at 11:30"],
        ),
        ("tonight: 6pm pick up kids, 7pm cook", ["pick up kids | tonight | 6pm", "cook | tonight | 7pm"]),
        (
            "Could you add: 1) haircut tomorrow 4pm 2) pick up parcel tomorrow 5pm",
            ["haircut | tomorrow | 4pm", "pick up parcel | tomorrow | 5pm"],
        ),
        ("Add lunch with Sam. On Monday. At 12:30.", ["lunch | with Sam | On Monday | At 12:30"]),
        ("remind me 2 feed the cat @ 7pm", ["feed the cat | @ 7pm"]),
        ("wehn is the party", []),
    ],
)
def test_what_requests_share_and_stories_name_is_added(text: str, events: list[str]) -> None:
    assert added(text) == events


@pytest.mark.parametrize("text", ["Bob can't make lunch", "Nora can't do dinner", "the gym isn't happening"])
def test_a_deletion_that_no_verb_asks_for_is_asked_about(text: str) -> None:
    [request] = requests_of(text, *TITLES)
    assert (request.call.name, request.unsure) == ("delete_event", True)


#: Deletions and moves that the words around them leave in doubt.
IN_DOUBT = (
    "Cancel the gym? Please don't.",
    "cancel the gym. Don't do it yet",
    "cancel the gym. If it rains",
    "cancel the gym? absolutely not",
    "cancel the gym? hmm, let me think",
    "cancel the gym. Ask me first",
    "cancel the gym. Wait for my ok",
    "cancel the gym. That was a joke",
    "cancel the gym. As if",
    "cancel the gym. Sorry, wrong window",
    "cancel the gym. Should I do that?",
    "cancel the gym, on second thought leave it",
    "move the gym to 5? Please don't",
    "Draft a message: please cancel the gym",
    "Write an email to Bob: please cancel lunch with Bob",
    "Here is the mail: please cancel the gym",
    "my boss said: cancel the gym",
    "cancel the gym, he said",
    "cancel the gym. That's what Nora wrote",
    "Hi Bob, please cancel lunch with Bob",
    "Ben dropped out of the gym",
    "Bob cancelled on me",
    "forget Bob",
    "Bob moved to 5",
    "Ben cancelled the gym",
    "the gym is now at 11 dollars",
    "forget the gym, they are mean",
    "no gym, no glory",
)
#: Ordinary words that are acted on at once.
BEYOND_DOUBT = (
    "cancel the gym please, thanks",
    "cancel the gym, I'm sick",
    "cancel the gym. And add yoga at 5",
    "cancel the gym because it rains",
    "can you cancel the gym? I'm sick.",
    "Hi there, please cancel the gym",
    "cancel the gym. The trainer is ill",
    "Hi! Please cancel the gym. Best, Tom",
)


@pytest.mark.parametrize(
    ("text", "asks"), [*((each, True) for each in IN_DOUBT), *((each, False) for each in BEYOND_DOUBT)]
)
def test_a_deletion_or_a_move_in_doubt_is_asked_about(text: str, asks: bool) -> None:
    changing = [each.unsure for each in requests_of(text, *TITLES) if each.call.name in ("delete_event", "move_event")]
    assert changing == [asks]


@pytest.mark.parametrize(
    "text",
    [
        "I'm not going to lie, gym is hard",
        "I can't go to the gym without my mat",
        "I won't go to the gym late",
        "I'm not going to the gym alone",
    ],
)
def test_words_that_say_how_somebody_goes_are_no_word_against_it(text: str) -> None:
    assert not is_not_needed(Clause.of(text, NOW))


@pytest.mark.parametrize("text", ["not the gym, cancel lunch", "rename the gym to what?"])
def test_a_request_or_a_question_is_no_new_name(text: str) -> None:
    assert all(each.call.name != "move_event" for each in requests_of(text, *TITLES))


@pytest.mark.parametrize("text", ["delete the gym", "gym is cancelled", "get rid of the gym", "forget the gym"])
def test_a_deletion_that_is_asked_for_is_done(text: str) -> None:
    [request] = requests_of(text, *TITLES)
    assert (request.call.name, request.unsure) == ("delete_event", False)


@pytest.mark.parametrize(
    "text",
    [
        "it's not that I want to cancel lunch with Bob",
        "I'm not saying you should delete it",
        "you needn't move the gym",
    ],
)
def test_what_is_not_asked_for_is_left_alone(text: str) -> None:
    assert leaves_alone(text)


@pytest.mark.parametrize("text", ["I'd rather not go to the gym on friday", "I don't feel like gym on friday"])
def test_what_somebody_does_not_want_is_known(text: str) -> None:
    clause = Clause.of(text, NOW, events=(CalendarEvent(event_id="gym", title="gym"),))
    assert is_not_needed(clause)
    assert event_named(clause) == "gym"
