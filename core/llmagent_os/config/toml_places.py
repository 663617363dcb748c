"""Where every key and every value of a TOML text stands. The standard library's ``tomllib`` does not say.

The text is parsed a second time, by the TOML grammar of `tree-sitter <https://tree-sitter.github.io>`_, whose nodes
have places. What the text means is always what ``tomllib`` says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

#: The way to a value: names of tables and keys, and numbers of entries of lists.
Path = tuple[str | int, ...]

_KEYS = ("bare_key", "quoted_key")


class Place(NamedTuple):
    """A place in a text. Lines and columns are counted from 1, columns in characters."""

    line: int
    column: int


@dataclass
class TomlPlaces:
    r"""The places of a text's keys and values.

    >>> places = TomlPlaces.of('[policy]\ngamma = 0.5')
    >>> places.keys["policy", "gamma"], places.values["policy", "gamma"]
    (Place(line=2, column=1), Place(line=2, column=9))
    >>> places.near(("policy", "gamma", "deeper"))
    Place(line=2, column=9)
    """

    keys: dict[Path, Place] = field(default_factory=dict[Path, Place])  #: where the name of a key or table begins
    values: dict[Path, Place] = field(default_factory=dict[Path, Place])  #: where a value begins

    @classmethod
    def of(cls, text: str) -> TomlPlaces:
        """Find the places of ``text``. Of a part that is no TOML no places are known."""
        reading = _Reading(text)
        reading.document()
        return reading.places

    def near(self, path: Path, *, key: bool = False) -> Place:
        """Return the place of a value, or of the nearest table around it; the beginning, if there is none.

        Args:
            path: the value's.
            key: give the place of its key.
        """
        for end in range(len(path), 0, -1):
            part = path[:end]
            order = (self.keys, self.values) if key and end == len(path) else (self.values, self.keys)
            if found := order[0].get(part) or order[1].get(part):
                return found
        return Place(1, 1)


class _Reading:
    """Walks over the syntax tree of one text."""

    def __init__(self, text: str) -> None:
        self.places = TomlPlaces()
        self._source = f"{text}\n".encode()  # the grammar ends every statement with a line's end
        self._lines = self._source.split(b"\n")
        self._lists: dict[Path, int] = {}  # how many tables a list of tables has so far

    def document(self) -> None:
        """Read the whole text."""
        for node in _parser().parse(self._source).root_node.named_children:
            if node.type == "pair":
                self._pair(node, ())
            elif node.type in ("table", "table_array_element"):
                self._table(node)

    def _table(self, node: Node) -> None:
        parts = node.named_children
        if not parts:
            return
        names, at = self._names(parts[0]), self._place(parts[0])
        table: Path = ()
        for name in names[:-1]:
            table = self._entered((*table, name))
            self.places.keys.setdefault(table, at)
        whole = (*table, *names[-1:])
        self.places.keys.setdefault(whole, at)
        if node.type == "table_array_element":
            self._lists[whole] = self._lists.get(whole, -1) + 1
            whole = (*whole, self._lists[whole])
            self.places.keys.setdefault(whole, at)
        for child in parts[1:]:
            if child.type == "pair":
                self._pair(child, whole)

    def _entered(self, path: Path) -> Path:
        return (*path, self._lists[path]) if path in self._lists else path

    def _pair(self, node: Node, table: Path) -> None:
        key, *rest = [child for child in node.named_children if child.type != "comment"]
        names = self._names(key)
        at = self._place(key)
        for end in range(1, len(names) + 1):
            self.places.keys.setdefault((*table, *names[:end]), at)
        if rest:
            self._value(rest[0], (*table, *names))

    def _value(self, node: Node, path: Path) -> None:
        self.places.values.setdefault(path, self._place(node))
        parts = [child for child in node.named_children if child.type != "comment"]
        if node.type == "inline_table":
            for child in parts:
                if child.type == "pair":
                    self._pair(child, path)
        elif node.type == "array":
            for number, child in enumerate(parts):
                self._value(child, (*path, number))

    def _names(self, key: Node) -> list[str]:
        if key.type in _KEYS:
            return [self._name(key)]
        return [name for child in key.named_children for name in self._names(child)]

    def _name(self, key: Node) -> str:
        text = self._source[key.start_byte : key.end_byte].decode()
        if key.type == "bare_key":
            return text
        read: Mapping[str, object] = tomllib.loads(f"{text} = 0")
        return next(iter(read))

    def _place(self, node: Node) -> Place:
        row, column = node.start_point
        before = self._lines[row][:column].decode(errors="replace") if row < len(self._lines) else ""
        return Place(row + 1, len(before) + 1)


@cache
def _parser() -> Parser:
    import tree_sitter_toml
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_toml.language()))
