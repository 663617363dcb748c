"""What breaks without this: people hear asterisks, addresses and emojis, or ten minutes of a list."""

from __future__ import annotations

import time

import pytest

from llmagent_os.voice.spoken_text import MAX_CHARACTERS, is_latin, spoken_text


@pytest.mark.parametrize(
    ("markdown", "heard"),
    [
        ("**Added**: lunch with _Ana_.", "Added: lunch with Ana."),
        ("Done! 🎉👍🏽", "Done!"),
        ("See [the plan](https://x.example/a?b=c).", "See the plan."),
        ("See https://x.example/a?b=c for more", "See for more."),
        ("# Friday\n\n- gym at 10 AM\n- lunch", "Friday. gym at 10 AM. lunch."),
        ("`code` stays", "code stays."),
        ("---\n\n***", ""),
        ("🎉", ""),
        ("", ""),
    ],
)
def test_what_is_read_aloud(markdown: str, heard: str) -> None:
    assert spoken_text(markdown) == heard


def test_a_long_reply_is_read_up_to_a_sentence() -> None:
    text = spoken_text("One more thing that you should know. " * 100)
    assert len(text) < MAX_CHARACTERS + 40
    assert text.endswith("you should know. The rest is in the text.")
    assert spoken_text("word " * 1000).endswith("word. The rest is in the text.")
    assert len(spoken_text("x" * 5000)) < MAX_CHARACTERS + 40


def test_many_spaces_are_read_in_one_go() -> None:
    began = time.process_time()
    assert spoken_text("a" + " " * 200_000 + "b (https://x.example/) c") == "a b c."
    assert time.process_time() - began < 2


def test_names_with_accents_are_latin() -> None:
    assert is_latin("Dinner with Zoë and Jürgen at Łukasz's")
    assert is_latin("12:30")
    assert not is_latin("我明天有什么安排？ OK")
