"""Check the dimensions that a bot declares: ``[behavior]`` and ``[behavior.dimensions]`` of its TOML file.

Every check finds all mistakes. Their paths are those below ``[behavior]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from math import prod
from types import MappingProxyType
from typing import cast

import msgspec

from llmagent_os.errors import WrongValuesError
from llmagent_os.policy.contract import DIMENSIONS, MAX_ACTIONS, OPTIONAL_DIMENSIONS, PRESENCE, Action

#: The TOML key, as error texts name it.
KEY = "behavior.dimensions"
#: A dimension as error texts show it.
EXAMPLE = 'tone = { formal = "Write formally.", playful = "Write playfully." }'
#: Names that no dimension can have: a profile, or the ``[behavior]`` table, uses them for something else.
RESERVED_NAMES = frozenset(
    "user_id name place time_zone noticed_zone language language_from language_evidence quiet_hours preferences "
    "created_at updated_at told_at learning ask_why dimensions platforms limits".split()
)
#: The longest instruction of a value, in characters.
MAX_INSTRUCTION = 500
#: The keys of a dimension that is written in full.
FULL_KEYS = ("values", "default", "learned", "platforms")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,29}")

#: Of dimensions that name no default.
NO_DEFAULTS: Mapping[str, str] = MappingProxyType({})

#: A mistake: its path, and what is wrong.
Wrong = tuple[tuple[str | int, ...], str]


class Declared(msgspec.Struct, frozen=True):
    """The dimensions of a bot."""

    values: dict[str, dict[str, str]]  #: for each dimension its values, and for each value the instruction to the model
    defaults: dict[str, str] = {}  #: of the dimensions that name one
    unlearned: tuple[str, ...] = ()  #: the dimensions that reactions do not change
    only: dict[str, tuple[str, ...]] = {}  #: the platforms on which a dimension exists; not named: on all of them


def declared(table: object) -> Declared:
    """Return the dimensions that ``table`` declares.

    Args:
        table: ``[behavior.dimensions]``. A dimension is a table of values and their instructions, or ``true`` for one
            of :data:`~llmagent_os.policy.contract.DIMENSIONS`. In full it is a table with ``values``, which is one of
            these, and perhaps ``default``, ``learned = false`` and ``platforms``.

    Raises:
        WrongValuesError: the table cannot be used. The texts name the keys and say what to write.

    >>> declared({"tone": {"plain": "", "playful": "Write playfully."}, "initiative": True}).values
    {'tone': {'plain': '', 'playful': 'Write playfully.'}, 'initiative': {'act': '', 'ask_first': ''}}
    >>> declared({"tone": {"values": {"plain": "", "playful": "Joke."}, "learned": False}}).unlearned
    ('tone',)
    """
    if not isinstance(table, dict) or not table:
        text = f"`{KEY}` needs a dimension: write one, as in {EXAMPLE}"
        raise WrongValuesError([(("dimensions",), text)])
    given = cast("dict[str, object]", table)
    tables = {
        name: cast("dict[str, object]", each) if _is_full(each) else {"values": each} for name, each in given.items()
    }
    wrong: list[Wrong] = []
    values: dict[str, dict[str, str]] = {}
    for name, each in tables.items():
        values[name], found = _values(name, each["values"], in_full=_is_full(given[name]))
        wrong += found
        wrong += _options(name, each, values[name])
    wrong += _clashes(values)
    count = prod(len(each) for each in values.values())
    if count > MAX_ACTIONS:
        sizes = " × ".join(str(len(each)) for each in values.values())
        text = f"`{KEY}` makes {sizes} = {count} behaviours, more than {MAX_ACTIONS}: take some values out"
        wrong.append((("dimensions",), text))
    if wrong:
        raise WrongValuesError(wrong)
    return Declared(
        values,
        defaults={name: str(each["default"]) for name, each in tables.items() if "default" in each},
        unlearned=tuple(name for name, each in tables.items() if each.get("learned") is False),
        only={
            name: tuple(cast("list[str]", each["platforms"])) for name, each in tables.items() if "platforms" in each
        },
    )


def _is_full(table: object) -> bool:
    """Whether a dimension is written in full. A value may be called ``default``, so ``values`` decides."""
    return isinstance(table, dict) and not isinstance(cast("dict[str, object]", table).get("values", ""), str)


def _clashes(values: Mapping[str, Mapping[str, str]]) -> Iterator[Wrong]:
    owners: dict[str, str] = {}
    for name, each in values.items():
        for value in each:
            if (owner := owners.setdefault(value, name)) != name:
                text = f"`{KEY}.{name}.{value}` is a value of `{owner}` too: give one of them another name"
                yield ("dimensions", name, value), text


def _options(name: str, table: Mapping[str, object], values: Mapping[str, str]) -> Iterator[Wrong]:
    """What is wrong with a dimension beside its values."""
    where = f"`{KEY}.{name}"
    for key, given in table.items():
        text = ""
        if key not in FULL_KEYS:
            near = get_close_matches(key, FULL_KEYS, 1, 0.6)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(FULL_KEYS)}"
            text = f"{where}.{key}` is no setting of a dimension; {hint}"
        elif key == "default" and given not in tuple(values):
            text = f"{where}.default` cannot be {given!r}: write {_one_of(given, values)}"
        elif key == "learned" and not isinstance(given, bool):
            text = f"{where}.learned` cannot be {given!r}: write true or false, without quotes"
        elif key == "platforms" and not _is_words(given):
            text = f'{where}.platforms` cannot be {given!r}: write a list of platforms, such as ["web", "slack"]'
        if text:
            yield ("dimensions", name, key), text


def _is_words(value: object) -> bool:
    """Whether a value is a list of different texts, with one or more of them."""
    if not isinstance(value, list) or not value:
        return False
    words = cast("list[object]", value)
    return all(isinstance(word, str) for word in words) and len(set(words)) == len(words)


def _values(name: str, values: object, *, in_full: bool) -> tuple[dict[str, str], list[Wrong]]:
    """The values of a dimension with their instructions, and what is wrong with them."""
    where, path = f"`{KEY}.{name}`", ("dimensions", name)
    below = (*path, "values") if in_full else path
    wrong: list[Wrong] = [(path, text) for text in _wrong_word(name, where)]
    if name in RESERVED_NAMES:
        wrong.append((path, f"{where} is the name of something else: give the dimension another one"))
    known = {**DIMENSIONS, **OPTIONAL_DIMENSIONS}
    if values is True:
        if name in known:
            return dict(known[name]), wrong
        can = ", ".join(known)
        return {}, [*wrong, (below, f"{where} cannot be true, only {can} can: write its values, as in {EXAMPLE}")]
    if name == PRESENCE:
        text = f"{where} has values of its own, {' and '.join(known[name])}: write `{PRESENCE} = true`"
        return {}, [*wrong, (below, text)]
    if not isinstance(values, dict):
        return {}, [*wrong, (below, f"{where} cannot be {values!r}: write its values, as in {EXAMPLE}")]
    instructions: dict[str, str] = {}
    for value, words in cast("dict[str, object]", values).items():
        key = f"`{KEY}.{name}.{value}`"
        wrong += [((*below, value), text) for text in (*_wrong_word(value, key), *_wrong_words(key, words))]
        instructions[value] = " ".join(words.split()) if isinstance(words, str) else ""
        if instructions[value] and list(instructions.values()).count(instructions[value]) > 1:
            text = f"{key} tells the model the same as another value: say how it is different"
            wrong.append(((*below, value), text))
    if len(instructions) < 2:
        text = f"{where} has {len(instructions)} values: a choice needs two or more, as in {EXAMPLE}"
        wrong.append((path, text))
    return instructions, wrong


def _wrong_words(key: str, words: object) -> Iterator[str]:
    if not isinstance(words, str):
        yield f"{key} cannot be {words!r}: write what the model is told, in quotes"
    elif len(words) > MAX_INSTRUCTION:
        yield f"{key} has {len(words)} characters: write at most {MAX_INSTRUCTION}, the model reads them every time"


def _wrong_word(name: str, where: str) -> Iterator[str]:
    if not _WORD.fullmatch(name):
        yield f"{where}: {name!r} is no word; write a to z, 0 to 9 and _, a letter first, at most 30 of them"


def starting(
    dimensions: Mapping[str, Mapping[str, str]],
    chosen: Mapping[str, object],
    defaults: Mapping[str, str] = NO_DEFAULTS,
) -> Action:
    """Return the behaviour that a bot starts with.

    Args:
        dimensions: of the bot.
        chosen: the values that ``[behavior]`` names.
        defaults: those that dimensions name. A dimension without any has its first value.

    Raises:
        WrongValuesError: there is no such dimension or value. The texts name the keys and the values that there are.
    """
    wrong: list[Wrong] = []
    for name, value in chosen.items():
        where = f"`behavior.{name}`"
        if name not in dimensions:
            near = get_close_matches(name, dimensions, 1, 0.6)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(dimensions)}"
            wrong.append(((name,), f"{where} is no dimension of this bot; {hint}"))
        elif value not in tuple(dimensions[name]):
            wrong.append(((name,), f"{where} cannot be {value!r}: write {_one_of(value, dimensions[name])}"))
        elif defaults.get(name, value) != value:
            text = f"{where} is {value!r}, and `{KEY}.{name}.default` is {defaults[name]!r}: take one of them out"
            wrong.append(((name,), text))
    if wrong:
        raise WrongValuesError(wrong)
    usual = {name: next(iter(values)) for name, values in dimensions.items()} | dict(defaults)
    return {name: str(chosen.get(name, usual[name])) for name in dimensions}


def _one_of(value: object, values: Mapping[str, str]) -> str:
    near = get_close_matches(str(value), values, 1, 0.6)
    return " or ".join(values) + (f"; did you mean {near[0]!r}?" if near else "")
