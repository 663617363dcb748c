"""Answers a tap on the question why a reply was not liked."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.events import Event
from llmagent_os.feedback.kept_reasons import OFFERED, OTHER, reason_row
from llmagent_os.feedback.reason_questions import ASK_WHY, NEVER, WHY, closed_question
from llmagent_os.handler import Outcome
from llmagent_os.identity import identity_of
from llmagent_os.languages import lazy_gettext
from llmagent_os.reply.button_answer import STALE
from llmagent_os.reply.interaction_record import fixed_outcome
from llmagent_os.reply.plugin_calls import private_reply
from llmagent_os.reply.reason_in_words import ask_for_words, disliked_by
from llmagent_os.reply.services import Services

_NOT_AGAIN = lazy_gettext("All right, I do not ask you why any more. `/profile ask why on` changes that.")


async def answer_reason_tap(services: Services, event: Event, value: str) -> Outcome:
    """Keep the reason that was tapped. Nothing is said about it: the platform shows that the tap was taken.

    Args:
        services: those of the agent.
        event: the press.
        value: the button's value. It comes from outside: it may be old, repeated or made up.
    """
    code, _, interaction_id = value.removeprefix(WHY).partition(":")
    if code == NEVER and services.profiles is not None:
        person_id = await services.directory.person_of(identity_of(event))
        await services.profiles.update(person_id, **{ASK_WHY: "off"})
        return await fixed_outcome(services, event, private_reply(event, Reply(str(_NOT_AGAIN))), intent="button")
    if code not in OFFERED:
        return Outcome(private_reply(event, Reply(str(STALE))))
    disliked = await disliked_by(services, event, interaction_id)
    if disliked is None:
        return Outcome(private_reply(event, closed_question()))
    if code == OTHER and event.conversation.kind == "direct":  # in a group, the next message may be for anybody
        return await ask_for_words(services, event, disliked)
    return Outcome(None, rewards=(reason_row(disliked, event, "add", event.at, code),))
