"""Changes variables in the text of a ``.env`` file, and leaves all its other lines as they are.

python-dotenv's own parser says where a variable begins and ends.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from dotenv.parser import Binding, parse_stream

from llmagent_os.errors import ConfigError

_PLAIN = re.compile(r"[\w./:@%+,=~*-]*")
_EXAMPLE = re.compile(r"\s*#\s*(\w+)\s*=")
_EXPORT = re.compile(r"\s*(export[^\S\r\n]+)")
#: python-dotenv puts a variable in place of ``${NAME}`` in every value, and ``$`` in place of this.
_DOLLAR = "${:-$}"


def with_variables(text: str, values: Mapping[str, str]) -> str:
    r"""Return the text of a ``.env`` file with other values.

    A variable that is there gets its value in its own place, and so does one that stands behind a ``#`` as an example.
    Others are added at the end. An empty value puts a ``#`` before the line. A comment behind an old value is dropped.

    Args:
        text: of the file, with its own line ends.
        values: by name, in capitals.

    Raises:
        ConfigError: a value cannot stand in such a file.

    >>> print(with_variables("# mine\nA=1\n#B=\n", {"A": "", "B": "x y", "C": "3"}), end="")
    # mine
    #A=
    B='x y'
    C=3
    """
    bindings = list(parse_stream(io.StringIO(text.removeprefix("\ufeff"))))
    texts = [each.original.string for each in bindings]
    line_end = "\r\n" if "\r\n" in text else "\n"
    for name, value in values.items():
        line = f"{name}={_written(name, value)}" if value else f"#{name}="
        places = _places(bindings, name)
        for at in places:
            texts[at] = _replaced(bindings[at].original.string, line, is_set=bool(value))
        if not places and value:
            if texts and not texts[-1].endswith(("\n", "\r")):
                texts[-1] += line_end
            texts.append(line + line_end)
    return ("\ufeff" if text.startswith("\ufeff") else "") + "".join(texts)


def quoted(value: str) -> str:
    r"""Write a value so that python-dotenv reads it back.

    Raises:
        ValueError: the value has a line break or a NUL.

    >>> print(quoted("plain"), quoted("with #"), quoted("it's"), quoted("${HOME}"))
    plain 'with #' 'it\'s' '${:-$}{HOME}'
    """
    if re.search(r"[\r\n\0]", value):
        raise ValueError("a value of a .env file has one line")
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", _DOLLAR + "{")
    return f"'{escaped}'"


def _written(name: str, value: str) -> str:
    try:
        return quoted(value)
    except ValueError:
        raise ConfigError(f"{name} cannot be written: its value has a line break; write it on one line") from None


def _places(bindings: list[Binding], name: str) -> list[int]:
    """Which bindings set a variable: all with a value, for two different ones are refused; else the last.

    Where none sets it, the last comment that shows it as an example.
    """
    found = [at for at, each in enumerate(bindings) if each.key is not None and each.key.upper() == name]
    if found:
        return [at for at in found if bindings[at].value] or found[-1:]
    comments = [(at, _EXAMPLE.match(each.original.string)) for at, each in enumerate(bindings) if each.key is None]
    return [at for at, shown in comments if shown and shown[1] == name][-1:]


def _replaced(original: str, line: str, *, is_set: bool) -> str:
    """The text of a binding with another line; the empty lines before it and its line end stay."""
    lead = original[: len(original) - len(original.lstrip())]
    kept = lead[: max(lead.rfind("\n"), lead.rfind("\r")) + 1]
    end = re.search(r"(?:\r\n|\n|\r)?\Z", original)
    export = _EXPORT.match(original) if is_set else None
    return kept + (export[1] if export else "") + line + (end[0] if end else "")
