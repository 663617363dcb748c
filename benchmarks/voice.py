"""How well and how fast the offline voice listens and speaks.

    python -m benchmarks.voice [--sentences N] [--quick]

Sentences are spoken by hibari at several speeds and pitches, and by espeak-ng's voices where the program is installed
(Debian: ``apt-get install espeak-ng``). What is spoken goes through Ogg/Opus, as on a platform, then through
``read_sound`` and the model that listens. Word error rates are those of Whisper's English normalizer. Noise is added at
a signal-to-noise ratio in dB; babble is six other sentences at once. Sounds without words must be refused.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

from llmagent_os.voice.hibari_voice import HibariVoice
from llmagent_os.voice.sound import LISTENING_RATE, Sound
from llmagent_os.voice.sound_files import as_ogg_opus, read_sound
from llmagent_os.voice.whisper_ctranslate2 import CTranslate2Whisper

SENTENCES = """
Put a haircut in my calendar for Thursday at half past two.
Is there anything on my schedule this Saturday evening?
Please move the budget review from Monday to the following Wednesday.
Could you cancel tomorrow's call with the landlord?
I need a reminder to water the plants every second day.
What time does my flight to Madrid leave on the nineteenth?
Add a parent teacher conference on the fourth of May at five fifteen.
Who am I meeting on Friday before lunch?
Push everything after three o'clock back by twenty minutes.
Delete the old gym session and make a new one at seven.
Tell me what my week looks like.
I would rather have short answers from now on.
Block two hours on Tuesday for writing the report.
When is the next public holiday?
My name is Olivia, and I live in Lisbon.
Rename the team lunch to farewell party for George.
How long is the workshop on the twelfth of October?
Invite the whole marketing group to the planning session.
Set an alarm for a quarter to six in the morning.
Change the location of the interview to the main office.
Did I already answer the letter from the insurance company?
Let us have dinner with my parents on Sunday at eight.
Is the dentist appointment still on the calendar?
Find a free hour for a walk in the park this afternoon.
The concert was moved from the eighth to the fifteenth of June.
Never mind, leave it as it was.
Can you explain in simple words how a vaccine works?
Write down that the garage code has changed.
I have to pick up my daughter from swimming at four thirty.
Every first Monday of the month there is a board meeting.
Which of my meetings overlap next week?
Skip the yoga class during the holidays.
Book the small conference room for ten people.
Good morning, what is the plan for today?
Please speak a little more slowly.
The delivery should arrive between nine and eleven.
My brother's birthday is on the thirtieth of August.
Shorten the meeting with the accountant to forty five minutes.
Thanks, that is exactly what I wanted to know.
Make the doctor's visit private so that nobody else can see it.
""".strip().splitlines()

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Speaker:
    """A voice, and whose it is."""

    name: str
    say: Callable[[str], Sound]


@dataclass
class Score:
    """Errors and costs of one condition."""

    errors: int = 0  #: substitutions, insertions and deletions of words
    words: int = 0
    wrong: int = 0  #: sentences with an error
    refused: int = 0  #: sentences that were not understood, and that the person is asked to repeat
    silently_wrong: int = 0  #: sentences with an error that were not refused
    seconds: float = 0.0  #: of sound
    cpu: float = 0.0  #: processor seconds of listening
    examples: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def row(self, *names: str) -> str:
        count = max(len(self.examples), 1)
        named = " | ".join(names)
        return (
            f"| {named} | {self.errors / max(self.words, 1):.3f} | {self.wrong} of {count} | {self.refused} "
            f"| {self.cpu / max(self.seconds, 0.1):.2f} |"
        )


def word_errors(said: str, understood: str, normalize: Callable[[str], str]) -> tuple[int, int]:
    """Edit distance in words, and the number of words that were said."""
    a, b = normalize(said).split(), normalize(understood).split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1], len(a)


def stretched(sound: Sound, factor: float) -> Sound:
    """Played ``factor`` times as fast: the pitch rises with it."""
    return Sound(sound.samples, int(sound.rate * factor))


def espeak(voice: str) -> Callable[[str], Sound]:
    def say(text: str) -> Sound:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", file.name, text], check=True)
            with wave.open(file.name) as wav:
                pcm = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
                return Sound((pcm / 32768).astype(np.float32), wav.getframerate())

    return say


def speakers(hibari: HibariVoice) -> Iterator[Speaker]:
    yield Speaker("hibari heart", hibari.speak)
    yield Speaker("hibari, 20 % faster and higher", lambda text: stretched(hibari.speak(text), 1.2))
    yield Speaker("hibari, 18 % slower and lower", lambda text: stretched(hibari.speak(text), 0.82))
    if shutil.which("espeak-ng") is None:
        print("espeak-ng is not installed: its voices are left out")
        return
    for voice in ("en-us", "en-us+f3", "en-gb", "en-gb-scotland"):
        yield Speaker(f"espeak-ng {voice}", espeak(voice))


def at_listening_rate(sound: Sound, folder: Path) -> Samples:
    """Through Ogg/Opus and back, as a recording of a platform."""
    path = folder / "recording.ogg"
    path.write_bytes(as_ogg_opus(sound))
    return read_sound(path, 600.0).samples


def mixed(speech: Samples, noise: Samples, ratio: float) -> Samples:
    """``speech`` with ``noise`` at a signal-to-noise ratio in dB."""
    noise = np.resize(noise, speech.shape)
    power = float(np.mean(speech**2)) / max(float(np.mean(noise**2)), 1e-12) / 10 ** (ratio / 10)
    return np.clip(speech + noise * power**0.5, -1, 1).astype(np.float32)


def pink(rng: np.random.Generator, seconds: float) -> Samples:
    spectrum = np.fft.rfft(rng.standard_normal(int(seconds * LISTENING_RATE)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    sound = np.fft.irfft(spectrum)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


def wordless(rng: np.random.Generator, clean: list[Samples]) -> Iterator[tuple[str, Samples]]:
    """Sounds in which nobody says anything that could be understood."""
    n = 4 * LISTENING_RATE
    t = np.arange(n) / LISTENING_RATE
    yield "silence", np.zeros(n, np.float32)
    yield "hiss of a microphone", rng.normal(0, 0.002, n).astype(np.float32)
    yield "white noise", rng.normal(0, 0.1, n).astype(np.float32)
    yield "pink noise", pink(rng, 4.0)
    yield "chords", (0.1 * sum(np.sin(2 * np.pi * f * t) for f in (220, 277.2, 329.6))).astype(np.float32)
    yield "knocking", (0.5 * (np.sin(2 * np.pi * 3 * t) > 0.995) * rng.standard_normal(n)).astype(np.float32)
    yield "mains hum", (0.2 * np.sin(2 * np.pi * 50 * t)).astype(np.float32)
    for number, samples in enumerate(clean[:6], 1):
        yield f"speech backwards {number}", np.ascontiguousarray(samples[::-1])


def listen(model: CTranslate2Whisper, cases: Iterable[tuple[str, Samples]], normalize: Callable[[str], str]) -> Score:
    score = Score()
    for said, samples in cases:
        begun = time.process_time()
        understood = model.transcribe(Sound(samples, LISTENING_RATE))
        score.cpu += time.process_time() - begun
        score.seconds += len(samples) / LISTENING_RATE
        errors, words = word_errors(said, understood, normalize)
        score.errors += errors
        score.words += words
        score.wrong += errors > 0
        score.refused += not understood
        score.silently_wrong += errors > 0 and bool(understood)
        score.examples.append((said, understood))
    return score


def noises(rng: np.random.Generator, babble: Samples) -> Iterator[tuple[str, Callable[[Samples], Samples]]]:
    white = rng.normal(0, 0.1, 10 * LISTENING_RATE).astype(np.float32)
    street = pink(rng, 10.0)
    for ratio in (20.0, 10.0, 5.0, 0.0):
        yield f"white, {ratio:g} dB", lambda x, r=ratio: mixed(x, white, r)
        yield f"pink, {ratio:g} dB", lambda x, r=ratio: mixed(x, street, r)
    for ratio in (15.0, 10.0, 5.0):
        yield f"babble, {ratio:g} dB", lambda x, r=ratio: mixed(x, babble, r)
    yield "a tenth as loud", lambda x: (x * 0.1).astype(np.float32)
    yield "overdriven", lambda x: np.clip(x * 20, -0.5, 0.5).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=len(SENTENCES), help="how many sentences are spoken")
    parser.add_argument("--threads", type=int, default=1, help="processor threads of the model that listens")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    sentences = SENTENCES[: options.sentences]
    normalize, rng = EnglishTextNormalizer({}), np.random.default_rng(7)
    begun = time.process_time()
    hibari = HibariVoice()
    loaded_voice = time.process_time()
    model = CTranslate2Whisper(threads=options.threads)
    print(f"loading: hibari {loaded_voice - begun:.2f}, whisper {time.process_time() - loaded_voice:.2f} CPU s")

    begun = time.process_time()
    spoken = [hibari.speak(text) for text in sentences]
    cpu, seconds = time.process_time() - begun, sum(sound.seconds for sound in spoken)
    print(f"speaking: {seconds:.0f} s of sound in {cpu:.2f} CPU s, {cpu / seconds:.3f} of real time")
    begun = time.process_time()
    size = sum(len(as_ogg_opus(sound)) for sound in spoken)
    print(
        f"encoding: {(time.process_time() - begun) / seconds:.4f} of real time, {size / seconds / 1000:.1f} kB a second"
    )

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("\n| voice | word error rate | sentences with an error | of these refused | CPU s a second of sound |")
        print("| --- | ---: | ---: | ---: | ---: |")
        by_speaker: dict[str, list[tuple[str, Samples]]] = {}
        for speaker in speakers(hibari):
            cases = [(text, at_listening_rate(speaker.say(text), folder)) for text in sentences]
            by_speaker[speaker.name] = cases
            print(listen(model, cases, normalize).row(speaker.name), flush=True)

        clean = by_speaker["hibari heart"]
        length = max(len(samples) for _, samples in clean[-6:])
        babble = np.sum([np.resize(samples, length) for _, samples in clean[-6:]], axis=0).astype(np.float32)
        noisy = [name for name in ("hibari heart", "espeak-ng en-us+f3") if name in by_speaker]
        print("\n| noise | voice | word error rate | sentences with an error | of these refused | CPU s a second |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for name, change in noises(rng, babble):
            for voice in noisy:
                cases = [(text, change(samples)) for text, samples in by_speaker[voice][: len(sentences) // 2]]
                print(listen(model, cases, normalize).row(name, voice), flush=True)

    print("\n| without words | refused, or what was understood |")
    print("| --- | --- |")
    for name, samples in wordless(rng, [samples for _, samples in clean]):
        sound = Sound(samples, LISTENING_RATE)
        print(f"| {name} | {'refused' if sound.is_silent else model.transcribe(sound) or 'refused'} |", flush=True)
    print(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
