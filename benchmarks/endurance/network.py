"""A small proxy between a host and a server, whose connections can be cut and stalled."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from tests.free_port import free_port


class Proxy:
    """Forwards connections to one address: a port of this machine, or a socket's file."""

    def __init__(self, target: int | Path, own: Path | None = None) -> None:
        """Args: ``own`` is the socket's file to listen at; None: a free port."""
        self._target = target
        self._own = own
        self.port = 0 if own is not None else free_port()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    async def start(self) -> None:
        if self._own is not None:
            self._server = await asyncio.start_unix_server(self._connected, self._own)
        else:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def stop(self) -> None:
        await self._close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cut(self, seconds: float) -> None:
        """Break all connections, and take none for so long."""
        await self._close()
        await asyncio.sleep(seconds)
        await self.start()

    async def stall(self, seconds: float) -> None:
        """Carry nothing for so long, and tell nobody: connections stay open."""
        self._flows.clear()
        await asyncio.sleep(seconds)
        self._flows.set()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        if self._own is not None:
            self._own.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._target, Path):
                there, back = await asyncio.open_unix_connection(self._target)
            else:
                there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._writers.add(sink)
        try:
            with contextlib.suppress(OSError):
                while data := await source.read(65_536):
                    await self._flows.wait()
                    sink.write(data)
                    await sink.drain()
        finally:
            self._writers.discard(sink)
            sink.transport.abort() if source.at_eof() is False else sink.close()
