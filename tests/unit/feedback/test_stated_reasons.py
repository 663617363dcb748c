"""Reasons in words. What breaks without this: a 👎 for length unlearns a right call, or a request is one."""

from __future__ import annotations

import pytest

from llmagent_os.feedback.stated_reasons import StatedReason, stated_reason


def less(quality: str) -> StatedReason:
    return StatedReason(about="wording", less=quality)


def more(quality: str) -> StatedReason:
    return StatedReason(about="wording", more=quality)


CONTENT = StatedReason(about="content")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("too long", less("long")),
        ("That's way too wordy!", less("long")),
        ("no, too long", less("long")),
        ("too much text", less("long")),
        ("less text please", less("long")),
        ("shorter please", more("short")),
        ("a bit shorter", more("short")),
        ("keep it short", more("short")),
        ("too short", less("short")),
        ("more details please", less("short")),
        ("not friendly enough", more("chatty")),
        ("you’re too chatty", less("chatty")),
        ("too formal", less("formal")),
        ("less formal please", less("formal")),
        ("more playful", more("playful")),
        ("too playful for me", less("playful")),
        ("that's not what I asked", CONTENT),
        ("wrong day", CONTENT),
        ("no, I meant friday", CONTENT),
        ("that is false", CONTENT),
        ("you forgot the dentist", CONTENT),
    ],
)
def test_what_people_say_is_read(said: str, reason: StatedReason) -> None:
    assert stated_reason(said, ["plain", "playful"]) == reason


@pytest.mark.parametrize(
    "said",
    [
        "",
        "thanks!",
        "add lunch with Ana on friday",
        "it is too late for lunch",
        "make it longer",
        "make the meeting shorter",
        "what is the longest river?",
        "tell me more",
        "be there at 5",
        "wrong, and too long",
        "too playful for me " * 4,
    ],
)
def test_what_is_no_reason_is_none(said: str) -> None:
    """A request would be taken for an opinion on the reply before it. Two reasons at once say nothing clear."""
    assert stated_reason(said, ["plain", "playful"]) is None


def test_a_value_that_the_bot_does_not_have_is_no_quality() -> None:
    assert stated_reason("more playful") is None
