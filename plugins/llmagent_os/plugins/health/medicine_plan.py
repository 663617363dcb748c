"""The medicines that a person takes: adds, lists and removes them, and warns of known interactions."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.languages.written_values import date_text, list_text
from llmagent_os.plugin import Button, Table, ToolContext, ToolResult
from llmagent_os.plugins.health.health_answer import health_answer
from llmagent_os.plugins.health.interactions import EFFECTS, interactions_of
from llmagent_os.plugins.health.medicine import Medicine, MedicineError, read_medicine
from llmagent_os.records import Records

MEDICINE = "medicine:"  #: begins the key of a record of the plan
DOSE_TIMER = "dose:"  #: begins the key of the timer of a daily dose
MOST_MEDICINES = 30


async def medicines_of(records: Records) -> dict[str, Medicine]:
    """The plan, by :attr:`Medicine.key`."""
    found = {key: record for key, record in await records.items() if key.startswith(MEDICINE)}
    return {key.removeprefix(MEDICINE): msgspec.convert(record, Medicine) for key, record in found.items()}


async def add_medicine(context: ToolContext, words: str) -> ToolResult:
    """Put a medicine into the plan, set its timers, and say what is known of it beside the others."""
    try:
        medicine = read_medicine(words, context.now.date())
    except MedicineError as error:
        return _not_read(error)
    return await keep_medicine(context, medicine)


async def keep_medicine(context: ToolContext, medicine: Medicine) -> ToolResult:
    """Put a medicine that was read into the plan."""
    others = await medicines_of(context.records)
    if len(others) >= MOST_MEDICINES and medicine.key not in others:
        return health_answer("full", [gettext("Your plan has {count} medicines already.", count=len(others))])
    old = others.pop(medicine.key, None)
    await context.records.put(f"{MEDICINE}{medicine.key}", msgspec.to_builtins(medicine))
    for at in set(old.times if old else ()) - set(medicine.times):
        await context.timers.cancel(f"{DOSE_TIMER}{medicine.key}:{at}")
    await set_timers(context, medicine)
    times = list_text(medicine.times)
    lines = [gettext("I remind you of {medicine} every day at {times}.", medicine=medicine.name, times=times)]
    if medicine.until is not None:
        lines.append(gettext("The last day is {day}.", day=date_text(medicine.until)))
    for other in others.values():
        lines += interaction_lines(medicine.name, other.name)
    button = Button(gettext("Remove it"), f"remove:{medicine.key}")
    return health_answer("added", lines, buttons=(button,), medicine=medicine.name, times=times)


def _not_read(error: MedicineError) -> ToolResult:
    match error.why:
        case "name":
            text = gettext("Which medicine? Write its name and dose, such as /medicine add Ibuprofen 400 mg at 8:00.")
        case "times":
            text = gettext(
                "At which times, 1 to 8 a day? Write /medicine add {name} at 8:00 and 20:00.", name=error.value
            )
        case "time":
            text = gettext("“{heard}” is no time of day. Write it as 8:00 or 8pm.", heard=error.value)
        case _:
            text = gettext("“{heard}” is no number of days from 1 to 3650.", heard=error.value)
    return health_answer("missing", [text], need=error.why)


async def set_timers(context: ToolContext, medicine: Medicine) -> None:
    """Set the timer of each daily dose, on the clock of the person's time zone."""
    for at in medicine.times:
        await set_timer(context, medicine, at, context.now)


async def set_timer(context: ToolContext, medicine: Medicine, at: str, after: datetime) -> None:
    """Set the timer of the first dose at ``at`` that is after ``after``. None is set where the plan is over."""
    moment = medicine.next_dose(at, after, ZoneInfo(context.time_zone))
    if moment is not None:
        await context.timers.set(f"{DOSE_TIMER}{medicine.key}:{at}", moment)


async def list_medicines(context: ToolContext) -> ToolResult:
    """The plan as a table, with what is known of its pairs."""
    plan = await medicines_of(context.records)
    if not plan:
        text = gettext("Your plan has no medicines. Write /medicine add Ibuprofen 400 mg at 8:00 and 20:00.")
        return health_answer("empty", [text])
    rows = tuple(
        (each.name, ", ".join(each.times), date_text(each.until) if each.until else "–") for each in plan.values()
    )
    table = Table((gettext("Medicine"), gettext("Times"), gettext("Last day")), rows)
    lines = [gettext("Your medicines:")]
    names = [each.name for each in plan.values()]
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            lines += interaction_lines(one, other) if interactions_of(one, other) else []
    return health_answer("listed", lines, table=table, medicines="; ".join(names))


async def remove_medicine(context: ToolContext, name: str) -> ToolResult:
    """Take a medicine out of the plan, by its name or the beginning of it."""
    plan = await medicines_of(context.records)
    asked = Medicine(name, ()).key
    found = [asked] if asked in plan else [key for key in plan if asked and key.startswith(asked)]
    if len(found) != 1:
        return health_answer("unclear", [gettext("Your plan has no single medicine “{name}”.", name=name[:60])])
    medicine = plan[found[0]]
    await context.records.delete(f"{MEDICINE}{found[0]}")
    for at in medicine.times:
        await context.timers.cancel(f"{DOSE_TIMER}{found[0]}:{at}")
    return health_answer("removed", [gettext("I no longer remind you of {medicine}.", medicine=medicine.name)])


def check_pair(one: str, other: str) -> ToolResult:
    """What is known of two medicines together."""
    found = interactions_of(one, other)
    effects = ", ".join(each.effect for each in found) or "no data"
    return health_answer("checked", interaction_lines(one, other), effects=effects)


def interaction_lines(one: str, other: str) -> list[str]:
    """What is known of a pair, with its source; or that nothing is."""
    lines: list[str] = []
    for found in interactions_of(one, other):
        lines.append(EFFECTS[found.effect].format(one=one, other=other))
        lines.append(gettext("Ask your doctor or pharmacist before you take both."))
        lines.append(gettext("Source: {source}.", source=found.source))
    no_data = gettext("I have no data on {one} with {other}. That does not mean that it is safe.", one=one, other=other)
    return lines or [no_data]
