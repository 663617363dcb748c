"""What people tell and ask about themselves, by rules. A wrong reading calls somebody "Tired" for ever."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from llmagent_os.identity import PersonId
from llmagent_os.languages import speaking
from llmagent_os.people.profiles import Profile
from llmagent_os.plugins.profile.about_person import ASKS_NAME, told
from llmagent_os.plugins.profile.answer_style import style_meant
from llmagent_os.plugins.profile.clock_questions import answered
from llmagent_os.plugins.profile.places import find_place

NOW = datetime(2026, 11, 25, 9, 5, tzinfo=ZoneInfo("Europe/Berlin"))
ANA = Profile(user_id=PersonId("ana"), name="Ana", place="Berlin")
NOBODY = Profile(user_id=PersonId("x"))


def is_place(name: str) -> bool:
    return find_place(name) is not None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I'm Tom", {"name": "Tom"}),
        ("I'm Tom and I live in Tokyo", {"name": "Tom", "place": "Tokyo"}),
        ("i'm tom and i live in tokyo", {"name": "tom", "place": "tokyo"}),
        ("Hi, I’m Zoë, nice to meet you!", {"name": "Zoë"}),
        ("my name is jürgen", {"name": "jürgen"}),
        ("call me sam please", {"name": "sam"}),
        ("I am Tom. I live in New York.", {"name": "Tom", "place": "New York"}),
        ("I'm Lee from Berlin", {"name": "Lee", "place": "Berlin"}),
        ("My name is Ana, I'm in Madrid", {"name": "Ana", "place": "Madrid"}),
        ("I moved to Paris", {"place": "Paris"}),
        ("set my time zone to London", {"place": "London"}),
        ("My timezone is Europe/Berlin", {"place": "Europe/Berlin"}),
        ("My name is Tom and I like long answers", {"name": "Tom", "style": "detailed"}),
        ("call me Sam, and keep it short", {"name": "Sam", "style": "brief"}),
    ],
)
def test_what_is_told_is_read(text: str, found: dict[str, str]) -> None:
    assert told(text, "", is_place) == found


@pytest.mark.parametrize(
    "text",
    """I'm tired|I'm Busy|call me back|call me at 5|call me tomorrow|call me a taxi|I'm in a meeting|I'm in bed|I'm late
    I'm Free on Friday|I'm a doctor|I'm Tom's brother|I live in a house|I'm Tom and I want lunch at noon|this is great
    I'm Tom, add gym at 6|I want a quick lunch|long walk on friday|short meeting at 3|I AM ANGRY|my name""".replace(
        "\n    ", "|"
    ).split("|"),
)
def test_what_is_not_about_the_person_is_left(text: str) -> None:
    assert told(text, "", is_place) == {}


def test_a_bare_name_answers_the_question_for_it() -> None:
    asked = answered("what's my name?", NOBODY, NOW, find_place)
    assert asked is not None
    assert asked.endswith(str(ASKS_NAME))
    assert told("Tom", asked, is_place) == {"name": "Tom"}
    assert told("Tom", "", is_place) == {}


@pytest.mark.parametrize(
    ("style", "texts"),
    [
        ("detailed", "I like long answers|give me more detail|be more detailed please|your answers are too short"),
        (
            "brief",
            "keep your answers short|be brief|short answers please|I don't like long answers|please use fewer words",
        ),
        ("normal", "normal answers please|use normal length|answer at a normal length"),
        ("conversational", "be more chatty|talk to me like a friend|don't be so formal|be friendlier"),
        ("task_oriented", "be formal|no small talk please|stick to the point|stop being so chatty|just the facts"),
        ("ask_first", "ask me first|always ask before you change anything|I want you to ask first"),
        ("act", "don't ask me again|stop asking me|don't ask first|act without asking"),
    ],
)
def test_a_style_is_read(style: str, texts: str) -> None:
    for text in texts.split("|"):
        assert style_meant(text) == style, text


@pytest.mark.parametrize("text", ["a long walk", "quick lunch at noon", "ask Bo about lunch", "be at the gym at 6"])
def test_other_words_are_no_style(text: str) -> None:
    assert style_meant(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what's my name?", "You're Ana."),
        ("Do you remember what I am called?", "You're Ana."),
        ("do you know who I am?", "You're Ana."),
        ("what time is it?", "It's 9:05 AM."),
        ("hi, what time is it please", "It's 9:05 AM."),
        ("What time is it in Tokyo?", "It's 5:05 PM in Tokyo."),
        ("what time is it in Honolulu now", "It's 10:05 PM on Tuesday in Honolulu."),
        ("what day is it?", "Today is Wednesday 25 November 2026."),
        ("what's the date today?", "Today is Wednesday 25 November 2026."),
        ("what day is tomorrow?", "Tomorrow is Thursday 26 November 2026."),
        ("where do I live?", "You're in Berlin, where it is 9:05 AM."),
    ],
)
def test_questions_about_the_person_and_the_clock(text: str, answer: str) -> None:
    assert answered(text, ANA, NOW, find_place) == answer


@pytest.mark.parametrize(
    "text",
    """what time is my dentist|what time is the meeting|what day is the party|what's on today|time|the time
    what's tomorrow|what time is it tomorrow meeting|what date is the dentist|when is my next meeting
    where is the meeting|what time is it in Nowhereville""".replace("\n    ", "|").split("|"),
)
def test_questions_about_events_are_left(text: str) -> None:
    assert answered(text, ANA, NOW, find_place) is None


@pytest.mark.parametrize("text", ["i " * 95, "please " * 28, "much more " * 19, "a very " * 28 + "!", "the " * 49])
def test_no_message_keeps_the_rules_busy(text: str) -> None:
    begun = time.process_time()
    told(text, "", bool)
    answered(text, ANA, NOW, find_place)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "Du hast mir deinen Namen noch nicht gesagt. Wie soll ich dich nennen?"),
        ("es", "Todavía no me has dicho tu nombre. ¿Cómo quieres que te llame?"),
        ("zh", "你还没告诉我你的名字。我该怎么称呼你？"),
    ],
)
def test_what_is_said_about_oneself_is_in_the_persons_language(language: str, said: str) -> None:
    with speaking(language):
        asked = answered("what's my name?", NOBODY, NOW, find_place)
        assert asked == said
        assert told("Tom", said, is_place) == {"name": "Tom"}, "the bare name still answers the question"
