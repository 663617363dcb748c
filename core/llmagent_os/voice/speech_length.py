"""How long a recording is, without decoding it: counting needs no PyAV then, and opens nothing hostile."""

from __future__ import annotations

import wave
from io import BytesIO

from llmagent_os.voice.engine_order import OGG_MAGIC

#: Samples a second by which Opus counts in Ogg, whatever it was recorded with (RFC 7845).
_OPUS_CLOCK = 48_000

#: Bits a second of speech: the fewest and the most that Opus takes (RFC 6716), and what platforms record with.
_FEWEST, _MOST, _USUAL = 6_000, 510_000, 32_000

#: Where a page of Ogg has its position, which is that of its last sample (RFC 3533).
_POSITION_AT = 6


def speech_seconds(data: bytes) -> float:
    """The length of a sound file, in seconds: as an Ogg file's last page or a WAV file's head says, else by its size.

    A file that claims what its size cannot hold is taken at the bound of what it can.

    >>> page = b"OggS" + bytes(2) + (96_000).to_bytes(8, "little") + bytes(5_000)
    >>> speech_seconds(page), speech_seconds(bytes(40_000))
    (2.0, 10.0)
    """
    bits = 8 * len(data)
    if data.startswith(b"RIFF"):
        return _wave_seconds(data)
    page = data.rfind(OGG_MAGIC)
    if not data.startswith(OGG_MAGIC) or len(data) < page + _POSITION_AT + 8:
        return bits / _USUAL
    position = int.from_bytes(data[page + _POSITION_AT : page + _POSITION_AT + 8], "little", signed=True)
    return min(max(position / _OPUS_CLOCK, bits / _MOST), bits / _FEWEST)


def _wave_seconds(data: bytes) -> float:
    try:
        with wave.open(BytesIO(data)) as sound:
            bytes_a_second = sound.getframerate() * sound.getnchannels() * sound.getsampwidth()
    except (wave.Error, EOFError, RuntimeError):  # compressed, or damaged
        return 8 * len(data) / _USUAL
    return 8.0 * len(data) / max(8 * int(bytes_a_second), _FEWEST)
