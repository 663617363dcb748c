"""Words of time in a message. What is missed or cut wrongly ends in a title, or on the wrong day."""

from __future__ import annotations

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
        ("table for 4 on friday at 7", ["date on friday", "time at 7"]),
        ("I'm seeing April in May", ["date in May"]),
        ("look at 3 flats on saturday", ["date on saturday"]),
        ("christmas party on december 18", ["date on december 18"]),
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
    assert all(left.end <= right.start for left, right in zip(found, found[1:], strict=False))
