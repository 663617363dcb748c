r"""Draws phrases from a grammar, which writes thousands of wordings down on a few pages.

A grammar file holds rules. ``== name`` begins a rule, and every further line is one alternative. All alternatives are
equally likely. Lines that begin with ``#`` are comments. Inside a line

- ``(a|b)`` is one of the options; an option may be empty: ``(a|)``;
- ``[x]`` is there half the time;
- ``<rule>`` is a phrase of that rule;
- a *mark*, ``{arg}``, ``{arg=rule}`` or ``{arg:inline text}``, is also a phrase, and its characters become the tool's
  argument ``arg``. Marks nest: ``{title:lunch with {person}}`` gives two arguments.

Everything else is text. Spaces are normalised.

>>> grammar = Grammar()
>>> grammar.add("== person\nana\n== ask\nbook {title:lunch with {person}} (today)", "example")
>>> phrase = grammar.draw("ask", random.Random(0))
>>> phrase.text, phrase.marks
('book lunch with ana today', {'person': 'ana', 'title': 'lunch with ana'})
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from llmagent_os.bots.calendar.recipe.grammar_syntax import (
    RULE_NAME,
    Choice,
    GrammarError,
    Mark,
    Node,
    Rule,
    Sequence,
    parse,
    references,
)
from llmagent_os.bots.calendar.recipe.marked_text import END_MARK, Phrase, opening_mark, tidy, unmark

Source = Callable[[random.Random], str]  #: a rule that is a function


@dataclass
class Grammar:
    """Rules by name. Most come from files; names, words and numbers come from functions."""

    rules: dict[str, list[Node]] = field(default_factory=dict[str, list[Node]])
    sources: dict[str, Source] = field(default_factory=dict[str, Source])  #: win over ``rules`` of the same name
    arguments: list[str] = field(default_factory=list[str])  #: all arguments marked so far, by number

    def add(self, text: str, name: str) -> None:
        """Add the rules of one file's ``text``. ``name`` is for error messages.

        Raises:
            GrammarError: a line cannot be read; the message says which.
        """
        rule: list[Node] | None = None
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            where = f"{name}, line {number}"
            if line.startswith("=="):
                title = line[2:].strip()
                if not RULE_NAME.fullmatch(title):
                    raise GrammarError(f"{where}: {title!r} is not a rule name (a-z, 0-9 and _)")
                rule = self.rules.setdefault(title, [])
            elif rule is None:
                raise GrammarError(f"{where}: a rule starts with '== name', found {line!r}")
            else:
                rule.append(parse(line, where))

    def add_file(self, path: Path) -> None:
        """Add the rules of a file.

        Raises:
            GrammarError: the file is not UTF-8 text, or a line cannot be read.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise GrammarError(f"{path.name}, line {line}: this is not UTF-8 text") from error
        self.add(text, path.name)

    def load(self, folder: Path) -> None:
        """Add every ``*.txt`` file of ``folder``, in the order of their names.

        Raises:
            GrammarError: one of them cannot be read.
        """
        for path in sorted(folder.glob("*.txt")):
            self.add_file(path)

    def undefined(self) -> set[str]:
        """Return the rules that are referred to but not defined, and the rules without alternatives."""
        used = {name for nodes in self.rules.values() for node in nodes for name in references(node)}
        empty = {name for name, nodes in self.rules.items() if not nodes}
        return (used - set(self.rules) | empty) - set(self.sources)

    def names(self, prefix: str) -> list[str]:
        """Return the names of the rules that begin with ``prefix``, sorted."""
        return sorted(name for name in self.rules if name.startswith(prefix))

    def draw(self, rule: str, rng: random.Random) -> Phrase:
        """Draw one phrase from ``rule``.

        Raises:
            GrammarError: the rule, or a rule that it refers to, does not exist.
        """
        return self.unmark(self.draw_marked(rule, rng))

    def draw_marked(self, rule: str, rng: random.Random) -> str:
        """Draw like :meth:`draw`, but leave the marks in the text, for :func:`~.noise.noisy` and :meth:`unmark`."""
        out: list[str] = []
        self._expand(Rule(rule), rng, out)
        return tidy("".join(out))

    def unmark(self, marked: str) -> Phrase:
        """Take the marks out of a text from :meth:`draw_marked`."""
        return unmark(marked, self.arguments)

    def _expand(self, node: Node, rng: random.Random, out: list[str]) -> None:
        match node:
            case str():
                out.append(node)
            case Rule(name):
                if source := self.sources.get(name):
                    out.append(source(rng))
                elif alternatives := self.rules.get(name):
                    self._expand(rng.choice(alternatives), rng, out)
                else:
                    raise GrammarError(f"nothing defines the rule {name!r}")
            case Mark(argument, body):
                out.append(opening_mark(self._number(argument)))
                self._expand(body, rng, out)
                out.append(END_MARK)
            case Choice(options, optional):
                if not optional or rng.random() < 0.5:
                    self._expand(rng.choice(options), rng, out)
            case Sequence(parts):
                for part in parts:
                    self._expand(part, rng, out)

    def _number(self, argument: str) -> int:
        if argument not in self.arguments:
            self.arguments.append(argument)
        return self.arguments.index(argument)
