"""Reads a ``.env`` file, and names every line that cannot be read. python-dotenv skips such lines."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from llmagent_os.errors import ConfigError

_NAME = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)")
_USED = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Line:
    """One variable of a file."""

    value: str
    number: int  #: of the line; the first is 1


def read_env_file(file: Path, ours: Collection[str]) -> dict[str, Line]:
    """Return the variables of a file by name. No file: no variables.

    Args:
        file: in the form of python-dotenv: ``NAME=value``, quotes, ``export``, comments, ``${OTHER}``.
        ours: the variables, in capitals, that may be set once only and use no variable that is not set. Others are none
            of our business.

    Raises:
        ConfigError: the file or a line of it cannot be read. There is one line of text for each wrong line. It shows no
            value, which may be a secret.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} cannot be read: it is no UTF-8 text ({error.reason}); save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error
    bindings = [(_number(binding), binding) for binding in parse_stream(io.StringIO(text))]
    wrong = [*_unreadable(bindings), *_repeated(bindings, ours), *_unset(bindings, ours)]
    if wrong:
        raise ConfigError("\n".join(f"{file}, line {number}: {what}" for number, what in sorted(wrong)))
    values = dotenv_values(stream=io.StringIO(text))
    return {
        binding.key.upper(): Line(values[binding.key] or "", number)
        for number, binding in bindings
        if binding.key is not None
    }


def _number(binding: Binding) -> int:
    """The number of the line on which a variable begins, after the empty lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _unreadable(bindings: list[tuple[int, Binding]]) -> Iterator[tuple[int, str]]:
    known: set[str] = set(os.environ)
    for number, binding in bindings:
        text = binding.original.string.strip()
        name = _NAME.match(text)
        # A word in small letters may be a token that was pasted alone.
        shown = f"after {name[1]}" if name and name[1].isupper() and len(text) > len(name[0]) else ""
        if binding.error:
            rest = text[name.end() :].lstrip() if name else ""
            if rest.startswith("=") and rest[1:].lstrip()[:1] in ("'", '"'):
                hint = "is its closing quote missing? Write NAME=value"
            elif rest.startswith(":"):
                hint = "write = in place of the colon"
            else:
                hint = "write NAME=value, and # before a comment"
            yield number, " ".join(filter(None, ("cannot be read", shown))) + f"; {hint}"
        elif binding.key is not None and binding.value is None and binding.key not in known:
            # "NAME" alone hands a variable of the environment on, in Docker's files and after "export".
            yield number, "has no = sign; write NAME=value, and # before a comment"
        elif binding.key is not None:
            known.add(binding.key)


def _repeated(bindings: list[tuple[int, Binding]], ours: Collection[str]) -> Iterator[tuple[int, str]]:
    first: dict[str, tuple[int, str | None]] = {}
    for number, binding in bindings:
        if binding.key is None or (name := binding.key.upper()) not in ours:
            continue
        if name not in first and not binding.value:
            continue  # as in a form: the value is filled in further down
        if name in first and first[name][1] != binding.value:
            yield number, f"{name} has another value on line {first[name][0]}; remove one of the two lines"
        first.setdefault(name, (number, binding.value))


def _unset(bindings: list[tuple[int, Binding]], ours: Collection[str]) -> Iterator[tuple[int, str]]:
    known: set[str] = set(os.environ)
    for number, binding in bindings:
        if binding.key is None:
            continue
        for used in _USED.findall(binding.value or "") if binding.key.upper() in ours else ():
            if used not in known:
                yield number, f"{binding.key} uses ${{{used}}}, which is not set"
        known.add(binding.key)
