"""Arguments that a small model cut out of a message wrongly."""

from __future__ import annotations

import pytest

from llmagent_os.plugins.calendar.time.time_arguments import as_written, time_arguments


@pytest.mark.parametrize(
    ("message", "given", "expected"),
    [
        (
            "choir every thursday at 7pm until june",
            {"title": "choir", "date": "every thursday at 7pm"},
            {"title": "choir", "time": "at 7pm", "repeat": "every thursday, until june"},
        ),
        (
            "add dinner at Nobu tomorrow at 8pm",
            {"title": "dinner", "place": "Nobu", "time": "8pm"},
            {"title": "dinner", "place": "Nobu", "time": "at 8pm", "date": "tomorrow"},
        ),
        (
            "meeting at 15:00 CET tomorrow",
            {"title": "meeting", "place": "CET", "date": "tomorrow", "time": "15:00"},
            {"title": "meeting", "date": "tomorrow", "time": "at 15:00 CET"},
        ),
        (
            "physio every monday at 8 for six weeks",
            {"title": "physio", "repeat": "every monday", "time": "8", "duration": "six weeks"},
            {"title": "physio", "repeat": "every monday, for six weeks", "time": "at 8"},
        ),
        (
            "lunch tomorrow and gym at 6",
            {"title": "lunch", "date": "tomorrow"},
            {"title": "lunch", "date": "tomorrow"},
        ),
        (
            "the quarterly review is on thursday at 2pm",
            {"title": "review", "repeat": "quarterly", "date": "thursday", "time": "2pm"},
            {"title": "review", "date": "on thursday", "time": "at 2pm"},
        ),
        ("yes please", {"title": "gym", "date": "friday"}, {"title": "gym", "date": "friday"}),
        ("party on my birthday", {"title": "party", "date": "my birthday"}, {"title": "party", "date": "my birthday"}),
    ],
)
def test_arguments_follow_the_message(message: str, given: dict[str, str], expected: dict[str, str]) -> None:
    """The words next to a copied one decide what it is, and what was not copied is not lost."""
    assert time_arguments(given, message) == expected


def test_a_look_up_follows_the_message() -> None:
    """ "25" alone is no day."""
    assert as_written("25", None, "is Dec 25 free?") == ("Dec 25", None)
    assert as_written(None, "2030", "what do I have in 2030?") == ("in 2030", None)
    assert as_written("monday", "3", "move monday's call to 3") == ("monday's", "3")
    assert as_written("friday", None, "anything at all?") == ("friday", None)
