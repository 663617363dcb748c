"""Calls in a model's text, in the forms of ``recorded/text_forms.toml``: here is what must never break or run away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.errors import BadToolCallError
from llmagent_os.serving.call_bodies import UnreadableCallError
from llmagent_os.serving.text_calls import MARKERS, find_calls, opening_in, unfinished_marker
from llmagent_os.serving.tool_call_parsing import read_calls
from tests.tiny_model import CREATE, LIST

PARTS = (
    *MARKERS,
    "</tool_call>",
    "<｜tool▁sep｜>",
    "[ARGS]",
    "list_events",
    "create_event",
    '{"name": "list_events", "arguments": {}}',
    '{"title": "x"}',
    "<parameter=title>",
    "</function>",
    '<invoke name="list_events">',
    "<arg_key>date</arg_key><arg_value>",
    "[list_events()]",
    "```json\n",
    "`",
    "\n",
    "{",
    "]",
    "words",
)


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_whatever_a_model_writes_ends_as_words_as_known_calls_or_as_a_bad_call(text: str) -> None:
    """Any other error would end the conversation, and an unknown tool must never reach a plugin."""
    try:
        words, calls = read_calls(text, [CREATE, LIST])
    except BadToolCallError:
        return
    assert all(call.name in ("create_event", "list_events") for call in calls)
    if not calls:
        assert words == text
        assert opening_in(text) is None


@pytest.mark.parametrize("marker", MARKERS)
def test_no_part_of_a_marker_is_shown_while_it_is_written(marker: str) -> None:
    for end in range(1, len(marker)):
        assert unfinished_marker(f"Hello {marker[:end]}") == 6
    assert opening_in(f"Hello {marker}") is not None


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>" + "[" * 50_000,
        "[TOOL_CALLS]" + '{"a":' * 50_000,
        "[" * 100_000,
        "[" + "list_events(date=" * 1000,
        '<tool_call>{"name": "list_events", "arguments": {"date": ' + "[" * 200 + "]" * 200 + "}}</tool_call>",
    ],
    ids=["lists", "objects", "alone", "Python", "argument"],
)
def test_nesting_without_end_is_no_call(text: str) -> None:
    """Reading it must not exhaust the stack."""
    try:
        _, calls = read_calls(text, [LIST])
    except BadToolCallError:
        return
    assert calls == ()


def test_without_tools_only_markup_is_looked_for() -> None:
    """A bot without plugins may write JSON."""
    text = '{"name": "list_events", "arguments": {}}'
    assert find_calls(text, []).text == text
    with pytest.raises(BadToolCallError, match="no tool"):
        read_calls(f"<tool_call>{text}</tool_call>", [])


def test_blanks_after_a_name_are_read_once() -> None:
    """Where each blank is tried with each other one, 200,000 of them stop the whole process for minutes."""
    with pytest.raises(UnreadableCallError):
        find_calls("[TOOL_CALLS]a" + " " * 200_000, [LIST])
    found = find_calls('[TOOL_CALLS] list_events [CALL_ID] 1 [ARGS] {"date": "x"}', [LIST])
    assert found.calls == [("list_events", {"date": "x"})]
