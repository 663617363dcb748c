"""``llmagent-os`` in a process of its own, forked from one that has imported it: a start then costs little."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

_STREAMS = ("stdin", "stdout", "stderr")  # in the order of their file descriptors

#: What a host imports, and what takes it long.
_IMPORTED = """
    llmagent_os.cli llmagent_os.runtime llmagent_os.adapters.web llmagent_os.plugins.calendar
    llmagent_os.plugins.profile llmagent_os.admin.log_setup llmagent_os.admin.doctor
    llmagent_os.policy.bayes.bayes_learner llmagent_os.serving.openai_server alembic.command detect_secrets.core.scan
    detect_secrets.plugins.telegram_token phonenumbers
"""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([*_IMPORTED.split()])


def run_program(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], text: str = "", *, seconds: float = 100
) -> CompletedProcess[str]:
    """Run ``llmagent-os`` to its end.

    Args:
        arguments: of the command line.
        folder: the working folder.
        environment: all environment variables.
        text: what is typed.
        seconds: after which a program that still runs is killed, and the exit code is negative.
    """
    with TemporaryDirectory() as name:
        streams = [Path(name, stream) for stream in _STREAMS]
        for stream in streams:
            stream.write_text(text if stream.name == "stdin" else "")
        process = _processes.Process(target=_run, args=(arguments, folder, dict(environment), streams))
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        code, (_, out, errors) = process.exitcode, [stream.read_text() for stream in streams]
        process.close()
    assert code is not None
    return CompletedProcess(["llmagent-os", *arguments], code, out, errors)


def _run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], streams: Sequence[Path]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(os.open(stream, os.O_RDWR), number)
    sys.stdin = os.fdopen(0, closefd=False)  # multiprocessing has put another one in its place
    from llmagent_os.cli import main

    main(arguments, prog_name="llmagent-os")
