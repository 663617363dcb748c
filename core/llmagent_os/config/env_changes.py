"""Changes variables in the text of a ``.env`` file, and leaves all its other lines as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLAIN = re.compile(r"[\w./:@%+,=~*-]*")


def with_variables(text: str, values: Mapping[str, str]) -> str:
    r"""Return the text of a ``.env`` file with other values.

    A variable that is there gets its value on its own line, and so does one that stands behind a ``#`` as an example.
    Others are added at the end. An empty value puts a ``#`` before the line.

    >>> print(with_variables("# mine\nA=1\n#B=\n", {"A": "", "B": "x y", "C": "3"}), end="")
    # mine
    #A=
    B='x y'
    C=3
    """
    lines = text.splitlines()
    for name, value in values.items():
        line = f"{name}={quoted(value)}" if value else f"#{name}="
        at = _line_of(lines, name)
        if at is not None:
            lines[at] = line
        elif value:
            lines.append(line)
    return "".join(f"{each}\n" for each in lines)


def quoted(value: str) -> str:
    r"""Write a value so that python-dotenv reads it back.

    >>> print(quoted("plain"), quoted("with #"), quoted("it's"))
    plain 'with #' 'it\'s'
    """
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _line_of(lines: list[str], name: str) -> int | None:
    """The line that sets a variable; else the one that shows it as an example. None: there is neither."""
    for pattern in (rf"\s*(?:export\s+)?{name}\s*=", rf"\s*#\s*{name}\s*="):
        found = [at for at, line in enumerate(lines) if re.match(pattern, line)]
        if found:
            return found[-1]
    return None
