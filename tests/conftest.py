"""For all tests: bots behave as they are set up, unless a test is about learning and says so.

numpy calculates on one thread. The arrays are small, several tests run side by side, and threads that wait for each
other cost more than they gain.
"""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path

import pytest

# Read by the programs that tests start, too.
os.environ.setdefault("LLMAGENT_OS_POLICY", "fixed")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A shell that starts the tests in the background has them ignore Ctrl-C, and `nohup` has them ignore a closed terminal,
# and so would every program that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def trained_model(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of a small model that calls ``CREATE`` and ``LIST`` of :mod:`tests.tiny_model`: do not change it.

    It is trained once, by the first process that asks for it; the others wait.
    """
    from tests.tiny_model import save_trained_model  # imports torch

    own = tmp_path_factory.getbasetemp()
    shared = own.parent if hasattr(request.config, "workerinput") else own
    with (shared / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "trained").exists():
            save_trained_model(shared / "being-trained", "qwen3").rename(shared / "trained")
    return shared / "trained"
