"""Forms as Discord's modals (https://docs.discord.com/developers/components/reference#label)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from llmagent_os.adapter_kit.forms import FormPlace
from llmagent_os.forms.form import FormField, ShownForm
from llmagent_os.languages import gettext

#: Begins the id of every form. The command follows, and then :data:`_PLUGIN` with the id of a plugin's form, or the
#: beginning of the command's arguments.
FORM = "form:"
_PLUGIN = "="
TITLE_CHARACTERS = LABEL_CHARACTERS = 45
HINT_CHARACTERS = OPTION_CHARACTERS = 100
MAX_TYPED = 4000  #: characters of a text input

#: The type of an answer that opens a modal.
MODAL = 9
_LABEL, _TEXT, _MENU, _SHORT, _PARAGRAPH = 18, 4, 3, 1, 2


def modal(form: ShownForm) -> dict[str, Any]:
    """The answer to an interaction that opens ``form``."""
    rest = f"{_PLUGIN}{form.form_id}" if form.form_id else form.before
    data = {
        "custom_id": f"{FORM}{form.command}:{rest}",
        "title": form.title[:TITLE_CHARACTERS],
        "components": [_labelled(field) for field in form.fields],
    }
    return {"type": MODAL, "data": data}


def place_of(custom_id: str) -> FormPlace:
    """What an opened form carries."""
    command, _, rest = custom_id.removeprefix(FORM).partition(":")
    is_plugin = rest.startswith(_PLUGIN)
    return FormPlace(command, form=rest.removeprefix(_PLUGIN)) if is_plugin else FormPlace(command, rest)


def typed_in(components: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """What stands in the fields of a form that was sent, by their keys, in order."""
    for each in components:
        key = str(each.get("custom_id") or "")
        if each.get("type") == _TEXT:
            yield key, str(each.get("value") or "")
        elif each.get("type") == _MENU:
            chosen: object = each.get("values")
            yield key, str(cast("list[object]", chosen)[0]) if isinstance(chosen, list) and chosen else ""
        inner: object = each.get("components") or [each.get("component")]
        for one in cast("list[object]", inner) if isinstance(inner, list) else []:
            if isinstance(one, dict):
                yield from typed_in([cast("dict[str, Any]", one)])


def _labelled(field: FormField) -> dict[str, Any]:
    looks = _looks(field)
    hint = " ".join(filter(None, (field.error, field.help or looks)))
    return {
        "type": _LABEL,
        "label": field.label[:LABEL_CHARACTERS],
        **({"description": hint[:HINT_CHARACTERS]} if hint else {}),
        "component": _component(field) | {"custom_id": field.key, "required": field.is_needed},
    }


def _component(field: FormField) -> dict[str, Any]:
    if field.choices:
        options = [
            {"label": label[:OPTION_CHARACTERS], "value": value, "default": value == field.default}
            for value, label in field.choices
        ]
        return {"type": _MENU, "options": options}
    return {
        "type": _TEXT,
        "style": _PARAGRAPH if field.kind == "text" else _SHORT,
        "max_length": min(field.limit, MAX_TYPED),
        **({"value": field.default} if field.default else {}),
    }


def _looks(field: FormField) -> str:
    """How a day and a time are typed: Discord has no pickers for them."""
    match field.kind:
        case "date":
            return gettext("A day, such as 2027-01-31 or tomorrow")
        case "time":
            return gettext("A time, such as 18:30")
        case _:
            return ""
