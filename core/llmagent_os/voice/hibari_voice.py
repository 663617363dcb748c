"""Text to speech with hibari (Apache-2.0): the default that speaks offline. It speaks English.

The package ``hibari-tts`` brings one voice, 8 MB of ONNX. Its other voices are downloaded from the Hugging Face hub
when they are used for the first time.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from llmagent_os.errors import ConfigError, VoiceError
from llmagent_os.voice.sound import Sound
from llmagent_os.voice.spoken_text import is_latin
from llmagent_os.voice.voice_packages import INSTALL


class HibariVoice:
    """One voice of hibari."""

    def __init__(self, voice: str = "", *, threads: int = 1) -> None:
        """Load the voice.

        Args:
            voice: its name; empty: ``heart``, which the package holds.
            threads: of the processor.

        Raises:
            ConfigError: there is no such voice, or hibari is not installed.
            VoiceError: the voice cannot be loaded, or downloaded.
        """
        try:
            import hibari  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
            import hibari.voices  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            raise ConfigError(f"voice: hibari-tts is not installed: {INSTALL}") from error
        engine = cast("Any", hibari)
        known = cast("dict[str, Any]", engine.voices.VOICES)
        if voice and voice not in known:
            raise ConfigError(f"`voice.voice` {voice!r} is no voice of hibari: {', '.join(sorted(known))}")
        try:
            self._model = engine.Hibari(voice or "heart", threads=threads)
        except (OSError, RuntimeError, ValueError) as error:
            raise VoiceError(f"the voice {voice or 'heart'!r} cannot be loaded: {error}") from error
        self._rate = int(engine.SAMPLE_RATE)

    def speak(self, text: str) -> Sound:
        """See :meth:`llmagent_os.voice.engines.LocalSpeaker.speak`. The same text gives the same sound."""
        if not is_latin(text):
            raise VoiceError("the voice speaks English only, and the text is in another script")
        samples = np.asarray(self._model(text, seed=0), np.float32).reshape(-1)
        if not len(samples):
            raise VoiceError("there is nothing to say in the text")
        return Sound(samples, self._rate)
