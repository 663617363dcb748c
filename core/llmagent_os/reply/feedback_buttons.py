"""Decides under which replies people are asked, by two buttons, what they think of the reply."""

from __future__ import annotations

import msgspec

from llmagent_os.events import Event
from llmagent_os.handler import Outcome
from llmagent_os.identity import identity_of
from llmagent_os.reply.services import Services


async def asking_feedback(services: Services, event: Event, outcome: Outcome) -> Outcome:
    """``outcome`` with a thumb up and a thumb down under its reply, where the bot has them on that platform.

    Only under replies that a verdict can teach something about: a behaviour was chosen for them, and the person allows
    the bot to learn. A list that a command shows has none, and neither has a reply that one person alone sees in a
    group.
    """
    reply, interaction = outcome.reply, outcome.interaction
    if event.conversation.platform not in services.settings.feedback_buttons:
        return outcome
    if reply is None or reply.only_for or outcome.erases:
        return outcome
    if interaction is None or not interaction.action or interaction.context.get("intent") == "talk":
        return outcome
    directory = services.directory
    if not await directory.consents(await directory.person_of(identity_of(event))):
        return outcome
    return msgspec.structs.replace(outcome, reply=msgspec.structs.replace(reply, asks_feedback=True))
