"""Asks a person once, when something is first learned of them, what the bot may do with what it hears."""

from __future__ import annotations

import msgspec
import structlog

from llmagent_os.errors import ProfileError
from llmagent_os.events import Event
from llmagent_os.handler import Outcome
from llmagent_os.identity import Identity, identity_of
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.people.profiles import Profile
from llmagent_os.privacy.consent import Consent, consent_of
from llmagent_os.reply.quiet_times import quiet_until
from llmagent_os.reply.services import Services
from llmagent_os.tools.button_labels import NO, YES

_log = structlog.stdlib.get_logger(__name__)


#: What the bot does with what it hears, by switch, and that it does not.
_DOES = (
    (
        lazy_gettext("I remember what you tell me about yourself."),
        lazy_gettext("I do not remember what you tell me about yourself."),
    ),
    (lazy_gettext("I learn from your reactions."), lazy_gettext("I do not learn from your reactions.")),
    (lazy_gettext("I train models on our conversations."), lazy_gettext("I do not train models on our conversations.")),
)


def question(consent: Consent) -> str:
    """The question, as it stands below a reply.

    >>> question(Consent(training=False))[:90]
    'Before we go on: I remember what you tell me about yourself. I learn from your reactions. '
    """
    on = (consent.remember, consent.learning, consent.training)
    said = join_sentences([str(does if is_on else does_not) for (does, does_not), is_on in zip(_DOES, on, strict=True)])
    asked = gettext(
        "Before we go on: {said} Is that all right? `/privacy` shows all three, and changes any of them at any time.",
        said=said,
    )
    shows = gettext("`/memory` shows and deletes what I remember.") if consent.remember else ""
    return join_sentences([asked, shows])


async def _knows_something(services: Services, profile: Profile, identity: Identity) -> bool:
    """Whether the person has told something that is kept, or has reacted to a reply."""
    if profile.name or profile.place or profile.time_zone or profile.preferences:
        return True
    ledger = services.ledger
    return ledger is not None and bool(await ledger.memories.of(identity) or await ledger.opinions(profile.user_id, ()))


async def with_consent_question(services: Services, event: Event, outcome: Outcome) -> Outcome:
    """``outcome`` with the question below its reply, if something was learned of a person who was not asked before.

    Args:
        services: the profiles, and what the owner decides.
        event: what was answered.
        outcome: the answer. What the ledger keeps of it stays as it is: the question is not the model's.
    """
    profiles = services.profiles
    if not services.settings.asks_consent or profiles is None or outcome.reply is None or outcome.erases:
        return outcome
    if any(button.label in (str(YES), str(NO)) for button in outcome.reply.buttons):
        return outcome  # they answer another question; the next reply asks
    identity = identity_of(event)
    person_id = await services.directory.person_of(identity)
    profile = await profiles.get(person_id)
    if profile.told_at is not None or not (outcome.rewards or await _knows_something(services, profile, identity)):
        return outcome
    if await quiet_until(services, event) is not None:  # the first reply after that asks
        return outcome
    try:
        await profiles.note_told(person_id, services.settings.consent)
    except ProfileError as error:
        _log.error("it cannot be noted that a person was asked for consent; they are asked again", error=str(error))
        return outcome
    asked = question(consent_of(profile.preferences, services.settings.consent))
    reply = msgspec.structs.replace(outcome.reply, text=f"{outcome.reply.text}\n\n{asked}")
    return msgspec.structs.replace(outcome, reply=reply)
