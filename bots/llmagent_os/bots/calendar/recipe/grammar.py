"""The phrase grammar: how thousands of wordings are written down on a few pages.

A grammar file holds rules. ``== name`` opens a rule and every further line is one alternative, drawn uniformly.
Inside a line ``(a|b)`` chooses, ``[x]`` is there half the time, ``<rule>`` expands a rule, and a *mark*
(``{arg}``, ``{arg=rule}`` or ``{arg:inline text}``) expands and remembers which characters became the tool
argument ``arg``. Marks nest: ``{title:lunch with {person}}`` yields two.

>>> grammar = Grammar()
>>> grammar.add("== person\\nana\\n== ask\\nbook {title:lunch with {person}} (today)", "example")
>>> phrase = grammar.draw("ask", random.Random(0))
>>> phrase.text, phrase.marks
('book lunch with ana today', {'title': 'lunch with ana', 'person': 'ana'})
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Marks travel inside the text as private-use characters, so that anything done to the text afterwards
# (spacing, typos, case) keeps them where they belong. MARK + n opens argument n; END closes the innermost.
_MARK = 0xE100
_END = "\ue001"
_SENTINEL = re.compile("[\ue001\ue100-\ue1ff]")


class GrammarError(ValueError):
    """A grammar file cannot be read; the message names the file, the line and what is wrong."""


@dataclass(frozen=True)
class Phrase:
    """One drawn text and the spans of it that are tool arguments."""

    text: str
    marks: dict[str, str]  #: argument name to the exact substring of ``text``


@dataclass(frozen=True)
class _Rule:
    name: str


@dataclass(frozen=True)
class _Mark:
    argument: str
    body: _Node


@dataclass(frozen=True)
class _Choice:
    options: tuple[_Node, ...]
    optional: bool = False


@dataclass(frozen=True)
class _Sequence:
    parts: tuple[_Node, ...]


_Node = str | _Rule | _Mark | _Choice | _Sequence


class _Parser:
    """Recursive descent over one line."""

    def __init__(self, line: str, where: str) -> None:
        self.line, self.where, self.at = line, where, 0

    def fail(self, why: str) -> GrammarError:
        return GrammarError(f"{self.where}, column {self.at + 1}: {why}: {self.line!r}")

    def parse(self) -> _Node:
        node = self.choice("")
        if self.at < len(self.line):
            raise self.fail(f"unexpected {self.line[self.at]!r}")
        return node

    def choice(self, closing: str) -> _Node:
        options = [self.sequence(closing)]
        while self.at < len(self.line) and self.line[self.at] == "|" and closing in ")]}":
            self.at += 1
            options.append(self.sequence(closing))
        return options[0] if len(options) == 1 else _Choice(tuple(options))

    def sequence(self, closing: str) -> _Node:
        parts: list[_Node] = []
        text = ""
        while self.at < len(self.line):
            char = self.line[self.at]
            if char in ")]}|":
                break
            if char not in "([{<":
                text += char
                self.at += 1
                continue
            if text:
                parts.append(text)
                text = ""
            parts.append(self.group(char))
        if text:
            parts.append(text)
        return parts[0] if len(parts) == 1 else _Sequence(tuple(parts))

    def group(self, char: str) -> _Node:
        self.at += 1
        if char == "<":
            return _Rule(self.name(">"))
        if char == "{":
            match = re.match(r"([a-z_]+)(=([a-z_0-9]+))?([:}])", self.line[self.at :])
            if match is None:
                raise self.fail("a mark is {arg}, {arg=rule} or {arg:inline text}")
            self.at += match.end()
            argument, rule = match[1], match[3]
            if match[4] == "}":
                return _Mark(argument, _Rule(rule or argument))
            body = self.choice("}")
            self.close("}")
            return _Mark(argument, body)
        closing = ")" if char == "(" else "]"
        body = self.choice(closing)
        self.close(closing)
        return _Choice((body,), optional=True) if char == "[" else body

    def name(self, closing: str) -> str:
        match = re.match(r"[a-z_0-9]+", self.line[self.at :])
        if match is None:
            raise self.fail("a rule's name is missing")
        self.at += match.end()
        self.close(closing)
        return match[0]

    def close(self, closing: str) -> None:
        if self.line[self.at : self.at + 1] != closing:
            raise self.fail(f"{closing!r} is missing")
        self.at += 1


def _references(node: _Node) -> Iterator[str]:
    match node:
        case str():
            return
        case _Rule(name):
            yield name
        case _Mark(_, body):
            yield from _references(body)
        case _Choice(options=nodes) | _Sequence(parts=nodes):
            for inner in nodes:
                yield from _references(inner)


@dataclass
class Grammar:
    """Rules by name, from files and from functions (for names, words and numbers that code draws better)."""

    rules: dict[str, list[_Node]] = field(default_factory=dict[str, list["_Node"]])
    sources: dict[str, Callable[[random.Random], str]] = field(
        default_factory=dict[str, Callable[[random.Random], str]]
    )
    arguments: list[str] = field(default_factory=list[str])

    def add(self, text: str, name: str) -> None:
        """Add the rules of one file's ``text``; ``name`` is for error messages.

        Raises:
            GrammarError: on a line that cannot be read.
        """
        rule: list[_Node] | None = None
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            where = f"{name}, line {number}"
            if line.startswith("=="):
                title = line[2:].strip()
                if not re.fullmatch(r"[a-z_0-9]+", title):
                    raise GrammarError(f"{where}: {title!r} is no rule name (a-z, 0-9 and _)")
                rule = self.rules.setdefault(title, [])
            elif rule is None:
                raise GrammarError(f"{where}: a rule starts with '== name', found {line!r}")
            else:
                rule.append(_Parser(line, where).parse())

    def load(self, folder: Path) -> None:
        """Add every ``*.txt`` file of ``folder``, in the order of their names."""
        for path in sorted(folder.glob("*.txt")):
            self.add(path.read_text(encoding="utf-8"), path.name)

    def undefined(self) -> set[str]:
        """Names of rules that are referred to and that nothing defines."""
        used = {name for nodes in self.rules.values() for node in nodes for name in _references(node)}
        return used - set(self.rules) - set(self.sources)

    def names(self, prefix: str) -> list[str]:
        """The rules whose names begin with ``prefix``, in order."""
        return sorted(name for name in self.rules if name.startswith(prefix))

    def draw_marked(self, rule: str, rng: random.Random) -> str:
        """Draw from ``rule``; the marks are still inside the text as private-use characters."""
        out: list[str] = []
        self._expand(_Rule(rule), rng, out)
        return tidy("".join(out))

    def draw(self, rule: str, rng: random.Random) -> Phrase:
        """Draw one phrase from ``rule``."""
        return self.unmark(self.draw_marked(rule, rng))

    def unmark(self, marked: str) -> Phrase:
        """Take the marks out of a text of :meth:`draw_marked`."""
        text: list[str] = []
        length = 0
        stack: list[tuple[str, int]] = []
        spans: dict[str, tuple[int, int]] = {}
        for char in marked:
            if char == _END:
                argument, start = stack.pop()
                spans[argument] = (start, length)
            elif _SENTINEL.match(char):
                stack.append((self.arguments[ord(char) - _MARK], length))
            else:
                text.append(char)
                length += 1
        whole = "".join(text)
        marks = {name: whole[a:b].strip(" ,.!?;") for name, (a, b) in spans.items()}
        return Phrase(whole, {name: value for name, value in sorted(marks.items()) if value})

    def _expand(self, node: _Node, rng: random.Random, out: list[str]) -> None:
        match node:
            case str():
                out.append(node)
            case _Rule(name):
                if source := self.sources.get(name):
                    out.append(source(rng))
                elif alternatives := self.rules.get(name):
                    self._expand(rng.choice(alternatives), rng, out)
                else:
                    raise GrammarError(f"no rule {name!r}")
            case _Mark(argument, body):
                if argument not in self.arguments:
                    self.arguments.append(argument)
                out.append(chr(_MARK + self.arguments.index(argument)))
                self._expand(body, rng, out)
                out.append(_END)
            case _Choice(options, optional):
                if not optional or rng.random() < 0.5:
                    self._expand(rng.choice(options), rng, out)
            case _Sequence(parts):
                for part in parts:
                    self._expand(part, rng, out)


_ANY = "[\ue001\ue100-\ue1ff]*"


def tidy(marked: str) -> str:
    """Normalise spaces: one between words, none before punctuation, none at a mark's inner edges."""
    marked = re.sub(r"\s+", " ", marked)
    marked = re.sub("([\ue100-\ue1ff]) +", r" \1", marked)  # a mark opens after the space, not before it
    marked = re.sub(" +(\ue001)", r"\1 ", marked)
    marked = re.sub(f" ({_ANY}) +", r" \1", marked)
    marked = re.sub(f" +({_ANY}(?:[,.?!;:]|'s\\b))", r"\1", marked)
    marked = re.sub(f"\\b([Aa]) (?={_ANY}[aeioAEIO])", r"\1n ", marked)
    return re.sub(r"\s+", " ", marked).strip()


