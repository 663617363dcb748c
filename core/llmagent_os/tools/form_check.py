"""Checks the forms of a plugin when it is loaded, and what it finds wrong with one that was filled in."""

from __future__ import annotations

from llmagent_os.errors import PluginError
from llmagent_os.forms.form import FormErrors
from llmagent_os.plugin import ToolSource

MAX_ERROR = 200  #: characters of what is wrong with one field


def check_forms(plugin: ToolSource) -> None:
    """Check the declared forms.

    Raises:
        PluginError: a form is badly declared, or two have the same key.
    """
    forms = plugin.forms
    problem = next(filter(None, (form.problem(plugin.commands) for form in forms)), "")
    if not problem and len({form.key for form in forms}) < len(forms):
        problem = "two forms have the same key"
    lines = [" ".join(line.lower().split()) for form in forms for line in form.opened_by]
    if not problem and len({*lines}) < len(lines):
        problem = "two forms are opened by the same words"
    if problem:
        raise PluginError(f"plugin {plugin.name!r}: {problem}")


def checked_errors(errors: FormErrors, plugin: ToolSource, form: str) -> FormErrors:
    """What a plugin finds wrong, cut to what a form can show.

    Raises:
        PluginError: it names no field of the form.
    """
    known = {field.key for each in plugin.forms if each.key == form for field in each.fields}
    if not errors.fields or not {*errors.fields} <= known:
        raise PluginError(f"the form {form!r} has no such fields: {', '.join(sorted({*errors.fields} - known))}")
    return FormErrors({key: str(error)[:MAX_ERROR] for key, error in errors.fields.items()})
