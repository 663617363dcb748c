"""The automata of freely written values: they accept what JSON is, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.serving.json_automata import (
    CharacterAutomaton,
    NumberAutomaton,
    StringAutomaton,
    ValueAutomaton,
)


@settings(max_examples=200)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
def test_the_automata_accept_what_json_writes(value: Any) -> None:
    """An automaton stricter than JSON would make some values impossible to write."""
    text = json.dumps(value, ensure_ascii=False)
    if "\\u" in text:
        return  # control characters, which nobody means
    assert accepts(ValueAutomaton(), text)
    if isinstance(value, str):
        assert accepts(StringAutomaton(), text[1:-1])
    if type(value) is int:
        assert accepts(NumberAutomaton(whole=True), text)


@pytest.mark.parametrize("text", ["01", "-", "1.", ".5", "+1", "1e5", "--1", "", "1 "])
def test_the_number_automaton_accepts_nothing_else(text: str) -> None:
    """A number that is not JSON would break the whole call."""
    assert not accepts(NumberAutomaton(whole=False), text)


@pytest.mark.parametrize("text", ["[1,]", "{1: 2}", '{"a" 1}', "[1", "nul", "tru e", '"a\nb"', "[]]", '{"a":}', "[,1]"])
def test_the_value_automaton_accepts_nothing_else(text: str) -> None:
    """A value that is not JSON would break the whole call."""
    assert not accepts(ValueAutomaton(), text)


def accepts(automaton: CharacterAutomaton, text: str) -> bool:
    """Whether ``text`` is a whole value of the automaton."""
    state = automaton.start
    for character in text:
        further = automaton.step(state, character)
        if further is None:
            return False
        state = further
    return automaton.done(state)
