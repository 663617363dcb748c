"""Check the dimensions that a bot declares: ``[behavior]`` and ``[behavior.dimensions]`` of its TOML file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from math import prod
from typing import cast

from llmagent_os.policy.contract import DIMENSIONS, MAX_ACTIONS, OPTIONAL_DIMENSIONS, PRESENCE, Action

#: The TOML key, as error texts name it.
KEY = "behavior.dimensions"
#: A dimension as error texts show it.
EXAMPLE = 'tone = { formal = "Write formally.", playful = "Write playfully." }'
#: Names that no dimension can have: a profile, or the ``[behavior]`` table, uses them for something else.
RESERVED_NAMES = frozenset(
    "user_id name place time_zone language language_from language_evidence quiet_hours preferences created_at "
    "updated_at told_at learning ask_why dimensions".split()
)
_WORD = re.compile(r"[a-z][a-z0-9_]{0,29}")


def declared(table: object) -> dict[str, dict[str, str]]:
    """Return the dimensions that ``table`` declares: for each value the instruction to the model.

    Args:
        table: ``[behavior.dimensions]``. A dimension is a table of values and their instructions, or ``true`` for one
            of :data:`~llmagent_os.policy.contract.DIMENSIONS`.

    Raises:
        ValueError: the table cannot be used. The text names the key and says what to write.

    >>> declared({"tone": {"plain": "", "playful": "Write playfully."}, "initiative": True})
    {'tone': {'plain': '', 'playful': 'Write playfully.'}, 'initiative': {'act': '', 'ask_first': ''}}
    """
    if not isinstance(table, dict) or not table:
        raise ValueError(f"`{KEY}` needs a dimension: write one, as in {EXAMPLE}")
    found = {name: _values(name, values) for name, values in cast("dict[str, object]", table).items()}
    owners: dict[str, str] = {}
    for name, values in found.items():
        for value in values:
            if (owner := owners.setdefault(value, name)) != name:
                raise ValueError(f"`{KEY}.{name}.{value}` is a value of `{owner}` too: give one of them another name")
    count = prod(len(values) for values in found.values())
    if count > MAX_ACTIONS:
        sizes = " × ".join(str(len(values)) for values in found.values())
        raise ValueError(f"`{KEY}` makes {sizes} = {count} behaviours, more than {MAX_ACTIONS}: take some values out")
    return found


def _values(name: str, values: object) -> dict[str, str]:
    where = f"`{KEY}.{name}`"
    _check_word(name, where)
    if name in RESERVED_NAMES:
        raise ValueError(f"{where} is the name of something else: give the dimension another one")
    known = {**DIMENSIONS, **OPTIONAL_DIMENSIONS}
    if values is True:
        if name not in known:
            raise ValueError(f"{where} cannot be true, only {', '.join(known)} can: write its values, as in {EXAMPLE}")
        return dict(known[name])
    if name == PRESENCE:
        raise ValueError(f"{where} has values of its own, {' and '.join(known[name])}: write `{PRESENCE} = true`")
    if not isinstance(values, dict):
        raise ValueError(f"{where} cannot be {values!r}: write its values, as in {EXAMPLE}")
    instructions: dict[str, str] = {}
    for value, words in cast("dict[str, object]", values).items():
        _check_word(value, f"`{KEY}.{name}.{value}`")
        if not isinstance(words, str):
            raise ValueError(f"`{KEY}.{name}.{value}` cannot be {words!r}: write what the model is told, in quotes")
        instructions[value] = " ".join(words.split())
        if instructions[value] and list(instructions.values()).count(instructions[value]) > 1:
            raise ValueError(
                f"`{KEY}.{name}.{value}` tells the model the same as another value: say how it is different"
            )
    if len(instructions) < 2:
        raise ValueError(f"{where} has {len(instructions)} values: a choice needs two or more, as in {EXAMPLE}")
    return instructions


def _check_word(name: str, where: str) -> None:
    if not _WORD.fullmatch(name):
        raise ValueError(
            f"{where}: {name!r} is no word; write a to z, 0 to 9 and _, a letter first, at most 30 of them"
        )


def starting(dimensions: Mapping[str, Mapping[str, str]], chosen: Mapping[str, object]) -> Action:
    """Return the behaviour that a bot starts with: ``chosen``, and the first value of every other dimension.

    Raises:
        ValueError: there is no such dimension or value. The text names the key and the values that there are.
    """
    for name, value in chosen.items():
        where = f"`behavior.{name}`"
        if name not in dimensions:
            near = get_close_matches(name, dimensions, 1, 0.6)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(dimensions)}"
            raise ValueError(f"{where} is no dimension of this bot; {hint}")
        if value not in tuple(dimensions[name]):
            near = get_close_matches(str(value), dimensions[name], 1, 0.6)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{where} cannot be {value!r}: write {' or '.join(dimensions[name])}{hint}")
    return {name: str(chosen.get(name, next(iter(values)))) for name, values in dimensions.items()}
