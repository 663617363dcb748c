"""New events in the words of hasty, chatty and wordy people: what stands around a request and inside a name."""

from __future__ import annotations

import pytest

from tests.unit.plugins.read_messages import added, read

APART = [
    ("pop me in for a haircut on saturday at 11", "haircut | on saturday | at 11"),
    ("could you squeeze Mr Aldous in tomorrow at quarter to four?", "Mr Aldous | tomorrow | at quarter to four"),
    ("fit the plasterer in on monday at 9", "plasterer | on monday | at 9"),
    ("right then, get the MOT booked in for the 3rd at 9am", "MOT | for the 3rd | at 9am"),
    ("write the choir concert down for 12 December, 7 pm", "choir concert | for 12 December | 7 pm"),
    ("honestly just bung the boiler man in for friday at noon", "boiler man | for friday | at noon"),
    ("wack the bins in every tuesday 7am", "bins | 7am | every tuesday"),
    ("ok so like put mocks in for the 7th of dec all day", "mocks | for the 7th of dec | all day"),
    ("argh forgot, slot parents evening in, 2 dec 17:40", "parents evening | 2 dec | 17:40"),
    ("tuck the eye test in on the 9th at 4", "eye test | on the 9th | at 4"),
    ("right so just get zumba in there for thursdays at 6", "zumba | at 6 | thursdays"),
    ("I'd like the piano recital entered for Sunday at noon please", "piano recital | for Sunday | at noon"),
    ("stick the clinic down for 14 December 11.20 please", "clinic | for 14 December | 11.20"),
    ("log the tyre delivery in for monday 07:30", "tyre delivery | for monday | 07:30"),
]
NAMES = [
    ("leg day tomorrow 6pm", "leg day | tomorrow | 6pm"),
    ("inset day next friday", "inset day | next friday"),
    ("all day event: moving day on the 5th of december", "moving day | on the 5th of december | all day"),
    ("games day all day on the 12th", "games day | on the 12th | all day"),
    ("one to one with Ingrid every monday 9:30", "one to one | with Ingrid | 9:30 | every monday"),
    ("add a two on two volleyball game saturday 10am", "two on two volleyball game | saturday | 10am"),
    ("second interview at Harlow thursday 10am", "second interview | at Harlow | thursday | 10am"),
    ("one off cleaning saturday 10am", "one off cleaning | saturday | 10am"),
    ("put dads 60th in for 19 december 7pm", "dads 60th | for 19 december | 7pm"),
    ("twelve week scan on december 3rd at 8:40", "twelve week scan | on december 3rd | at 8:40"),
    ("80s night at the Cavern sat 9pm", "80s night | at the Cavern | sat | 9pm"),
    ("sunday roast at the Plough this sunday 1pm", "sunday roast | at the Plough | this sunday | 1pm"),
]
TIMES = [
    ("release cut 2026-12-01T09:30", "release cut | 2026-12-01 | 09:30"),
    ("2026-12-02T08:00:00 blood donation", "blood donation | 2026-12-02 | 08:00"),
    ("architecture board 2026-12-08T13:00 to 2026-12-08T14:30", "architecture board | 2026-12-08 | 13:00 to 14:30"),
    ("dentist on monday at 8.30.", "dentist | on monday | at 8.30."),
    ("in an hour and a half: move the car", "move the car | in an hour and a half"),
    ("tomorrow 7:30: put the bins out", "put the bins out | tomorrow | 7:30"),
    ("saturday 10am: take the tree down", "take the tree down | saturday | 10am"),
    ("tonight at 10 - put the dishwasher on", "put the dishwasher on | tonight at 10"),
    ("in 2 hours: swap the washing over", "swap the washing over | in 2 hours"),
    ("in 25 minutes - flip the chicken", "flip the chicken | in 25 minutes"),
    ("20 min: tea bag out", "tea bag out | in 20 min"),
    ("school run monday to friday at 7:50", "school run | at 7:50 | monday to friday"),
    (
        "trade fair Tuesday 8 to Thursday 10 December",
        "trade fair | Tuesday 8 to Thursday 10 December",
    ),
    ("stand-up daily 9:15 weekdays only, from monday", "stand-up | 9:15 | every weekday, from monday"),
    ("interview prep tomorrow 18:00, 2h", "interview prep | tomorrow | 18:00 | for 2 hours"),
    ("boiler check tomorrow, they said 6.45 in the morning", "boiler check | tomorrow | at 6.45 in the morning"),
    ("we're having the Nguyens over for dinner saturday at 7:30", "Nguyens over for dinner | saturday | at 7:30"),
    ("I booked the ferry to Oslo for Sunday 22:00, write it in", "ferry to Oslo | for Sunday | 22:00"),
    ("feed the sourdough in 10 hours pls", "feed the sourdough | in 10 hours"),
    ("pizza out in 12 minutes", "pizza out | in 12 minutes"),
    ("water plants in 3 hours", "water plants | in 3 hours"),
    (
        "give the dog his tablet on the 15th of each month, reminder",
        "give the dog his tablet | on the 15th of each month",
    ),
]
HOW = [
    ("annual leave 21 to 24 december, block the whole thing", "annual leave | 21 to 24 december | all day"),
    ("board away days 14-15 January, please keep both days free", "board away days | 14-15 January | all day"),
    ("house move 12th december, block the day out please", "house move | 12th december | all day"),
    (
        "Half marathon weekend in Bath, 12-13 December, please mark both days",
        "Half marathon weekend | at Bath | 12-13 December | all day",
    ),
    ("client visit on 3 december, block the full day", "client visit | on 3 december | all day"),
    ("dentist friday at 3, put it in as one hour please", "dentist | friday | at 3 | for one hour"),
    ("piano tuner friday 10am, put him down for two hours", "piano tuner | friday | 10am | for two hours"),
    ("review with Nadia tomorrow at 2, hold an hour for it", "review | with Nadia | tomorrow | at 2 | for an hour"),
]
STORIES = [
    (
        "my tooth hurts like mad. Long story short, dentist on monday at 8:30",
        "dentist | on monday | at 8:30",
    ),
    (
        "I totally forgot my gran's birthday lunch, its on sunday at 1, add it before i forget again",
        "gran's birthday lunch | on sunday | at 1",
    ),
]


