"""What people say every day about events that are there: questions, changes, deletions, and what goes on from them.

What breaks without these: a message that everybody understands gets the wrong calendar, or an answer to nothing.
"""

from __future__ import annotations

import pytest

from tests.unit.plugins.calendar_talk import Talk
from tests.unit.plugins.read_changes import calls

#: A message, and the calls that it asks for.
READ: list[tuple[str, list[str]]] = [
    ("swap lunch with Bob to dinner time, 7pm", ["move | title: lunch with Bob | new_time: 7pm"]),
    ("I want the workshop called weekly sync", ["move | title: workshop | new_title: weekly sync | scope: series"]),
    ("free on tuesday at all?", ["list | date: on tuesday | asked: free"]),
    ("could I meet Jo at 6 on thursday?", ["list | date: on thursday | time: at 6 | asked: free"]),
    ("could I see Eva at 6 on friday?", []),
    (
        "the workshop is in the church hall this time",
        ["move | title: workshop | new_place: the church hall | scope: one"],
    ),
    (
        "it's not alice but zoe I'm having the call with",
        ["move | title: alice | new_title: zoe | instead_of: alice"],
    ),
    ("gym's at 7 now", ["move | title: gym | new_time: at 7"]),
    ("the morning run's moved to 8am", ["move | title: morning run | new_time: 8am"]),
    ("swap gym and review", ["move | title: gym | swap_with: review"]),
    ("switch the dentist with lunch with Eva", ["move | title: dentist | swap_with: lunch with Eva"]),
    ("exchange the times of gym and review", ["move | title: gym | swap_with: review"]),
    (
        "dentist at 11 instead and gym at 7",
        ["move | title: dentist | new_time: at 11", "move | title: gym | new_time: at 7"],
    ),
    ("can we have the workshop at 4 next week?", ["move | title: workshop | date: next week | new_time: at 4"]),
    ("add Sara to the board meeting", ["move | title: board meeting | new_title: board meeting with Sara"]),
    ("invite Kate to lunch with Bob", ["move | title: lunch with Bob | new_title: lunch with Bob and Kate"]),
    (
        "Tom is coming to dinner with Maria too",
        ["move | title: dinner with Maria | new_title: dinner with Maria and Tom"],
    ),
    ("the workshop has moved to Hall Two", ["move | title: workshop | new_place: Hall Two"]),
    ("board meeting will be on zoom", ["move | title: board meeting | new_place: zoom"]),
    (
        "move lunch with Bob to 1pm, rename the workshop to retro and cancel the board meeting",
        [
            "move | title: lunch with Bob | new_time: 1pm",
            "move | title: workshop | new_title: retro",
            "delete | title: board meeting",
        ],
    ),
    ("call the gym thing crossfit", ["move | title: gym thing | new_title: crossfit"]),
    ("move the first one to 1pm", ["move | which: first | among: listed | new_time: 1pm"]),
    ("wipe tomorrow, keep the dentist though", ["delete | date: tomorrow | which: all | besides: dentist"]),
    (
        "delete everything on friday but keep lunch with Eva",
        ["delete | which: all | date: on friday | besides: lunch with Eva"],
    ),
    ("keep the gym, cancel the rest of tomorrow", ["delete | which: all | date: tomorrow | besides: gym"]),
    ("delete the first thing tomorrow", ["delete | which: first | date: tomorrow"]),
    ("cancel my whole friday", ["delete | which: all | date: friday"]),
    ("the dentist cancelled on me", ["delete | title: dentist"]),
    ("Eva cancelled lunch", ["delete | title: lunch Eva"]),
    ("gym's off tomorrow", ["delete | title: gym | date: tomorrow"]),
    ("the second one is cancelled", ["delete | which: second | among: listed"]),
    ("call off the workshop, everyone's sick", ["delete | title: workshop"]),
    ("delete the meeting on monday", ["delete | title: meeting | date: on monday"]),
    ("where are we eating on saturday?", ["list | date: on saturday | asked: events"]),
    ("show me december", ["list | date: december | asked: events"]),
    ("and the gym?", ["list | title: gym | asked: events"]),
    ("is it true that the board meeting is on monday?", ["list | title: board meeting | asked: events"]),
    ("the board meeting is on monday, right?", ["list | title: board meeting | asked: events"]),
    ("the board meeting is on monday", ["move | title: board meeting | new_date: on monday"]),
    ("when am I done on friday?", ["list | which: last | date: on friday | asked: end"]),
    ("when do I start on monday?", ["list | which: first | date: on monday | asked: events"]),
    ("which one did you delete?", ["list | asked: added"]),
    (
        "can I squeeze in an hour tomorrow morning?",
        ["list | date: tomorrow | time: morning | duration: an hour | asked: gaps"],
    ),
    ("when could I meet someone on friday afternoon?", ["list | date: on friday | time: afternoon | asked: gaps"]),
    ("how much free time do I have on friday", ["list | date: on friday | asked: gaps"]),
    ("are there any gaps on friday afternoon?", ["list | date: on friday | time: afternoon | asked: gaps"]),
    ("same time on friday too", ["copy | new_date: on friday"]),
    ("Eva cancelled lunch", ["delete | title: lunch Eva"]),
    ("the plumber cancelled the dentist", ["delete | title: dentist"]),
]


