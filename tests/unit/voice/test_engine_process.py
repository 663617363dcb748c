"""The process of an engine. What breaks without this: a recording stops the bot, or somebody gets another's words."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from llmagent_os.errors import RecordingError, VoiceBusyError, VoiceError
from llmagent_os.voice import engine_process, engine_worker
from llmagent_os.voice.engine_order import EngineOrder, EngineRequest
from llmagent_os.voice.engine_process import EngineProcess
from llmagent_os.voice.engines import Recording
from llmagent_os.voice.recording_problems import NOTHING_AUDIBLE
from llmagent_os.voice.sound_files import as_ogg_opus
from tests.unit.voice.recordings import tone, written


def recording(path: Path) -> Recording:
    return Recording(path, "audio/ogg")


@pytest.fixture
async def check() -> AsyncIterator[EngineProcess]:
    """The engine that only checks recordings: it needs no model."""
    engine = EngineProcess(EngineOrder(engine="check", max_seconds=5.0), max_waiting=3)
    yield engine
    await engine.aclose()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def running(engine: EngineProcess) -> int | None:
    process = engine._process  # pyright: ignore[reportPrivateUsage]
    return None if process is None else process.pid


async def test_calls_queue_are_bounded_and_come_back_to_those_who_asked(check: EngineProcess, tmp_path: Path) -> None:
    good = recording(written(tmp_path, as_ogg_opus(tone(1)), "good.ogg"))
    silent = recording(written(tmp_path, as_ogg_opus(tone(1, level=0.0)), "silent.ogg"))
    damaged = recording(written(tmp_path, b"rubbish", "damaged.ogg"))
    calls = [asyncio.ensure_future(check.transcribe(each)) for each in (good, silent, damaged, good)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert answers[0] == ""
    assert isinstance(answers[1], RecordingError)
    assert str(answers[1]) == str(NOTHING_AUDIBLE)
    assert isinstance(answers[2], RecordingError)
    assert "damaged" in str(answers[2])
    assert isinstance(answers[3], VoiceBusyError), "the queue has a bound"
    pid = running(check)
    assert await check.transcribe(good) == "", "and there is room again"
    assert running(check) == pid, "it is started once"


async def test_an_engine_that_dies_is_started_again(check: EngineProcess, tmp_path: Path) -> None:
    good = recording(written(tmp_path, as_ogg_opus(tone(1))))
    await check.transcribe(good)
    pid = running(check)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(VoiceError, match="ended"):
        await check.transcribe(good)
    assert await check.transcribe(good) == ""
    assert running(check) != pid


async def test_a_call_that_is_cancelled_answers_nobody_else(check: EngineProcess, tmp_path: Path) -> None:
    good = recording(written(tmp_path, as_ogg_opus(tone(1)), "good.ogg"))
    damaged = recording(written(tmp_path, b"rubbish", "damaged.ogg"))
    call = asyncio.ensure_future(check.transcribe(damaged))
    await until(lambda: running(check) is not None)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await check.transcribe(good) == "", "the answer about the damaged one would have come here"


async def test_an_engine_that_takes_too_long_is_ended(
    check: EngineProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_process, "LOADING_SECONDS", -4.99)
    with pytest.raises(VoiceError, match="did not finish"):
        await check.transcribe(recording(written(tmp_path, as_ogg_opus(tone(1)))))
    assert running(check) is None


async def test_an_idle_engine_gives_its_memory_back(tmp_path: Path) -> None:
    engine = EngineProcess(EngineOrder(engine="check"), idle_seconds=0.01)
    await engine.transcribe(recording(written(tmp_path, as_ogg_opus(tone(1)))))
    await until(lambda: running(engine) is None)
    await engine.aclose()


def test_the_engine_tells_a_sender_in_their_language_what_is_wrong() -> None:
    answer = engine_worker._answer(  # pyright: ignore[reportPrivateUsage]
        engine_worker.listener(EngineOrder(engine="check"), None), EngineRequest(recording=b"noise", language="de")
    )
    assert (answer.problem, answer.message[:38]) == ("recording", "Ich kann deine Aufnahme nicht abspiele")
