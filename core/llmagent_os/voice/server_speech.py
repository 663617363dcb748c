"""Engines on OpenAI-compatible servers: speaches (faster-whisper-server), vLLM, LocalAI, a cloud.

API: https://platform.openai.com/docs/api-reference/audio, ``/audio/transcriptions`` and ``/audio/speech``.
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llmagent_os.errors import RecordingError, VoiceBusyError, VoiceError
from llmagent_os.voice.engine_order import OGG_MAGIC, EngineOrder
from llmagent_os.voice.engine_process import MAX_WAITING, EngineProcess
from llmagent_os.voice.engines import Recording
from llmagent_os.voice.recording_problems import NOT_UNDERSTOOD
from llmagent_os.voice.voice_packages import can_read_sound

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")

#: The largest sound that a server may answer with, in bytes.
MAX_ANSWER_BYTES = 20_000_000


class SpeechServer:
    """The connection to one server, which both engines may share the settings of."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float) -> None:
        """Args:
        base_url: of the server; empty: OpenAI's cloud.
        api_key: what the server wants to see; empty: nothing.
        timeout: seconds for one answer.
        """
        self._base_url = base_url
        self._api_key = api_key
        self._timeout = timeout
        self._client: AsyncOpenAI | None = None
        self._waiting = 0

    async def ask(self, request: Callable[[AsyncOpenAI], Awaitable[T]]) -> T:
        """Send one request.

        Raises:
            VoiceBusyError: too many requests wait for the server already.
            VoiceError: the server does not answer, or refuses.
        """
        if self._waiting >= MAX_WAITING:
            raise VoiceBusyError
        self._waiting += 1
        try:
            client = await self._connected()
            from openai import OpenAIError

            try:
                async with asyncio.timeout(self._timeout):
                    return await request(client)
            except TimeoutError as error:
                raise VoiceError(f"{self._where} did not answer within {self._timeout:g} s") from error
            except OpenAIError as error:
                raise VoiceError(f"{self._where}: {error}") from error
        finally:
            self._waiting -= 1

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> AsyncOpenAI:
        client = self._client
        if client is None:
            module = await asyncio.to_thread(import_module, "openai")  # the import takes half a second
            client = cast(
                "AsyncOpenAI",
                module.AsyncOpenAI(
                    base_url=self._base_url or None,
                    api_key=self._api_key or "none",
                    timeout=self._timeout,
                    max_retries=1,
                ),
            )
            self._client = client
        return client

    @property
    def _where(self) -> str:
        return self._base_url or "OpenAI's cloud"


class ServerTranscriber:
    """A speech-to-text model on a server."""

    def __init__(self, server: SpeechServer, model: str, *, language: str, max_seconds: float) -> None:
        """Args:
        server: where the model is.
        model: its name there.
        language: that is spoken, as ISO 639-1; empty: the model finds out.
        max_seconds: longer recordings are refused, where PyAV can tell how long they are.
        """
        self._server = server
        self._model = model
        self._language = language
        # damaged, endless and silent files need not travel
        self._check = EngineProcess(EngineOrder(engine="check", max_seconds=max_seconds)) if can_read_sound() else None

    async def transcribe(self, recording: Recording) -> str:
        """See :meth:`llmagent_os.voice.engines.Transcriber.transcribe`."""
        if self._check is not None:
            await self._check.transcribe(recording)
        file = (_file_name(recording), await recording.content(), recording.content_type)

        async def request(client: AsyncOpenAI) -> str:
            told: dict[str, Any] = {"language": self._language} if self._language else {}
            create = cast("Any", client.audio.transcriptions.create)
            answer = await create(model=self._model, file=file, **told)
            return str(answer.text or "").strip()

        if not (words := await self._server.ask(request)):
            raise RecordingError(str(NOT_UNDERSTOOD))
        return words

    async def aclose(self) -> None:
        await self._server.aclose()
        if self._check is not None:
            await self._check.aclose()


class ServerSpeaker:
    """A text-to-speech model on a server."""

    def __init__(self, server: SpeechServer, model: str, *, voice: str, max_seconds: float) -> None:
        """Args:
        server: where the model is.
        model: its name there.
        voice: the name of a voice there; empty: ``alloy``, which OpenAI's models and most servers know.
        max_seconds: of a sound in another format than Ogg, which is converted.
        """
        self._server = server
        self._model = model
        self._voice = voice or "alloy"
        self._max_seconds = max_seconds

    async def speak(self, text: str) -> bytes:
        """See :meth:`llmagent_os.voice.engines.Speaker.speak`."""

        async def request(client: AsyncOpenAI) -> bytes:
            create = client.audio.speech.with_streaming_response.create
            sound = bytearray()
            async with create(model=self._model, voice=self._voice, input=text, response_format="opus") as answer:
                async for chunk in answer.iter_bytes():
                    sound += chunk
                    if len(sound) > MAX_ANSWER_BYTES:
                        raise VoiceError(f"the server spoke more than {MAX_ANSWER_BYTES // 1_000_000} MB")
            return bytes(sound)

        sound = await self._server.ask(request)
        if sound.startswith(OGG_MAGIC):
            return sound
        if not can_read_sound():
            raise VoiceError("the server speaks another format than Ogg/Opus, and PyAV is not installed to convert it")
        from llmagent_os.voice.sound_files import to_ogg_opus  # imports numpy

        return await asyncio.to_thread(to_ogg_opus, sound, self._max_seconds)

    async def aclose(self) -> None:
        await self._server.aclose()


def _file_name(recording: Recording) -> str:
    """A name whose ending says the format: servers go by it. The person's own name of the file stays here."""
    kind = recording.content_type.split(";")[0].strip()
    ending = recording.path.suffix or {"audio/webm": ".webm", "audio/ogg": ".ogg"}.get(kind, "")
    return f"recording{ending or mimetypes.guess_extension(kind) or '.ogg'}"
