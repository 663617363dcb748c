"""Reads the rules and the replies of talk, which stand in TOML files beside this one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any


@lru_cache(maxsize=8)
def rule_file(name: str) -> Mapping[str, Any]:
    """Read ``name``.toml of this package."""
    source = files("llmagent_os.bots.calendar.talk") / f"{name}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


def one_of(wordings: Iterable[str], words: Mapping[str, str]) -> re.Pattern[str]:
    """Compile regular expressions to one that any of them matches. ``{name}`` in them stands for ``words["name"]``.

    >>> bool(one_of(["thanks {a_lot}", "ty"], {"a_lot": "(?:a lot|much)"}).fullmatch("thanks a lot"))
    True
    """
    return re.compile(f"(?:{'|'.join(wording.format_map(words) for wording in wordings)})")