def without_marks(marked: str) -> str:
    """The plain text of a marked one."""
    return _SENTINEL.sub("", marked)


def _main(arguments: list[str]) -> int:
    paths = [Path(a) for a in arguments if not a.startswith("--") and not a.isdigit()]
    count = int(arguments[arguments.index("--samples") + 1]) if "--samples" in arguments else 20
    grammar = Grammar()
    mine = Grammar()
    try:
        for path in paths:
            mine.add(path.read_text(encoding="utf-8"), path.name)
    except GrammarError as error:
        print(error)
        return 2
    own = sorted(mine.rules)
    for path in sorted(paths[0].parent.glob("*.txt")):
        try:
            grammar.add(path.read_text(encoding="utf-8"), path.name)
        except GrammarError as error:
            print("(other file)", error)
    from llmagent_os.bots.calendar.recipe.lexicon import SOURCES

    grammar.sources = dict(SOURCES)
    if missing := grammar.undefined():
        print("undefined so far:", ", ".join(sorted(missing)))
        for name in missing:
            grammar.rules[name] = [f"«{name}»"]
    rng = random.Random()
    for name in own:
        print(f"== {name} ({len(mine.rules[name])} lines)")
        for _ in range(max(1, count // max(1, len(own) // 4 or 1))):
            phrase = grammar.draw(name, rng)
            print(f"   {phrase.text}    {phrase.marks or ''}")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[4]))
    raise SystemExit(_main(sys.argv[1:]))
