"""The process between a host and a cluster: connects to Ray, and carries requests and frames, until its input ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import BinaryIO

from llmagent_os.cluster.bridge_frames import (
    BridgeAsked,
    BridgeCancelled,
    BridgeEnd,
    BridgeFrame,
    BridgeOrder,
    FromBridge,
    ToBridge,
    end_of,
    read_frame,
    to_bridge,
    write_frame,
)
from llmagent_os.cluster.replica_caller import ReplicaAsker


class Bridge:
    """Answers the frames of a host."""

    def __init__(self, asker: ReplicaAsker, out: BinaryIO) -> None:
        self._asker = asker
        self._out = out
        self._writing = threading.Lock()
        self._running: dict[int, asyncio.Task[None]] = {}

    def say(self, value: FromBridge) -> None:
        """Write a frame. Where the host is gone, the process ends with its input."""
        with self._writing, contextlib.suppress(OSError):
            write_frame(self._out, value)

    async def run(self, frames: asyncio.Queue[ToBridge | None]) -> None:
        """Take what the host says, until it says no more."""
        while (value := await frames.get()) is not None:
            if isinstance(value, BridgeAsked):
                task = asyncio.create_task(self._answer(value))
                self._running[value.number] = task
            elif isinstance(value, BridgeCancelled) and value.number in self._running:
                self._running[value.number].cancel()
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _answer(self, asked: BridgeAsked) -> None:
        end = BridgeEnd(asked.number)
        try:
            async with contextlib.aclosing(self._asker.ask(asked.lora_id, asked.raw)) as found:
                async for raw in found:
                    await asyncio.to_thread(self.say, BridgeFrame(asked.number, raw))
        except Exception as error:  # whatever Ray raises
            end = end_of(asked.number, error)
        finally:
            self._running.pop(asked.number, None)
        await asyncio.to_thread(self.say, end)


def _connected(order: BridgeOrder, out: BinaryIO) -> Bridge | None:
    """Connect, and say how that has ended. None: in vain."""
    try:
        from llmagent_os.cluster import ray_engine

        ray_engine.connect(order.address)
        bridge = Bridge(ray_engine.Asker(order.application, order.model, order.address), out)
    except Exception as error:  # whatever Ray raises
        with contextlib.suppress(OSError):
            write_frame(out, end_of(0, error))
        return None
    bridge.say(BridgeEnd(0))
    return bridge


async def _serve(bridge: Bridge, source: BinaryIO) -> None:
    loop, frames = asyncio.get_running_loop(), asyncio.Queue[ToBridge | None]()

    def read() -> None:
        try:
            while (raw := read_frame(source)) is not None:
                loop.call_soon_threadsafe(frames.put_nowait, to_bridge.decode(raw))
        finally:  # also where it cannot be read: the host then starts another process
            loop.call_soon_threadsafe(frames.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    await bridge.run(frames)


def main() -> None:
    """Be the bridge that the first frame of the input describes."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no frame
    raw = read_frame(sys.stdin.buffer)
    order = None if raw is None else to_bridge.decode(raw)
    if isinstance(order, BridgeOrder) and (bridge := _connected(order, out)) is not None:
        asyncio.run(_serve(bridge, sys.stdin.buffer))
    sys.stderr.flush()
    os._exit(0)  # Ray's threads would hold the interpreter up
