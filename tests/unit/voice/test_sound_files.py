"""What breaks without this: a voice message that a platform sends is not understood, or a hostile file does harm."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from llmagent_os.errors import RecordingError, VoiceError
from llmagent_os.voice.engine_order import OGG_MAGIC
from llmagent_os.voice.recording_problems import GONE, too_long
from llmagent_os.voice.sound import Sound
from llmagent_os.voice.sound_files import as_ogg_opus, read_sound, to_ogg_opus
from tests.unit.voice.recordings import as_wav, tone, written


def in_format(sound: Sound, container: str, codec: str) -> bytes:
    """``sound`` as other programs write it."""
    out = io.BytesIO()
    library: Any = av
    with library.open(out, mode="w", format=container) as file:
        stream = file.add_stream(codec, rate=48_000)
        stream.layout = "mono"
        resampler = library.AudioResampler(format=stream.codec_context.format or "fltp", layout="mono", rate=48_000)
        frame = library.AudioFrame.from_ndarray(sound.samples.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = sound.rate
        for each in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(each))
        file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "name"),
    [
        ("ogg", "libopus", "voice.oga"),  # Telegram, Discord, Firefox
        ("webm", "libopus", "recording.webm"),  # Chromium
        ("ipod", "aac", "audio_message.m4a"),  # Slack, Safari
        ("mp3", "mp3", "memo.mp3"),
        ("flac", "flac", "memo.flac"),
    ],
)
def test_what_platforms_and_browsers_record_is_read(tmp_path: Path, container: str, codec: str, name: str) -> None:
    sound = read_sound(written(tmp_path, in_format(tone(1.5), container, codec), name), 10)
    assert sound.rate == 16_000
    assert sound.seconds == pytest.approx(1.5, abs=0.1)
    assert not sound.is_silent
    strongest = np.fft.rfftfreq(len(sound.samples), 1 / sound.rate)[np.abs(np.fft.rfft(sound.samples)).argmax()]
    assert strongest == pytest.approx(440, abs=2), "the pitch would be wrong if a rate were mixed up"


def test_the_name_and_the_claimed_type_of_a_file_do_not_matter(tmp_path: Path) -> None:
    path = written(tmp_path, as_wav(tone(1).samples), "song.mp3")
    assert read_sound(path, 10).seconds == pytest.approx(1)


def test_opus_is_made_for_voice_messages(tmp_path: Path) -> None:
    data = as_ogg_opus(tone(2, rate=24_000))
    assert data.startswith(OGG_MAGIC)
    assert b"OpusHead" in data[:100]
    assert len(data) < 2 * 8_000, "more than 64 kbit/s"
    assert read_sound(written(tmp_path, data), 10).seconds == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello, I am a text file",
        bytes(5000),
        OGG_MAGIC + bytes(range(256)) * 20,
        as_wav(tone(0.1).samples)[:20],
        b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/secret.ogg\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ],
    ids=["empty", "text", "zeros", "ogg-and-rubbish", "cut-header", "playlist", "concat"],
)
def test_what_is_no_sound_is_said_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(RecordingError, match="damaged, or it is no sound"):
        read_sound(written(tmp_path, data), 10)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    """FFmpeg would read the files and addresses that a playlist names: another recording, or a server inside."""
    other = written(tmp_path, as_wav(tone(1).samples), "other.wav")
    for text in (f"#EXTM3U\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n", f"ffconcat version 1.0\nfile '{other}'\n"):
        with pytest.raises(RecordingError):
            read_sound(written(tmp_path, text.encode(), "list.ogg"), 10)


def test_an_endless_recording_is_refused_while_it_is_decoded(tmp_path: Path) -> None:
    path = written(tmp_path, as_ogg_opus(tone(20, rate=24_000)))
    with pytest.raises(RecordingError, match="longer than 5 seconds"):
        read_sound(path, 5)
    assert too_long(60) == "Your recording is longer than a minute: please send a shorter one."


def test_a_recording_that_is_gone_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="send it again") as raised:
        read_sound(tmp_path / "nothing.ogg", 5)
    assert str(raised.value) == str(GONE)


def test_a_server_s_sound_becomes_opus() -> None:
    opus = as_ogg_opus(tone(1))
    assert to_ogg_opus(opus, 10) is opus
    assert to_ogg_opus(as_wav(tone(1).samples), 10).startswith(OGG_MAGIC)
    with pytest.raises(VoiceError, match="no sound"):
        to_ogg_opus(b"<html>Bad gateway</html>", 10)


@pytest.mark.parametrize(("level", "silent"), [(0.0, True), (0.0005, True), (0.005, False), (0.5, False)])
def test_silence_is_told_from_quiet_speech(level: float, silent: bool) -> None:
    assert tone(1, level=level).is_silent is silent
    assert Sound(np.zeros(0, np.float32), 16_000).is_silent
