"""Asks about symptoms with buttons, and says what they may be and how soon to see a doctor.

What was said so far is one record. The questions are about the symptoms that tell the possibilities apart best.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from llmagent_os.languages import LazyText, gettext, lazy_gettext
from llmagent_os.languages.written_values import list_text
from llmagent_os.plugin import Button, ToolContext, ToolResult
from llmagent_os.plugins.health.differential import (
    Care,
    Possibility,
    care_of,
    conditions,
    differential,
    next_question,
    telling_apart,
)
from llmagent_os.plugins.health.health_answer import health_answer
from llmagent_os.plugins.health.symptoms import SaidSymptoms, symptoms, symptoms_in

RECORD = "triage"  #: the key of the record of the questions that are open
MOST_QUESTIONS = 5
ANSWER = "answer:"  #: begins the value of a button under a question

#: What to do, by the care that a person needs.
CARES: Mapping[Care, LazyText] = MappingProxyType(
    {
        "self_care": lazy_gettext(
            "Rest at home is mostly enough. See a doctor if it gets worse or does not get better."
        ),
        "doctor": lazy_gettext("See a doctor or a pharmacist about this within the next days."),
        "today": lazy_gettext("See a doctor today. If you cannot reach one, go to an urgent care centre."),
    }
)


class OpenTriage(msgspec.Struct):
    """What a person has said since the triage began."""

    present: list[str] = []
    absent: list[str] = []
    asked: list[str] = []  #: symptoms that were asked about

    @property
    def said(self) -> SaidSymptoms:
        """The symptoms, as the differential takes them."""
        return SaidSymptoms(frozenset(self.present), frozenset(self.absent))


async def begin_triage(context: ToolContext, words: str) -> ToolResult:
    """Begin with the symptoms that ``words`` name. Without any, ask for them."""
    said = symptoms_in(words)
    if not said.present:
        await context.records.put(RECORD, msgspec.to_builtins(OpenTriage()))
        asked = gettext("What do you feel, since when, and how bad is it? Say it in your own words.")
        return health_answer("missing", [asked], need="symptoms")
    return await _go_on(context, OpenTriage(sorted(said.present), sorted(said.absent)))


async def is_awaited(context: ToolContext) -> bool:
    """Whether the person was asked what they feel, and has not said it."""
    record = await context.records.get(RECORD)
    return record is not None and not record.get("present")


async def answered(context: ToolContext, value: str) -> ToolResult:
    """Go on after the press of a button: ``yes:``, ``no:`` or ``skip:`` with a symptom."""
    record = await context.records.get(RECORD)
    answer, _, name = value.removeprefix(ANSWER).partition(":")
    if record is None or name not in symptoms() or answer not in ("yes", "no", "skip"):
        return health_answer("stale", [gettext("That question is no longer open. Begin again with /symptoms.")])
    triage = msgspec.convert(record, OpenTriage)
    if name in triage.asked and name in (*triage.present, *triage.absent):
        return health_answer("stale", [gettext("You have answered that already.")])
    triage.asked.append(name)
    if answer != "skip":
        (triage.present if answer == "yes" else triage.absent).append(name)
    return await _go_on(context, triage)


async def _go_on(context: ToolContext, triage: OpenTriage) -> ToolResult:
    found = differential(triage.said)
    asked = next_question(found, triage.asked) if len(triage.asked) < MOST_QUESTIONS else None
    if asked is None:
        await context.records.delete(RECORD)
        return result_of(triage.said)
    await context.records.put(RECORD, msgspec.to_builtins(triage))
    known = list_text([symptoms()[name].name for name in triage.present])
    lines = [
        gettext("You have: {symptoms}.", symptoms=known),
        gettext("Do you also have {symptom}?", symptom=symptoms()[asked].name),
    ]
    buttons = (
        Button(gettext("Yes"), f"{ANSWER}yes:{asked}"),
        Button(gettext("No"), f"{ANSWER}no:{asked}"),
        Button(gettext("I don't know"), f"{ANSWER}skip:{asked}"),
        Button(gettext("Show the result"), "result"),
    )
    return health_answer("asking", lines, buttons=buttons, symptom=asked)


async def result_now(context: ToolContext) -> ToolResult:
    """End the questions, and say what the symptoms may be."""
    record = await context.records.get(RECORD)
    if record is None:
        return health_answer("stale", [gettext("That question is no longer open. Begin again with /symptoms.")])
    await context.records.delete(RECORD)
    return result_of(msgspec.convert(record, OpenTriage).said)


def result_of(said: SaidSymptoms) -> ToolResult:
    """The ranked possibilities with their reasons, what would tell them apart, and how soon to see a doctor."""
    found = differential(said)
    if not found:
        text = gettext("My table has nothing that fits. If it worries you or goes on, see a doctor.")
        return health_answer("unknown", [text])
    lines = [str(CARES[care_of(found)]), gettext("What it may be, the likeliest first:")]
    lines += [_told(place, each) for place, each in enumerate(found, 1)]
    source = gettext("Source: {source}.", source="; ".join(dict.fromkeys(each.condition.source for each in found)))
    apart = [
        gettext(
            "{symptom} would speak for {condition}.",
            symptom=symptoms()[name].name,
            condition=conditions()[condition].name,
        )
        for name, condition in telling_apart(found)
    ]
    lines.append("\n" + "\n".join([*(each[:1].upper() + each[1:] for each in apart), source]))  # the list ends here
    possible = ", ".join(each.id for each in found)
    return health_answer("triaged", lines, care=care_of(found), possible=possible)


def _told(place: int, possibility: Possibility) -> str:
    told = [f"{place}. {possibility.condition.name}"]
    for names, label in (
        (possibility.speaks_for, lazy_gettext("for it: {symptoms}")),
        (possibility.speaks_against, lazy_gettext("against it: {symptoms}")),
    ):
        if names:
            told.append(label.format(symptoms=list_text([symptoms()[name].name for name in names])))
    return " – ".join(told)
