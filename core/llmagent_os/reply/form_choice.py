"""Finds the form that a command or a button means."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from llmagent_os.events import ButtonPress, Command, Event
from llmagent_os.forms.form import AGAIN, OPENS, ShownForm
from llmagent_os.plugin import Form, ToolSource
from llmagent_os.tools.registry import Plugins


class MeantForm(msgspec.Struct, frozen=True):
    """A form, and how it is to be opened."""

    plugin: ToolSource  #: that declares it
    declared: Form
    form: ShownForm  #: in the language in force
    again: bool = False  #: with what was filled in before


def form_meant(plugins: Plugins, event: Event, *, allowed: Collection[str] | None = None) -> MeantForm | None:
    """The form that ``event`` asks for. None: it asks for none, or not where others read what is private.

    Args:
        plugins: declare forms.
        event: a command that opens a form, or a pressed button that does.
        allowed: the permissions of the bot; None: all.
    """
    if isinstance(event, Command) and not event.form and not event.attachments:
        line = " ".join(f"{event.name} {event.arguments}".lower().split())
        found = next(
            (
                (plugin, form)
                for plugin, form in plugins.forms(allowed)
                if line in [" ".join(each.split()).lower() for each in form.opened_by]
            ),
            None,
        )
    elif isinstance(event, ButtonPress):
        return form_of_button(plugins, event, event.value, allowed=allowed)
    else:
        return None
    return None if found is None or _is_private_here(found[0], event) else _meant(*found)


def form_of_button(
    plugins: Plugins, event: Event, value: str, *, allowed: Collection[str] | None = None
) -> MeantForm | None:
    """The form that a button of a plugin opens. None: it opens none, or not in this conversation."""
    owner, _, rest = value.partition(":")
    if not rest.startswith(OPENS):
        return None
    key, again = rest.removeprefix(OPENS).removesuffix(AGAIN), rest.endswith(AGAIN)
    found = form_named(plugins, f"{owner}:{key}", allowed=allowed)
    if found is None or _is_private_here(found[0], event):
        return None
    return msgspec.structs.replace(_meant(*found), again=again)


def form_named(
    plugins: Plugins, form_id: str, *, allowed: Collection[str] | None = None
) -> tuple[ToolSource, Form] | None:
    """The form with an id, ``plugin:key``, and its plugin. None: there is none such now."""
    known = plugins.forms(allowed)
    return next(((plugin, form) for plugin, form in known if f"{plugin.name}:{form.key}" == form_id), None)


def _meant(plugin: ToolSource, form: Form) -> MeantForm:
    return MeantForm(plugin, form, form.shown(plugin.name))


def _is_private_here(plugin: ToolSource, event: Event) -> bool:
    return plugin.keeps_private and event.conversation.kind != "direct"
