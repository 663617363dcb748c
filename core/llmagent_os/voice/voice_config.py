"""``[voice]`` in a bot's TOML file: which engines listen and speak."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

#: Begins the name of a model on an OpenAI-compatible server.
SERVER = "openai:"
#: Begins the name of a model that transformers runs in this process.
TRANSFORMERS = "transformers:"
#: Begins the folder of a model in CTranslate2's format.
FOLDER = "local:"
#: The offline engines if they are installed; the offline engines, which must be there; no engine.
AUTO, LOCAL, OFF = "auto", "local", "off"


def _transcriber(text: str) -> str:
    if text in (AUTO, LOCAL, OFF) or re.fullmatch(r"(openai|transformers|local):\S.*", text):
        return text
    raise ValueError(
        'write "auto", "off", "local", "local:FOLDER" with a Whisper model for CTranslate2, "openai:MODEL" or '
        '"transformers:MODEL"'
    )


def _speaker(text: str) -> str:
    if text in (AUTO, LOCAL, OFF) or re.fullmatch(r"openai:\S.*", text):
        return text
    raise ValueError('write "auto", "off", "local" or "openai:MODEL"')


class VoiceConfig(BaseModel):
    """How a bot listens and speaks.

    >>> VoiceConfig().transcriber, VoiceConfig(speaker="openai:tts-1").speaker
    ('auto', 'openai:tts-1')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: what listens; ``auto``: Whisper offline, if the extra ``voice`` is installed
    transcriber: Annotated[str, AfterValidator(_transcriber)] = AUTO
    #: what speaks; ``auto``: hibari offline, if the extra ``voice`` is installed
    speaker: Annotated[str, AfterValidator(_speaker)] = AUTO
    voice: str = ""  #: the name of a voice of the speaker; empty: its usual one
    #: that people speak, as ISO 639-1; empty: the transcriber finds out
    language: Annotated[str, StringConstraints(pattern=r"^([a-z]{2,3})?$")] = "en"
    max_seconds: float = Field(default=120.0, ge=1.0, le=1800.0)  #: the longest recording that is listened to
    server_seconds: float = Field(default=60.0, gt=0.0, le=600.0)  #: for one answer of a server
    #: whether recordings stay after they were turned into words, for as long as other files that people send
    keep_recordings: bool = False
