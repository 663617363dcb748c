"""The host's side of a local engine, which works in a process of its own.

A recording of ten seconds keeps a processor busy for half a second, and its bytes come from anybody: in the host's
process, people would wait, and a file that breaks a decoder would end the bot. Here it ends the engine, which is
started again for the next recording. The process is started by the first call. It ends when it was idle for a while,
which frees its memory, or when the host ends.

A frame is its length in 8 bytes, and a value as MessagePack.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import msgspec
import structlog

from llmagent_os.errors import RecordingError, VoiceBusyError, VoiceError
from llmagent_os.languages import language_in_force
from llmagent_os.voice.engine_order import LENGTH_BYTES, MAX_FRAME_BYTES, EngineAnswer, EngineOrder, EngineRequest
from llmagent_os.voice.engines import Recording

_log = structlog.stdlib.get_logger(__name__)

#: Calls that may wait for one engine, the one at work included. More are refused.
MAX_WAITING = 16

#: How long the process may take to load its model, on top of the time for the work itself.
LOADING_SECONDS = 60.0

#: After this long without work, the process ends.
IDLE_SECONDS = 900.0


class EngineProcess:
    """Runs one engine, one call after the other."""

    def __init__(
        self, order: EngineOrder, *, max_waiting: int = MAX_WAITING, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        """Args:
        order: which engine.
        max_waiting: calls that may wait, the one at work included.
        idle_seconds: after this long without work, the process ends.
        """
        self._order = order
        self._max_waiting = max_waiting
        self._idle_seconds = idle_seconds
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Future[int]] = set()  # processes that were killed, until they are gone

    async def transcribe(self, recording: Recording) -> str:
        """See :meth:`llmagent_os.voice.engines.Transcriber.transcribe`."""
        return (await self._ask(recording)).words

    async def speak(self, text: str) -> bytes:
        """See :meth:`llmagent_os.voice.engines.Speaker.speak`."""
        return (await self._ask(text)).sound

    async def aclose(self) -> None:
        """End the process."""
        if self._idle is not None:
            self._idle.cancel()
        self._end()
        await asyncio.gather(*self._ending)

    async def _ask(self, asked: Recording | str) -> EngineAnswer:
        """The answer to a recording, which is read when its turn has come, or to a text."""
        if self._waiting >= self._max_waiting:
            raise VoiceBusyError
        self._waiting += 1
        try:
            async with self._turn:
                if isinstance(asked, Recording):
                    request = EngineRequest(recording=await asked.content(), language=language_in_force())
                else:
                    request = EngineRequest(text=asked)
                answer = await self._work(request)
        finally:
            self._waiting -= 1
        match answer.problem:
            case "":
                return answer
            case "recording":
                raise RecordingError(answer.message)
            case _:
                raise VoiceError(answer.message)

    async def _work(self, request: EngineRequest) -> EngineAnswer:
        if self._idle is not None:
            self._idle.cancel()
        seconds = LOADING_SECONDS + self._order.max_seconds
        done = False
        try:
            async with asyncio.timeout(seconds):
                answer = await self._exchange(request)
            done = True
            return answer
        except TimeoutError as error:
            raise VoiceError(f"the engine {self._order.engine!r} did not finish within {seconds:g} s") from error
        finally:
            if done:
                self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._end)
            else:  # what it would answer later would be taken for the answer to the next call
                self._end()

    async def _exchange(self, request: EngineRequest) -> EngineAnswer:
        process = self._process = self._process or await self._start()
        if process.stdin is None or process.stdout is None:
            raise VoiceError("the engine has no pipes")
        raw = msgspec.msgpack.encode(request)
        try:
            process.stdin.write(len(raw).to_bytes(LENGTH_BYTES) + raw)
            await process.stdin.drain()
            size = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES))
            if size > MAX_FRAME_BYTES:
                raise VoiceError(f"the engine sent a frame of {size} bytes")
            return msgspec.msgpack.decode(await process.stdout.readexactly(size), type=EngineAnswer)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise VoiceError(f"the engine {self._order.engine!r} ended; its last words are above") from error
        except msgspec.MsgspecError as error:
            raise VoiceError(f"the engine sent something else than it should: {error}") from error

    async def _start(self) -> asyncio.subprocess.Process:
        module = f"{__package__}.engine_worker"
        command = (sys.executable, "-P", "-c", f"from {module} import main; main()")
        pipe = asyncio.subprocess.PIPE
        threads = {"OMP_NUM_THREADS": str(self._order.threads)}
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, env={**os.environ, **threads}, cwd=Path.cwd()
            )
        except OSError as error:
            raise VoiceError(f"the engine cannot be started: {error}") from error
        if process.stdin is not None:
            raw = msgspec.msgpack.encode(self._order)
            process.stdin.write(len(raw).to_bytes(LENGTH_BYTES) + raw)
        _log.debug("voice: an engine has started", engine=self._order.engine, pid=process.pid)
        return process

    def _end(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        ending = asyncio.ensure_future(process.wait())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
