"""The call that was meant. What breaks without this: a model learns to say a day that nobody named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.training.corrected_call import corrected_call

SPAN: dict[str, Any] = {"anyOf": [{"type": "string", "x-span": True}, {"type": "null"}]}
ADD = ToolSpec(
    name="add",
    description="Adds.",
    parameters={"properties": {"title": SPAN, "date": SPAN, "time": SPAN, "kind": {"type": "string"}}},
)
MOVE = ToolSpec(name="move", description="Moves.", parameters={"properties": {"new_date": SPAN}})


def meant(said: str, wrong: dict[str, Any] | None, **right: Any) -> dict[str, Any] | None:
    before = None if wrong is None else ToolCall("add", wrong)
    found = corrected_call(before, ToolCall("add", right), [ADD, MOVE], [said])
    return None if found is None else found.call.arguments


@pytest.mark.parametrize(
    ("said", "right", "expected"),
    [
        (
            "put dentist on my cal 4ish tmrw",
            {"title": "dentist", "date": "tomorrow", "time": "4"},
            ("dentist", "tmrw", "4ish"),
        ),
        ("Lunch w Ana, thurs.", {"title": "lunch", "date": "thursday"}, ("Lunch", "thurs", None)),
        ("mtg 16:30 mon", {"title": "meeting", "date": "monday", "time": "16:30"}, ("mtg", "mon", "16:30")),
        ("dentsit tuesday", {"title": "dentist", "date": "tuesday"}, ("dentsit", "tuesday", None)),
        ("+dentist 2moro @ 4ish", {"title": "dentist", "date": "tomorrow", "time": "4"}, ("dentist", "2moro", "4ish")),
        ("lunch with tom tmrw", {"title": "lunch with tom", "date": "tomorrow"}, ("lunch with tom", "tmrw", None)),
        ("gym half 6 thurs", {"title": "gym", "date": "thursday", "time": "half past 6"}, ("gym", "thurs", "half 6")),
        ("call my mother sunday", {"title": "call my mother"}, ("call my mother", None, None)),
    ],
)
def test_the_right_call_is_put_in_the_words_that_were_said(
    said: str, right: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    """People abbreviate and mistype: the model has to copy what they wrote."""
    found = meant(said, None, **right)
    assert found is not None
    assert tuple(found.get(key) for key in ("title", "date", "time")) == expected


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("lunch friday", {"title": "lunch", "date": "thursday"}),
        ("lunch tuesday", {"title": "lunch", "date": "thursday"}),
        ("lunch sunday", {"title": "lunch", "date": "monday"}),
        ("lunch with tom", {"title": "lunch with tom", "date": "tomorrow"}),
        ("gym half 6", {"title": "gym", "time": "half past 7"}),
        ("lunch at 3", {"title": "lunch", "time": "4"}),
        ("lunch at 14:00", {"title": "lunch", "time": "4pm"}),
        ("lunch", {"title": "dinner"}),
        ("", {"title": "dinner"}),
    ],
)
def test_what_the_first_words_do_not_hold_is_not_read_into_them(said: str, right: dict[str, Any]) -> None:
    """The person has changed their mind. The model would learn to invent a day."""
    assert meant(said, {"title": "x"}, **right) is None


def test_a_call_that_was_right_and_a_call_of_an_unknown_tool_show_nothing() -> None:
    assert meant("lunch friday", {"title": "lunch"}, title="Lunch") is None
    assert corrected_call(None, ToolCall("gone", {}), [ADD, MOVE], ["friday"]) is None


def test_an_argument_that_is_chosen_and_not_copied_is_taken_as_it_is() -> None:
    assert meant("lunch friday", {"kind": "work"}, kind="private") == {"kind": "private"}


def test_a_correction_of_one_argument_leaves_the_others() -> None:
    """The model would learn to leave the day out."""
    first = {"title": "busy", "date": "fri", "time": "6"}
    assert meant("mark me busy fri 6, gym", first, title="gym") == {"title": "gym", "date": "fri", "time": "6"}
    assert meant("gym off the cal", {"title": "gym", "kind": "work"}, title="gym") == {"title": "gym"}
    swallowed = {"title": "jot gym", "date": "gym fri", "time": "6"}
    assert meant("jot gym fri 6", swallowed, title="gym") == {"title": "gym", "time": "6"}


@given(st.text(max_size=40), st.text(min_size=1, max_size=12))
def test_whatever_is_found_was_said(said: str, title: str) -> None:
    """The engine cannot write a copied argument that is no part of the message: its loss would be infinite."""
    found = meant(said, None, title=title)
    assert found is None or found["title"] in said
