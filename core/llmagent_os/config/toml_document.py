"""Read a TOML text and find all its mistakes of syntax, not only the first.

``tomllib`` ends at the first mistake. So a text that it refuses is divided into statements. Each of them is read alone,
those that cannot be read are left out, and the rest is read together. What it means can then be checked too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llmagent_os.config.mistakes import Mistake
from llmagent_os.config.toml_places import Path, Place, TomlPlaces

#: A line that begins a statement: a key with its equals sign, or the head of a table.
_START = re.compile(r"""\s*(?:[\w"'-][\w"'.\- ]*=|\[\[?\s*[\w"'-][\w"'.\- ]*\]\]?\s*(?:\#.*)?$)""")
#: Begins the name of a table whose head cannot be read.
_LEFT_OUT = "cannot be read, line "
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

#: What would be right, by what ``tomllib`` says; the first that fits.
_REMEDIES = (
    (r"Expected newline or end of document", "write one setting a line, and # before a comment"),
    (r"Unclosed array", "separate the entries of a list by commas, and end it with ]"),
    (r"Unterminated string|Expected \"'\"|Illegal character '\\n'", "end the text with the quote that it begins with"),
    (r"Expected '=' after a key", "write NAME = VALUE"),
    (r"Expected '\]", "end the name of a table with ], or ]] in a list of tables"),
    (r"Unescaped", "write \\\\ for a backslash, or put the text into single quotes"),
    (r"Invalid initial character for a key part", "a table in braces is one line: { NAME = VALUE, NAME = VALUE }"),
    (r"Duplicate inline table key", "take one of the two out"),
    (r"Invalid statement", "a name has a-z, 0-9, _ and -; put any other into quotes"),
)


@dataclass(frozen=True)
class TomlDocument:
    """A text that was read.

    >>> read_toml('name = "a').mistakes[0].text
    'this is no TOML: unterminated string; end the text with the quote that it begins with'
    """

    source: str
    readable: str  #: the text with an empty line for every line that cannot be read
    values: dict[str, Any]  #: of all statements that can be read
    mistakes: tuple[Mistake, ...]  #: of syntax

    @cached_property
    def places(self) -> TomlPlaces:
        """Where keys and values stand."""
        return TomlPlaces.of(self.readable)

    def mistake(self, path: Path, text: str, *, key: bool = False) -> Mistake:
        """Return a mistake at the value of ``path``, or at its ``key``."""
        return Mistake(self.places.near(path, key=key), text)


def read_toml(source: str) -> TomlDocument:
    """Read a TOML text. Statements that cannot be read are mistakes, and all others are read."""
    try:
        return TomlDocument(source, source, tomllib.loads(source), ())
    except (tomllib.TOMLDecodeError, RecursionError):
        lines = source.split("\n")
    mistakes: list[Mistake] = []
    for first, last, wrong in _statements(lines):
        if wrong is not None:
            mistakes.append(wrong)
            _leave_out(lines, first, last)
    values = _read_together(lines, mistakes)
    return TomlDocument(source, "\n".join(lines), values, tuple(mistakes))


def _leave_out(lines: list[str], first: int, last: int) -> None:
    """Take a statement out. A table keeps a head, so that its settings are not taken for those of the table before."""
    head = f'["{_LEFT_OUT}{first}"]' if lines[first].lstrip().startswith("[") else ""
    lines[first : last + 1] = [head] + [""] * (last - first)


def _statements(lines: list[str]) -> Iterator[tuple[int, int, Mistake | None]]:
    """Divide a text: the first and the last line of every statement, and what is wrong with it alone."""
    at = 0
    while at < len(lines):
        last, wrong = _statement(lines, at)
        yield at, last, wrong
        at = last + 1


def _statement(lines: list[str], first: int) -> tuple[int, Mistake | None]:
    for last in range(first, len(lines)):
        try:
            tomllib.loads("\n".join(lines[first : last + 1]))
        except tomllib.TOMLDecodeError as error:
            text, place = _taken_apart(error)
            if place is None and _goes_on("\n".join(lines[first : last + 1])):
                continue
            end = len(lines[last].rstrip()) + 1
            line, column = place or (last + 1 - first, end)
            if line > 1 and _START.match(lines[first + line - 1]):  # the end of the statement before is missing
                line, column = line - 1, len(lines[first + line - 2].rstrip()) + 1
            last = _next_start(lines, first + line) - 1
            return last, Mistake(Place(first + line, column), _explained(text, lines[first + line - 1], column))
        except RecursionError:
            return last, Mistake(Place(first + 1, 1), "this is nested too deeply: write fewer brackets")
        else:
            return last, None
    text = "this is no TOML: a list or a text in three quotes has no end"
    return _next_start(lines, first + 1) - 1, Mistake(Place(first + 1, 1), f"{text}; write ] or the three quotes")


def _goes_on(text: str) -> bool:
    """Whether a statement that is not over may go on in the next line: a list, or a text in three quotes."""
    return '"""' in text or "'''" in text or re.search(r"=\s*\[", text) is not None


def _next_start(lines: list[str], at: int) -> int:
    while at < len(lines) and not _START.match(lines[at]):
        at += 1
    return at


def _read_together(lines: list[str], mistakes: list[Mistake]) -> dict[str, Any]:
    """Read statements that can each be read alone. What is set twice is left out, and is a mistake."""
    for _ in lines:  # a statement is left out each time
        try:
            values = tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError as error:
            what, place = _taken_apart(error)
            first, last = _statement_at(lines, place)
            column = len(lines[first]) - len(lines[first].lstrip()) + 1
            mistakes.append(Mistake(Place(first + 1, column), _set_twice(what, lines, first, last)))
            _leave_out(lines, first, last)
        else:
            return {name: value for name, value in values.items() if not name.startswith(_LEFT_OUT)}
    return {}


def _statement_at(lines: list[str], place: Place | None) -> tuple[int, int]:
    """The first and the last line of the statement around a place; None: of the last one."""
    found = [(first, last) for first, last, _ in _statements(lines) if any(map(str.strip, lines[first : last + 1]))]
    if place is None:
        return found[-1]
    # Where a place is the very beginning of a line, the statement before has ended there.
    line = place.line - (2 if place.column == 1 else 1)
    return next(((first, last) for first, last in found if first <= line <= last), found[-1])


def _set_twice(what: str, lines: list[str], first: int, last: int) -> str:
    """Say what the statement of these lines sets that is set before."""
    statement = "\n".join(lines[first : last + 1])
    is_table = lines[first].lstrip().startswith("[")
    head = "" if is_table else next((each for each in reversed(lines[:first]) if each.lstrip().startswith("[")), "")
    names = _set_by(head, statement)
    there = TomlPlaces.of("\n".join(lines[:first])).keys.get(names)
    where = f" on line {there.line}" if there else ""
    name = ".".join(map(str, names))
    if is_table and what.startswith("Cannot declare"):
        return f"the table `{name}` is there already{where}: put its settings into one table"
    return f"`{name}` is set already{where}: take one of the two out"


def _set_by(head: str, statement: str) -> Path:
    """The path that a statement sets in the table of a head."""
    keys = TomlPlaces.of(f"{head}\n{statement}").keys
    own = [path for path, place in keys.items() if place.line > 1]
    first = min((keys[path] for path in own), default=Place(1, 1))
    return max((path for path in own if keys[path] == first), key=len, default=())


def _taken_apart(error: tomllib.TOMLDecodeError) -> tuple[str, Place | None]:
    """What ``tomllib`` says, and where; None: at the end."""
    text = str(error)
    found = _AT.search(text)
    place = Place(int(found[1]), int(found[2])) if found and found[1] else None
    return _AT.sub("", text), place


def _explained(text: str, line: str, column: int) -> str:
    """What is wrong with a statement, and what would be right."""
    rest = line[column - 1 :].split("#")[0].strip().rstrip(",]}").strip()
    remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, text)), "")
    if text == "Invalid value":
        if not rest:
            remedy = "write a value behind the ="
        elif rest.lower() in ("true", "false", "yes", "no", "on", "off"):
            remedy = f"write {'true' if rest.lower() in ('true', 'yes', 'on') else 'false'}"
        else:
            remedy = 'write text in straight quotes: "' + rest.strip("“”„'\"") + '"'
    return f"this is no TOML: {text[0].lower()}{text[1:]}" + (f"; {remedy}" if remedy else "")
