"""Mistakes in a file of configuration, each with its place, the line, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from llmagent_os.config.toml_places import Place
from llmagent_os.errors import ConfigError

#: The most characters of a line that are shown, and how many of them are before the mistake.
SHOWN_WIDTH, SHOWN_BEFORE = 100, 60


class Mistake(msgspec.Struct, frozen=True):
    """One mistake in a file."""

    place: Place
    text: str  #: what is wrong, and what would be right


def shown(file: Path, source: str, mistakes: Iterable[Mistake]) -> str:
    """Write mistakes, each with its line and a caret under its place.

    >>> print(shown(Path("bot.toml"), 'mode = "rude"', [Mistake(Place(1, 8), "`mode` cannot be 'rude'")]))
    bot.toml:1:8: `mode` cannot be 'rude'
        1 | mode = "rude"
          |        ^
    """
    lines = source.split("\n")
    texts: list[str] = []
    for mistake in mistakes:
        number, column = mistake.place
        line = lines[number - 1].rstrip("\r") if number <= len(lines) else ""
        cut = max(0, column - 1 - SHOWN_BEFORE)
        visible = "".join(each if each.isprintable() else " " for each in line[cut : cut + SHOWN_WIDTH])
        texts.append(f"{file}:{number}:{column}: {mistake.text}")
        if visible.strip():
            texts += [f"{number:>5} | {visible}", f"{'':>5} | {' ' * (column - 1 - cut)}^"]
    return "\n".join(texts)


class MistakesError(ConfigError):
    """A file of configuration has mistakes. The message shows each of them with its line."""

    def __init__(self, file: Path, source: str, mistakes: Iterable[Mistake]) -> None:
        #: in the order of the file, each once
        self.mistakes = tuple(sorted(set(mistakes), key=lambda each: (each.place, each.text)))
        super().__init__(shown(file, source, self.mistakes))
