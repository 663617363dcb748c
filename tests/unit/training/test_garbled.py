"""Replies that are no language are found, and unusual ones are not taken for such."""

from __future__ import annotations

import pytest

from llmagent_os.chat import Completion, ToolCall
from llmagent_os.training.hacks.garbled import garble, garbled, letter_pairs


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("calendar calendar calendar calendar", "looping"),
        ("Ha" * 9, "looping"),
        ("............", "looping"),
        ("Added \ufffd\ufffd for you", "invalid characters"),
        ("Added\x07 lunch", "invalid characters"),
        ("cmnt dlr endrlunch q ght", "no words"),
        ("wELcOme tHAnks", "no words"),
        ("l3nch at n00n wi7h jo", "no words"),
        ("zzxq", "no words"),
    ],
)
def test_broken_text_is_found(text: str, why: str) -> None:
    assert garble(text) == why


@pytest.mark.parametrize(
    "text",
    [
        "You're welcome, Priya.",
        "Dear Sir or Madam, I am glad to help. Kind regards.",
        "i only keep your calendar.",
        "- eat well\n- sleep",
        "Sure! 😀😀 Great!!!",
        "I've added lunch with Xochitl at 3 PM on 2026-03-01.",
        "Jazz, quiz, rhythm and a fjord.",
        "no, no, no",
        "Ich bin nur für den Kalender zuständig, tut mir leid.",
        "カレンダーだけです。",
        "Call create_event, or see https://example.com/a1b2 for more of it.",
    ],
)
def test_unusual_text_is_not_broken(text: str) -> None:
    assert garble(text) == ""


def test_words_of_the_people_are_words() -> None:
    assert garble("Szczyrk and Wszystko") == "no words"
    assert garble("Szczyrk and Wszystko", letter_pairs(["to Szczyrk, wszystko"])) == ""


def test_scores() -> None:
    """A call is a whole reply; an endless one and an empty one are not."""
    measure = garbled(system="Be kind.")
    (probe, *_) = measure.probes
    assert probe.messages[0] == {"role": "system", "content": "Be kind."}
    scores = {
        "whole": Completion(text="Good morning."),
        "call": Completion(text="", tool_calls=(ToolCall("list_events", {}),), finish_reason="tool_calls"),
        "endless": Completion(text="Good morning to you and to", finish_reason="length"),
        "empty": Completion(text=" "),
        "broken": Completion(text="Gdd mrnng tq"),
    }
    found = {name: measure.score(probe, completion) for name, completion in scores.items()}
    assert found == {"whole": 1.0, "call": 1.0, "endless": 0.0, "empty": 0.0, "broken": 0.0}
