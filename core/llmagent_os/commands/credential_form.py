"""The form for ``/credentials add NAME``, where a platform can open one."""

from __future__ import annotations

from llmagent_os.credentials.typed_secret import COMMAND
from llmagent_os.events import Command, Event
from llmagent_os.forms.form import FormField, ShownForm
from llmagent_os.tools.registry import Plugins


def credential_form(plugins: Plugins, event: Event) -> ShownForm | None:
    """The form to open for ``event``. None: it is no such command, or the credential is given in another way."""
    if not isinstance(event, Command) or event.name != COMMAND:
        return None
    words = event.arguments.lower().split()
    if len(words) != 2 or words[0] != "add":
        return None
    found = [each for plugin, each in plugins.credentials if words[1] in (each.name, f"{plugin}.{each.name}")]
    if len(found) != 1 or found[0].command or found[0].server is not None or found[0].address:
        return None
    credential = found[0]
    hint = ". ".join(filter(None, (credential.looks, credential.where)))
    secret = FormField(key="secret", label="Password" if credential.kind != "token" else "Token", help=hint)
    name = (FormField(key="user", label=credential.user),) if credential.kind == "login" else ()
    return ShownForm(title=credential.title, command=COMMAND, before=f"add {words[1]} ", fields=(*name, secret))
