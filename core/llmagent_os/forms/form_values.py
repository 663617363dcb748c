"""What was filled in, checked by the kind of each field. What a platform sends is never trusted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeVar, get_args

from llmagent_os.errors import PluginError
from llmagent_os.forms.form import NO, YES, FieldKind, FormErrors, FormField
from llmagent_os.forms.typed_words import TODAY, TOMORROW, read_answer, read_clock, read_day, read_number
from llmagent_os.languages import gettext

#: What a field holds, by its kind: a text, a day, a time of day, a number, or yes or no.
FormValue = str | date | time | Decimal | bool

_V = TypeVar("_V")


class FormValues:
    """What was filled in, by the keys of the fields.

    >>> filled = FormValues({"what": "milk", "day": date(2026, 12, 4)})
    >>> filled.text("what"), filled.day("day"), filled.clock("time")
    ('milk', datetime.date(2026, 12, 4), None)
    """

    def __init__(self, values: Mapping[str, FormValue]) -> None:
        """Args: ``values`` of the fields that are not empty, by key."""
        self._values = dict(values)

    @property
    def filled(self) -> dict[str, FormValue]:
        """The values of the fields that are not empty, by key."""
        return dict(self._values)

    def text(self, key: str) -> str:
        """What stands in a line, a text or a choice; empty: nothing."""
        return self._of(key, str) or ""

    def day(self, key: str) -> date | None:
        """The day of a date; None: the field is empty."""
        return self._of(key, date)

    def clock(self, key: str) -> time | None:
        """The time of day; None: the field is empty."""
        return self._of(key, time)

    def number(self, key: str) -> Decimal | None:
        """The number; None: the field is empty."""
        return self._of(key, Decimal)

    def yes(self, key: str) -> bool:
        """Whether it is yes; an empty field is no."""
        return self._of(key, bool) or False

    def _of(self, key: str, kind: type[_V]) -> _V | None:
        value = self._values.get(key)
        if value is not None and not isinstance(value, kind):
            raise PluginError(f"the field {key!r} holds {type(value).__name__}, not {kind.__name__}")
        return value


def checked_values(
    fields: tuple[FormField, ...], typed: Mapping[str, str], now: datetime, zone: str
) -> FormValues | FormErrors:
    """What was typed, by kind; or what is wrong with it, in the language in force.

    Args:
        fields: of the form. What was typed under other keys is left out.
        typed: what a platform sent, by key.
        now: the present moment in the person's time zone.
        zone: the name of that time zone.
    """
    values: dict[str, FormValue] = {}
    errors: dict[str, str] = {}
    for field in fields:
        given = typed.get(field.key, "").strip() or field.default
        if not given:
            if field.is_needed:
                errors[field.key] = gettext("Please fill this in.")
            continue
        value = value_of(field, given, now, zone)
        if value is None:
            errors[field.key] = problem_with(field, given)
        else:
            values[field.key] = value
    return FormErrors(errors) if errors else FormValues(values)


def value_of(field: FormField, typed: str, now: datetime, zone: str) -> FormValue | None:
    """What a field holds. None: it cannot be that, see :func:`problem_with`."""
    if len(typed) > field.limit:
        return None
    match field.kind:
        case "line":
            return " ".join(typed.split())
        case "text":
            return typed.replace("\r\n", "\n")
        case "choice":
            said = typed.casefold().strip()
            return next((value for value, label in field.choices if said in (value.casefold(), label.casefold())), None)
        case "date":
            return read_day(typed, now.date(), zone)
        case "time":
            return read_clock(typed)
        case "number":
            return read_number(typed)
        case "yes_no":
            return read_answer(typed)


def problem_with(field: FormField, typed: str) -> str:
    """What is wrong with what was typed, as a sentence."""
    if len(typed) > field.limit:
        return gettext("This has {count} characters; {most} is the most.", count=len(typed), most=field.limit)
    match field.kind:
        case "date":
            return gettext("I cannot read this as a day. Write it like 2027-01-31, or “tomorrow”.")
        case "time":
            return gettext("I cannot read this as a time. Write it like 18:30.")
        case "number":
            return gettext("This is no number.")
        case "yes_no":
            return gettext("Choose yes or no.")
        case _:
            return gettext("Choose one of these: {choices}.", choices=", ".join(label for _, label in field.choices))


def written_default(field: FormField, now: datetime) -> str:
    """The default of a field as its kind is written: a day as ``2027-01-31``."""
    if field.kind != "date" or field.default not in (TODAY.message, TOMORROW.message):
        return field.default
    day = read_day(field.default, now.date())
    return "" if day is None else day.isoformat()


def shown_value(field: FormField, value: str) -> str:
    """What people read for a value of a field: the label of a choice."""
    return dict(field.choices).get(value, value)


#: Every kind of a field.
KINDS: tuple[FieldKind, ...] = get_args(FieldKind)

__all__ = [
    "KINDS",
    "NO",
    "YES",
    "FormValue",
    "FormValues",
    "checked_values",
    "problem_with",
    "shown_value",
    "value_of",
    "written_default",
]
