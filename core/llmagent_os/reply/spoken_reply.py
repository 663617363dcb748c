"""Reads replies aloud to people who want to hear them."""

from __future__ import annotations

import hashlib

import msgspec
import structlog

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.outgoing_files import OutgoingFiles
from llmagent_os.errors import VoiceError
from llmagent_os.events import ButtonPress, Event, Message, Timer, event_key
from llmagent_os.handler import Outcome
from llmagent_os.identity import identity_of, person_kept_under
from llmagent_os.languages import lazy_gettext
from llmagent_os.reply.services import Services
from llmagent_os.serving.token_tally import note_speech
from llmagent_os.voice.engine_order import OGG_ENDING
from llmagent_os.voice.speech_length import speech_seconds

_log = structlog.stdlib.get_logger(__name__)

#: Stands under a reply that the person wants to hear, and that could not be read aloud.
NOT_SPOKEN = lazy_gettext("(I could not read this aloud.)")


async def spoken(services: Services, event: Event, outcome: Outcome) -> Outcome:
    """``outcome`` with its reply read aloud, where the person of ``event`` wants that.

    Answers to slash commands are only shown: they are lists. A reply that cannot be read aloud is sent without sound.
    """
    reply = outcome.reply
    if reply is None or outcome.erases or not services.voice.can_speak:
        return outcome
    if not isinstance(event, Message | ButtonPress | Timer):
        return outcome
    profile = await services.directory.profile_of(event)
    if services.interaction.interface_of(profile.preferences) != "voice":
        return outcome
    return msgspec.structs.replace(outcome, reply=await _with_speech(services, event, reply))


async def _with_speech(services: Services, event: Event, reply: Reply) -> Reply:
    whole = f"{reply.body}\n{reply.card.as_text()}" if reply.card else reply.body
    # The same name at every try, and another one for every reply: the page of the web chat plays earlier ones, too.
    name = f"reply-{hashlib.sha256(event_key(event).encode()).hexdigest()[:12]}{OGG_ENDING}"
    files = OutgoingFiles(services.outgoing, person_kept_under(identity_of(event)))
    try:
        sound = await services.voice.speak(whole)
        note_speech(spoken=speech_seconds(sound))
        speech = await files.write(name, sound)
    except (VoiceError, OSError) as error:  # also where the disk is full
        _log.error("a reply could not be read aloud", error=str(error))
        return msgspec.structs.replace(reply, text=f"{reply.text}\n\n{NOT_SPOKEN}")
    return msgspec.structs.replace(reply, speech=speech)
