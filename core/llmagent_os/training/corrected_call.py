"""Finds the tool call that a person's first words should have led to, from the call that their next words led to.

    put dentist on my cal 4ish tmrw       → create_event(title="dentist on my cal", time="4ish")
    no, create dentist tomorrow at 4      → create_event(title="dentist", date="tomorrow", time="4")
    what the first words should have led to: create_event(title="dentist", date="tmrw", time="4ish")

An argument that is copied from the person's words has to be put in the words that the person used at first. Where these
do not hold it, the person has said something new: the first call may have been right. So a correction teaches which
words to copy, and into which argument. A word that the tool itself cannot read ("arvo", where it knows no "arvo") is
learned as it was said, and stays unread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.training.same_wording import EXACT_PERCENT, Part, likeness, parts_of, same_part

#: A second call with less than this share of the first call's copied arguments completes the first call: "no, I meant
#: gym" says nothing of the day.
FRAGMENT_SHARE = 0.5


class CorrectedCall(NamedTuple):
    """The call that first words should have led to."""

    call: ToolCall
    coverage: float  #: the share of the first words' characters that the call's arguments are copied from, in [0, 1]


def corrected_call(
    wrong: ToolCall | None, right: ToolCall, tools: Sequence[ToolSpec], spoken: Sequence[str]
) -> CorrectedCall | None:
    """Return the call that a person's first words should have led to.

    >>> from llmagent_os.chat import ToolSpec
    >>> span = {"type": "string", "x-span": True}
    >>> spec = ToolSpec(name="add", description="", parameters={"properties": {"title": span, "date": span}})
    >>> right = ToolCall("add", {"title": "dentist", "date": "tomorrow"})
    >>> found = corrected_call(None, right, [spec], ["put Dentist on my cal tmrw"])
    >>> found.call
    ToolCall(name='add', arguments={'title': 'Dentist', 'date': 'tmrw'})
    >>> corrected_call(None, right, [spec], ["put Dentist on my cal friday"]) is None
    True

    Args:
        wrong: the call that they led to; None: no tool was called.
        right: the call that the next words led to.
        tools: the tools that the model knew.
        spoken: the first words, and others that arguments may be copied from.

    Returns:
        None: the calls mean the same, or the first words do not hold what the right call has.
    """
    spec = next((tool for tool in tools if tool.name == right.name), None)
    if spec is None:
        return None
    properties: Mapping[str, Any] = spec.parameters.get("properties", {})
    arguments: dict[str, Any] = {}
    taken: list[Part] = []
    for name, value in right.arguments.items():
        if isinstance(value, str) and is_copied(properties.get(name, {})):
            part = _as_said(value, spoken, taken)
            if part is None:
                return None
            taken.append(part)
            arguments[name] = part.text
        else:
            arguments[name] = value
    if wrong is not None and wrong.name == right.name:
        arguments = _completed(arguments, wrong.arguments, properties, taken, spoken)
        if arguments == wrong.arguments:
            return None
    return CorrectedCall(ToolCall(right.name, arguments), _coverage(taken, spoken))


def is_copied(schema: Mapping[str, Any]) -> bool:
    """Whether an argument is copied from what the person said (:data:`llmagent_os.plugin.Span`)."""
    options: list[Mapping[str, Any]] = schema.get("anyOf", [schema])
    return any(option.get("x-span", schema.get("x-span")) for option in options)


def _as_said(value: str, spoken: Sequence[str], taken: Sequence[Part]) -> Part | None:
    """The part of what was said that says ``value``, in the first text that has one.

    What was said before the last message is meant only where it is named word for word.
    """
    for number, text in enumerate(spoken):
        found = same_part(value, parts_of(text, number, longest=len(parts_of(value)) + 1), taken)
        if found is not None and (number == 0 or likeness(value, found.text) == EXACT_PERCENT):
            return found
    return None


def _completed(
    arguments: dict[str, Any],
    before: Mapping[str, Any],
    properties: Mapping[str, Any],
    taken: Sequence[Part],
    spoken: Sequence[str],
) -> dict[str, Any]:
    """The arguments, and those of the first call that a correction of a single argument leaves as they were."""
    copied = [name for name, value in before.items() if isinstance(value, str) and is_copied(properties.get(name, {}))]
    if len(taken) >= FRAGMENT_SHARE * len(copied):
        return arguments
    kept = {
        name: before[name]
        for name in copied
        if name not in arguments and (part := _as_said(before[name], spoken, ())) and not part.overlaps(taken)
    }
    whole = arguments | kept
    return {name: whole[name] for name in (*properties, *whole) if name in whole}  # in the order of the schema


def _coverage(taken: Sequence[Part], spoken: Sequence[str]) -> float:
    if not spoken:
        return 0.0
    covered = {at for part in taken if part.source == 0 for at in range(part.begin, part.end)}
    said = sum(not character.isspace() for character in spoken[0])
    return sum(not spoken[0][at].isspace() for at in covered) / max(1, said)
