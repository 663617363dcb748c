"""``make run`` and ``make platforms``, as a newcomer gives them: what they say, and how they recover.

The tests of the installation use a Python that only keeps a list of what it was asked for. Installing the real packages
takes minutes and a network.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from dotenv import dotenv_values

from tests.platforms.__main__ import own_data, talk
from tests.platforms.server import PlatformServer, Shown

TOP = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("llmagent-os")

#: A Python whose ``venv`` copies it, and whose ``pip`` prints lines as pip does. ``$HOLD``: pip never ends by itself.
PYTHON = """#!/bin/bash
echo "$*" >> "$CALLS"
case "$*" in
    *sys.version_info*) exit 0 ;;
    "-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    *" --version") [ -z "${NO_PIP:-}" ] ;;
    *" install "*)
        echo "Collecting torch"
        echo "Requirement already satisfied: click"
        echo "WARNING: Location 'file:///index/click/' is ignored: it is neither a file nor a directory." >&2
        echo "WARNING: something else" >&2
        if [ -n "${HOLD:-}" ]; then sleep 600; fi
        printf '#!/bin/bash\\necho "web: http://127.0.0.1:8321/"\\n' > "$(dirname "$0")/llmagent-os"
        chmod +x "$(dirname "$0")/llmagent-os"
        echo "Successfully installed torch" ;;
esac
"""

Make = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def make(tmp_path: Path) -> Generator[Make]:
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(TOP / name, folder)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)

    started: list[subprocess.Popen[str]] = []

    # A make that runs these tests must not change what this one prints.
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}

    def start(*arguments: str, **changed: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["make", f"PYTHON={tmp_path / 'python'}", *arguments],
            cwd=folder,
            env={**own, "CALLS": str(tmp_path / "calls"), **changed},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def calls(tmp_path: Path) -> list[str]:
    file = tmp_path / "calls"
    found = file.read_text().splitlines()
    file.unlink()
    return found


def finished(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0, out
    return out


def test_make_run_says_what_it_installs_and_then_starts(make: Make, tmp_path: Path) -> None:
    """Minutes without a word look like a program that hangs."""
    lines = finished(make("run")).splitlines()
    assert [line for line in lines if "python" not in line] == [
        "Installing packages into .venv. The first time, that is about 1 GB and takes some minutes.",
        "Collecting torch",
        "WARNING: something else",
        "Successfully installed torch",
        "The packages are installed.",
        "web: http://127.0.0.1:8321/",
    ]
    assert any("install --progress-bar off --editable ." in call for call in calls(tmp_path))
    assert finished(make("run")) == "web: http://127.0.0.1:8321/\n", "the second start installs nothing"


def test_an_interrupted_installation_begins_anew(make: Make, tmp_path: Path) -> None:
    """Half a package counts as installed for pip, and fails with an error that nobody understands."""
    process = make("run", HOLD="1")
    for line in cast(Any, process.stdout):
        if line == "Collecting torch\n":
            break
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=100)
    assert process.returncode != 0
    calls(tmp_path)
    out = finished(make("run"))
    assert "The last installation was not finished: making .venv anew." in out
    assert out.endswith("web: http://127.0.0.1:8321/\n")
    assert "-m venv --clear .venv" in calls(tmp_path)
    finished(make("run"))
    assert not (tmp_path / "calls").exists()


def test_an_environment_without_pip_is_made_anew(make: Make, tmp_path: Path) -> None:
    """``python -m venv`` makes Python first and pip last, and may be interrupted between the two."""
    (tmp_path / "a folder with spaces" / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(tmp_path / "python", tmp_path / "a folder with spaces" / ".venv" / "bin" / "python")
    assert "making .venv anew" in finished(make("run", NO_PIP="1"))


# ── make platforms ────────────────────────────────────────────────────────────────────────────────────────────────────


class SlowBot:
    """A platform whose bot comes late and answers late: every wait gives up twice first."""

    name = "slack"

    def __init__(self) -> None:
        self.waits = 0
        self.said: list[str] = []
        self.reacted: list[str] = []

    async def connected(self) -> None:
        self.waits += 1
        if self.waits < 3:
            raise TimeoutError

    async def until(self, ready: Callable[[list[Shown]], bool]) -> list[Shown]:
        self.waits += 1
        if self.waits < 6:
            raise TimeoutError
        assert ready(self.shown())
        return self.shown()

    async def say(self, text: str) -> str:
        self.said.append(text)
        return "1"

    def shown(self) -> list[Shown]:
        return [Shown(message_id="2", text="You have lunch.")] if self.waits >= 6 else []

    async def react(self, message_id: str, emoji: str, *, on: bool) -> None:
        self.reacted.append(emoji)


async def test_ana_waits_for_a_bot_that_comes_late_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The first start of a bot can take minutes, and ended in a traceback after 20 s."""
    bot = SlowBot()
    await talk(cast(PlatformServer, bot), [("what do I have tomorrow?", "👍")])
    assert (bot.said, bot.reacted) == (["what do I have tomorrow?"], ["👍"])
    printed = capsys.readouterr().out
    assert printed.count("slack  is still waiting for the bot") == 2
    assert printed.count("is still waiting for the answer") == 2


