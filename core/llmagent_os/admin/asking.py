"""Asks a person at the terminal, and checks each answer at once. Options and pipes may answer, too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import TypeVar

import click

from llmagent_os.errors import ConfigError, LLMAgentOSError

_T = TypeVar("_T")


class Asking:
    """Asks questions.

    Args:
        takes_defaults: nobody is asked: every question that no option answers has its default.
    """

    def __init__(self, *, takes_defaults: bool = False) -> None:
        self._takes_defaults = takes_defaults

    @property
    def asks(self) -> bool:
        """Whether anybody is asked."""
        return not self._takes_defaults

    def ask(
        self,
        label: str,
        default: str,
        check: Callable[[str], _T],
        *,
        given: str | None = None,
        is_secret: bool = False,
        shown: str | None = None,
    ) -> _T:
        """Return the checked answer. A wrong one is explained, and the question comes again.

        Args:
            label: the question.
            default: the answer of somebody who only presses Enter.
            check: gives the value of an answer.
            given: the answer, from an option.
            is_secret: what is typed is not shown.
            shown: the default as people see it; None: as it is.

        Raises:
            ConfigError: an answer that nobody has typed is wrong.
            click.Abort: the person or the pipe has ended it.
        """
        if given is not None or self._takes_defaults:
            answer = default if given is None else given.strip()
            value = check(answer)
            if not is_secret:
                click.echo(f"  {label.strip()}: {answer}")
            return value
        while True:
            answer = str(
                click.prompt(
                    click.style(label, bold=True),
                    default=default,
                    show_default=bool(default) if shown is None else shown or False,
                    hide_input=is_secret and sys.stdin.isatty(),  # else it would read the terminal, not the pipe
                )
            ).strip()
            if not sys.stdin.isatty():
                click.echo()
            try:
                return check(answer)
            except LLMAgentOSError as error:
                for line in str(error).splitlines():
                    click.secho(f"  ✗ {line}", fg="red")

    def agrees(self, question: str) -> bool:
        """Ask for a yes. Enter agrees."""
        return self._takes_defaults or click.confirm(click.style(question, bold=True), default=True)

    @staticmethod
    def show(options: Mapping[str, str]) -> None:
        """Print what can be chosen, a line each."""
        width = max(map(len, options), default=0)
        for name, about in options.items():
            click.echo(f"  {name:<{width}}  {about}")


def one_of(answer: str, known: Collection[str], what: str) -> str:
    """The option that an answer names, perhaps by its beginning.

    Raises:
        ConfigError: it names none, or several.

    >>> one_of("INV", ["invited", "list"], "of these")
    'invited'
    """
    word = answer.strip().lower()
    found = [word] if word in known else [each for each in known if word and each.startswith(word)]
    if len(found) == 1:
        return found[0]
    near = get_close_matches(word, known, 1, 0.6)
    raise ConfigError(f"{answer!r} is none {what}; {_hint(near, known)}")


def some_of(answer: str, known: Collection[str], what: str) -> tuple[str, ...]:
    """The options that an answer names, in the order of ``known``: names or numbers, ``all`` or ``none``.

    ``web`` is taken for none: the web chat is always there.

    Raises:
        ConfigError: there is no such option.

    >>> some_of("3, 1", ["a", "b", "c"], "of these"), some_of("all", ["a", "b"], ""), some_of("none", ["a"], "")
    (('a', 'c'), ('a', 'b'), ())
    """
    names = [*known]
    chosen: set[str] = set()
    for word in answer.lower().replace(",", " ").split():
        if word == "all":
            chosen.update(names)
        elif word.isdecimal() and 0 < int(word) <= len(names):
            chosen.add(names[int(word) - 1])
        elif word in names:
            chosen.add(word)
        elif word not in ("none", "web"):
            raise ConfigError(f"{word!r} is none {what}; {_hint(get_close_matches(word, names, 1, 0.6), names)}")
    return tuple(name for name in names if name in chosen)


def _hint(near: Collection[str], known: Collection[str]) -> str:
    return f"did you mean {next(iter(near))!r}?" if near else f"there are: {', '.join(known)}"
