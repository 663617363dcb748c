"""Finds the tool call that a person's first words should have led to, from the call that a correction led to.

    put dentist on my cal 4ish tmrw       → create_event(title="dentist on my cal", time="4ish")
    no, create dentist tomorrow at 4      → create_event(title="dentist", date="tomorrow", time="4")
    what the first words should have led to: create_event(title="dentist", date="tmrw", time="4ish")

An argument that is copied from the person's words has to be put in the words that the person used at first. Where these
do not hold it, the person has said something new: the first call may have been right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz import fuzz

from llmagent_os.chat import ToolCall, ToolSpec

#: The similarity of two words, in percent, from which on one is the other with a slip of the keyboard: ``dentsit`` and
#: ``dentist`` have 86, ``tuesday`` and ``thursday`` 80.
MIN_TYPO_PERCENT = 85.0
#: The similarity, in percent, from which on a word is short for one with the same letters in the same order: ``tmrw``
#: and ``tomorrow`` have 67, ``appt`` and ``appointment`` 53.
MIN_ABBREVIATION_PERCENT = 50.0

_WORD = re.compile(r"[^\s,;!?]*[^\s,;!?.:]")  # without the full stop of a sentence
_LEADING_NUMBER = re.compile(r"\d+")


def corrected_call(
    wrong: ToolCall | None, right: ToolCall, tools: Sequence[ToolSpec], spoken: Sequence[str]
) -> ToolCall | None:
    """Return the call that a person's first words should have led to.

    >>> from llmagent_os.chat import ToolSpec
    >>> span = {"type": "string", "x-span": True}
    >>> spec = ToolSpec(name="add", description="", parameters={"properties": {"title": span, "date": span}})
    >>> right = ToolCall("add", {"title": "dentist", "date": "tomorrow"})
    >>> corrected_call(None, right, [spec], ["put Dentist on my cal tmrw"])
    ToolCall(name='add', arguments={'title': 'Dentist', 'date': 'tmrw'})
    >>> corrected_call(None, right, [spec], ["put Dentist on my cal friday"]) is None
    True

    Args:
        wrong: the call that they led to; None: no tool was called.
        right: the call that the correction led to.
        tools: the tools that the model knew.
        spoken: the first words, and others that arguments may be copied from.

    Returns:
        None: the calls are of different tools, or mean the same, or the first words do not hold what the right call
        has.
    """
    spec = next((tool for tool in tools if tool.name == right.name), None)
    if spec is None or (wrong is not None and wrong.name != right.name):
        return None
    properties: Mapping[str, Any] = spec.parameters.get("properties", {})
    arguments: dict[str, Any] = {}
    for name, value in right.arguments.items():
        if isinstance(value, str) and _is_copied(properties.get(name, {})):
            said = next((found for text in spoken if (found := _as_said(value, text))), None)
            if said is None:
                return None
            arguments[name] = said
        else:
            arguments[name] = value
    return None if wrong is not None and arguments == wrong.arguments else ToolCall(right.name, arguments)


def _is_copied(schema: Mapping[str, Any]) -> bool:
    """Whether an argument is copied from what the person said (:data:`llmagent_os.plugin.Span`)."""
    options: list[Mapping[str, Any]] = schema.get("anyOf", [schema])
    return any(option.get("x-span", schema.get("x-span")) for option in options)


def _as_said(value: str, text: str) -> str | None:
    """The part of ``text``, in whole words, that says ``value``. None: no part does."""
    words = [match.span() for match in _WORD.finditer(text)]
    wanted = value.casefold().rstrip(".:")
    most = len(_WORD.findall(value)) + 1  # a wording may have a word more
    parts = [
        text[words[first][0] : words[last][1]]
        for first in range(len(words))
        for last in range(first, min(first + most, len(words)))
    ]
    same = next((part for part in parts if part.casefold() == wanted), None)
    if same is not None:
        return same
    number = _LEADING_NUMBER.match(wanted)
    if number is not None:
        return next((part for part in parts if _same_number(number[0], part)), None)
    return next((part for part in parts if _means(wanted, part.casefold())), None)


def _means(one: str, other: str) -> bool:
    """Whether one of two wordings is short for the other, or the other with a slip of the keyboard."""
    if one[:1] != other[:1]:
        return False
    alike = fuzz.ratio(one, other)
    short, long = sorted((one, other), key=len)
    letters = iter(long)
    abbreviates = all(letter in letters for letter in short)
    return alike >= (MIN_ABBREVIATION_PERCENT if abbreviates else MIN_TYPO_PERCENT)


def _same_number(number: str, part: str) -> bool:
    """Whether ``part`` is one word that begins with ``number``: ``4ish`` and ``4pm`` mean the same ``4``."""
    found = _LEADING_NUMBER.match(part)
    return found is not None and found[0] == number and " " not in part
