"""The rules by which statements are read: ``life_rules.toml`` and ``taste_rules.toml``, compiled once."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from llmagent_os.memory.statement_values import CHECKS, IsValue, is_any, word_list

_FILES = ("life_rules.toml", "taste_rules.toml")
_WORD_LISTS = ("pets", "diets")
_SLOT = re.compile(r"\{([a-z]+)\}")


class Rule(NamedTuple):
    """How one kind of statement is worded."""

    topic: str  #: ``{n}`` stands for the group ``n``
    pattern: re.Pattern[str]  #: of a whole clause; its group ``x`` is the value
    text: str  #: the statement in the second person; ``{x}`` stands for the value, other names for other groups
    is_value: IsValue
    parts: bool  #: a list of values is as many statements


@cache
def statement_rules() -> tuple[Rule, ...]:
    """Return all rules in the order in which they are tried. The first call compiles them: a tenth of a second."""
    found: list[Rule] = []
    for name in _FILES:
        table: dict[str, Any] = tomllib.loads(files("llmagent_os.memory").joinpath(name).read_text(encoding="utf-8"))
        words = {"x": "(?P<x>.+?)"} | {each: _any_of(each) for each in _WORD_LISTS} | table["words"]
        for rule in table["rule"]:
            check = CHECKS[rule["value"]] if "value" in rule else is_any
            for says in rule["says"]:
                pattern = re.compile(_spelled_out(says, words), re.IGNORECASE)
                found.append(Rule(rule["topic"], pattern, rule["text"], check, rule.get("parts", False)))
    return tuple(found)


def _any_of(name: str) -> str:
    """The words of a list as a pattern, the longest first."""
    return f"(?:{'|'.join(sorted(map(re.escape, word_list(name)), key=len, reverse=True))})"


def _spelled_out(says: str, words: dict[str, str]) -> str:
    """``says`` with the words that its names stand for. A number in braces is a count of the pattern language."""
    while (spelled := _SLOT.sub(lambda slot: words[slot[1]], says)) != says:
        says = spelled
    return says
