"""Forms that a platform opens in a window of its own: which one to open, and what was wrong with one that was sent.

An adapter asks with each event whether a form is to be opened for it (:data:`FormFor`). When the person sends the form,
the adapter hands on the command that it stands for. An adapter that can show what is wrong inside the form waits a
moment for the answer (:class:`SentForms`), before it closes the form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec

from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.expiring_dict import ExpiringDict
from llmagent_os.events import Event
from llmagent_os.forms.form import ShownForm
from llmagent_os.identity import Identity

#: Returns the form to open for an event; None: none, the event is handed on as it is.
FormFor = Callable[[Event], ShownForm | None]

#: For how long it is remembered what was wrong with a form, so that it opens with what was filled in, in seconds.
CORRECTION_SECONDS = 15 * 60.0
#: Of how many sent forms, the latest ones.
MAX_SENT = 1000

#: Nothing was wrong.
NO_ERRORS: Mapping[str, str] = MappingProxyType({})


def no_form(event: Event) -> None:
    """Open none."""


class FormPlace(msgspec.Struct, frozen=True):
    """What an opened form carries, so that the adapter knows what it was opened for."""

    command: str
    before: str = ""  #: begins the command's arguments
    form: str = ""  #: of a plugin's form: ``plugin:key``

    @classmethod
    def of(cls, form: ShownForm) -> FormPlace:
        """What ``form`` carries."""
        return cls(form.command, form.before, form.form_id)

    def arguments(self, typed: Iterable[tuple[str, str]]) -> str:
        r"""The arguments of the command, with what was typed into the fields, a line each; of a plugin's form none.

        >>> FormPlace("credentials", "add mail ").arguments([("user", "ana"), ("secret", "hunter2")])
        'add mail ana\nhunter2'
        """
        return "" if self.form else self.before + "\n".join(" ".join(each.split("\n")).strip() for _, each in typed)

    def values(self, typed: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """What was typed, by key; empty for a form that becomes the arguments of a command."""
        return tuple(typed) if self.form else ()


class SentForms:
    """Says what was wrong with forms that were sent: to the adapter that waits, or when the form is opened again.

    In memory only: after a restart the person reads what was wrong, and the form opens empty.
    """

    def __init__(self) -> None:
        self._answers: BoundedDict[str, asyncio.Future[Mapping[str, str]]] = BoundedDict(MAX_SENT)
        self._left: ExpiringDict[tuple[Identity, str], tuple[dict[str, str], dict[str, str]]] = ExpiringDict(
            MAX_SENT, seconds=CORRECTION_SECONDS
        )

    def expect(self, key: str) -> bool:
        """Wait for the answer to the form with the ``event_key`` ``key``. Returns whether nobody waited before."""
        if key in self._answers:
            return False
        self._answers[key] = asyncio.get_running_loop().create_future()
        return True

    def settle(self, key: str, errors: Mapping[str, str] = NO_ERRORS) -> bool:
        """Say what was wrong with a form. Returns whether an adapter shows it."""
        waiting = self._answers.get(key)
        if waiting is None or waiting.done():
            return waiting is not None and waiting.done() and not waiting.cancelled() and waiting.result() == errors
        waiting.set_result(errors)
        return True

    async def errors(self, key: str, seconds: float) -> Mapping[str, str]:
        """What is wrong with a form, by the key of the field. Empty: nothing, or it is not known in time."""
        waiting = self._answers.get(key)
        if waiting is None:
            return NO_ERRORS
        await asyncio.wait({waiting}, timeout=seconds)
        if not waiting.done():
            waiting.cancel()  # the form is closed: what is wrong is said in a message
        return NO_ERRORS if waiting.cancelled() else waiting.result()

    def keep(self, who: Identity, form: str, values: dict[str, str], errors: dict[str, str]) -> None:
        """Remember what a person filled in, and what was wrong with it."""
        self._left.put((who, form), (values, errors))

    def kept(self, who: Identity, form: str) -> tuple[dict[str, str], dict[str, str]] | None:
        """What a person filled in lately, and what was wrong with it. None: nothing is remembered."""
        return self._left.get((who, form))
