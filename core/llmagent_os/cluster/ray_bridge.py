"""The host's way to a cluster: a process of its own that has connected to Ray.

A process that has connected ends when the cluster's head is away for a minute, keeps 150 MB and dozens of threads, and
can know one cluster only. In the host's process, a lost cluster would end the bot. Here it ends the bridge, which is
built again for the next reply. What was being written is asked for again.

Threads read and write the pipes, so any event loop may ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator

import msgspec
import structlog

from llmagent_os.cluster.bridge_frames import (
    BridgeAsked,
    BridgeCancelled,
    BridgeEnd,
    BridgeFrame,
    BridgeOrder,
    FromBridge,
    ToBridge,
    error_at_end,
    from_bridge,
    read_frame,
    write_frame,
)
from llmagent_os.cluster.replica_caller import ReplicaLostError
from llmagent_os.errors import ModelUnavailableError

_log = structlog.stdlib.get_logger(__name__)

#: How long the bridge may take to end when it is closed.
END_SECONDS = 5.0
#: The number of connecting itself.
_CONNECTING = 0


class RayBridge:
    """Asks the replicas of one model; see :class:`~llmagent_os.cluster.replica_caller.ReplicaCaller`."""

    def __init__(self, order: BridgeOrder) -> None:
        self._order = order
        self._lock = threading.Lock()
        self._process: _BridgeProcess | None = None
        self._closed = False

    async def connect(self) -> None:
        """Start the process, and wait until it has connected."""
        process = await asyncio.to_thread(self._running)
        async for _ in process.wait_for(_CONNECTING):
            pass

    async def ask(self, lora_id: str, raw: bytes) -> AsyncGenerator[bytes]:
        """Ask a replica."""
        await self.connect()
        process = await asyncio.to_thread(self._running)
        async with contextlib.aclosing(process.ask(lora_id, raw)) as frames:
            async for frame in frames:
                yield frame

    def _running(self) -> _BridgeProcess:
        """The process. One that has ended, or could not connect, is replaced."""
        with self._lock:
            if self._closed:
                raise ModelUnavailableError(f"{self._order.model} was closed")
            if self._process is None or self._process.useless:
                if self._process is not None:
                    self._process.close()
                self._process = _BridgeProcess(self._order)
            return self._process

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.close()


class _Waiting:
    """Carries the frames of one request from the reading thread to the event loop that waits for them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[FromBridge] = asyncio.Queue()

    def put(self, value: FromBridge) -> None:
        """Take a frame, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits any more
            self._loop.call_soon_threadsafe(self._news.put_nowait, value)

    async def get(self) -> FromBridge:
        """The next frame."""
        return await self._news.get()


class _BridgeProcess:
    """One process that has connected to Ray, or is about to."""

    def __init__(self, order: BridgeOrder) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, list[_Waiting]] = {}
        self._connected: BridgeEnd | None = None  #: how connecting has ended
        self._ended = False
        self._number = _CONNECTING
        self._out: queue.SimpleQueue[ToBridge | None] = queue.SimpleQueue()
        command = (sys.executable, "-P", "-c", "from llmagent_os.cluster.bridge_process import main; main()")
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)
        except OSError as error:
            raise ModelUnavailableError(f"the bridge to Ray cannot be started: {error}") from error
        self._out.put(order)
        for work in (self._write, self._read):
            threading.Thread(target=work, name="llmagent-os-ray-bridge", daemon=True).start()

    @property
    def useless(self) -> bool:
        """Whether it has ended, or could not connect."""
        with self._lock:
            return self._ended or (self._connected is not None and bool(self._connected.kind))

    async def ask(self, lora_id: str, raw: bytes) -> AsyncGenerator[bytes]:
        """Ask a replica, and give its frames."""
        with self._lock:
            self._number += 1
            number = self._number
        whole = False
        frames = self.wait_for(number, BridgeAsked(number, lora_id, raw))
        try:
            async for frame in frames:
                yield frame
            whole = True
        finally:
            await frames.aclose()
            if not whole:
                self._out.put(BridgeCancelled(number))

    async def wait_for(self, number: int, asked: BridgeAsked | None = None) -> AsyncGenerator[bytes]:
        """The frames of a request, until its end.

        Raises:
            LLMAgentOSError: it has ended with an error.
        """
        waiting = _Waiting()
        with self._lock:
            if number == _CONNECTING and self._connected is not None:
                waiting.put(self._connected)
            elif self._ended:
                waiting.put(_lost(number))
            else:
                self._waiting.setdefault(number, []).append(waiting)
                if asked is not None:
                    self._out.put(asked)
        try:
            while isinstance(value := await waiting.get(), BridgeFrame):
                yield value.raw
            if (error := error_at_end(value)) is not None:
                raise error
        finally:
            with self._lock:
                left = [each for each in self._waiting.get(number, []) if each is not waiting]
                self._waiting[number] = left
                if not left:
                    del self._waiting[number]

    def _write(self) -> None:
        """Write what is to be written, until the process is closed or has ended."""
        if (pipe := self._process.stdin) is None:
            return
        with contextlib.suppress(OSError, ValueError), pipe:
            while (value := self._out.get()) is not None:
                write_frame(pipe, value)

    def _read(self) -> None:
        """Hand out what the process says, until it ends, or says what cannot be read: then it is ended."""
        try:
            self._hand_out()
        except (msgspec.MsgspecError, OSError) as error:
            _log.error("the bridge to Ray says something that cannot be read, and is ended", error=str(error))
            self._process.kill()
        finally:
            self._note_end()

    def _hand_out(self) -> None:
        if (pipe := self._process.stdout) is None:
            return
        with pipe:
            while (raw := read_frame(pipe)) is not None:
                value = from_bridge.decode(raw)
                with self._lock:
                    if value.number == _CONNECTING and isinstance(value, BridgeEnd):
                        self._connected = value
                    waiting = list(self._waiting.get(value.number, ()))
                for each in waiting:
                    each.put(value)

    def _note_end(self) -> None:
        """Tell everybody who waits that there will be no answer."""
        with self._lock:
            self._ended = True
            left = [(number, each) for number, found in self._waiting.items() for each in found]
        for number, each in left:
            each.put(_lost(number))
        self._out.put(None)

    def close(self) -> None:
        """End the process. Requests that are not answered end with an error."""
        self._out.put(None)  # it ends when its input does
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            _log.warning("the bridge to Ray did not end by itself")
            self._process.kill()
            self._process.wait()


def _lost(number: int) -> BridgeEnd:
    return BridgeEnd(number, ReplicaLostError.__name__, "the bridge to Ray has ended: the cluster may be down")
