"""A form and its fields: as a plugin declares them, and as one person sees them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from llmagent_os.languages import gettext, lazy_gettext, translated

#: What a field takes: one line, several lines, one of a few choices, a day, a time of day, a number, or yes or no.
FieldKind = Literal["line", "text", "choice", "date", "time", "number", "yes_no"]

MAX_FIELDS = 5  #: of a form: a modal of Discord holds no more
MAX_CHOICES = 25  #: of a field: a menu of Discord holds no more
MAX_TITLE = 24  #: characters of a title: a modal of Slack shows no more
MAX_LABEL = 45  #: characters of a label: a modal of Discord shows no more
MAX_HELP = 100  #: characters of a help line, and of a choice
MAX_LINE, MAX_TEXT = 200, 3000  #: characters that a line and a text take, unless the field says otherwise

_KEY = re.compile(r"[a-z][a-z0-9_]{0,19}")

#: The values of a field of the kind ``yes_no``, as forms carry them.
YES, NO = "yes", "no"


class FormField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question of a form."""

    key: str  #: the field's name in what was filled in: lower case, unique in the form
    label: str  #: what people read above it
    kind: FieldKind = "line"  #: what it takes; the host checks it
    help: str = ""  #: how it looks or what it is for, in one line
    #: what stands in it at first, and what an empty field means. A date may be ``today`` or ``tomorrow``, else
    #: ``2027-01-31``; a time is ``18:30``, a choice one of the values, and yes or no ``yes`` or ``no``.
    default: str = ""
    required: bool = True  #: an empty field without a default is an error
    max_length: int = 0  #: characters; 0: :data:`MAX_LINE`, or :data:`MAX_TEXT` of a text. No more than that
    #: of a ``choice``: the values, and what people read; those of ``yes_no`` the host sets
    choices: tuple[tuple[str, str], ...] = ()
    error: str = ""  #: what was wrong with what was filled in; the host sets it

    @property
    def limit(self) -> int:
        """The most characters that the field takes."""
        return min(self.max_length or (MAX_TEXT if self.kind == "text" else MAX_LINE), MAX_TEXT)

    @property
    def is_needed(self) -> bool:
        """Whether the field may not be left empty."""
        return self.required and not self.default


class Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A form of a plugin. Texts are in English, and marked by ``gettext_noop`` where the plugin has translations."""

    key: str  #: the form's name in the plugin: lower case
    title: str  #: what people read above it, and on the button that opens it
    fields: tuple[FormField, ...]  #: one to :data:`MAX_FIELDS`
    #: what people type to have it opened, without the slash: ``poll``, or ``todo add``. The first word is a command of
    #: the plugin. Where a platform has no forms, the command is answered as it is.
    opened_by: tuple[str, ...]
    #: without which nobody has the form. Empty: it is there where the bot gives every permission of those tools of the
    #: plugin that do more than read
    permission: str = ""

    @property
    def command(self) -> str:
        """The name of the command that a filled-in form stands for."""
        return self.opened_by[0].split()[0]

    def problem(self, commands: Mapping[str, str]) -> str:
        """What is wrong with the declaration; empty: nothing.

        Args:
            commands: of the plugin.
        """
        if not _KEY.fullmatch(self.key):
            return f"the form key {self.key!r} should be a lower-case word of at most 20 characters"
        if not self.opened_by or any(each.split()[:1] not in [[name] for name in commands] for each in self.opened_by):
            return f"the form {self.key!r} is opened by {self.opened_by!r}: begin each with a command of the plugin"
        if not 1 <= len(self.fields) <= MAX_FIELDS or len({field.key for field in self.fields}) < len(self.fields):
            return f"the form {self.key!r} has {len(self.fields)} fields: give 1 to {MAX_FIELDS}, each with its own key"
        if not 0 < len(self.title) <= MAX_TITLE:
            return f"the title {self.title!r} has {len(self.title)} characters; 1 to {MAX_TITLE} are shown everywhere"
        return next((problem for field in self.fields if (problem := _field_problem(field))), "")

    def shown(self, plugin: str) -> ShownForm:
        """The form as it is shown, in the language in force."""
        return ShownForm(
            form_id=f"{plugin}:{self.key}",
            command=self.command,
            title=translated(self.title),
            fields=tuple(map(_translated, self.fields)),
        )


class ShownForm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A form as one person sees it, in their language."""

    command: str  #: the command that it stands for
    title: str
    fields: tuple[FormField, ...]
    form_id: str = ""  #: of a plugin's form: ``plugin:key``. Empty: what is typed becomes the command's arguments
    before: str = ""  #: begins these arguments

    def filled(self, values: Mapping[str, str], errors: Mapping[str, str]) -> ShownForm:
        """The form with what was filled in before, and what was wrong with it."""
        fields = tuple(
            replace(each, default=values.get(each.key, each.default), error=errors.get(each.key, ""))
            for each in self.fields
        )
        return replace(self, fields=fields)


class FormErrors(msgspec.Struct, frozen=True):
    """What is wrong with what was filled in. The person reads it beside the field."""

    fields: dict[str, str]  #: a sentence by the key of its field; at least one


#: A button of a plugin with a value that begins so opens the form whose key follows.
OPENS = "form:"
#: Ends the value of a button that opens a form with what was filled in before.
AGAIN = ":again"

#: The button that opens a form once more.
CORRECT = lazy_gettext("Correct it")


def _field_problem(field: FormField) -> str:
    if not _KEY.fullmatch(field.key):
        return f"the field key {field.key!r} should be a lower-case word of at most 20 characters"
    if not 0 < len(field.label) <= MAX_LABEL or len(field.help) > MAX_HELP:
        return f"the field {field.key!r} needs a label of 1 to {MAX_LABEL} characters, and a help of {MAX_HELP} at most"
    if (field.kind == "choice") != bool(field.choices) or len(field.choices) > MAX_CHOICES:
        return f"the field {field.key!r} has {len(field.choices)} choices: a choice has 1 to {MAX_CHOICES}, others none"
    if field.choices and field.default and field.default not in dict(field.choices):
        return f"the default {field.default!r} of the field {field.key!r} is none of its choices"
    if any(not 0 < len(part) <= MAX_HELP for choice in field.choices for part in choice):
        return f"a choice of the field {field.key!r} is empty, or has more than {MAX_HELP} characters"
    return ""


def _translated(field: FormField) -> FormField:
    choices = tuple((value, translated(label)) for value, label in field.choices)
    if field.kind == "yes_no":
        choices = ((YES, gettext("Yes")), (NO, gettext("No")))
    return replace(field, label=translated(field.label), help=translated(field.help), choices=choices)
