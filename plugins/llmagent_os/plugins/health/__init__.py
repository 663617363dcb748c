"""The health plugin: red flags first, what symptoms may be, measurements, medicines, and a diary.

It is private: it answers in direct conversations only, and the ledger keeps nothing of what it is told and says. Red
flags are the exception: they are answered wherever the bot is spoken to. No model decides anything here.
"""

from __future__ import annotations

import asyncio
import re
from datetime import datetime

from msgspec.structs import replace

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import (
    Button,
    Form,
    FormErrors,
    FormValues,
    Plugin,
    Span,
    ToolContext,
    ToolResult,
    form_button,
    tool,
)
from llmagent_os.plugins.health import triage
from llmagent_os.plugins.health.diary import ENTRY, clear_diary, draw_diary, keep_symptom, list_diary
from llmagent_os.plugins.health.doctor_summary import doctor_summary
from llmagent_os.plugins.health.dose_reminders import answer_dose, remind
from llmagent_os.plugins.health.health_answer import emergency_answer, health_answer
from llmagent_os.plugins.health.health_forms import DIARY_ENTRY, MEDICINE, keep_entry, keep_filled_medicine
from llmagent_os.plugins.health.measurement import quantities, quantity_named
from llmagent_os.plugins.health.measuring import explain_measurement, tells_measurement
from llmagent_os.plugins.health.medicine_plan import (
    add_medicine,
    check_pair,
    list_medicines,
    medicines_of,
    remove_medicine,
    set_timers,
)
from llmagent_os.plugins.health.red_flags import red_flags_in
from llmagent_os.plugins.health.symptom_talk import tells_symptoms
from llmagent_os.plugins.health.symptoms import symptoms_in

#: Words for ``/diary clear``.
_CLEAR_DIARY = re.compile(
    r"(?:please |can you |could you )*(?:delete|erase|clear|wipe|remove|empty)(?: all(?: of)?)? my (?:whole |entire )?"
    r"(?:health |symptom )?diary(?:,? please)?[.!?]*",
    re.IGNORECASE,
)
_WORDS = "words"  #: the value of a button that nobody sees: the words answer the question about symptoms


