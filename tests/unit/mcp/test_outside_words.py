"""Words and schemas of strangers. What breaks without this: hidden text steers a model, or a schema stops the host."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.errors import PluginError, ToolArgumentError
from llmagent_os.mcp.outside_schema import MAX_SCHEMA, argument_check, safe_schema
from llmagent_os.mcp.outside_text import cleaned_json, cleaned_text


@settings(max_examples=40)
@given(st.text(), st.integers(1, 50))
def test_text_is_bounded_and_cleaning_again_changes_nothing(text: str, most: int) -> None:
    once = cleaned_text(text, most)
    assert len(once) <= most
    assert cleaned_text(once, most) == once


@pytest.mark.parametrize(
    "hidden",
    ["\u202e", "\u200b", "\ufeff", "\x1b", "\x00", "\U000e0041", "\U000e0100\U000e0101", "\ue000", "\u2066"],
)
def test_what_nobody_sees_is_taken_out(hidden: str) -> None:
    assert hidden not in cleaned_text(f"pay{hidden}{hidden} me", 100)


def test_emoji_and_other_scripts_stay() -> None:
    for text in ("👩‍💻 ❤️ 你好", "می‌خواهم", "é"):
        assert cleaned_text(text, 100) == text


def test_json_of_any_shape_is_bounded() -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    made = cleaned_json({"bad": float("nan"), "deep": deep, "many": list(range(10_000)), "late": "x"}, 100)
    assert len(json.dumps(made)) < 20_000
    assert made["bad"] is None
    assert cleaned_json({"a\u200bb": "x\u200b"}, 9) == {"ab": "x"}


def test_references_are_written_out_within_bounds() -> None:
    point = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    schema = {"type": "object", "properties": {"at": {"$ref": "#/definitions/p~1q"}}, "definitions": {"p/q": point}}
    made = safe_schema(schema, "tool")
    assert made["properties"]["at"]["required"] == ["x"]
    check = argument_check(made, "tool")
    assert check({"at": {"x": 1}}) == {"at": {"x": 1}}
    with pytest.raises(ToolArgumentError, match=r"at\.x: 'one' is not of type 'integer'"):
        check({"at": {"x": "one"}})
    far = {"type": "object", "properties": {"a": {"$ref": "https://evil.example/schema"}, "b": {"$ref": "#"}}}
    assert safe_schema(far, "tool")["properties"]["a"] == {}  # is not fetched


def test_a_schema_that_multiplies_is_refused() -> None:
    laughs = {f"l{n}": {"anyOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 10} for n in range(9)}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": laughs}
    with pytest.raises(PluginError, match="too large"):
        safe_schema(schema, "tool")


def test_what_costs_without_end_is_left_out() -> None:
    part = {"type": "string", "pattern": "^(a+)+$"}
    schema = {
        "type": "object",
        "properties": {"a": part, "b": {"type": "array", "items": part, "uniqueItems": True}},
        "patternProperties": {"(x+)+y": part},
    }
    made = safe_schema(schema, "tool")
    assert not {"pattern", "patternProperties", "uniqueItems"} & set(str(made).replace("'", " ").split())
    argument_check(made, "tool")({"a": "a" * 5_000 + "!", "b": ["a"] * 5_000})


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {"a\u200b": {}}}, "the name of an argument"),
        ({"properties": {"a": {"type": "nonsense"}}}, "its schema is none"),
        ({"properties": {f"p{n}": {"description": "x" * 300} for n in range(100)}}, f"at most {MAX_SCHEMA} bytes"),
    ],
)
def test_schemas_that_are_none(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(PluginError, match=why):
        safe_schema(schema, "tool")


def test_hidden_words_in_choices_are_left_out() -> None:
    made = safe_schema({"properties": {"a": {"enum": ["red", "bl\u200bue"], "default": "x\u200b"}}}, "tool")
    assert made["properties"]["a"] == {"enum": ["red"]}


def test_hidden_words_inside_lists_and_objects_are_left_out() -> None:
    """The model reads a default of any shape as it reads a text."""
    hidden = "x\u202e\U000e0041"
    part = {"default": [{"a": hidden}], "const": {hidden: 1}, "enum": [["red"], [hidden], {"b": [hidden]}]}
    made = safe_schema({"properties": {"a": part, "b": {"default": {"c": ["plain"]}}}}, "tool")
    assert made["properties"] == {"a": {"enum": [["red"]]}, "b": {"default": {"c": ["plain"]}}}
