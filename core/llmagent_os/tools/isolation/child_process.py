"""Starts and ends the process of a plugin, and logs what it prints."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

import msgspec
import structlog

from llmagent_os.errors import PluginError
from llmagent_os.tools.isolation.declared_plugin import LoadPlugin
from llmagent_os.tools.isolation.rpc_connection import RpcConnection

MAX_LOGGED_LINES = 100  #: of what one process prints; the rest is counted only
MAX_LINE_CHARACTERS = 500
MEMORY_BYTES = 2 * 1024**3  #: of address space, at most
EXIT_SECONDS = 2.0  #: between the end of the connection and the end by force

#: What the process gets of the host's environment. Keys and tokens of the installation are not among it.
_PASSED_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY")

#: Begins the name of a process's folder; the number of the host's process follows.
_FOLDER = "llmagent-os-plugin-"

#: Inside of it: where the process may write, and where it only reads.
_OWN, _INBOX = "own", "inbox"

_log = structlog.stdlib.get_logger(__name__)


class ChildProcess:
    """One process, and the connection to it. Make it with :meth:`launched`."""

    def __init__(self, process: asyncio.subprocess.Process, connection: RpcConnection, folder: Path, name: str) -> None:
        self.connection = connection
        self.inbox = folder / _INBOX  #: what is handed to it; it may only read there
        self._folder = folder
        self._process, self._name = process, name
        self._tasks = {asyncio.create_task(self._serve()), asyncio.create_task(self._log_output())}

    @classmethod
    async def launched(cls, name: str, *, entry_point: str = "", file: str = "") -> ChildProcess:
        """Start a process that loads a plugin.

        Args:
            name: of the plugin, for the log.
            entry_point: the name of an installed plugin.
            file: the path of a plugin file.

        Raises:
            PluginError: no process can be started.
        """
        folder = await asyncio.to_thread(_new_folder)
        own = folder / _OWN
        load = LoadPlugin(
            entry_point=entry_point,
            file=file,
            own_folder=str(own),
            inbox=str(folder / _INBOX),
            host=os.getpid(),
            memory_bytes=MEMORY_BYTES,
        )
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "llmagent_os.tools.isolation.plugin_child"),
                    *(str(theirs.fileno()), msgspec.json.encode(load).decode()),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    env=_environment(own),
                    cwd=own,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise PluginError(f"plugin {name!r}: its process cannot be started: {error.strerror}") from error
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, RpcConnection(reader, writer), folder, name)

    @property
    def process_id(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process is alive and answers."""
        return self._process.returncode is None and not self.connection.is_closed

    async def end(self, why: str = "") -> None:
        """End the process: by closing the connection, then by force. Its folder is removed.

        Args:
            why: it is ended by force at once for this reason; empty: it may end by itself.
        """
        self.connection.close(PluginError(why or "the plugin was stopped"))
        if not why:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EXIT_SECONDS):
                    await self._process.wait()
        await self._kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _serve(self) -> None:
        try:
            await self.connection.serve()
        except PluginError as error:
            _log.error("the process of a plugin is ended", plugin=self._name, error=str(error))
        await self._kill()

    async def _kill(self) -> None:
        """End the process and whatever it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):  # the reaper ends all; the group is what is left without one
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EXIT_SECONDS):
                    await self._process.wait()
                    return

    async def _log_output(self) -> None:
        output = self._process.stdout
        if output is None:
            return
        count = 0
        while chunk := await output.read(65_536):
            for line in chunk.decode(errors="replace").splitlines():
                count += 1
                if count <= MAX_LOGGED_LINES:
                    _log.info("a plugin has printed", plugin=self._name, line=line[:MAX_LINE_CHARACTERS])
        if count > MAX_LOGGED_LINES:
            _log.warning("a plugin has printed more", plugin=self._name, lines=count - MAX_LOGGED_LINES)


def _new_folder() -> Path:
    """Make a folder for a process. Those that a killed host has left behind are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        host = left.name.removeprefix(_FOLDER).partition("-")[0]
        if host.isdecimal() and not _is_alive(int(host)):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
    for name in (_OWN, _INBOX):
        (folder / name).mkdir()
    return folder


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


def _environment(folder: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ENVIRONMENT if name in os.environ}
    paths = os.pathsep.join(path for path in sys.path if path and Path(path).is_dir())
    return passed | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", "HOME": str(folder), "TMPDIR": str(folder)}
