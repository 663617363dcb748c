"""The process of an engine: reads requests, and writes answers, until its input ends."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import BinaryIO

import msgspec

from llmagent_os.errors import LLMAgentOSError, RecordingError
from llmagent_os.languages import speaking
from llmagent_os.voice.engine_order import LENGTH_BYTES, EngineAnswer, EngineOrder, EngineRequest
from llmagent_os.voice.engines import LocalSpeaker, LocalTranscriber
from llmagent_os.voice.recording_problems import NOT_UNDERSTOOD, NOTHING_AUDIBLE
from llmagent_os.voice.sound_files import as_ogg_opus, read_sound


def listener(
    order: EngineOrder, load: Callable[[], LocalTranscriber] | None
) -> Callable[[EngineRequest], EngineAnswer]:
    """What answers requests to listen.

    Args:
        order: has the longest recording.
        load: makes the model, at the first recording that is worth it; None: recordings are only checked.
    """

    def answer(request: EngineRequest) -> EngineAnswer:
        sound = read_sound(io.BytesIO(request.recording), order.max_seconds)
        if sound.is_silent:
            raise RecordingError(str(NOTHING_AUDIBLE))
        if load is None:
            return EngineAnswer()
        if not (words := load().transcribe(sound).strip()):
            raise RecordingError(str(NOT_UNDERSTOOD))
        return EngineAnswer(words=words)

    return answer


def speaker(load: Callable[[], LocalSpeaker]) -> Callable[[EngineRequest], EngineAnswer]:
    """What answers requests to speak."""
    return lambda request: EngineAnswer(sound=as_ogg_opus(load().speak(request.text)))


def engine_of(order: EngineOrder) -> Callable[[EngineRequest], EngineAnswer]:
    """What answers requests as ``order`` says. The model is loaded at the first one."""
    match order.engine:
        case "check":
            return listener(order, None)
        case "hibari":
            from llmagent_os.voice.hibari_voice import HibariVoice

            return speaker(cache(lambda: HibariVoice(order.voice, threads=order.threads)))
        case "transformers":
            from llmagent_os.voice.whisper_transformers import TransformersWhisper

            make = TransformersWhisper
            return listener(order, cache(lambda: make(order.model, language=order.language, device=order.device)))
        case "whisper":
            from llmagent_os.voice.whisper_ctranslate2 import CTranslate2Whisper

            return listener(
                order,
                cache(
                    lambda: CTranslate2Whisper(
                        order.model, language=order.language, threads=order.threads, device=order.device
                    )
                ),
            )


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every request. The first frame is the order."""
    if (raw := _read(requests)) is None:
        return
    engine = engine_of(msgspec.msgpack.decode(raw, type=EngineOrder))
    while (raw := _read(requests)) is not None:
        answer = msgspec.msgpack.encode(_answer(engine, msgspec.msgpack.decode(raw, type=EngineRequest)))
        answers.write(len(answer).to_bytes(LENGTH_BYTES) + answer)
        answers.flush()


def _answer(engine: Callable[[EngineRequest], EngineAnswer], request: EngineRequest) -> EngineAnswer:
    try:
        with speaking(request.language):
            return engine(request)
    except RecordingError as error:
        return EngineAnswer(problem="recording", message=str(error))
    except LLMAgentOSError as error:
        return EngineAnswer(problem="engine", message=str(error))
    except Exception as error:  # of a library: the next recording may be well
        return EngineAnswer(problem="engine", message=f"{type(error).__name__}: {error}")


def _read(stream: BinaryIO) -> bytes | None:
    """The next frame; None: the host has ended."""
    if len(size := stream.read(LENGTH_BYTES)) < LENGTH_BYTES:
        return None
    return stream.read(int.from_bytes(size))


def main() -> None:
    """Run the engine that the first frame of the input orders."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed is no answer
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):  # the host has ended
        serve(sys.stdin.buffer, answers)
