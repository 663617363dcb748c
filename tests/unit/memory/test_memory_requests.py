"""What people ask about memories in words. What breaks without this: "forget it" deletes something."""

from __future__ import annotations

import pytest

from llmagent_os.memory.memory_requests import request_in


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("So, what do you remember about me?", "show", ""),
        ("show me my memories", "show", ""),
        ("please forget that I hate cabbage", "forget", "I hate cabbage"),
        ("forget what I said about cabbage", "forget", "cabbage"),
        ("forget about my hamster", "forget", "my hamster"),
        ("stop remembering things about me", "off", ""),
        ("you may remember things about me again", "on", ""),
        ("When is my birthday?", "ask", "my birthday"),
    ],
)
def test_requests_are_read(said: str, kind: str, words: str) -> None:
    asked = request_in(said)
    assert asked is not None
    assert (asked.kind, asked.words) == (kind, words)


@pytest.mark.parametrize(
    "said",
    ["forget it", "forget the dentist", "delete my meeting tomorrow", "what do I have tomorrow?", "remember to call"],
)
def test_other_requests_are_left_to_others(said: str) -> None:
    assert request_in(said) is None
