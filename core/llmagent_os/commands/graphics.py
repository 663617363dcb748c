"""``/graphics``: whether a person is shown pictures where there are some, and in which colours."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.commands.voice import NO_PROFILES
from llmagent_os.events import Command
from llmagent_os.graphics import INSTALL, can_draw
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.modules.interaction import INTERFACE, THEME
from llmagent_os.reply.services import Services

_WORDS = ("", "on", "off", "light", "dark")

_ONLY_ASKED = lazy_gettext("Done: you get pictures only where you ask for one.")
_DONE = {
    "on": lazy_gettext("Done: from now on you get a picture with a week or a month, and the text as well."),
    "off": _ONLY_ASKED,
    "light": lazy_gettext("Done: your pictures are light from now on."),
    "dark": lazy_gettext("Done: your pictures are dark from now on."),
}


async def graphics(services: Services, command: Command) -> Reply:
    """Answer ``/graphics``, ``/graphics on``, ``/graphics off``, ``/graphics light`` and ``/graphics dark``."""
    what = command.arguments.strip().lower()
    if what not in _WORDS:
        return Reply(
            gettext(
                "I don't know `/graphics {what}`. Try `/graphics on`, `off`, `light`, `dark`, or `/graphics`.",
                what=what,
            )
        )
    if what not in ("", "off") and not can_draw():
        return Reply(_cannot_draw())
    profile = await services.directory.profile_of(command)
    shows = services.interaction.interface_of(profile.preferences) == "graphics"
    theme = services.interaction.theme_of(profile.preferences)
    if not what:
        return Reply(_how_answered(shows, theme))
    if services.profiles is None:
        return Reply(str(NO_PROFILES))
    if what == "off" and not shows:
        return Reply(str(_ONLY_ASKED))
    person_id = await services.directory.person_of(identity_of(command))
    changes = {"on": {INTERFACE: "graphics"}, "off": {INTERFACE: "text"}}.get(what, {THEME: what})
    await services.profiles.update(person_id, **changes)
    return Reply(str(_DONE[what]))


def _cannot_draw() -> str:
    return gettext("I cannot draw here: whoever runs me can add that with `{command}`.", command=INSTALL)


def _how_answered(shows: bool, theme: str) -> str:
    if not can_draw():
        return join_sentences([gettext("You get my answers as text."), _cannot_draw()])
    if theme == "dark":
        colours = gettext("They are dark; `/graphics light` changes that.")
    else:
        colours = gettext("They are light; `/graphics dark` changes that.")
    if shows:
        how = gettext("You get a picture with a week or a month. `/graphics off` stops that.")
    else:
        how = gettext(
            "You get pictures only where you ask for one, such as “show me my week as a picture”. `/graphics on` adds "
            "one to every week and month."
        )
    return join_sentences([how, colours])
