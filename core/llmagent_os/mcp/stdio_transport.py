"""Runs a server of tools as a program of its own, and speaks with it on its standard input and output.

The program gets none of the host's secrets: its environment has the few variables that programs need, and what the
bot's file gives it. It is in a process group of its own, which is ended with it. It also ends with the host, however
the host ends: its input closes, and on Linux the kernel kills it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import structlog
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from llmagent_os.errors import PluginError
from llmagent_os.mcp.byte_budget import ByteBudget
from llmagent_os.mcp.outside_text import cleaned_text
from llmagent_os.tools.credential_use import HIDDEN

#: Bytes of one message.
MAX_MESSAGE = 8_000_000
#: Variables of the host that a program gets.
INHERITED = "HOME LANG LC_ALL LC_CTYPE LOGNAME PATH SHELL TERM TMPDIR TZ USER".split()
#: Seconds for a program to end by itself once its input is closed, and once it is told to end.
END_SECONDS = 2.0
#: Lines of a program's error output that are logged.
MAX_LOGGED = 200
#: Characters of one of them.
MAX_LOGGED_LINE = 300
_CHUNK = 1 << 14

#: Becomes the program, once the kernel knows to kill it with its parent (PR_SET_PDEATHSIG, prctl(2)).
LAUNCHER = """
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Program:
    """A server of tools on this machine."""

    server: str  #: its name in the bot's file
    command: str  #: the program
    args: tuple[str, ...] = ()  #: of the program
    env: Mapping[str, str] = field(default_factory=dict[str, str])  #: variables that it gets besides those it inherits
    folder: str | None = None  #: in which it runs; None: the host's
    secrets: tuple[str, ...] = ()  #: among them, which no log shows
    #: what it wrote last on its error output, for whoever asks why it ended
    last_words: deque[str] = field(default_factory=lambda: deque(maxlen=3))

    @property
    def environment(self) -> dict[str, str]:
        """All variables that it gets."""
        return {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(self.env)


@asynccontextmanager
async def stdio_transport(program: Program) -> AsyncGenerator[tuple[Any, Any]]:
    """Run ``program`` and give the streams of its messages, as the SDK takes them.

    Raises:
        PluginError: there is no such program, or it cannot be started.
    """
    process = await _started(program)
    to_session, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [
        asyncio.create_task(_read(process, program, to_session)),
        asyncio.create_task(_write(process, from_session, to_session)),
        asyncio.create_task(_log_errors(process, program)),
    ]
    try:
        yield read, write
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for stream in (to_session, read, write, from_session):
                stream.close()
            if process.stdin is not None:
                process.stdin.close()
            transport = getattr(process, "_transport", None)  # a child of the program may still hold its pipes
            if transport is not None:
                transport.close()


async def _started(program: Program) -> asyncio.subprocess.Process:
    environment = program.environment
    path = shutil.which(program.command, path=environment.get("PATH", os.defpath))
    if path is None:
        raise PluginError(f"there is no program {program.command!r}: install it, or write its whole path")
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), path, *program.args),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=environment,
            cwd=program.folder or None,
            limit=MAX_MESSAGE,
            start_new_session=True,
        )
    except OSError as error:
        raise PluginError(f"the program {program.command!r} cannot be started: {error.strerror or error}") from error


async def _read(process: asyncio.subprocess.Process, program: Program, messages: Any) -> None:
    """Give on every line as a message, or as the error that it is none, until the program ends or writes too much."""
    if process.stdout is None:
        return
    budget = ByteBudget()
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with messages:
            while True:
                try:
                    line = await process.stdout.readuntil(b"\n")
                except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, OSError):
                    return
                if not budget.takes(len(line)):
                    program.last_words.append(budget.excess)
                    return
                if line.strip():
                    await messages.send(_message(line))


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return ValueError(f"no message: {type(error).__name__}")


async def _write(process: asyncio.subprocess.Process, messages: Any, answers: Any) -> None:
    if process.stdin is None:
        return
    try:
        async with messages:
            async for each in messages:
                process.stdin.write(each.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await process.stdin.drain()
    except (ConnectionError, OSError, anyio.ClosedResourceError):
        answers.close()  # so that nobody waits for an answer


async def _log_errors(process: asyncio.subprocess.Process, program: Program) -> None:
    """Log the program's error output, which is read to its end: a program whose pipe is full stands still."""
    logged, rest = 0, b""
    while process.stderr is not None and (chunk := await process.stderr.read(_CHUNK)):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[-_CHUNK:]
        for line in lines:
            said = cleaned_text(line[: 4 * MAX_LOGGED_LINE].decode("utf-8", "replace"), MAX_LOGGED_LINE, lines=False)
            if not said:
                continue
            for secret in program.secrets:
                said = said.replace(secret, HIDDEN)
            program.last_words.append(said)
            if logged < MAX_LOGGED:
                _log.info("an MCP server writes", server=program.server, said=said)
            logged += 1
            if logged == MAX_LOGGED:
                _log.warning("an MCP server writes much; the rest is not logged", server=program.server)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and its children: close its input, tell them to end, kill them."""
    if process.stdin is not None:
        process.stdin.close()
    for sign in (None, signal.SIGTERM, signal.SIGKILL):
        if sign is not None:
            _signal(process, sign)
        with contextlib.suppress(TimeoutError):
            # Not `process.wait()`: that also waits for pipes which a child of the program may hold.
            async with asyncio.timeout(END_SECONDS):
                while process.returncode is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            break
    _signal(process, signal.SIGKILL)  # its children, which may live on


def _signal(process: asyncio.subprocess.Process, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sign)
