"""Whisper-class models through transformers, from safetensors: a folder, or a name on the Hugging Face hub.

Any model works that transformers lists as a speech-to-text model and whose processor takes sound: Whisper of every size
and language, distil-whisper, Moonshine.
"""

from __future__ import annotations

from typing import Any

from llmagent_os.errors import VoiceError
from llmagent_os.voice.sound import Sound

#: Tokens of one part of a recording: Whisper's decoder ends at 448, its prompt included.
MAX_TOKENS = 440

#: Length of the parts that a long recording is heard in, in seconds: the window of Whisper.
WINDOW_SECONDS = 30.0


class TransformersWhisper:
    """A speech-to-text model of transformers."""

    def __init__(self, model: str, *, language: str = "", device: str = "cpu") -> None:
        """Load the model.

        Args:
            model: a folder, or a name on the hub.
            language: that is spoken, as ISO 639-1; empty: the model finds out. An English model ignores it.
            device: ``cpu`` or ``cuda``.

        Raises:
            VoiceError: the model cannot be loaded.
        """
        try:
            from transformers import AutoModelForSpeechSeq2Seq, AutoProcessor

            self._processor = AutoProcessor.from_pretrained(model, trust_remote_code=False)
            loaded = AutoModelForSpeechSeq2Seq.from_pretrained(model, use_safetensors=True, trust_remote_code=False)
            self._model = loaded.to(device).eval()
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            raise VoiceError(f"the model {model!r} that listens cannot be loaded: {error}") from error
        self._language = language
        self._device = device

    def transcribe(self, sound: Sound) -> str:
        """See :meth:`llmagent_os.voice.engines.LocalTranscriber.transcribe`."""
        step = int(WINDOW_SECONDS * sound.rate)
        windows = [sound.samples[start : start + step] for start in range(0, len(sound.samples), step)]
        return " ".join(filter(None, (self._window(samples, sound.rate) for samples in windows)))

    def _window(self, samples: Any, rate: int) -> str:
        import torch

        features = self._processor(samples, sampling_rate=rate, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            tokens = self._model.generate(**features, max_new_tokens=MAX_TOKENS, do_sample=False, **self._spoken())
        return str(self._processor.batch_decode(tokens, skip_special_tokens=True)[0]).strip()

    def _spoken(self) -> dict[str, str]:
        """The language, for models that can be told."""
        multilingual = bool(getattr(self._model.generation_config, "is_multilingual", False))
        return {"language": self._language, "task": "transcribe"} if multilingual and self._language else {}
