"""A PostgreSQL server behind a socket that cuts connections: at a commit, or all of them."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT\0"

Cut = Literal["", "before", "after"]


class CuttingProxy:
    """Passes on what client and server say."""

    def __init__(self, target: Path, folder: Path) -> None:
        self._target, self._folder = target / _SOCKET, folder
        self.cut: Cut = ""  #: the next commit, before the server gets it or before the client gets the answer
        self.has_cut = asyncio.Event()  #: a commit was cut
        self.was_refused = asyncio.Event()  #: somebody wanted a connection, and got none
        self.refuses = False  #: nobody gets a new connection
        self._server: asyncio.Server | None = None
        self._writers = set[asyncio.StreamWriter]()

    def url(self, url: str) -> str:
        """The URL of the same database behind this proxy."""
        return sa.make_url(url).update_query_dict({"host": str(self._folder)}).render_as_string(hide_password=False)

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._folder / _SOCKET)

    async def close(self) -> None:
        self.cut_all()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def cut_all(self) -> None:
        """Cut all connections."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            self.was_refused.set()
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        both = {writer, far_writer}
        self._writers |= both
        committing = asyncio.Event()
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._pass_on(reader, far_writer, committing), self._pass_back(far_reader, writer, committing)
            )
        self._writers -= both
        for each in both:
            each.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, committing: asyncio.Event
    ) -> None:
        while data := await reader.read(65_536):
            if self.cut and data.endswith(_COMMIT):
                self.has_cut.set()
                if self.cut == "before":
                    self.cut = ""
                    break
                self.cut = ""
                committing.set()
            writer.write(data)
            await writer.drain()
        if not committing.is_set():
            writer.close()  # the server ends, and with it what it would have answered

    async def _pass_back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, committing: asyncio.Event
    ) -> None:
        while data := await reader.read(65_536):
            if committing.is_set():
                break
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def cutting_proxy(target: Path) -> AsyncGenerator[CuttingProxy]:
    """A proxy before the server whose socket is in the folder ``target``."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    proxy = CuttingProxy(target, folder)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
        shutil.rmtree(folder)
