"""New events as people ask for them every day. What breaks without this: the name and the time of an event stand in two
sentences and only one is kept, a note becomes part of a title, a list loses its second event, a wake-up rings in the
evening.
"""

from __future__ import annotations

import pytest

from tests.unit.plugins.read_messages import added, read

#: A message, and the one event that it asks for.
ONE = [
    # the name in one sentence, the time in another
    (
        "We have a parents' evening coming up. It's on the 8th at 7. Put it in please.",
        "parents' evening | on the 8th | at 7",
    ),
    (
        "My boss told me the budget review got pushed again, so annoying. It is now on thursday at 2pm in room 4B with"
        " Lena and Mark, can you please put that in",
        "budget review | with Lena and Mark | at room 4B | on thursday | at 2pm",
    ),
    (
        "So the plumber finally called back. He's coming friday between 10 and 12. Could you put that in?",
        "plumber | coming friday | between 10 and 12",
    ),
    (
        "I ran into Petra yesterday and we decided to grab a coffee. Tuesday at 3 works for both of us so please add"
        " it",
        "coffee | Tuesday | at 3",
    ),
    (
        "We finally agreed on a date for the housewarming! It's going to be December 19th, starting at 6pm at our new"
        " flat. Would you add it?",
        "housewarming | at our new flat | December 19th | at 6pm",
    ),
    (
        "my landlord wants to see the flat AGAIN. He'll be here monday at 5pm. Please put it in my calendar",
        "landlord | monday | at 5pm",
    ),
    ("i keep forgetting my vitamins, remind me every morning at 8", "my vitamins | at 8 | every morning"),
    ("I need to call the bank. Remind me at 3.", "call the bank | at 3"),
    ("I have to go to the bank tomorrow, remind me at 9", "go to the bank | tomorrow | at 9"),
    (
        "So my dentist had a cancellation and now they can see me on friday at 9:10. Please save that.",
        "dentist | on friday | at 9:10",
    ),
    (
        "The choir concert has a date at last: december 13th, 4pm, St Mark's church. Can you put it in?",
        "choir concert | at St Mark's church | december 13th | 4pm",
    ),
    # reminders
    ("set a timer for 12 minutes", "timer | in 12 minutes"),
    ("timer 20 min pasta", "pasta | in 20 min"),
    ("set a 10 minute timer for the eggs", "eggs | in 10 minute"),
    ("give me a shout at 2pm about the laundry", "laundry | at 2pm"),
    ("can you nag me every evening at 7 to practise the violin", "practise the violin | at 7 | every evening"),
    ("buzz me at 3:15 so I can leave for the train", "leave for the train | at 3:15"),
    ("I need waking at quarter to six tomorrow", "wake up | tomorrow | at quarter to six"),
    ("alarm for 6 tomorrow pls, got an early train", "alarm | tomorrow | for 6"),
    ("could you set two alarms for tomorrow, 6 and 6:15", "alarm | for tomorrow | 6 and 6:15"),
    ("check on the cake in three quarters of an hour", "check on the cake | in three quarters of an hour"),
    ("remind us both about the parents evening on the 3rd at 6", "parents evening | on the 3rd | at 6"),
    # who is off, away, or there
    ("I have friday off", "day off | friday"),
    ("Emma has the week of December 7 off", "Emma off | the week of December 7"),
    (
        "Mark's on paternity leave from the 7th for two weeks",
        "Mark's on paternity leave | from the 7th | for two weeks",
    ),
    ("house sitting for the Millers until sunday", "house sitting for the Millers | until sunday"),
    ("Kitchen is being renovated January 11 through 22", "Kitchen is being renovated | January 11 through 22"),
    ("block out all of next week for the move", "move | all of next week"),
    ("Grandma turns 90 on 2 february", "Grandma turns 90 | on 2 february"),
    ("kids have judo every saturday from 9.30 to 10.30", "judo for kids | from 9.30 to 10.30 | every saturday"),
    ("we do piano lessons on wednesdays at 4", "piano lessons | at 4 | on wednesdays"),
    # times and days
    ("lunch w/ mum sunday 12.30", "lunch | with mum | sunday | 12.30"),
    ("Physio Th 3.30pm", "Physio | Thu | 3.30pm"),
    ("Airbnb in Ghent 11.12. - 13.12.", "Airbnb | at Ghent | 11.12. - 13.12."),
    ("new year's eve party 9pm", "new year's eve party | new year's eve | 9pm"),
    ("We're going to see Hamlet on friday evening, starts 7:30", "see Hamlet | on friday | 7:30 in the evening"),
    ("kettlebells 6.15pm tonight", "kettlebells | 6.15pm tonight"),
    ("day off on friday", "day off | on friday"),
    ("make a note that I have blood work on friday at 7:45am", "blood work | on friday | at 7:45am"),
    ("appointment with dr wu dec 1 at 3", "appointment | with dr wu | dec 1 | at 3"),
    ("hospital visit tuesday 2pm, ward 7", "hospital visit | at ward 7 | tuesday | 2pm"),
    ("quarterly taxes every 3 months starting january 15", "quarterly taxes | every 3 months starting january 15"),
    (
        "physio twice a week, monday and friday at 2pm, for four weeks",
        "physio | at 2pm | twice a week, monday and friday, for four weeks",
    ),
    ("remind me to take my pills twice a day at 8 and 20", "take my pills | at 8 and 20 | every day"),
    (
        "birthday drinks for Lotte, 4 december, 8pm, Bar Nord",
        "birthday drinks for Lotte | at Bar Nord | 4 december | 8pm",
    ),
    ("change the bed sheets every two weeks on sunday", "change the bed sheets | every two weeks on sunday"),
    ("collect parcel 340 from locker 12 tomorrow at 5pm", "collect parcel 340 from locker 12 | tomorrow | at 5pm"),
    # zones
    (
        "call with the Tokyo office tomorrow at 9am their time",
        "call | with the Tokyo office | tomorrow | at 9am Tokyo time",
    ),
    ("webinar thursday 6pm (CET)", "webinar | thursday | 6pm CET"),
    ("town hall monday at 11 eastern", "town hall | monday | at 11 eastern"),
]

