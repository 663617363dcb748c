"""Parses one line of a grammar file into a tree. :mod:`.phrase_grammar` describes the syntax.

>>> parse("book [a] (table|room)", "example")
Sequence(parts=('book ', Choice(options=('a',), optional=True), ' ', Choice(options=('table', 'room'), optional=False)))
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from llmagent_os.errors import LLMAgentOSError

RULE_NAME = re.compile(r"[a-z_0-9]+")
_MARK = re.compile(r"([a-z_]+)(?:=([a-z_0-9]+))?([:}])")
_SPECIAL = "([{<"
_ENDS = ")]}|"


class GrammarError(LLMAgentOSError):
    """A grammar cannot be read or used. The message names the file, the line and the mistake."""


@dataclass(frozen=True)
class Rule:
    """``<name>``: a phrase of the rule with this name."""

    name: str


@dataclass(frozen=True)
class Mark:
    """``{argument:body}``: the text of ``body`` is the value of a tool's argument."""

    argument: str
    body: Node


@dataclass(frozen=True)
class Choice:
    """``(a|b)``: one of the options. ``[a|b]``: half the time one of the options, half the time nothing."""

    options: tuple[Node, ...]
    optional: bool = False


@dataclass(frozen=True)
class Sequence:
    """Several nodes, one after the other."""

    parts: tuple[Node, ...]


#: A string is text that stands for itself.
Node: TypeAlias = "str | Rule | Mark | Choice | Sequence"


def parse(line: str, where: str) -> Node:
    """Parse one line.

    Args:
        line: an alternative of a rule.
        where: the file and the line's number, for error messages.

    Raises:
        GrammarError: the line cannot be read; the message gives the place, the column and the reason.
    """
    return _Parser(line, where).parse()


def references(node: Node) -> Iterator[str]:
    """Yield the names of the rules that ``node`` refers to."""
    match node:
        case str():
            return
        case Rule(name):
            yield name
        case Mark(_, body):
            yield from references(body)
        case Choice(options=nodes) | Sequence(parts=nodes):
            for inner in nodes:
                yield from references(inner)


def literals(node: Node) -> Iterator[str]:
    """Yield the texts in ``node``, without those of rules that it refers to."""
    match node:
        case str():
            yield node
        case Rule():
            return
        case Mark(_, body):
            yield from literals(body)
        case Choice(options=nodes) | Sequence(parts=nodes):
            for inner in nodes:
                yield from literals(inner)


class _Parser:
    """A recursive-descent parser of one line. ``at`` is the index of the next character."""

    def __init__(self, line: str, where: str) -> None:
        self.line, self.where, self.at = line, where, 0

    def parse(self) -> Node:
        node = self._choice()
        if self.at < len(self.line):
            raise self._error(f"unexpected {self.line[self.at]!r}")
        return node

    def _error(self, why: str) -> GrammarError:
        return GrammarError(f"{self.where}, column {self.at + 1}: {why}: {self.line!r}")

    def _choice(self) -> Node:
        options = [self._sequence()]
        while self.line[self.at : self.at + 1] == "|":
            self.at += 1
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        begin = self.at
        while self.at < len(self.line) and (char := self.line[self.at]) not in _ENDS:
            if char not in _SPECIAL:
                self.at += 1
                continue
            if begin < self.at:
                parts.append(self.line[begin : self.at])
            self.at += 1
            parts.append(self._group(char))
            begin = self.at
        if begin < self.at:
            parts.append(self.line[begin : self.at])
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _group(self, opened: str) -> Node:
        match opened:
            case "<":
                return self._rule()
            case "{":
                return self._mark()
            case "(":
                body = self._choice()
                self._close(")")
                return body
            case _:
                body = self._choice()
                self._close("]")
                return Choice((body,), optional=True)

    def _rule(self) -> Rule:
        match = RULE_NAME.match(self.line, self.at)
        if match is None:
            raise self._error("a rule's name is missing")
        self.at = match.end()
        self._close(">")
        return Rule(match[0])

    def _mark(self) -> Mark:
        match = _MARK.match(self.line, self.at)
        if match is None:
            raise self._error("a mark is {arg}, {arg=rule} or {arg:inline text}")
        self.at = match.end()
        argument, rule, end = match.groups()
        if rule and end == ":":
            raise self._error("a mark has a rule or an inline text, not both")
        if end == "}":
            return Mark(argument, Rule(rule or argument))
        body = self._choice()
        self._close("}")
        return Mark(argument, body)

    def _close(self, closing: str) -> None:
        if self.line[self.at : self.at + 1] != closing:
            raise self._error(f"{closing!r} is missing")
        self.at += 1
