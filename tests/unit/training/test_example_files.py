"""Files of examples. What breaks without this: an example is read as another one, or a mistake cannot be found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.chat import ToolSpec
from llmagent_os.errors import ConfigError
from llmagent_os.training.example_files import examples_of, read_examples
from tests.tiny_model import LIST

PAIR = {"input": "what's on friday?", "output": "Nothing, you are free."}
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "what's on friday?"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "list_events", "arguments": '{"date": "friday"}'}}]},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "Nothing."},
        {"role": "user", "content": "thanks"},
    ],
    "tools": [{"type": "function", "function": {"name": "list_events", "description": "Lists.", "parameters": {}}}],
}


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_same_examples_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    """Whoever has a data set has it in one of these forms."""
    lines = "\n\n".join(json.dumps(each) for each in (PAIR, CHAT, PAIR))
    files = [
        written(tmp_path, "train.json", json.dumps([PAIR, CHAT, PAIR], indent=2)),
        written(tmp_path, "train.jsonl", lines),
    ]
    expected = examples_of([PAIR, CHAT, PAIR])
    assert [len(each.messages) for each in expected] == [2, 2, 4, 2], "every assistant's turn of a chat is learned"
    assert expected[1].tools[0].name == "list_events"
    for file in files:
        found = read_examples(file)
        assert [(each.messages, each.tools) for each in found] == [(each.messages, each.tools) for each in expected]
    rows = read_examples(written(tmp_path, "train.csv", 'output,input\n"Nothing, you are free.",what\'s on friday?\n'))
    assert [each.messages for each in rows] == [expected[0].messages]


def test_every_example_says_where_it_stands_and_turns_of_one_chat_stay_together(tmp_path: Path) -> None:
    """A split would put one turn of a chat into the training set and the next one into the test set."""
    file = written(tmp_path, "train.json", json.dumps([PAIR, CHAT], indent=1))
    assert [each.origin for each in read_examples(file)] == [f"{file}:2", f"{file}:6", f"{file}:6"]
    rows = written(tmp_path, "train.csv", 'input,output\n"two\nlines",one\nhi,Hello\n')
    assert [each.origin for each in read_examples(rows)] == [f"{rows}:2", f"{rows}:4"]
    for found in (read_examples(file), examples_of([PAIR, CHAT])):
        assert found[1].conversation == found[2].conversation != found[0].conversation


def test_pairs_are_given_with_each_system_message_and_the_tools() -> None:
    """A model that answers under several system messages would learn under one only."""
    found = examples_of([PAIR, CHAT], systems=[None, "Be brief."], tools=[LIST])
    assert [each.messages[0]["role"] for each in found] == ["user", "system", "user", "user"]
    assert [each.tools for each in found[:2]] == [(LIST,), (LIST,)]
    assert found[0].conversation == found[1].conversation


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.txt", "[]", r"a\.txt: examples are read from \.json, \.jsonl, \.csv files"),
        ("a.json", "", r"a\.json:1 does not begin a list"),
        ("a.json", '\n{"input": "a"}', r"a\.json:2 does not begin a list"),
        ("a.json", "[]", r'a\.json holds no examples: write \{"input"'),
        ("a.json", '[\n{"input": "a", "output": "b"}\n{"input"', r"a\.json:3 is not JSON, at column 1: a comma or \]"),
        ("a.json", '[{"input": "a", "output": "b"},\n{"input"', r"a\.json:2 is not JSON, at column 9"),
        ("a.json", '[{"input": "a", "output": "b"}]\n[', r"a\.json:2 is not JSON.*more after the list"),
        ("a.json", '[\n\n{"input": "a"}]', r"a\.json:3\['output'\] is None, it must be a text"),
        ("a.jsonl", '{"input": "a", "output": "b"}\n\nhello', r"a\.jsonl:3 is not JSON .*one example a line"),
        ("a.jsonl", "[1]", r"a\.jsonl:1 is list, not a dict"),
        (
            "a.json",
            '[{"input": "a", "output": 1' + "1" * 5000 + "}]",
            r"a\.json: an example after line 1 cannot",
        ),
        ("a.json", "[" * 100_000, r"a\.json is not .*nested too deeply"),
        ("a.jsonl", "[" * 100_000, r"a\.jsonl is not .*nested too deeply"),
        ("a.jsonl", '{"input": "a", "output": "\\ud800"}', r"a\.jsonl:1\['output'\] has half of a character"),
        ("a.csv", "", r"a\.csv:1 has no column input and no column output: the first row names nothing"),
        ("a.csv", "input,answer\na,b", r"a\.csv:1 has no column output: the first row names input, answer"),
        ("a.csv", "input,output\na", r"a\.csv:2\['output'\] is None"),
        ("a.csv", 'input,output\na,"b', r"a\.csv:2 is not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_line_and_what_to_write(
    tmp_path: Path, name: str, text: str, why: str
) -> None:
    """Nobody finds a comma in ten thousand lines."""
    with pytest.raises(ConfigError, match=why):
        read_examples(written(tmp_path, name, text))


def turns(*given: Any) -> list[Any]:
    return [{"messages": [{"role": "user", "content": "hi"}, *given]}]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (turns({"role": "assistant", "content": ["hi"]}), r"\[1\]\['content'\] is list, it must be a text"),
        (turns({"role": "assistant", "content": " "}), r"\[1\] says nothing: give it a content, or tool_calls"),
        (turns({"role": "assistant", "tool_calls": [{"arguments": {}}]}), r"\['tool_calls'\] cannot be read"),
        (turns({"role": "assistant", "tool_calls": [{"name": "a", "arguments": "{"}]}), r"write a list of \{'name'"),
        (turns({"role": "assistant", "tool_calls": [{"name": "a", "arguments": [1]}]}), r"cannot be read"),
        (turns({"role": "assistant", "tool_calls": "a"}), r"cannot be read"),
        (turns({"role": "assistant", "content": "a\ud800"}), r"\[1\]\['content'\] has half of a character, .* at 1"),
        (turns("hi"), r"train_data\[0\]\['messages'\]\[1\] has no role"),
        ([CHAT | {"tools": [{"name": "a"}]}], r"train_data\[0\]\['tools'\]\[0\] is no tool \(.*: write \{'name'"),
        ([CHAT | {"tools": [7]}], r"\['tools'\]\[0\] is no tool"),
        ([CHAT | {"tools": "now"}], r"\['tools'\] is str, it must be a list"),
    ],
)
def test_a_chat_that_cannot_be_learned_is_named(data: list[Any], why: str) -> None:
    """The template would fail later, somewhere inside, and nobody would know at which example."""
    with pytest.raises(ConfigError, match=why):
        examples_of(data)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"name": "copy", "arguments": {}}, r"\['messages'\]\[1\] calls 'copy', and the model knows add, look"),
        ({"name": "add", "arguments": {"title": "gym", "scope": "one"}}, "argument .scope., and the model knows title"),
    ],
)
def test_a_call_that_no_model_is_offered_is_named(call: dict[str, Any], why: str) -> None:
    """A model would learn to call what only a plugin's rules may, and its calls would be refused."""
    tools = [
        ToolSpec(name="add", description="", parameters={"properties": {"title": {}}}),
        ToolSpec(name="look", description="", parameters={"type": "object"}),
    ]
    free = {"name": "look", "arguments": {"anything": "goes"}}
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [free]}]
    assert len(examples_of([{"messages": chat}], tools=tools)) == 1
    with pytest.raises(ConfigError, match=why):
        examples_of([{"messages": [chat[0], {"role": "assistant", "tool_calls": [call]}]}], tools=tools)


def test_files_that_are_no_text_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.json cannot be read: No such file"):
        read_examples(tmp_path / "gone.json")
    tmp_path.joinpath("a.json").write_bytes(b'[{"input": "caf\xe9", "output": "b"}]')
    with pytest.raises(ConfigError, match="byte 15 is not UTF-8"):
        read_examples(tmp_path / "a.json")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=5), st.booleans())
def test_whatever_people_write_is_read_as_they_wrote_it(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]], pretty: bool
) -> None:
    """Line separators, quotes and brackets inside words must not be taken for those of the file."""
    pairs = [{"input": f"a{said}", "output": f"b{answer}"} for said, answer in texts]
    folder = tmp_path_factory.mktemp("written")
    whole = written(folder, "a.json", json.dumps(pairs, indent=2 if pretty else None))
    lines = written(folder, "a.jsonl", "\n".join(json.dumps(pair, ensure_ascii=pretty) for pair in pairs))
    expected = [each.messages for each in examples_of(pairs)]
    assert [each.messages for each in read_examples(whole)] == expected
    assert [each.messages for each in read_examples(lines)] == expected
