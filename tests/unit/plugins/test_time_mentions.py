"""Words of time in a message. What is missed or cut wrongly ends in a title, or on the wrong day."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.plugins.calendar.time.time_mentions import time_mentions


def mentions(text: str) -> list[str]:
    """Kind and text of every mention: ``date on friday``."""
    return [f"{each.kind.value} {each.text}" for each in time_mentions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lunch with Bo on friday at noon", ["date on friday", "time at noon"]),
        ("remind me 10 minutes before the lunch", ["lead 10 minutes before"]),
        ("dinner with Jan on Dec. 4th, 7 P.M.", ["date on Dec. 4th", "time 7 P.M."]),
        ("take the pills every day at 8am and 8pm", ["recurrence every day", "time at 8am and 8pm"]),
        ("in an hour and a half, call Ola", ["time in an hour and a half"]),
        ("block 2-4pm tomorrow", ["time 2-4pm", "date tomorrow"]),
        ("party from 6 to 10pm on december 18", ["time from 6 to 10pm", "date on december 18"]),
        ("meeting at 15:00 CET tomorrow", ["time at 15:00 CET", "date tomorrow"]),
        ("gym for 90 min tomorrow", ["duration for 90 min", "date tomorrow"]),
        ("send it by end of play friday", ["time by end of play", "date friday"]),
        ("dinner 7.30 friday", ["time 7.30", "date friday"]),
        ("the 8.05 train on thursday", ["time the 8.05", "date on thursday"]),
        ("dentist 9 dec 11 o clock", ["date 9 dec", "time 11 o clock"]),
        ("training tues + thurs 6pm", ["date tues + thurs", "time 6pm"]),
        ("pills at 8 and again at 10", ["time at 8 and again at 10"]),
        ("remind me the evening of dec 3", ["time the evening", "date dec 3"]),
        ("log off in exactly 45 minutes", ["time in exactly 45 minutes"]),
        ("breathe in 0 minutes", ["time in 0 minutes"]),
        ("on the 14th, quarter past 3", ["date on the 14th", "time quarter past 3"]),
        ("check it in 3 days and 2 hours", ["time in 3 days and 2 hours"]),
        ("call at 10 past", ["time at 10 past"]),
        ("blink every second", ["recurrence every second"]),
        ("valentines dinner feb 14", ["date feb 14"]),
        (
            "mon wed fri 6am until the end of the year",
            ["recurrence mon wed fri", "time 6am", "recurrence until the end of the year"],
        ),
        ("pilates tuesday 7pm for 6 weeks", ["recurrence tuesday", "time 7pm", "recurrence for 6 weeks"]),
        ("hotel friday until january 3", ["date friday until january 3"]),
        ("football sat mornings 9:30", ["recurrence sat mornings", "time 9:30"]),
        (
            "chemo every 3 weeks at 10am, 6 sessions",
            ["recurrence every 3 weeks", "time at 10am", "recurrence 6 sessions"],
        ),
    ],
)
def test_parts_that_say_when(text: str, expected: list[str]) -> None:
    """Each part is as long as it can be, and has its prepositions."""
    assert mentions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("book flight LH 400 at 6am", ["time at 6am"]),
        ("pay invoice 4711 tomorrow", ["date tomorrow"]),
        ("mum's 80th birthday on the 5th", ["date on the 5th"]),
        ("call 555 1234 tomorrow", ["date tomorrow"]),
        ("team 3 at 5 in room 4B", ["time at 5"]),
        ("it is now on thursday at 2pm", ["date on thursday", "time at 2pm"]),
        ("table for 4 on friday at 7", ["date on friday", "time at 7"]),
        ("I'm seeing April in May", ["date in May"]),
        ("look at 3 flats on saturday", ["date on saturday"]),
        ("christmas party on december 18", ["date on december 18"]),
        ("buy 3 lessons on friday", ["date on friday"]),
        ("release 2.30 notes", []),
        ("midnight mass on christmas eve at midnight", ["date on christmas eve", "time at midnight"]),
    ],
)
def test_names_with_numbers_and_days_are_no_times(text: str, expected: list[str]) -> None:
    """A number that was taken out of a title is missing there, and puts the event at a wrong hour."""
    assert mentions(text) == expected


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from("on at 3 5pm friday every the 4th may to - , . until 8:30 : in 2 days".split())).map(
        " ".join
    )
)
def test_any_text_has_mentions_in_order(text: str) -> None:
    """Readers cut the message at these places."""
    found = time_mentions(text)
    assert all(each.text == text[each.start : each.end] and each.text for each in found)
    assert all(left.end <= right.start for left, right in pairwise(found))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trip from dec 20 - jan 2", ["date from dec 20 - jan 2"]),
        ("conference in Vienna, december 7 to 9", ["date december 7 to 9"]),
        (
            "gym monday, wednesday and friday next week at 6",
            ["date monday, wednesday and friday next week", "time at 6"],
        ),
        ("gym mon wed fri 6pm", ["date mon wed fri", "time 6pm"]),
        ("off until friday", ["date until friday"]),
        ("off through friday", ["date through friday"]),
        ("move it to friday", ["date friday"]),
        ("dinner friday or saturday", ["date friday or saturday"]),
        ("a week from tomorrow: renew the passport", ["date a week from tomorrow"]),
    ],
)
def test_spans_and_lists_of_days_are_one_mention(text: str, expected: list[str]) -> None:
    """Half a span would be a day, and the wrong one."""
    assert mentions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yoga every day at 9am for 5 days", ["recurrence every day", "time at 9am", "recurrence for 5 days"]),
        (
            "choir every thursday at 7pm, except december 24 and 31",
            ["recurrence every thursday", "time at 7pm", "recurrence except december 24 and 31"],
        ),
        ("guitar every tuesday at 5pm, ten times", ["recurrence every tuesday", "time at 5pm", "recurrence ten times"]),
        ("drink water every hour until 5pm", ["recurrence every hour until 5pm"]),
        ("the first and third monday of the month", ["recurrence the first and third monday of the month"]),
        ("office every monday from 9 to 5", ["recurrence every monday", "time from 9 to 5"]),
        ("every month a workshop for 3 days", ["recurrence every month", "duration for 3 days"]),
        ("gym for 2 hours until friday", ["duration for 2 hours", "date until friday"]),
        ("add the monthly report on friday", ["date on friday"]),
        ("course twice a week", ["recurrence twice a week"]),
    ],
)
def test_limits_of_a_repetition_belong_to_it(text: str, expected: list[str]) -> None:
    """A limit that is not seen ends in the title, and the event comes again for ever."""
    assert mentions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call at 3pm London time", "at 3pm London time"),
        ("zoom at 9am Tokyo", "at 9am Tokyo"),
        ("dinner at 7pm Paris", "at 7pm"),
        ("call 8am PST", "8am PST"),
        ("call at 14:00 UTC+2", "at 14:00 UTC+2"),
        ("call at noon in New York time", "at noon in New York time"),
        ("call at 5 Eastern", "at 5 Eastern"),
        ("at 3 mountain biking", "at 3"),
        ("at 1 we eat cake", "at 1"),
        ("at 6 met with Bo", "at 6"),
    ],
)
def test_a_zone_belongs_to_its_time(text: str, expected: str) -> None:
    """Without it, the call is at the wrong hour."""
    assert [each.text for each in time_mentions(text)] == [expected]


@pytest.mark.parametrize("text", ["on the 32nd", "february 30", "at 25:00", "from 5pm to 3pm", "on someday", "at -3pm"])
def test_what_cannot_be_is_a_mention(text: str) -> None:
    """It has to reach the resolver, which says what is wrong. Left out, it would be ignored."""
    assert [each.text for each in time_mentions(f"remind me {text} to pay")] == [text]


def test_a_long_message_does_not_take_long() -> None:
    """Nothing may keep the host busy: this one asked for 3 seconds once."""
    begin = time.process_time()
    time_mentions("from 5pm to " * 400)
    assert time.process_time() - begin < 1.5
