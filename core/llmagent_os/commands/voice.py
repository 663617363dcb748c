"""``/voice``: whether a person hears replies, or only reads them."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.modules.interaction import INTERFACE
from llmagent_os.reply.services import Services

#: What a person reads where nothing can be kept about them.
NO_PROFILES = lazy_gettext("I keep no profiles here, so I cannot remember how you like to be answered.")
_CANNOT_SPEAK = lazy_gettext(
    "I cannot speak here: whoever runs me has installed no voice. They can add one with "
    '`pip install "llmagent-os[voice]"`, or name a server in `[voice]`.'
)
_LISTENING = lazy_gettext("I understand voice messages: send me one, and I show you what I understood.")
_NOT_LISTENING = lazy_gettext("I do not understand voice messages here.")


async def voice(services: Services, command: Command) -> Reply:
    """Answer ``/voice``, ``/voice on`` and ``/voice off``."""
    what = command.arguments.strip().lower()
    if what not in ("", "on", "off"):
        return Reply(gettext("I don't know `/voice {what}`. Try `/voice on`, `/voice off` or `/voice`.", what=what))
    listens = str(_LISTENING if services.voice.can_listen else _NOT_LISTENING)
    profile = await services.directory.profile_of(command)
    speaks = services.interaction.interface_of(profile.preferences) == "voice"
    if not what:
        if speaks and services.voice.can_speak:
            said = gettext("I read my answers aloud to you. `/voice off` stops that.")
            return Reply(join_sentences([said, listens]))
        offer = gettext("`/voice on` makes me read them aloud.") if services.voice.can_speak else str(_CANNOT_SPEAK)
        return Reply(join_sentences([gettext("You get my answers as text."), offer, listens]))
    if what == "on" and not services.voice.can_speak:
        return Reply(str(_CANNOT_SPEAK))
    if services.profiles is None:
        return Reply(str(NO_PROFILES))
    person_id = await services.directory.person_of(identity_of(command))
    if what == "on":
        await services.profiles.update(person_id, **{INTERFACE: "voice"})
        done = gettext("Done: from now on I read my answers aloud, and you get the text as well.")
        return Reply(join_sentences([done, listens]))
    if speaks:
        await services.profiles.update(person_id, **{INTERFACE: "text"})
    return Reply(gettext("Done: you get my answers as text only."))
