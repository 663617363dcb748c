"""Noise must change the text and its arguments together: else the model learns to call tools with what was not said."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.bots.calendar.recipe import lexicon
from llmagent_os.bots.calendar.recipe.marked_text import ANY_MARK
from llmagent_os.bots.calendar.recipe.noise import dressed, in_case, noisy, with_typos
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar

WORDS = st.text("abcdeosüé'’ .,?!AEx", min_size=1, max_size=12)
SEEDS = st.integers(0, 2**32)


def marked(pieces: list[str], inside: list[str]) -> tuple[str, Grammar]:
    """A text with two arguments, one inside the other."""
    grammar = Grammar()
    grammar.add(f"== x\n{pieces[0]} {{title:{pieces[1]} {{person:{inside[0]}}} {inside[1]}}} {pieces[2]}", "test")
    return grammar.draw_marked("x", random.Random(0)), grammar


@settings(max_examples=60, deadline=None)
@given(
    st.lists(WORDS, min_size=3, max_size=3),
    st.lists(WORDS, min_size=2, max_size=2),
    st.sampled_from([noisy, with_typos, in_case, dressed]),
    SEEDS,
)
def test_arguments_stay_in_the_text(
    pieces: list[str], inside: list[str], change: Callable[[str, random.Random], str], seed: int
) -> None:
    """Whatever is done to a text, each argument is a piece of it, clean at its edges; the inner one of the outer."""
    text, grammar = marked(pieces, inside)
    phrase = grammar.unmark(change(text, random.Random(seed)))
    assert not re.search(ANY_MARK, phrase.text)
    for value in phrase.marks.values():
        assert value in phrase.text
        assert value == value.strip(" ,.!?;")
    if set(phrase.marks) == {"title", "person"}:
        assert phrase.marks["person"] in phrase.marks["title"]


@given(SEEDS)
def test_a_typo_reaches_the_argument(seed: int) -> None:
    """The misspelled word is what has to be copied."""
    text, grammar = marked(["on", "dentist", "then"], ["", ""])
    phrase = grammar.unmark(with_typos(text, random.Random(seed)))
    assert phrase.text.split()[1] == phrase.marks["title"]


def test_the_same_request_is_typed_in_many_ways() -> None:
    """A model that has seen one typing only understands that one."""
    rng = random.Random(0)
    typed = {noisy("cancel my dentist appointment, on friday.", rng) for _ in range(300)}
    assert len(typed) > 120
    assert any(each.isupper() for each in typed)
    assert any(each.startswith(("please", "Please", "can you", "Can you")) for each in typed)
    assert any("dentist" not in each.lower() for each in typed), "no typo"


def test_without_noise_nothing_is_put_around() -> None:
    """Follow-ups such as 'at 4' stay short."""
    rng = random.Random(0)
    assert {dressed("at 4", rng, amount=0.0) for _ in range(100)} == {"at 4"}


@pytest.mark.parametrize("kind", sorted(lexicon.SOURCES))
def test_names_are_many_and_can_be_copied(kind: str) -> None:
    """Few names would be learned by heart, and a quote inside one would break the call it is copied into."""
    rng = random.Random(0)
    found = [lexicon.SOURCES[kind](rng) for _ in range(1000)]
    assert len(set(found)) > 400
    assert all(name.strip() and not set(name) & set('"\\\n') for name in found)


def test_names_are_the_same_in_every_process() -> None:
    """Python hashes text differently in each process; a run that goes on tomorrow must see the same names."""
    script = (
        "import random; from llmagent_os.bots.calendar.recipe.lexicon import SOURCES; "
        "rng = random.Random(0); print([SOURCES[kind](rng) for kind in sorted(SOURCES) for _ in range(200)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
