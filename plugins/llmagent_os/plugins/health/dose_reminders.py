"""Reminds of doses, notes what was taken, and says once where a dose before has no answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from llmagent_os.languages import gettext
from llmagent_os.plugin import Button, ToolContext, ToolResult
from llmagent_os.plugins.health.health_answer import health_answer
from llmagent_os.plugins.health.medicine_plan import DOSE_TIMER, medicines_of, set_timer

TAKEN = "taken:"  #: begins the key of the record of one dose
SNOOZE_TIMER = "snooze:"  #: begins the key of the timer of a dose that was put off
SNOOZE = timedelta(minutes=10)
LATE = timedelta(hours=1)  #: after which a reminder says that it is late


async def remind(context: ToolContext, key: str, at: datetime) -> ToolResult | None:
    """Answer a timer: of a daily dose, or of one that was put off. None: the plan no longer has it."""
    if key.startswith(SNOOZE_TIMER):
        return await _again(context, key.removeprefix(SNOOZE_TIMER))
    name, _, clock = key.removeprefix(DOSE_TIMER).partition(":")
    medicine = (await medicines_of(context.records)).get(name)
    if medicine is None or clock not in medicine.times:
        return None
    # After what is later: a host that was off for days reminds of the last dose, and not of each that it missed.
    await set_timer(context, medicine, clock, max(at, context.now))
    local = at.astimezone(ZoneInfo(context.time_zone))
    dose = f"{name}:{local:%Y-%m-%d}T{clock}"
    missed = await _missed(context, name, dose)
    await context.records.put(f"{TAKEN}{dose}", {"status": "asked"})
    lines = [gettext("Time for {medicine}, {time}.", medicine=medicine.name, time=clock)]
    if context.now - at > LATE:
        late = gettext("This comes late: I was not running. Ask a pharmacist before you take a late dose.")
        lines = [gettext("{medicine} was due at {time}.", medicine=medicine.name, time=clock), late]
    if missed:
        times = ", ".join(each.partition("T")[2] for each in missed)
        lines.append(
            gettext("I have no answer about the dose before: {times}. Do not take a double dose.", times=times)
        )
    return _asked(dose, lines)


async def _missed(context: ToolContext, name: str, dose: str) -> list[str]:
    """The doses before that nobody has answered; each is noted as missed, so that it is said once."""
    prefix = f"{TAKEN}{name}:"
    found = [
        key
        for key, record in await context.records.items()
        if key.startswith(prefix) and record["status"] == "asked" and key != f"{TAKEN}{dose}"
    ]
    for key in found:
        await context.records.put(key, {"status": "missed"})
        await context.timers.cancel(f"{SNOOZE_TIMER}{key.removeprefix(TAKEN)}")
    return found


async def _again(context: ToolContext, dose: str) -> ToolResult | None:
    record = await context.records.get(f"{TAKEN}{dose}")
    name, _, moment = dose.partition(":")
    medicine = (await medicines_of(context.records)).get(name)
    if medicine is None or record is None or record["status"] != "asked":
        return None
    again = gettext("Once more: {medicine}, {time}.", medicine=medicine.name, time=moment.partition("T")[2])
    return _asked(dose, [again])


def _asked(dose: str, lines: list[str]) -> ToolResult:
    buttons = (
        Button(gettext("Taken"), f"dose:taken:{dose}", "primary"),
        Button(gettext("In 10 minutes"), f"dose:later:{dose}"),
        Button(gettext("Skip"), f"dose:skipped:{dose}"),
    )
    return health_answer("due", lines, buttons=buttons)


async def answer_dose(context: ToolContext, value: str) -> ToolResult:
    """Note the answer to a reminder: ``taken``, ``later`` or ``skipped``, with the dose."""
    answer, _, dose = value.partition(":")
    key = f"{TAKEN}{dose}"
    record = await context.records.get(key)
    if record is None or answer not in ("taken", "later", "skipped"):
        return health_answer("stale", [gettext("That reminder is no longer open.")])
    if answer == "later":
        if record["status"] != "asked":
            return health_answer("stale", [gettext("That reminder is no longer open.")])
        await context.timers.set(f"{SNOOZE_TIMER}{dose}", context.now + SNOOZE)
        return health_answer("later", [gettext("I ask again in 10 minutes.")])
    await context.records.put(key, {"status": answer, "at": context.now.isoformat()})
    await context.timers.cancel(f"{SNOOZE_TIMER}{dose}")
    said = gettext("Noted: taken.") if answer == "taken" else gettext("Noted: skipped.")
    return health_answer(answer, [said])


async def doses_of(context: ToolContext) -> dict[str, dict[str, int]]:
    """How many doses were taken, skipped and missed, by the key of the medicine."""
    counted: dict[str, dict[str, int]] = {}
    for key, record in await context.records.items():
        if key.startswith(TAKEN):
            of = counted.setdefault(key.removeprefix(TAKEN).partition(":")[0], {})
            of[record["status"]] = of.get(record["status"], 0) + 1
    return counted
