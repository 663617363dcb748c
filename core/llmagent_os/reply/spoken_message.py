"""Turns what a person said in a recording into words, and shows these words above the answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from llmagent_os.adapter_kit.files import discard
from llmagent_os.errors import LedgerError, RecordingError, VoiceBusyError, VoiceError
from llmagent_os.events import Attachment, Message
from llmagent_os.handler import Draft, Outcome
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.privacy.event_masking import mask_text
from llmagent_os.reply.services import Services
from llmagent_os.serving.token_tally import note_speech
from llmagent_os.voice.engines import Recording
from llmagent_os.voice.speech_length import speech_seconds

_log = structlog.stdlib.get_logger(__name__)

TOO_BUSY = lazy_gettext(
    "Too many recordings are waiting for me at the moment: please try again in a minute, or write it."
)
NO_ENGINE = lazy_gettext("I cannot listen at the moment: please write it instead.")

#: What Markdown would take for a mark inside a line. The words are shown as they were said.
_MARKS = re.compile(r"([\\`*_\[\]<>|~])")


class SpokenMessage(msgspec.Struct, frozen=True):
    """A message whose recordings were listened to."""

    message: Message  #: with the words in its text, and without the recordings
    transcript: str = ""  #: what was said, with secrets masked
    problem: str = ""  #: one sentence for the person: why nothing was understood; empty: it was


def recordings_in(services: Services, message: Message) -> tuple[Attachment, ...]:
    """The recordings of a message that are listened to.

    A voice message is one always. Another file with sound is one where it comes without words: with words, it is what
    they speak of.
    """
    if not services.voice.can_listen:
        return ()
    wordless = not message.text.strip()
    return tuple(
        file
        for file in message.attachments
        if file.path and (file.voice or (wordless and file.content_type.startswith("audio/")))
    )


@asynccontextmanager
async def listened(services: Services, message: Message) -> AsyncGenerator[SpokenMessage]:
    """Listen to the recordings of ``message``.

    They are erased at the end of the ``async with`` block, unless the bot keeps them, or the host stops in the middle:
    it will answer the message after its next start. Before that, the words take their place in the event that the
    ledger holds: the answer is not stored yet, and a crash has it made again.
    """
    recordings = recordings_in(services, message)
    stopped = False
    try:
        said = await _transcribed(services, message, recordings)
        yield said
        if said.transcript and not services.voice.keeps_recordings:
            await _keep_words(services, said.message)
    except asyncio.CancelledError:
        stopped = True
        raise
    finally:
        if not stopped and not services.voice.keeps_recordings:
            for each in recordings:
                await discard(each)


async def _keep_words(services: Services, message: Message) -> None:
    if services.ledger is None:
        return
    try:
        await services.ledger.put_instead(message)
    except LedgerError as error:  # the answer matters more, and may be stored the next moment
        _log.error("the words of a recording are not kept before it is erased", error=str(error))


async def _transcribed(services: Services, message: Message, recordings: tuple[Attachment, ...]) -> SpokenMessage:
    try:
        words: list[str] = []
        for each in recordings:
            recording = Recording(Path(each.path), each.content_type)
            words.append(await services.voice.transcribe(recording))
            note_speech(heard=speech_seconds(await recording.content()))
    except RecordingError as error:
        return SpokenMessage(message, problem=str(error))
    except VoiceBusyError:
        return SpokenMessage(message, problem=str(TOO_BUSY))
    except VoiceError as error:
        _log.error("a recording could not be listened to", error=str(error))
        return SpokenMessage(message, problem=str(NO_ENGINE))
    transcript = await mask_text(" ".join(words))
    others = tuple(file for file in message.attachments if file not in recordings)
    text = "\n".join(filter(None, (message.text.strip(), transcript)))
    return SpokenMessage(msgspec.structs.replace(message, text=text, attachments=others), transcript)


def quoted(transcript: str, text: str = "") -> str:
    r"""``text`` under the words that were understood, as Markdown.

    >>> print(quoted("book lunch at 3", "Booked."))
    > You said: book lunch at 3
    <BLANKLINE>
    Booked.
    """
    words = _MARKS.sub(r"\\\1", " ".join(transcript.split()))
    said = gettext("You said: {words}", words=words)
    return f"> {said}\n\n{text}".strip()


def quoting(draft: Draft, transcript: str) -> Draft:
    """A draft that shows the words above the reply."""

    async def show(text: str) -> None:
        await draft(quoted(transcript, text))

    return show


def with_transcript(outcome: Outcome, transcript: str) -> Outcome:
    """``outcome`` with the words above its reply. What the ledger keeps stays as it is: it has the words as said."""
    if outcome.reply is None:
        return outcome
    reply = msgspec.structs.replace(outcome.reply, text=quoted(transcript, outcome.reply.text))
    return msgspec.structs.replace(outcome, reply=reply)
