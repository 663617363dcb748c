"""Says what a measurement means, converts it, and keeps it in the diary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from llmagent_os.languages import LazyText, gettext, lazy_gettext
from llmagent_os.languages.written_values import list_text
from llmagent_os.plugin import Button, ToolContext, ToolResult
from llmagent_os.plugins.health.diary import keep_measurement
from llmagent_os.plugins.health.emergency_numbers import numbers_for
from llmagent_os.plugins.health.health_answer import health_answer
from llmagent_os.plugins.health.measurement import (
    Band,
    MeasurementError,
    quantities,
    quantity_named,
    read_measurement,
)

#: What a band means for an adult.
BANDS: Mapping[Band, LazyText] = MappingProxyType(
    {
        "danger": lazy_gettext("For an adult that is dangerous, if it was measured right. Measure again now."),
        "low": lazy_gettext("For an adult that is below the usual range."),
        "normal": lazy_gettext("For an adult that is in the usual range."),
        "raised": lazy_gettext("For an adult that is a little above the usual range."),
        "high": lazy_gettext("For an adult that is high. Talk to a doctor about it, above all if it stays so."),
    }
)


_TOLD = re.compile(
    r"(?:(?:today|this morning|now),? )?my (?P<what>[a-z ]{3,30}?) (?:is|was|reads)(?: now| today)? \d[\d.,/ ]*\S*"
    r"(?: (?:now|today|this morning))?[.!]*|i weigh \d[\d.,]* ?(?:kg|kilos?|lbs?|pounds)[.!]*",
    re.IGNORECASE,
)


def tells_measurement(text: str) -> bool:
    """Whether the whole of ``text`` tells a measurement that is known.

    >>> tells_measurement("My blood pressure is 150/95"), tells_measurement("my flight is 4711")
    (True, False)
    """
    found = _TOLD.fullmatch(text.strip())
    return found is not None and (found["what"] is None or bool(quantity_named(found["what"])))


async def explain_measurement(context: ToolContext, words: str) -> ToolResult:
    """Read the measurement in ``words``, say in which band it is, and keep it."""
    try:
        found = read_measurement(words)
    except MeasurementError as error:
        return _not_read(error)
    key = await keep_measurement(context, found)
    lines = [gettext("{what}: {value}.", what=found.quantity.name, value=found.written)]
    if found.band:
        lines.append(str(BANDS[found.band]))
    if found.band == "danger":
        number = numbers_for(context).emergency
        lines.append(gettext("If you feel unwell or it stays so, call {number} now.", number=number))
    if found.quantity.source:
        lines.append(gettext("Source: {source}.", source=found.quantity.source))
    lines.append(gettext("It is in your diary."))
    buttons = (
        Button(gettext("Do not keep it"), f"drop:{key}"),
        Button(gettext("Show how it went"), f"chart:{found.kind}"),
    )
    return health_answer(
        "measured", lines, buttons=buttons, what=found.kind, value=found.written, band=found.band or "none"
    )


def _not_read(error: MeasurementError) -> ToolResult:
    known = list_text([each.name for each in quantities().values()])
    match error.why:
        case "impossible":
            text = gettext("“{heard}” cannot be right for a person. Please look again.", heard=error.value)
        case "unit":
            text = gettext(
                "I don't know the unit “{heard}” for this. I know: {known}.", heard=error.value, known=_units()
            )
        case "which":
            text = gettext("What did you measure? I know: {known}.", known=known)
        case _:
            text = gettext(
                "Write a value and its unit, such as /measure blood pressure 150/95. I know: {known}.", known=known
            )
    return health_answer("unclear", [text], need=error.why)


def _units() -> str:
    return ", ".join(dict.fromkeys(unit for each in quantities().values() for unit in (each.unit, each.other) if unit))
