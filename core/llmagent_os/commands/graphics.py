"""``/graphics``: whether a person is shown pictures where there are some, and in which colours."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.events import Command
from llmagent_os.graphics import INSTALL, can_draw
from llmagent_os.identity import identity_of
from llmagent_os.modules.interaction import INTERFACE, THEME
from llmagent_os.reply.services import Services

_NO_PROFILES = "I keep no profiles here, so I cannot remember how you like to be answered."
_CANNOT_DRAW = f"I cannot draw here: whoever runs me can add that with `{INSTALL}`."
_WORDS = ("", "on", "off", "light", "dark")


async def graphics(services: Services, command: Command) -> Reply:
    """Answer ``/graphics``, ``/graphics on``, ``/graphics off``, ``/graphics light`` and ``/graphics dark``."""
    what = command.arguments.strip().lower()
    if what not in _WORDS:
        return Reply(f"I don't know `/graphics {what}`. Try `/graphics on`, `off`, `light`, `dark`, or `/graphics`.")
    if what not in ("", "off") and not can_draw():
        return Reply(_CANNOT_DRAW)
    profile = await services.directory.profile_of(command)
    shows = services.interaction.interface_of(profile.preferences) == "graphics"
    theme = services.interaction.theme_of(profile.preferences)
    if not what:
        return Reply(_how_answered(shows, theme))
    if services.profiles is None:
        return Reply(_NO_PROFILES)
    if what == "off" and not shows:
        return Reply("Done: you get pictures only where you ask for one.")
    person_id = await services.directory.person_of(identity_of(command))
    changes = {"on": {INTERFACE: "graphics"}, "off": {INTERFACE: "text"}}.get(what, {THEME: what})
    await services.profiles.update(person_id, **changes)
    if what in ("light", "dark"):
        return Reply(f"Done: your pictures are {what} from now on.")
    if what == "on":
        return Reply("Done: from now on you get a picture with a week or a month, and the text as well.")
    return Reply("Done: you get pictures only where you ask for one.")


def _how_answered(shows: bool, theme: str) -> str:
    if not can_draw():
        return f"You get my answers as text. {_CANNOT_DRAW}"
    other = "light" if theme == "dark" else "dark"
    colours = f"They are {theme}; `/graphics {other}` changes that."
    if shows:
        return f"You get a picture with a week or a month. `/graphics off` stops that. {colours}"
    return (
        "You get pictures only where you ask for one, such as “show me my week as a picture”. `/graphics on` adds one "
        f"to every week and month. {colours}"
    )