async def line_of(process: asyncio.subprocess.Process, beginning: str) -> str:
    """The next line of a process that begins so."""
    assert process.stdout is not None
    async for line in process.stdout:
        if line.decode().startswith(beginning):
            return line.decode()
    raise AssertionError(f"the process ended without {beginning!r}")


async def started(*command: str, folder: Path, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )


async def test_platforms_run_beside_a_running_bot_and_clean_up(tmp_path: Path) -> None:
    """With ``make run`` in another terminal the bot on the platforms was refused: both wanted one ledger and port."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLMAGENT_OS_")}
    quick = {"LLMAGENT_OS_MODEL": "openai:none", "LLMAGENT_OS_BASE_URL": "http://127.0.0.1:9/v1"}
    environment = kept | quick | {"PYTHONPATH": str(TOP), "LLMAGENT_OS_POLICY": "fixed"}
    processes: list[asyncio.subprocess.Process] = []
    env = tmp_path / "my data" / "platforms.env"
    try:
        mine = await started(str(PROGRAM), "run", "--port", "0", folder=tmp_path, environment=environment)
        processes.append(mine)
        await line_of(mine, "web: http")
        platforms = await started(
            sys.executable, "-m", "tests.platforms", "--env", str(env), folder=tmp_path, environment=environment
        )
        processes.append(platforms)
        command = await line_of(platforms, "    ")
        assert f"--env-file '{env}' run calendar" in command
        assert dotenv_values(env)["LLMAGENT_OS_DATA"] == str(tmp_path / "my data" / "platforms")
        assert env.stat().st_mode & 0o077 == 0
        beside = await started(
            str(PROGRAM), "--env-file", str(env), "run", "calendar", folder=tmp_path, environment=environment
        )
        processes.append(beside)
        await line_of(beside, "web: http")
        second = await started(
            sys.executable, "-m", "tests.platforms", "--env", str(env), folder=tmp_path, environment=environment
        )
        said, _ = await second.communicate()
        assert (second.returncode, b"are running already" in said) == (1, True), said
        for process in (beside, platforms):
            process.send_signal(signal.SIGTERM)
            out, _ = await process.communicate()
            assert process.returncode == 0, out.decode()
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()
    assert list(env.parent.iterdir()) == [], "the file, the folder and the locks are gone"


def test_data_of_a_run_before_is_removed(tmp_path: Path) -> None:
    """The platforms number their messages from 1 again: an old ledger would take new messages for old ones."""
    left = tmp_path / "platforms" / "ledger.db"
    left.parent.mkdir()
    left.touch()
    with own_data(tmp_path / "platforms.env") as data:
        assert data == left.parent
        assert not left.exists()