#: A message, and the events that it asks for.
SEVERAL = [
    (
        "dentist mon 9am, haircut tue 5pm, gym wed 7am",
        ["dentist | mon | 9am", "haircut | tue | 5pm", "gym | wed | 7am"],
    ),
    (
        "put these in please: tuesday 10am vet; thursday 4pm piano; saturday 11am market",
        ["vet | tuesday | 10am", "piano | thursday | 4pm", "market | saturday | 11am"],
    ),
    (
        "friday: gym at 7am, lunch with Kai at 12:30, film at 8pm",
        ["gym | friday | at 7am", "lunch | with Kai | friday | at 12:30", "film | friday | at 8pm"],
    ),
    (
        "remind me to email HR at 11, call Tom at noon and leave at 4",
        ["email HR | at 11", "call Tom | at noon", "leave | at 4"],
    ),
]

#: A message, the title of its event, and the note for it.
NOTES = [
    ("potluck on saturday at 6pm, bring salad", "potluck", "bring salad"),
    ("dinner at Theo's friday 8pm - don't forget to bring the wine", "dinner", "bring the wine"),
    ("barbecue at Kev's sunday from 2. Bring your own meat!", "barbecue", "Bring your own meat"),
    ("meeting with Kim thursday at 2, note: ask about the budget", "meeting", "ask about the budget"),
    ("Team dinner friday 7:30, wear something nice", "Team dinner", "wear something nice"),
]

#: Messages that ask for no new event, or say too little for the rules.
NOTHING = [
    "do i have yoga on monday",
    "I go to the gym",
    "what do we do on wednesdays at 4",
    "who has friday off?",
    "wake me up 20 minutes earlier than usual tomorrow",
    "It's on the 8th at 7.",
    "back in 10 minutes",
    "we leave the house in 10 minutes",
    "do you remember me?",
]


@pytest.mark.parametrize(("said", "event"), ONE, ids=[said[:60] for said, _ in ONE])
def test_one_event(said: str, event: str) -> None:
    assert added(said) == [event]


@pytest.mark.parametrize(("said", "events"), SEVERAL, ids=[said[:60] for said, _ in SEVERAL])
def test_several_events(said: str, events: list[str]) -> None:
    assert added(said) == events


@pytest.mark.parametrize(("said", "title", "note"), NOTES, ids=[said for said, _, _ in NOTES])
def test_a_note_is_no_part_of_the_title(said: str, title: str, note: str) -> None:
    [(tool, given)] = read(said)
    assert (tool, given["title"], given["note"]) == ("create_event", title, note)


@pytest.mark.parametrize("said", NOTHING)
def test_nothing_is_added(said: str) -> None:
    assert added(said) == []


def test_a_reminder_comes_before_the_event_of_its_message() -> None:
    calls = read("flight tomorrow at 6pm, remind me 2 hours earlier")
    assert [tool for tool, _ in calls] == ["create_event", "remind_before"]
    assert calls[1][1]["lead"] == "2 hours before"
