"""``/privacy``: the three switches of consent, shown and turned."""

from __future__ import annotations

import msgspec

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.permissions import standing_tools
from llmagent_os.commands.withdrawal_notice import withdrawal_notice
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.privacy.consent import LEARNING, REMEMBER, SWITCHES, TRAINING, is_withdrawal
from llmagent_os.reply.memory_answers import STILL_THERE
from llmagent_os.reply.services import Services

#: What each switch allows or forbids, as the person reads it.
_LINES = {
    (REMEMBER, True): lazy_gettext(
        "**remember: on**: I may remember what you tell me about yourself, such as your name, place and wishes."
    ),
    (REMEMBER, False): lazy_gettext(
        "**remember: off**: I do not remember what you tell me about yourself, such as your name, place and wishes."
    ),
    (LEARNING, True): lazy_gettext(
        "**learning: on**: I may learn from your reactions and from how you take my replies."
    ),
    (LEARNING, False): lazy_gettext(
        "**learning: off**: I do not learn from your reactions and from how you take my replies."
    ),
    (TRAINING, True): lazy_gettext("**training: on**: I may use our conversations to train models."),
    (TRAINING, False): lazy_gettext("**training: off**: I do not use our conversations to train models."),
}

#: The button that turns each switch, by the switch and whether it is on.
_TURNS = {
    (REMEMBER, True): lazy_gettext("Remember: turn off"),
    (REMEMBER, False): lazy_gettext("Remember: turn on"),
    (LEARNING, True): lazy_gettext("Learning: turn off"),
    (LEARNING, False): lazy_gettext("Learning: turn on"),
    (TRAINING, True): lazy_gettext("Training: turn off"),
    (TRAINING, False): lazy_gettext("Training: turn on"),
}

#: Begins the value of the buttons that turn a switch; the switch and ``on`` or ``off`` follow.
PRIVACY = "agent:privacy:"

_NO_PROFILES = lazy_gettext("I keep no profiles here, so there is nothing to allow.")


async def privacy(services: Services, command: Command) -> Reply:
    """Answer ``/privacy`` and ``/privacy SWITCH on|off``."""
    words = command.arguments.lower().split()
    if not words:
        return await _shown(services, command)
    return await turn(services, command, " ".join(words))


async def turn_pressed(services: Services, event: Event, value: str) -> Reply:
    """Answer a button that turns a switch. Its value begins with :data:`PRIVACY`."""
    return await turn(services, event, value.removeprefix(PRIVACY))


async def turn(services: Services, event: Event, said: str) -> Reply:
    """Turn a switch for the person who did ``event``.

    Args:
        services: has the profiles.
        event: a command, or the press of a button.
        said: the switch and ``on`` or ``off``.
    """
    name, _, value = said.replace(":", " ").partition(" ")
    if name not in SWITCHES or value not in ("on", "off"):
        return Reply(
            gettext(
                "I don't know `/privacy {what}`. Try `/privacy`, `/privacy remember on`, `/privacy learning on`, "
                "`/privacy training on`, or `off` in place of `on`.",
                what=said,
            )
        )
    if services.profiles is None:
        return Reply(str(_NO_PROFILES))
    person_id = await services.directory.person_of(identity_of(event))
    before = await services.profiles.get(person_id)
    after = await services.profiles.update(person_id, **{name: value})
    notice = ""
    if services.loras is not None and is_withdrawal(before.preferences, after.preferences, services.settings.consent):
        versions = await services.loras.take_back(await services.directory.identities_of(identity_of(event)))
        notice = withdrawal_notice(versions) if versions else ""
    reply, done = await _shown(services, event), join_sentences([gettext("Done."), notice])
    return msgspec.structs.replace(reply, text=f"{done}\n\n{reply.text}")


async def _shown(services: Services, event: Event) -> Reply:
    if services.profiles is None:
        return Reply(str(_NO_PROFILES))
    consent = await services.directory.consent(await services.directory.person_of(identity_of(event)))
    lines = [f"- {_LINES[name, getattr(consent, name)]}" for name in SWITCHES]
    memories = [] if services.ledger is None else await services.ledger.memories.of(identity_of(event))
    if memories and not consent.remember:
        lines[0] = join_sentences([lines[0], str(STILL_THERE)])
    lines.append("")  # ends the list
    lines.append(
        gettext(
            "What you wrote and I answered is kept until you erase it: `/export` shows all of it, and `/forget` erases "
            "it."
        )
    )
    if standing := await standing_tools(services, event):
        tools = ", ".join(f"`{tool}`" for tool in standing)
        lines.append(f"You let me use these tools without asking you: {tools}. `/permissions` changes that.")
    buttons = tuple(
        Button(str(_TURNS[name, is_on]), f"{PRIVACY}{name}:{'off' if is_on else 'on'}")
        for name in SWITCHES
        for is_on in [getattr(consent, name)]
        if name != TRAINING or consent.learning  # nothing is trained on somebody who is not learned from
    )
    return Reply("\n".join(lines), buttons=buttons)