@pytest.mark.parametrize(("said", "event"), [*APART, *NAMES, *TIMES, *HOW, *STORIES])
def test_one_event(said: str, event: str) -> None:
    assert added(said) == [event]


@pytest.mark.parametrize(
    ("said", "events"),
    [
        (
            "rota: thursday 6am early shift, sunday 2pm late shift",
            ["early shift | thursday | 6am", "late shift | sunday | 2pm"],
        ),
        (
            "appointments: dentist tomorrow 3pm, vet friday 10am and bank monday 11am",
            ["dentist | tomorrow | 3pm", "vet | friday | 10am", "bank | monday | 11am"],
        ),
        (
            "my shifts next week: mon 8am early, wed 2pm late",
            ["early | mon next week | 8am", "late | wed next week | 2pm"],
        ),
    ],
)
def test_a_named_list(said: str, events: list[str]) -> None:
    assert added(said) == events


@pytest.mark.parametrize(
    "said",
    [
        "get the washing in at 5",
        "dinner with Ada: saturday 7pm, sunday 8pm",
        "lunch: how about friday 1pm, or saturday 2pm?",
    ],
)
def test_no_verb_of_new_events_and_no_list(said: str) -> None:
    assert len(added(said)) < 2


def test_the_point_of_a_story_is_a_change() -> None:
    said = "Boss is off and Jan quit. long story short the budget meeting has to be moved to friday at 4pm"
    assert read(said, "budget meeting") == [
        ("move_event", {"title": "budget meeting", "new_date": "friday", "new_time": "at 4pm"})
    ]


def test_it_is_the_event_that_a_story_names() -> None:
    said = "I've had the worst week and I just can't face the run on sunday so get rid of it pls"
    assert read(said, "run") == [("delete_event", {"title": "run", "date": "on sunday"})]