class HealthPlugin(Plugin):
    """Sends to emergency care first, and says of all else that it is no diagnosis."""

    name = "health"
    about = "symptoms, measurements, medicines and a diary; private, no diagnosis"
    keeps_private = True
    work = "is looking at its health tables…"
    commands = {  # noqa: RUF012
        "symptoms": gettext_noop("what your symptoms may be, and how soon to see a doctor"),
        "measure": gettext_noop("what a measurement means: /measure blood pressure 150/95"),
        "medicine": gettext_noop("your medicines, with reminders: /medicine add NAME at 8:00"),
        "diary": gettext_noop("your health diary: /diary headache 6, /diary chart weight, /diary pdf"),
    }

    reading = ("/measure", "/medicine", "/medicine check*", "/diary", "/diary pdf", "/diary chart*", "chart:*")
    forms = (DIARY_ENTRY, MEDICINE)

    async def urgent_answer_to(self, context: ToolContext) -> ToolResult | None:
        """Send to emergency care where the words hold a red flag."""
        return await _red_flags(context, context.text)

    @tool(permission="health.write")
    async def check_symptoms(self, context: ToolContext, symptoms: Span) -> ToolResult:
        """Say what symptoms may be, and how soon to see a doctor. Asks with buttons first.

        Args:
            context: who asks, where and when
            symptoms: what the person feels, in their own words
        """
        return await _red_flags(context, symptoms) or await triage.begin_triage(context, symptoms)

    @tool(permission="health.write")
    async def keep_measurement(self, context: ToolContext, measurement: Span) -> ToolResult:
        """Convert a measurement of the body, say whether it is in the usual range, and keep it in the diary.

        Args:
            context: who asks, where and when
            measurement: the value with its unit, such as blood pressure 150/95
        """
        return await explain_measurement(context, measurement)

    @tool(permission="health.write")
    async def note_symptom(self, context: ToolContext, symptom: Span) -> ToolResult:
        """Keep a symptom in the diary.

        Args:
            context: who asks, where and when
            symptom: the person's words, perhaps with a severity from 0 to 10 at the end
        """
        return await _red_flags(context, symptom) or await keep_symptom(context, symptom)

    @tool(permission="health.read", read_only=True)
    async def read_health_diary(self, context: ToolContext) -> ToolResult:
        """Show the person's health diary: measurements and symptoms."""
        return await list_diary(context)

    @tool(permission="health.write")
    async def add_medicine(self, context: ToolContext, medicine: Span) -> ToolResult:
        """Add a medicine to the person's plan and remind of every dose.

        Args:
            context: who asks, where and when
            medicine: name, dose and times, such as Ibuprofen 400 mg at 8:00 and 20:00 for 3 days
        """
        return await add_medicine(context, medicine)

    @tool(permission="health.write")
    async def remove_medicine(self, context: ToolContext, name: Span) -> ToolResult:
        """Take a medicine out of the person's plan.

        Args:
            context: who asks, where and when
            name: of the medicine
        """
        return await remove_medicine(context, name)

    @tool(permission="health.read", read_only=True)
    async def list_medicines(self, context: ToolContext) -> ToolResult:
        """Show the medicines in the person's plan."""
        return await list_medicines(context)

    @tool(permission="health.read", read_only=True)
    async def check_interaction(self, context: ToolContext, one: Span, other: Span) -> ToolResult:
        """Say whether two medicines are known to affect each other. Many pairs are not known.

        Args:
            context: who asks, where and when
            one: a medicine
            other: another medicine
        """
        return check_pair(one.strip(), other.strip())

    @tool(permission="health.read", read_only=True, timeout=30.0)
    async def write_health_summary(self, context: ToolContext) -> ToolResult:
        """Write the person's medicines and diary as a PDF to take to a doctor."""
        return await doctor_summary(context)

    async def answer_to(self, context: ToolContext) -> ToolResult | None:
        """Begin with the questions where the person plainly tells of symptoms, and read a measurement that is told."""
        if _CLEAR_DIARY.fullmatch(context.text.strip()):
            return _ask_to_clear()
        if tells_measurement(context.text):
            return await explain_measurement(context, context.text)
        is_told = await asyncio.to_thread(tells_symptoms, context.text)
        return await triage.begin_triage(context, context.text) if is_told else None

    async def button_meant(self, context: ToolContext) -> str | None:
        """Take the words that answer "What do you feel?", with any model."""
        if not await triage.is_awaited(context):
            return None
        said = await asyncio.to_thread(symptoms_in, context.text)
        return _WORDS if said.present else None

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        """Answer ``/symptoms``, ``/measure``, ``/medicine`` and ``/diary``."""
        if (urgent := await _red_flags(context, arguments)) is not None:
            return urgent
        match name:
            case "symptoms":
                return await triage.begin_triage(context, arguments)
            case "measure":
                return await explain_measurement(context, arguments)
            case "medicine":
                return await _medicine_command(context, arguments)
            case _:
                return await _diary_command(context, arguments)

    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        """Keep an entry of the diary, or a medicine. Red flags come first here, too."""
        if form == MEDICINE.key:
            return await keep_filled_medicine(context, values)
        return await _red_flags(context, values.text("what")) or await keep_entry(context, values)

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        """Answer a button. Its value may be old, repeated or made up."""
        kind, _, rest = value.partition(":")
        match kind:
            case "words":  # of no button: see `button_meant`
                return await triage.begin_triage(context, context.text)
            case "answer":
                return await triage.answered(context, value)
            case "result":
                return await triage.result_now(context)
            case "dose":
                return await answer_dose(context, rest)
            case "remove":
                return await remove_medicine(context, rest)
            case "chart" if rest in quantities():
                return await draw_diary(context, rest)
            case "drop" if rest.startswith(ENTRY) and await context.records.delete(rest):
                return health_answer("dropped", [gettext("It is no longer in your diary.")])
            case "clear":
                return await clear_diary(context)
            case _:
                return health_answer("stale", [gettext("That button is no longer open. Nothing has changed.")])

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        """Remind of a dose."""
        return await remind(context, key, at)

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> ToolResult | None:
        """Move the reminders to the clock of the new time zone."""
        for medicine in (await medicines_of(context.records)).values():
            await set_timers(context, medicine)
        return None

    async def export_files(self, context: ToolContext) -> ToolResult | None:
        """Give the summary as a PDF."""
        summary = await doctor_summary(context)
        return summary if summary.files else None


async def _red_flags(context: ToolContext, words: str) -> ToolResult | None:
    flags = await asyncio.to_thread(red_flags_in, words)
    return emergency_answer(context, flags) if flags else None


def _with_form(result: ToolResult, form: Form) -> ToolResult:
    return replace(result, buttons=(*result.buttons, form_button(form)))


async def _medicine_command(context: ToolContext, arguments: str) -> ToolResult:
    what, _, rest = arguments.strip().partition(" ")
    match what.lower():
        case "":
            return _with_form(await list_medicines(context), MEDICINE)
        case "add" | "new" if not rest.strip():
            return _with_form(await add_medicine(context, ""), MEDICINE)
        case "add":
            return await add_medicine(context, rest)
        case "remove":
            return await remove_medicine(context, rest)
        case "check" if len(pair := [each.strip() for each in rest.replace("，", ",").split(",") if each.strip()]) == 2:
            return check_pair(*pair)
        case "check":
            return health_answer("missing", [gettext("Write two medicines: /medicine check warfarin, ibuprofen.")])
        case _:
            return await add_medicine(context, arguments)


def _ask_to_clear() -> ToolResult:
    sure = gettext("Delete everything in your health diary? It cannot be brought back.")
    return health_answer("confirm", [sure], buttons=(Button(gettext("Delete it"), "clear", "danger"),))


async def _diary_command(context: ToolContext, arguments: str) -> ToolResult:
    what, _, rest = arguments.strip().partition(" ")
    match what.lower():
        case "":
            return _with_form(await list_diary(context), DIARY_ENTRY)
        case "new" if not rest.strip():
            return _with_form(health_answer("missing", [gettext("What do you feel?")]), DIARY_ENTRY)
        case "pdf":
            return await doctor_summary(context)
        case "chart" if kind := quantity_named(rest):
            return await draw_diary(context, kind)
        case "chart":
            known = ", ".join(each.name for each in quantities().values())
            return health_answer("unclear", [gettext("I can draw: {known}.", known=known)])
        case "clear":
            return _ask_to_clear()
        case _:
            return await keep_symptom(context, arguments)
