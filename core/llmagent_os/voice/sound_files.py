"""Sound files: every common format in, Ogg/Opus out. FFmpeg does the work, inside PyAV (BSD-3-Clause).

PyAV's packages bring FFmpeg's libraries and libopus along, so that no program has to be installed beside them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from llmagent_os.errors import RecordingError, VoiceError
from llmagent_os.voice.engine_order import OGG_MAGIC
from llmagent_os.voice.recording_problems import GONE, NO_SOUND, too_long
from llmagent_os.voice.sound import LISTENING_RATE, Sound

#: Bits a second of spoken replies. Opus carries speech well from 24 kbit/s on.
OPUS_BITS = 32_000

#: The rate at which Opus is encoded here. Telegram, Slack and browsers play it.
OPUS_RATE = 48_000

#: The formats that are read. Others, such as playlists, could name further files or addresses to be opened.
FORMATS = "ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,wav,w64,flac,aac,amr,amrnb,amrwb,caf,aiff,asf"
_OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}


def _pyav() -> Any:
    """PyAV, which is loaded by the first sound. Its types are known in part only."""
    import av

    return av


def read_sound(file: Path | BinaryIO, max_seconds: float) -> Sound:
    """Decode a file into one channel at 16 kHz.

    The length that a file claims is not trusted: decoding ends where the limit is passed.

    Args:
        file: its path, or itself, in any format that FFmpeg knows: Ogg, WebM, MP4, MP3, WAV, FLAC, AMR and others.
            The sound of a video is read as well.
        max_seconds: the longest recording that is taken.

    Raises:
        RecordingError: the recording is too long, or damaged, or no sound, or gone. The message is for its sender.
    """
    av = _pyav()
    parts: list[NDArray[np.float32]] = []
    count, most = 0, int(max_seconds * LISTENING_RATE)
    try:
        with av.open(
            str(file) if isinstance(file, Path) else file, mode="r", metadata_errors="ignore", options=_OPTIONS
        ) as container:
            for part in _decoded(container):
                parts.append(part)
                count += len(part)
                if count > most:
                    raise RecordingError(too_long(max_seconds))
    except FileNotFoundError as error:
        raise RecordingError(str(GONE)) from error
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise RecordingError(str(NO_SOUND)) from error
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return Sound(np.nan_to_num(np.clip(samples, -1.0, 1.0)), LISTENING_RATE)


def _decoded(container: Any) -> Iterator[NDArray[np.float32]]:
    """The first sound track, in parts of shape (samples,) at 16 kHz."""
    if not container.streams.audio:
        raise ValueError("there is no sound in the file")
    resampler = _pyav().AudioResampler(format="flt", layout="mono", rate=LISTENING_RATE)
    for frame in container.decode(container.streams.audio[0]):
        for each in resampler.resample(frame):
            yield each.to_ndarray().reshape(-1)
    for each in resampler.resample(None):
        yield each.to_ndarray().reshape(-1)


def as_ogg_opus(sound: Sound) -> bytes:
    """Encode a sound as an Ogg file with Opus (RFC 7845), as Telegram's voice messages are."""
    av = _pyav()
    out = io.BytesIO()
    with av.open(out, mode="w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=OPUS_RATE)
        stream.bit_rate = OPUS_BITS
        stream.layout = "mono"
        resampler = av.AudioResampler(format="s16", layout="mono", rate=OPUS_RATE)
        pcm = (np.clip(sound.samples, -1.0, 1.0) * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sound.rate, 0, Fraction(1, sound.rate)
        for each in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return out.getvalue()


def to_ogg_opus(data: bytes, max_seconds: float) -> bytes:
    """``data``, a sound file in any format, as Ogg/Opus.

    Raises:
        VoiceError: it is no sound, or PyAV is not installed.
    """
    av = _pyav()
    if data.startswith(OGG_MAGIC):
        return data
    try:
        with av.open(io.BytesIO(data), mode="r", metadata_errors="ignore", options=_OPTIONS) as container:
            parts = list(_decoded(container))
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise VoiceError(f"what the server spoke is no sound that can be read: {error}") from error
    samples = np.concatenate(parts)[: int(max_seconds * LISTENING_RATE)] if parts else np.zeros(0, np.float32)
    return as_ogg_opus(Sound(samples, LISTENING_RATE))
