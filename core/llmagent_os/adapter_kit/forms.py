"""A short form that a platform can open in place of a conversation: what is typed there stands in no chat.

An adapter asks with each event whether a form is to be opened for it (:data:`FormFor`). When the person sends the form,
the adapter hands on the command that it stands for, with what was typed behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from llmagent_os.events import Event


class FormField(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a person types."""

    label: str  #: what people read above it
    hint: str = ""  #: how it looks, or where to get it


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A form, and the command that it stands for."""

    title: str  #: at most 24 characters are shown on Slack, 45 on Discord
    command: str  #: the command's name
    before: str  #: begins the command's arguments
    fields: tuple[FormField, ...]

    def arguments(self, typed: Sequence[str]) -> str:
        r"""The arguments of the command, with what was typed into the fields, a line each.

        >>> Form(title="t", command="credentials", before="add mail ", fields=()).arguments(["ana", "hunter2"])
        'add mail ana\nhunter2'
        """
        return self.before + "\n".join(" ".join(each.split("\n")).strip() for each in typed)


#: Returns the form to open for an event; None: none, the event is handed on as it is.
FormFor = Callable[[Event], Form | None]


def no_form(event: Event) -> None:
    """Open none."""
