"""Constrained decoding: whatever the model prefers, a call is valid JSON that fits its tool and quotes the person."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.serving.call_grammar import CallGrammar
from llmagent_os.serving.constrained_decoding import Constraint
from llmagent_os.serving.copied_spans import span_sources, words
from llmagent_os.serving.tool_call_parsing import checked_call
from llmagent_os.serving.vocabulary import Vocabulary
from tests.tiny_model import CREATE, LIST, make_tokenizer, tool

EVERYTHING = tool(
    "set_all",
    {
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "sure": {"type": "boolean"},
        "style": {"type": "string", "enum": ["brief", "normal", 'with "quotes"']},
        "note": {"type": "string"},
        "maybe": {"anyOf": [{"type": "string", "x-span": True}, {"type": "null"}]},
        "list": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "object"},
        "level": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    },
    ("count", "style"),
)


@cache
def vocabulary(mixing: bool = False) -> Vocabulary:
    tokenizer = make_tokenizer(mixing=mixing)
    return Vocabulary(tokenizer, frozenset([tokenizer.eos_token_id]), len(tokenizer))


def opened(tools: Sequence[ToolSpec], said: Sequence[str], *, mixing: bool = False) -> Constraint:
    constraint = Constraint(CallGrammar(tools, vocabulary(mixing)), said)
    for token in vocabulary(mixing).call_ids:
        constraint.advance(token)
    assert constraint.in_call
    return constraint


def written(constraint: Constraint, choose: random.Random) -> tuple[str, ToolCall]:
    """A call by a model that takes any allowed token, with long values being unlikely."""
    ids: list[int] = []
    while not constraint.complete:
        allowed = constraint.allowed()
        assert allowed, f"nothing may follow {constraint.grammar.vocabulary.text_of(ids)!r}"
        closing = [token for token in allowed if constraint.grammar.vocabulary.token_bytes[token][:1] in (b'"', b"}")]
        token = choose.choice(closing if closing and choose.random() < 0.3 else list(allowed))
        constraint.advance(token)
        ids.append(token)
    assert constraint.call
    return constraint.grammar.vocabulary.text_of(ids), constraint.call


def is_span(value: str, said: Sequence[str]) -> bool:
    """Whether the value stands in a message, from the beginning of a word to the end of a word."""
    return any(
        text[begin:end] == value
        for text in said
        for begin, _ in words(text)
        for _, end in words(text)
        if end - begin == len(value)
    )


@pytest.mark.parametrize("mixing", [False, True], ids=["calendar's tokenizer", "GPT-2 style tokenizer"])
@pytest.mark.parametrize("seed", range(40))
def test_any_call_is_json_that_fits_its_tool(mixing: bool, seed: int) -> None:
    """A plugin must never get a half-written call, or values that were made up."""
    said = ["Lunch with Ana on friday at 3pm, Cafe Luna", 'call "mom" every sunday']
    tools = (CREATE, LIST, EVERYTHING)
    text, call = written(opened(tools, said, mixing=mixing), random.Random(seed))
    assert text.startswith("\n{")
    assert text.endswith("}\n</tool_call>")
    assert json.loads(text.removesuffix("</tool_call>")) == {"name": call.name, "arguments": call.arguments}
    spec = next(spec for spec in tools if spec.name == call.name)
    assert checked_call(call.name, call.arguments, tools, said=text) == call
    for key, value in call.arguments.items():
        schema = spec.parameters["properties"][key]
        if "x-span" in str(schema):
            assert is_span(value, said), value
        if "enum" in schema:
            assert value in schema["enum"]
        expected: dict[str, type] = {"integer": int, "boolean": bool, "array": list, "object": dict, "string": str}
        if schema.get("type") in expected:
            assert type(value) is expected[schema["type"]]
        if schema.get("type") == "number":
            assert isinstance(value, int | float)


@settings(deadline=None, max_examples=60)
@given(said=st.lists(st.text(max_size=40), min_size=1, max_size=3), mixing=st.booleans(), seed=st.integers(0, 99))
def test_a_copied_value_stands_in_what_was_said_whatever_that_was(said: list[str], mixing: bool, seed: int) -> None:
    """People write emoji, quotes, other alphabets and control characters."""
    _, call = written(opened([CREATE], said, mixing=mixing), random.Random(seed))
    if any(span_sources(text, vocabulary(mixing)) for text in said):
        for value in call.arguments.values():
            assert is_span(value, said)
            assert not {'"', "\\", "\n"} & set(value)


@pytest.mark.parametrize("mixing", [False, True])
def test_every_span_of_what_was_said_can_be_copied(mixing: bool) -> None:
    """A title that cannot be written would come out as another title."""
    said = "Dr. O'Neil's café — 8am, room B2"
    for begin, _ in words(said):
        for _, end in words(said):
            if end > begin:
                ids = vocabulary(mixing).encode('\n{"name": "create_event", "arguments": {"title": "')
                constraint = opened([CREATE], [said], mixing=mixing)
                value = said[begin:end].encode()
                for token in ids:
                    constraint.advance(token)
                while value:
                    fits = [
                        t for t in constraint.allowed() or () if value.startswith(vocabulary(mixing).token_bytes[t])
                    ]
                    token = max(fits, key=lambda t: len(vocabulary(mixing).token_bytes[t]))
                    constraint.advance(token)
                    value = value[len(vocabulary(mixing).token_bytes[token]) :]
                quotes = [vocabulary(mixing).token_bytes[token][:1] == b'"' for token in constraint.allowed() or ()]
                assert any(quotes), said[begin:end]


def test_a_span_is_written_with_the_tokens_it_has_in_the_message() -> None:
    """The small model copies token by token. It does not know other tokens for the same letters."""
    source, *more = span_sources("lunch with Ana on friday", vocabulary())
    assert not more
    place, ids = source.starts[0], list[int]()
    while step := source.step(place):
        assert len(step) == 1, "in this tokenizer there is only one way on"
        token, place = step[0]
        ids.append(token)
    assert ids == vocabulary().encode("lunch with Ana on friday")


def test_the_fixed_parts_have_the_tokens_the_model_was_trained_on() -> None:
    """The model learned whole calls. Calls cut into other tokens would be unknown to it."""
    said = "lunch with Ana on friday at 3pm"
    text = '\n{"name": "create_event", "arguments": {"title": "lunch with Ana", "time": "3pm"}}\n</tool_call>'
    constraint = opened([CREATE, LIST], [said])
    for token in vocabulary().encode(text):
        assert token in (constraint.allowed() or ())
        constraint.advance(token)
    assert constraint.call == ToolCall("create_event", {"title": "lunch with Ana", "time": "3pm"})


def test_required_arguments_come_before_the_end_and_none_comes_twice() -> None:
    """An event without a title, or with two titles, cannot be entered."""
    for seed in range(30):
        _, call = written(opened([CREATE], ["lunch friday"]), random.Random(seed))
        assert "title" in call.arguments
        text, _ = written(opened([CREATE], ["lunch friday"]), random.Random(seed))
        assert all(text.count(f'"{key}"') == 1 for key in call.arguments)


def test_without_words_to_copy_a_value_is_free_text() -> None:
    """After a message of emoji alone, the model must still be able to finish the call."""
    _, call = written(opened([CREATE], ["🎉🎉"]), random.Random(1))
    assert isinstance(call.arguments["title"], str)


def test_plain_text_never_becomes_a_call() -> None:
    """A user could otherwise make the model write a call in the middle of a reply."""
    marker = vocabulary().call_ids[0]
    constraint = Constraint(CallGrammar([CREATE], vocabulary()), ["hi"])
    assert constraint.may_open == marker
    constraint.advance(vocabulary().encode("hello")[0])
    assert constraint.may_open is None
    assert constraint.allowed() is None
    assert marker not in vocabulary().text_ids
    assert Constraint(CallGrammar([], vocabulary()), ["hi"]).may_open is None, "there is no tool to call"


def test_a_marker_of_several_tokens_opens_a_call_only_at_the_beginning() -> None:
    """A model that was not made for tools spells the marker with plain tokens."""
    plain = vocabulary()
    spelled = make_tokenizer()
    spelled.backend_tokenizer.add_special_tokens([])
    several = Vocabulary(spelled, plain.end_ids, plain.size)
    several.call_ids = tuple(several.encode("< tool_call>"))
    assert len(several.call_ids) > 2
    constraint = Constraint(CallGrammar([LIST], several), ["hi"])
    for token in several.call_ids:
        assert constraint.banned is None
        constraint.advance(token)
    assert constraint.in_call
    late = Constraint(CallGrammar([LIST], several), ["hi"])
    for token in (several.encode("hello")[0], *several.call_ids[:-1]):
        late.advance(token)
    assert late.banned == several.call_ids[-1]


def test_only_the_end_token_is_markup_that_text_may_hold() -> None:
    """A reply with other markup could open a turn of another speaker."""
    allowed = set(vocabulary().text_ids)
    assert allowed & vocabulary().markup.keys() == vocabulary().end_ids
