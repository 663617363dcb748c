"""A Python for programs that tests start, which has imported what they need.

A host imports for two seconds, and a training for seven. Here one process of all tests imports once, and each program
is forked from it: a process of its own, with its own streams, environment, signals and end. What this does not show
is whether a program imports all that it needs: each has a test that starts it with the plain Python.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import types
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests import warm_client

#: What hosts and trainings import, and what takes them long.
IMPORTED = """
    llmagent_os.cli llmagent_os.runtime llmagent_os.adapters.web llmagent_os.adapters.telegram.adapter
    llmagent_os.adapters.slack.adapter llmagent_os.adapters.discord.adapter llmagent_os.plugins.calendar
    llmagent_os.plugins.profile llmagent_os.admin.log_setup llmagent_os.admin.doctor
    llmagent_os.policy.bayes.bayes_learner llmagent_os.serving.openai_server llmagent_os.serving.local
    llmagent_os.training.job_process llmagent_os.training.reaction_plan alembic.command detect_secrets.core.scan
    detect_secrets.plugins.telegram_token phonenumbers peft transformers.models.llama.modeling_llama
    transformers.models.qwen2.modeling_qwen2 transformers.models.qwen3.modeling_qwen3 pytest
"""

CHECKOUT = Path(__file__).parents[1]

PROGRAM = "llmagent-os"

_SOCKET = "socket"
_MAX_BYTES = 1 << 20
_PATIENCE = 60.0  # seconds for the first connection


@contextlib.contextmanager
def warm_python(folder: Path) -> Generator[Path]:
    """Give an executable that is used as ``python``. Beside it lies one that is used as ``llmagent-os``.

    ``folder`` is one for all test processes. The process that forks ends with the last of them.
    """
    folder.mkdir(exist_ok=True)
    python, address = folder / "python", folder / _SOCKET
    with (folder / "lock").open("w") as lock, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as held:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            held.connect(str(address))
        except (ConnectionRefusedError, FileNotFoundError):  # none was started, or the last that used it has ended
            address.unlink(missing_ok=True)
            _write_client(python)
            _write_client(python.with_name(PROGRAM), Path(sys.executable).with_name(PROGRAM))
            _start(address)
            held.connect(str(address))
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield python


def _write_client(file: Path, *program: Path) -> None:
    """Write an executable that stands for ``python``, or for ``python`` with a program."""
    source = Path(warm_client.__file__).read_text(encoding="utf-8")
    call = f"main{(str(file.parent), *map(str, program))!r}"
    file.write_text(f"#!{sys.executable} -ISE\n{source}\n\n{call}\n", encoding="utf-8")
    file.chmod(0o700)


def _start(address: Path) -> None:
    """Start the process, which goes on in the background, and wait until it has imported everything."""
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": "0"}
    command = [
        sys.executable,
        "-c",
        "import sys; from tests.warm_python import serve; serve(sys.argv[1])",
        str(address),
    ]
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, check=True)


def serve(address: str) -> None:
    """Import everything, go on in the background, and fork programs until nobody holds a connection any more."""
    for name in IMPORTED.split():
        importlib.import_module(name)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(address)
    listening.listen(100)
    if os.fork():
        os._exit(0)
    gc.collect()
    gc.freeze()
    _Server(listening).run()


def _wake(_number: int, _frame: FrameType | None) -> None:
    """A signal with a handler of Python wakes the server."""


class _Server:
    """Forks a program for each connection that asks for one."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._selector = selectors.DefaultSelector()
        self._programs: dict[socket.socket, int] = {}  #: process ids

    def run(self) -> None:
        """Serve until the last connection is closed."""
        awake, wake = socket.socketpair()
        awake.setblocking(False)
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        signal.signal(signal.SIGCHLD, _wake)
        self._selector.register(awake, selectors.EVENT_READ)
        self._selector.register(self._listening, selectors.EVENT_READ)
        connected = False
        while not connected or len(self._selector.get_map()) > 2:
            ready = self._selector.select(None if connected else _PATIENCE)
            if not ready:
                return  # whoever started it was killed meanwhile
            for key, _ in ready:
                end = key.fileobj
                if not isinstance(end, socket.socket):
                    continue
                if end is awake:
                    awake.recv(4096)
                    self._reap()
                elif end is self._listening:
                    self._selector.register(self._listening.accept()[0], selectors.EVENT_READ)
                    connected = True
                elif end in self._selector.get_map():
                    self._heard(end)

    def _heard(self, client: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):
            order, streams, _, _ = socket.recv_fds(client, _MAX_BYTES, 3)
            if order and streams:
                self._end_killed()
                self._programs[client] = self._fork(order, streams)
                for stream in streams:
                    os.close(stream)
                client.send(b"+")
                return
            if order:
                os.kill(self._programs[client], order[0])
                return
        self._forget(client)

    def _forget(self, client: socket.socket) -> None:
        """Close a connection whose other end is gone, and kill the program that the other end stood for."""
        self._selector.unregister(client)
        client.close()
        if (program := self._programs.pop(client, None)) is not None:
            os.kill(program, signal.SIGKILL)
            os.waitpid(program, 0)

    def _end_killed(self) -> None:
        """Kill what was killed and is not known yet: its successor must not find it alive."""
        for client in list(self._programs):
            with contextlib.suppress(BlockingIOError):
                if not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    self._forget(client)

    def _reap(self) -> None:
        for client, program in list(self._programs.items()):
            ended, status = os.waitpid(program, os.WNOHANG)
            if ended:
                del self._programs[client]
                with contextlib.suppress(OSError):
                    client.send(str(status).encode())

    @staticmethod
    def _fork(order: bytes, streams: list[int]) -> int:
        if program := os.fork():
            return program
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        return _end(_exit_code(order))


def _exit_code(order: bytes) -> int:
    """Run a program to its end."""
    try:
        run(**json.loads(order))
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """End this process as Python does, but for what it has in common with the one that it was forked from."""
    threading._shutdown()  # type: ignore[attr-defined] # pyright: ignore # tells pools of threads to end, and waits
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    with contextlib.suppress(OSError):  # whoever read them is gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run(arguments: list[str], environment: dict[str, str], folder: str, executable: str) -> None:
    """Do in this process what ``python`` with these arguments does.

    Args:
        arguments: ``-c``, ``-m``, or the path of a program, and its arguments; options without a value before it are
            left out.
        environment: all environment variables.
        folder: the working folder.
        executable: starts the programs of this program.
    """
    os.chdir(folder)
    sys.executable = executable
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    while arguments and arguments[0].startswith("-") and arguments[0] not in ("-c", "-m"):
        del arguments[0]
    match arguments:
        case ["-c", code, *rest]:
            sys.argv = ["-c", *rest]
            module = types.ModuleType("__main__")
            sys.modules["__main__"] = module
            exec(compile(code, "<string>", "exec"), module.__dict__)
        case ["-m", name, *rest]:
            sys.argv = [name, *rest]
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        case [program, *rest]:
            sys.argv = [program, *rest]
            runpy.run_path(program, run_name="__main__")
        case _:
            raise ValueError("a program is missing: there is no prompt here")
