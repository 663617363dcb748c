"""The forms of the health plugin: an entry of the diary, and a medicine."""

from __future__ import annotations

from datetime import timedelta

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.plugin import Form, FormErrors, FormField, FormValues, ToolContext, ToolResult
from llmagent_os.plugins.health.diary import MOST_NOTE, keep_symptom
from llmagent_os.plugins.health.medicine import MOST_DAYS, MedicineError, read_medicine
from llmagent_os.plugins.health.medicine_plan import keep_medicine

DIARY_ENTRY = Form(
    key="entry",
    title=gettext_noop("Add an entry"),
    opened_by=("diary new",),
    fields=(
        FormField(key="what", label=gettext_noop("What do you feel?"), max_length=MOST_NOTE),
        FormField(
            key="severity",
            label=gettext_noop("How bad is it?"),
            kind="choice",
            required=False,
            help=gettext_noop("From 0, nothing, to 10, the worst that there is"),
            choices=tuple((str(number), str(number)) for number in range(11)),
        ),
    ),
)

MEDICINE = Form(
    key="medicine",
    title=gettext_noop("Add a medicine"),
    opened_by=("medicine add", "medicine new"),
    fields=(
        FormField(
            key="name",
            label=gettext_noop("Name and dose"),
            help=gettext_noop("Such as Ibuprofen 400 mg"),
            max_length=80,
        ),
        FormField(
            key="times", label=gettext_noop("Times of day"), help=gettext_noop("Such as 8:00 and 20:00"), max_length=80
        ),
        FormField(
            key="until", label=gettext_noop("Last day"), kind="date", required=False, help=gettext_noop("Empty: no end")
        ),
    ),
)


async def keep_entry(context: ToolContext, values: FormValues) -> ToolResult:
    """Keep the symptom that was filled in."""
    return await keep_symptom(context, f"{values.text('what')} {values.text('severity')}".strip())


async def keep_filled_medicine(context: ToolContext, values: FormValues) -> ToolResult | FormErrors:
    """Put the medicine that was filled in into the plan."""
    today, until = context.now.date(), values.day("until")
    if until is not None and not today <= until < today + timedelta(days=MOST_DAYS):
        return FormErrors({"until": gettext("That day is over, or too far away.")})
    days = "" if until is None else f" for {(until - today).days + 1} days"
    try:
        medicine = read_medicine(f"{values.text('name')} at {values.text('times')}{days}", today)
    except MedicineError as error:
        wrong = gettext("Write 1 to 8 times, such as 8:00 and 20:00.")
        return FormErrors({"name": gettext("Write its name.")} if error.why == "name" else {"times": wrong})
    return await keep_medicine(context, medicine)
