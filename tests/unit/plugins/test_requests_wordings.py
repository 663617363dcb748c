"""Further wordings of questions, ends of series, shifts and deletions, about a calendar that has events."""

from __future__ import annotations

import pytest

from tests.unit.plugins.read_changes import calls

READ = [
    (
        "two reminders for the interview please: an hour before and 10 minutes before.",
        ["remind | title: interview | lead: an hour before", "remind | title: interview | lead: 10 minutes before"],
    ),
    ("gym is 2 hours not 1 ugh", ["move | title: gym | new_duration: 2 hours"]),
    ("the interview is actually 45 min not 30", ["move | title: interview | new_duration: 45 min"]),
    (
        "The workshop has been transferred to the Church of the Holy Cross.",
        ["move | title: workshop | new_place: the Church of the Holy Cross"],
    ),
    ("the dentist slipped to monday 10am", ["move | title: dentist | new_date: monday | new_time: 10am"]),
    (
        "change bob to rob, that's his real name",
        ["move | title: bob | new_title: rob | instead_of: bob"],
    ),
    ('board meeting: rename to "budget talk"', ["move | title: board meeting | new_title: budget talk"]),
    ("planning - rename it to sprint planning", ["move | title: planning | new_title: sprint planning"]),
    ("end choir on december 17", ["move | title: choir | new_repeat: until december 17"]),
    ("choir only until end of march please", ["move | title: choir | new_repeat: until end of march"]),
    ("choir stops after christmas", ["move | title: choir | new_repeat: until christmas"]),
    ("the last choir is on december 18", ["move | title: choir | new_repeat: until december 18"]),
    ("no more choir after easter", ["move | title: choir | new_repeat: until easter"]),
    ("run yoga until the end of june", ["move | title: yoga | new_repeat: until the end of june"]),
    ("choir finishes at the end of january", ["move | title: choir | new_repeat: until the end of january"]),
    ("is planning before or after choir?", ["list | title: planning | than: choir | asked: order"]),
    ("does the review come before the board meeting", ["list | title: review | than: board meeting | asked: order"]),
    ("which one's first on friday, planning or choir?", ["list | title: planning | than: choir | asked: order"]),
    ("how much time is there between planning and choir?", ["list | title: planning | than: choir | asked: between"]),
    ("what comes right after planning", ["list | title: planning | asked: after"]),
    (
        "do I have anything before lunch with Eva on friday",
        ["list | title: lunch with Eva | date: on friday | asked: before"],
    ),
    ("what's the first thing on friday", ["list | which: first | date: on friday | asked: events"]),
    ("how many weeks until christmas?", ["list | date: christmas | asked: until day"]),
    ("when do I get out of the dentist", ["list | title: dentist | asked: end"]),
    ("who's the lunch with on friday again?", ["list | title: lunch | date: on friday | asked: person"]),
    ("and where?", ["list | asked: place"]),
    ("can you get rid of fridays stuff", ["delete | which: all | date: friday"]),
    ("delay tomorrows review by 15 minutes", ["move | title: review | date: tomorrow | new_time: 15 minutes later"]),
    ("would 4pm on friday work for a call with mum", ["list | date: on friday | time: 4pm | asked: free"]),
    ("i need 90 minutes sometime friday, when?", ["list | date: friday | duration: 90 minutes | asked: gaps"]),
    (
        "do I have a gap of an hour on friday afternoon",
        ["list | date: on friday | time: afternoon | duration: an hour | asked: gaps"],
    ),
    (
        "planning 30 minutes earlier on friday",
        ["move | title: planning | date: on friday | new_time: 30 minutes earlier"],
    ),
    ("planning till 11:30 on friday", ["move | title: planning | date: on friday | new_end: till 11:30"]),
    ("nudge planning by a quarter of an hour", ["move | title: planning | new_time: a quarter of an hour later"]),
    ("the dentist wants me an hour earlier", ["move | title: dentist | new_time: an hour earlier"]),
    ("move the workshop to the week after", ["move | title: workshop | new_time: a week later"]),
    ("we agreed on 11 for planning", ["move | title: planning | new_time: on 11"]),
    ("cancel everything except the workshop this week", ["delete | which: all | besides: workshop | date: this week"]),
    ("everything on friday can go except the dentist", ["delete | which: all | date: on friday | besides: dentist"]),
    ("leave the gym but delete planning on friday", ["delete | title: planning | date: on friday"]),
    ("delete planning and keep the rest", ["delete | title: planning"]),
    ("I am ill on friday, cancel whatever I have", ["delete | which: all | date: on friday"]),
    ("I need friday off, clear it all", ["delete | which: all | date: friday"]),
    ("I won't be going to choir any more, delete the lot", ["delete | title: choir | scope: series"]),
    ("get rid of the later one", ["delete | which: last | among: listed"]),
    ("planning: cancel", ["delete | title: planning"]),
    ("take lunch with Eva off friday please", ["delete | title: lunch with Eva | date: friday"]),
    ("drop every choir in december", ["delete | title: choir | date: in december | which: all"]),
    (
        "Lena can't do friday, can we do planning monday same time",
        ["move | title: planning | date: friday | new_date: monday"],
    ),
    ("not saturday, sunday", ["move | new_date: sunday"]),
    ("don't cancel the dentist but what time is it at?", ["list | title: dentist | asked: events"]),
]


@pytest.mark.parametrize(("text", "asked"), READ)
def test_a_wording_is_read(text: str, asked: list[str]) -> None:
    assert calls(text) == asked
