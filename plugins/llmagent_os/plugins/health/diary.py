"""Keeps measurements and symptoms in a diary, lists them, and draws how a measurement went."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.languages.written_values import date_text
from llmagent_os.plugin import Chart, ChartSeries, Table, ToolContext, ToolResult
from llmagent_os.plugins.health.health_answer import health_answer
from llmagent_os.plugins.health.measurement import Measurement, quantities
from llmagent_os.records import Records

ENTRY = "entry:"  #: begins the key of a record of the diary
MOST_LISTED = 15
MOST_DRAWN = 40
MOST_NOTE = 200  #: characters

_SEVERITY = re.compile(r"\s*\b(10|[0-9])(?:\s*/\s*10)?\s*$")


class DiaryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry: a measurement, or a symptom in the person's own words."""

    at: datetime  #: UTC
    kind: str = ""  #: a quantity; empty: a symptom
    value: Decimal = Decimal(0)  #: in the base unit
    second: Decimal | None = None  #: the lower blood pressure
    note: str = ""  #: the symptom
    severity: int | None = None  #: from 0 to 10; None: not said

    @property
    def measurement(self) -> Measurement:
        """What was measured."""
        return Measurement(self.kind, self.value, self.second)

    @property
    def what(self) -> str:
        """What the entry is about."""
        return quantities()[self.kind].name if self.kind else self.note

    @property
    def how_much(self) -> str:
        """The value with its units, or the severity."""
        if self.kind:
            return self.measurement.written
        return "" if self.severity is None else f"{self.severity}/10"


async def keep_measurement(context: ToolContext, found: Measurement) -> str:
    """Keep a measurement; returns its key. The same call writes once."""
    return await _keep(context, DiaryEntry(context.now, found.kind, found.value, found.second))


async def keep_symptom(context: ToolContext, words: str) -> ToolResult:
    """Keep a symptom in the person's words, with a severity from 0 to 10 where they end with one."""
    severity = _SEVERITY.search(words)
    note = _SEVERITY.sub("", words).strip()[:MOST_NOTE]
    entry = DiaryEntry(context.now, note=note, severity=int(severity[1]) if severity else None)
    await _keep(context, entry)
    said = gettext("In your diary: {what}.", what=" ".join(filter(None, (entry.what, entry.how_much))))
    return health_answer("noted", [said], what=note)


async def _keep(context: ToolContext, entry: DiaryEntry) -> str:
    entry = msgspec.structs.replace(entry, at=entry.at.astimezone(ZoneInfo("UTC")))
    key = f"{ENTRY}{context.call_id}"  # not the moment: run again after a crash, the call writes the same entry
    await context.records.put(key, msgspec.to_builtins(entry))
    return key


async def entries_of(records: Records) -> list[DiaryEntry]:
    """All entries, the oldest first."""
    found = [record for key, record in await records.items() if key.startswith(ENTRY)]
    return sorted((msgspec.convert(record, DiaryEntry, strict=False) for record in found), key=lambda each: each.at)


async def list_diary(context: ToolContext) -> ToolResult:
    """The latest entries as a table."""
    found = await entries_of(context.records)
    if not found:
        empty = gettext("Your diary is empty. /measure keeps a measurement, and /diary with your words a symptom.")
        return health_answer("empty", [empty])
    zone = ZoneInfo(context.time_zone)
    rows = tuple((moment_in(each.at, zone), each.what, each.how_much or "–") for each in reversed(found[-MOST_LISTED:]))
    table = Table((gettext("When"), gettext("What"), gettext("Value")), rows)
    return health_answer("listed", [gettext("Your diary, the latest first:")], table=table, entries=str(len(found)))


async def draw_diary(context: ToolContext, kind: str) -> ToolResult:
    """How a measurement went, as a line."""
    found = [each for each in await entries_of(context.records) if each.kind == kind][-MOST_DRAWN:]
    quantity = quantities()[kind]
    if not found:
        return health_answer("empty", [gettext("Your diary has no value for {what}.", what=quantity.name)])
    zone = ZoneInfo(context.time_zone)
    series = [ChartSeries(quantity.name, tuple(_drawn(each.value, quantity.places) for each in found))]
    if any(each.second is not None for each in found):
        lower = tuple(None if each.second is None else _drawn(each.second, quantity.places) for each in found)
        series.append(ChartSeries(gettext("lower value"), lower))
    chart = Chart(
        title=quantity.name,
        kind="line",
        labels=tuple(f"{each.at.astimezone(zone):%d.%m. %H:%M}" for each in found),
        series=tuple(series),
        unit=quantity.unit,
    )
    return health_answer("drawn", [gettext("How {what} went:", what=quantity.name)], chart=chart, what=kind)


async def clear_diary(context: ToolContext) -> ToolResult:
    """Delete every entry."""
    keys = [key for key, _ in await context.records.items() if key.startswith(ENTRY)]
    for key in keys:
        await context.records.delete(key)
    return health_answer("cleared", [gettext("Your diary is empty now.")], entries=str(len(keys)))


def moment_in(at: datetime, zone: ZoneInfo) -> str:
    """A day and a time of the person's zone."""
    local = at.astimezone(zone)
    return f"{date_text(local.date())} {local:%H:%M}"


def _drawn(value: Decimal, places: int) -> float:
    return round(float(value), places)
