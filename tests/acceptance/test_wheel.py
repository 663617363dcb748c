"""The wheel: what is missing from it works on our machine and nowhere else, so it is tested away from the sources."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ROOTS = ("core", "adapters", "plugins", "bots")

#: The public API that the article and the documents promise.
API = """
from pathlib import Path
from importlib.resources import files
from llmagent_os.agent import Agent
from llmagent_os.bot import Bot
from llmagent_os.finetune import Finetuner
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.llm import LLM
from llmagent_os.modules import BehaviorModule, InteractionModule, KnowledgeBase
from llmagent_os.plugin import Plugin, tool
from llmagent_os.adapters.web import WebAdapter
import llmagent_os.agent, llmagent_os
assert llmagent_os.__file__ is None
print(llmagent_os.agent.__file__)
print(Bot.load("calendar").folder)
print(KnowledgeBase().load_knowledge(Bot.load("calendar").facts))
"""

#: Opening a ledger runs the migrations that came with the package.
MIGRATE = """
from pathlib import Path
from sqlalchemy import create_engine
from llmagent_os.ledger.migrate import upgrade
with create_engine("sqlite:///old.db").begin() as connection:
    upgrade(connection, Path("old.db"))
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LLMAGENT_OS_"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, cwd=TOP)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment's programs, with the wheel in it and the dependencies of this one beside it."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    # A plain path, so that the .pth file of the editable installation over there is not read.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin"


def test_wheel_holds_every_file_of_the_roots_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    written = {
        str(path.relative_to(TOP / root))
        for root in ROOTS
        for path in (TOP / root).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == written


@pytest.mark.parametrize(
    "name",
    [
        "llmagent_os/py.typed",
        "llmagent_os/ledger/migrations/env.py",
        "llmagent_os/ledger/migrations/versions/v0001_first_tables.py",
        "llmagent_os/adapters/web/page/index.html",
        "llmagent_os/bots/assistant/bot.toml",
        "llmagent_os/bots/assistant/guide/calendar.md",
        "llmagent_os/bots/calendar/bot.toml",
        "llmagent_os/bots/calendar/calendar_knowledge.json",
        "llmagent_os/bots/calendar/recipe/chat_template.jinja",
        "llmagent_os/bots/calendar/recipe/grammar/create.txt",
        "llmagent_os/bots/calendar/model/config.json",
        "llmagent_os/bots/calendar/model/model.safetensors",
        "llmagent_os/bots/calendar/model/tokenizer.json",
    ],
)
def test_wheel_holds_what_is_read_at_run_time(wheel: Path, name: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert name in archive.namelist()


def test_command_runs_from_anywhere(installed: Path, tmp_path: Path) -> None:
    program = installed / "llmagent-os"
    assert run(program, "version", cwd=tmp_path).strip() == "0.1.0"
    assert "doctor" in run(program, "--help", cwd=tmp_path)


def test_public_api_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    module, bot, facts = run(installed / "python", "-c", API, cwd=tmp_path).split()
    assert Path(module).is_relative_to(installed.parent)
    assert Path(bot).is_relative_to(installed.parent)
    assert int(facts) > 0


def test_migrations_run_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    run(installed / "python", "-c", MIGRATE, cwd=tmp_path)
    assert (tmp_path / "old.db").stat().st_size


def test_doctor_finds_nothing_wrong(installed: Path, tmp_path: Path) -> None:
    """A fresh installation is a right one, whatever else listens on this machine."""
    settings = tmp_path / ".env"
    settings.write_text("LLMAGENT_OS_WEB_PORT=0\n")
    settings.chmod(0o600)
    assert "Everything looks right." in run(installed / "llmagent-os", "doctor", "calendar", cwd=tmp_path)


def test_a_bot_is_made_and_checked_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """As `uvx llmagent-os` and `pipx run llmagent-os` do it: the command has the package's name."""
    program = installed / "llmagent-os"
    assert "llmagent-os init" in run(program, cwd=tmp_path)
    run(program, "init", "--yes", "--no-run", cwd=tmp_path)
    assert "is right." in run(program, "bot", "check", "my_bot", cwd=tmp_path)
