"""What was filled in on its way to the process of a plugin, and the plugin's answer on its way back."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import msgspec

from llmagent_os.forms.form import FormErrors
from llmagent_os.forms.form_values import FormValue, FormValues
from llmagent_os.plugin import ToolResult


class PassedValue(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value: exactly one of these is set."""

    text: str | None = None
    day: date | None = None
    clock: time | None = None
    number: Decimal | None = None
    yes: bool | None = None

    @classmethod
    def of(cls, value: FormValue) -> PassedValue:
        """Wrap a value."""
        match value:
            case bool():
                return cls(yes=value)
            case Decimal():
                return cls(number=value)
            case date():
                return cls(day=value)
            case time():
                return cls(clock=value)
            case str():
                return cls(text=value)

    @property
    def value(self) -> FormValue:
        """The value."""
        held = (self.text, self.day, self.clock, self.number, self.yes)
        return next((each for each in held if each is not None), "")


#: What was filled in, by the keys of the fields.
PassedValues = dict[str, PassedValue]


def passed_values(values: FormValues) -> PassedValues:
    """Wrap what was filled in."""
    return {key: PassedValue.of(value) for key, value in values.filled.items()}


def filled_values(passed: PassedValues) -> FormValues:
    """Unwrap what was filled in."""
    return FormValues({key: each.value for key, each in passed.items()})


class PassedAnswer(msgspec.Struct, frozen=True):
    """The answer to a form: exactly one of these is set."""

    result: ToolResult | None = None
    errors: FormErrors | None = None

    @classmethod
    def of(cls, answer: ToolResult | FormErrors) -> PassedAnswer:
        """Wrap an answer."""
        return cls(errors=answer) if isinstance(answer, FormErrors) else cls(result=answer)
