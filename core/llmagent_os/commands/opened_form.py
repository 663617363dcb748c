"""The form that a platform opens in a window, in the place of a command or a pressed button."""

from __future__ import annotations

from collections.abc import Callable, Collection

from llmagent_os.adapter_kit.forms import SentForms
from llmagent_os.commands.credential_form import credential_form
from llmagent_os.events import ButtonPress, Command, Event
from llmagent_os.forms.form import ShownForm
from llmagent_os.identity import identity_of
from llmagent_os.languages import ENGLISH, speaking
from llmagent_os.reply.form_choice import form_meant
from llmagent_os.tools.registry import Plugins


class OpenedForms:
    """Finds the form to open for an event: an adapter's :data:`~llmagent_os.adapter_kit.forms.FormFor`."""

    def __init__(
        self,
        plugins: Plugins,
        sent: SentForms | None = None,
        *,
        allowed: Collection[str] | None = None,
        language_of: Callable[[Event], str] = lambda event: ENGLISH,
    ) -> None:
        """Args:
        plugins: declare forms.
        sent: knows what was filled in and has to be corrected; None: a new one.
        allowed: the permissions of the bot; None: all.
        language_of: the language of the person who did an event, as far as it is known at once.
        """
        #: knows what was filled in and has to be corrected
        self.sent = SentForms() if sent is None else sent
        self._plugins, self._allowed, self._language_of = plugins, allowed, language_of

    def __call__(self, event: Event) -> ShownForm | None:
        """The form to open for ``event``; None: none."""
        if not isinstance(event, Command | ButtonPress):
            return None
        with speaking(self._language_of(event)):
            meant = form_meant(self._plugins, event, allowed=self._allowed)
            if meant is None:
                return credential_form(self._plugins, event)
            before = self.sent.kept(identity_of(event), meant.form.form_id) if meant.again else None
            return meant.form if before is None else meant.form.filled(*before)
