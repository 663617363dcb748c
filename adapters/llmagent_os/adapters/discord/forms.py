"""Forms as Discord's modals (https://docs.discord.com/developers/interactions/receiving-and-responding)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from llmagent_os.adapter_kit.forms import Form

#: Begins the id of every form. The command and the beginning of its arguments follow.
FORM = "form:"
TITLE_CHARACTERS = LABEL_CHARACTERS = 45
HINT_CHARACTERS = 100

#: The type of an answer that opens a modal.
MODAL = 9
_LABEL, _TEXT, _SHORT = 18, 4, 1


def modal(form: Form) -> dict[str, Any]:
    """The answer to an interaction that opens ``form``."""
    components = [
        {
            "type": _LABEL,
            "label": field.label[:LABEL_CHARACTERS],
            **({"description": field.hint[:HINT_CHARACTERS]} if field.hint else {}),
            "component": {"type": _TEXT, "custom_id": str(number), "style": _SHORT, "required": True},
        }
        for number, field in enumerate(form.fields)
    ]
    custom_id = f"{FORM}{form.command}:{form.before}"
    title = form.title[:TITLE_CHARACTERS]
    return {"type": MODAL, "data": {"custom_id": custom_id, "title": title, "components": components}}


def filled(custom_id: str, components: list[dict[str, Any]]) -> tuple[str, str]:
    """The name of the command that a form stands for, and its arguments with what was typed."""
    command, _, before = custom_id.removeprefix(FORM).partition(":")
    form = Form(title="", command=command, before=before, fields=())
    return command, form.arguments(list(_typed(components)))


def _typed(components: list[dict[str, Any]]) -> Iterator[str]:
    for each in components:
        if each.get("type") == _TEXT:
            yield str(each.get("value") or "")
        inner: object = each.get("components") or [each.get("component")]
        for one in cast("list[object]", inner) if isinstance(inner, list) else []:
            if isinstance(one, dict):
                yield from _typed([cast("dict[str, Any]", one)])
