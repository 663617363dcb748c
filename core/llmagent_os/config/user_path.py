"""Paths as people write them: ``~``, ``~name``, ``$HOME`` and other variables stand for folders."""

from __future__ import annotations

import os
import re
from pathlib import Path

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def user_path(text: str) -> Path:
    """Return the path that ``text`` names, with ``~`` and variables replaced.

    Raises:
        ValueError: a variable is not set, or there is no such user. The text says which.

    >>> user_path("data/ledger.db")
    PosixPath('data/ledger.db')
    """
    expanded = os.path.expandvars(text)
    if left := _VARIABLE.search(expanded):
        raise ValueError(f"the variable ${left[1] or left[2]} is not set")
    path = Path(expanded)
    try:
        return path.expanduser()
    except RuntimeError as error:  # "~name" of a user whom this machine does not know, or no home folder at all
        raise ValueError(f"the home folder {path.parts[0]} is not known") from error


def user_url(url: str) -> str:
    """Return a database URL whose file may be written with ``~`` or a variable: ``sqlite:///~/ledger.db``.

    ``postgres://``, as many providers write it, is ``postgresql://``.

    Raises:
        ValueError: as :func:`user_path`.

    >>> user_url("sqlite:///x.db?timeout=1")
    'sqlite:///x.db?timeout=1'
    >>> user_url("postgres://bot@db/bots")
    'postgresql://bot@db/bots'
    """
    if url.startswith("postgres://"):
        return url.replace("postgres://", "postgresql://", 1)
    scheme, separator, rest = url.partition(":///")
    file, mark, query = rest.partition("?")
    if not separator or not file.startswith(("~", "$")):
        return url
    return f"{scheme}:///{user_path(file)}{mark}{query}"
