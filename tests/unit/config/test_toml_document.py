"""What breaks without this: a mistake in a file is named without its place, or only the first of ten is."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.config.mistakes import Mistake, shown
from llmagent_os.config.toml_document import read_toml
from llmagent_os.config.toml_places import Place, TomlPlaces

CHECKOUT = Path(__file__).parents[3]
FILES = [
    CHECKOUT / "pyproject.toml",
    *sorted((CHECKOUT / "bots").rglob("*.toml")),
    *(CHECKOUT / "core").rglob("*.toml"),
]


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, each in cast("dict[str, object]", value).items():
            yield from paths(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(cast("list[object]", value)):
            yield from paths(each, (*path, number))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_key_and_value_that_tomllib_reads_has_a_place_and_nothing_else_has(file: Path) -> None:
    text = file.read_text("utf-8")
    places = TomlPlaces.of(text)
    assert places.keys.keys() | places.values.keys() == set(paths(tomllib.loads(text)))


def test_places_of_every_form_of_a_key_and_a_value() -> None:
    text = "\n".join(
        (
            "a.b = 1",  # 1
            '"ä b" = [1, # ü',  # 2
            "  {x = 'ü', y = 2}]",  # 3
            "[[list]]",  # 4
            "z = 1",  # 5
            "[[list]]",  # 6
            "z = 2",  # 7
            "[list.below]",  # 8
            'long = """',  # 9
            '"""',  # 10
        )
    )
    places = TomlPlaces.of(text)
    assert places.keys["a", "b"] == (1, 1)
    assert places.values["ä b", 1] == (3, 3)
    assert places.values["ä b", 1, "y"] == (3, 17), "columns are characters, not bytes"
    assert (places.keys["list",], places.keys["list", 1, "z"]) == ((4, 3), (7, 1))
    assert places.keys["list", 1, "below", "long"] == (9, 1)
    assert places.near(("list", 1, "below", "missing"), key=True) == (8, 2)
    assert places.near(("nowhere",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a = brief", (1, 5), 'write text in straight quotes: "brief"'),
        ("a = “brief”", (1, 5), 'write text in straight quotes: "brief"'),
        ("a = True", (1, 5), "write true"),
        ("a = off # no", (1, 5), "write false"),
        ("a =", (1, 4), "write a value behind the ="),
        ('a = "x', (1, 7), "end the text with the quote"),
        ("a = 'x", (1, 7), "end the text with the quote"),
        ('a = "\\d"', (1, 8), "for a backslash"),
        ('a = "b" c', (1, 9), "one setting a line"),
        ("a : 1", (1, 3), "write NAME = VALUE"),
        ("a", (1, 2), "write NAME = VALUE"),
        ("ä = 1", (1, 1), "put any other into quotes"),
        ("[a", (1, 3), "end the name of a table with ]"),
        ('a = ["x" "y"]', (1, 10), "by commas"),
        ('a = [\n  "x"\n  "y"\n]', (3, 3), "by commas"),
        ('a = ["x"\nb = 1', (1, 9), "end it with ]"),
        ("a = { b = 1,", (1, 13), "a table in braces is one line"),
        ("a = { b = 1, b = 2 }", (1, 19), "take one of the two out"),
        ("x = 1\na = 1\na = 2", (3, 1), "`a` is set already on line 2"),
        ("a = 1\n[a]", (2, 1), "`a` is set already on line 1"),
        ("[t]\n[t]", (2, 1), "the table `t` is there already on line 1"),
        ("[t]\nb.c = 1\nb.c = 2", (3, 1), "`t.b.c` is set already on line 2"),
        ('a = """\nb = 1', (1, 1), "three quotes"),
        ("a = " + "[" * 5000, (1, 1), "nested too deeply"),
    ],
)
def test_a_mistake_of_syntax_has_its_place_and_what_would_be_right(
    text: str, place: tuple[int, int], message: str
) -> None:
    (mistake,) = read_toml(f"{text}\nlast = 1\n").mistakes
    assert mistake.place == place
    assert message in mistake.text
    assert read_toml(f"last = 1\n{text}").values["last"] == 1, "all that can be read is read"


def test_all_mistakes_are_found_at_once_and_the_rest_is_read() -> None:
    text = 'a = brief\nb = 2\n[t\nc = 1\n[u]\nd = ["x" "y"]\ne = 5\ne = 6\n[u]\nf = 7\n'
    found = read_toml(text)
    assert [each.place.line for each in sorted(found.mistakes, key=lambda each: each.place)] == [1, 3, 6, 8, 9]
    assert found.values == {"b": 2, "u": {"e": 5}}, "what is below a head that cannot be read is in no other table"


def test_a_mistake_is_shown_with_its_line_and_a_caret() -> None:
    source = "first = 1\n\tmode = \x1b[31m'rude'"
    text = shown(Path("bot.toml"), source, [Mistake(Place(2, 9), "wrong"), Mistake(Place(9, 1), "no line")])
    assert text.splitlines() == [
        "bot.toml:2:9: wrong",
        "    2 |  mode =  [31m'rude'",
        "      |         ^",
        "bot.toml:9:1: no line",
    ]
    far = shown(Path("bot.toml"), "x" * 300 + "!" + "y" * 300, [Mistake(Place(1, 301), "wrong")]).splitlines()
    assert far[1].index("!") == far[2].index("^")
    assert len(far[1]) < 120


TEXT = "\n".join(('name = "a"', "list = [1,", "  2]", "[t.u]", 'x = { y = """z', 'z""" }', "[[v]]", "w = 1 # w", ""))


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(TEXT)), cut=st.integers(0, 6), put=st.text(alphabet='"[]{}=,.#\n\\x 1\r', max_size=4))
def test_whatever_is_written_is_read_or_refused_as_tomllib_does(at: int, cut: int, put: str) -> None:
    text = TEXT[:at] + put + TEXT[at + cut :]
    found = read_toml(text)
    try:
        right = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert found.mistakes
        assert all(1 <= each.place.line <= text.count("\n") + 1 for each in found.mistakes)
    else:
        assert (found.values, found.mistakes) == (right, ())
    assert found.places.near(("t", "u", "x"))