@pytest.mark.parametrize(("text", "wanted"), READ, ids=[text for text, _ in READ])
def test_everyday_words_are_read(text: str, wanted: list[str]) -> None:
    assert calls(text) == wanted


#: What nobody may take for a change of an event that is there.
OTHERS = ["add milk to the board meeting", "I'm in London now", "call the dentist office", "swap shifts with Ana"]


@pytest.mark.parametrize("text", OTHERS)
def test_what_only_looks_like_a_change_is_none(text: str) -> None:
    assert not any(each.startswith(("move", "delete")) for each in calls(text))


#: Events in the calendar, and what is said and replied in turn.
DIALOGUES: list[tuple[list[tuple[str, ...]], list[tuple[str, str]]]] = [
    (  # "it" is what was asked about, and no change from before
        [("choir", "2026-12-02 19:00")],
        [
            ("add gym tomorrow at 6pm", "I've added gym for tomorrow, Thursday 26 November, at 6 PM."),
            ("when's choir", "You have choir, Wednesday 2 December at 7 PM."),
            ("cancel it please", "I've deleted choir, Wednesday 2 December at 7 PM."),
            ("hang on, undo", "I've put choir back as before."),
            ("cancel choir", "I've deleted choir, Wednesday 2 December at 7 PM."),
            ("noooo", "I've put choir back as before."),
        ],
    ),
    (
        [("gym", "2026-11-26 18:00")],
        [("I probably won't make it to the gym", "Shall I delete gym, tomorrow, Thursday 26 November, at 6 PM?")],
    ),
    (
        [("gym", "2026-11-26 18:00")],
        [
            ("delete the gym", "I've deleted gym, tomorrow, Thursday 26 November, at 6 PM."),
            ("oops wrong one, put it back", "I've put gym back as before."),
        ],
    ),
    (
        [("gym", "2026-11-26 18:00")],
        [
            ("cancel the gym", "I've deleted gym, tomorrow, Thursday 26 November, at 6 PM."),
            ("changed my mind", "I've put gym back as before."),
        ],
    ),
    (
        [("gym", "2026-11-26 18:00")],
        [
            ("cancel the gym", "I've deleted gym, tomorrow, Thursday 26 November, at 6 PM."),
            ("wait no", "I've put gym back as before."),
        ],
    ),
    (
        [("gym", "2026-11-26 18:00")],
        [
            ("rename gym to yoga", "I've changed gym: it is now yoga, tomorrow, Thursday 26 November, at 6 PM."),
            ("change it back", "I've put gym back as before."),
        ],
    ),
    (
        [("gym", "2026-11-26 18:00"), ("choir", "2026-12-02 19:00")],
        [
            ("delete choir", "I've deleted choir, Wednesday 2 December at 7 PM."),
            (
                "no wait, I meant the gym",
                "I've put choir back. I've deleted gym, tomorrow, Thursday 26 November, at 6 PM.",
            ),
        ],
    ),
    (
        [("gym", "2026-11-26 18:00"), ("choir", "2026-12-02 19:00")],
        [
            ("I won't be at choir wednesday", "Shall I delete choir, Wednesday 2 December at 7 PM?"),
        ],
    ),
    (
        [("choir", "2026-12-02 19:00")],
        [
            ("I'm not going to choir", "Shall I delete choir, Wednesday 2 December at 7 PM?"),
            ("[Yes]", "I've deleted choir, Wednesday 2 December at 7 PM."),
        ],
    ),
    (
        [("gym", "2026-11-26 18:00")],
        [
            (
                "I'm not going to cancel the gym",
                "All right, gym, tomorrow, Thursday 26 November, at 6 PM, stays as it is.",
            ),
        ],
    ),
    (
        [("gym", "2026-11-26 18:00"), ("choir", "2026-12-02 19:00")],
        [
            ("delete all but the gym", "I've deleted choir, Wednesday 2 December at 7 PM."),
        ],
    ),
    (
        [("interview", "2026-12-01 09:00")],
        [
            ("make the interview wednesday", "I've moved interview to Wednesday 2 December at 9 AM."),
        ],
    ),
    (
        [],
        [
            ("add coffee with Lea friday 4pm", "I've added coffee with Lea for Friday 27 November at 4 PM."),
            ("at Starbucks", "I've changed coffee with Lea: it is now at Starbucks, Friday 27 November at 4 PM."),
            ("bring wine", "I've noted for coffee with Lea, Friday 27 November at 4 PM: bring wine."),
            ("90 minutes", "I've changed coffee with Lea: it is now Friday 27 November from 4 PM to 5:30 PM."),
        ],
    ),
    (
        [],
        [
            ("add a massage friday 5pm", "I've added massage for Friday 27 November at 5 PM."),
            ("with Julia", "I've changed massage: it is now massage with Julia, Friday 27 November at 5 PM."),
            ("same time on monday too", "I've added massage with Julia for Monday 30 November at 5 PM."),
        ],
    ),
    (
        [],
        [
            ("add haircut tomorrow at 3pm", "I've added haircut for tomorrow, Thursday 26 November, at 3 PM."),
            ("and a massage at 5", "I've added massage for tomorrow, Thursday 26 November, at 5 PM."),
        ],
    ),
    (
        [("dinner with Maria", "2026-11-28 20:00")],
        [
            (
                "the dinner is at Luigi's",
                "I've changed dinner with Maria: it is now at Luigi's, Saturday 28 November at 8 PM.",
            ),
            (
                "we're meeting at Nobu instead of Luigi's on saturday",
                "I've changed dinner with Maria: it is now at Nobu, Saturday 28 November at 8 PM.",
            ),
        ],
    ),
    (
        [("team meeting", "2026-11-27 15:00"), ("lunch", "2026-11-27 12:00")],
        [
            ("remove friday's meeting", "I've deleted team meeting, Friday 27 November at 3 PM."),
            ("undo", "I've put team meeting back as before."),
            (
                "swap lunch and team meeting",
                "I've swapped them: lunch is now Friday 27 November at 3 PM, "
                "and team meeting is now Friday 27 November at noon.",
            ),
        ],
    ),
    (
        [("a", "2026-11-27 15:00"), ("b", "2026-11-27 12:00")],
        [
            ("clear friday", "That deletes 2 events on Friday 27 November: b at noon and a at 3 PM. Are you sure?"),
            ("[Yes]", "Deleted 2 events."),
            ("undo", "I've put b and a back as before."),
        ],
    ),
    (
        [("interview", "2026-11-27 15:00")],
        [
            ("delete the meeting on friday", "I've deleted interview, Friday 27 November at 3 PM."),
        ],
    ),
]


@pytest.mark.parametrize(("given", "said"), DIALOGUES, ids=[said[0][0] for _, said in DIALOGUES])
async def test_a_dialogue_goes_on(given: list[tuple[str, ...]], said: list[tuple[str, str]]) -> None:
    talk = Talk()
    for title, start in given:
        await talk.give(title, start)
    for words, reply in said:
        assert (words, await talk.say(words)) == (words, reply)
