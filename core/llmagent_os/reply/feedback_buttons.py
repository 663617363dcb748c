"""Decides under which replies people are asked, by two buttons, what they think of the reply."""

from __future__ import annotations

import msgspec

from llmagent_os.events import Event
from llmagent_os.handler import Outcome
from llmagent_os.reply.services import Services


def asking_feedback(services: Services, event: Event, outcome: Outcome) -> Outcome:
    """``outcome`` with a thumb up and a thumb down under its reply, where the bot has them on that platform.

    Only under replies that a behaviour was chosen for: a verdict on these teaches the bot. A list that a command
    shows has none, and neither has a reply that one person alone sees in a group.
    """
    reply, interaction = outcome.reply, outcome.interaction
    if reply is None or reply.only_for or interaction is None or not interaction.action or outcome.erases:
        return outcome
    if event.conversation.platform not in services.settings.feedback_buttons:
        return outcome
    return msgspec.structs.replace(outcome, reply=msgspec.structs.replace(reply, asks_feedback=True))
