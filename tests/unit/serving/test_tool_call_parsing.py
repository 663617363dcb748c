"""Tool calls in a model's text: read strictly, and described to servers without this project's own keys."""

from __future__ import annotations

import pytest

from llmagent_os.errors import BadToolCallError
from llmagent_os.serving.tool_call_parsing import read_calls, tool_schemas
from tests.tiny_model import CREATE, LIST, SPAN, tool


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<tool_call>\n{"name": "create_event", "arguments": {"title": "x"}}', "ends before"),
        ("<tool_call>\nnonsense\n</tool_call>", "not JSON"),
        ('<tool_call>\n["create_event"]\n</tool_call>', 'the form {"name"'),
        ('<tool_call>\n{"name": "launch_rocket", "arguments": {}}\n</tool_call>', "no tool 'launch_rocket'"),
        (
            '<tool_call>\n{"name": "create_event", "arguments": {"title": "x", "colour": "red"}}\n</tool_call>',
            "no colour",
        ),
        ('<tool_call>\n{"name": "create_event", "arguments": {"date": "x"}}\n</tool_call>', "needs title"),
        ('<tool_call>\n{"name": "create_event", "arguments": [1]}\n</tool_call>', "not a JSON object"),
        ('<tool_call>\n{"name": "create_event", "arguments": "{"}\n</tool_call>', "not JSON"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_and_says_why(text: str, why: str) -> None:
    """The model reads the reason, and may try once more."""
    with pytest.raises(BadToolCallError, match=r".*" + why.replace("{", r"\{")):
        read_calls(text, [CREATE, LIST])


def test_text_around_calls_is_kept_and_several_calls_are_read() -> None:
    """Large models explain what they do, and call several tools at once."""
    call = '<tool_call>\n{"name": "list_events", "arguments": {"date": "%s"}}\n</tool_call>'
    text, calls = read_calls("Let me look. " + call % "friday" + "\n" + call % "sunday", [LIST])
    assert text == "Let me look."
    assert [found.arguments["date"] for found in calls] == ["friday", "sunday"]
    assert read_calls("no call < here >", [LIST]) == ("no call < here >", ())


def test_servers_never_see_our_own_schema_keys_but_arguments_may_be_called_so() -> None:
    """Servers may refuse unknown keys, and a plugin's own argument must not disappear."""
    schema = tool_schemas([tool("t", {"x-ray": SPAN, "properties": {"type": "object", "properties": {"x-y": SPAN}}})])
    properties = schema[0]["function"]["parameters"]["properties"]
    assert properties["x-ray"] == {"type": "string"}
    assert properties["properties"]["properties"]["x-y"] == {"type": "string"}
