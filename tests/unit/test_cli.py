"""The command line, as a process of its own: its exit codes and signals are what supervisors and scripts go by."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.tiny_model import save_model

PROGRAM = Path(sys.executable).with_name("llmagent-os")

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLMAGENT_OS_")}
    # A model on a server that is not asked: a start is then as quick as it can be.
    ours = {"DATA": str(tmp_path / "data"), "MODEL": "openai:none", "BASE_URL": "http://127.0.0.1:9", "WEB_PORT": "0"}
    return kept | {f"LLMAGENT_OS_{name}": value for name, value in ours.items()}


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str], warm_python: Path) -> Run:
    def command(*arguments: str, input: str = "", **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [warm_python.with_name(PROGRAM.name), *arguments],
            cwd=tmp_path,
            env=environment | changed,
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )

    return command


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str], warm_python: Path) -> Generator[Start]:
    """Starts a process that is killed after the test."""
    started: list[subprocess.Popen[str]] = []

    def command(*arguments: str, program: Path | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [program or warm_python.with_name(PROGRAM.name), *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield command
    for process in started:
        process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    """Where the process says that it can be reached."""
    line = cast(Any, process.stdout).readline()
    assert line.startswith("web: http://127.0.0.1:"), (line, process.poll(), process.poll() and process.communicate())
    return str(line.split()[1])


def test_version_and_help_are_quick_and_complete(run: Run) -> None:
    assert run("version").stdout == "0.1.0\n"
    shown = run("-h").stdout
    for command in ("run", "chat", "doctor", "evaluate", "train", "profile", "people", "setup", "version"):
        assert f"\n  {command} " in shown


@pytest.mark.parametrize(
    ("arguments", "changed", "code", "message"),
    [
        (
            ("run", "calender"),
            {},
            2,
            "error: there is no bot 'calender'",
        ),
        (("run",), {"LLMAGENT_OS_WEB_PORT": "many"}, 2, "error: LLMAGENT_OS_WEB_PORT cannot be 'many'"),
        (("run", "--host", "0.0.0.0"), {}, 2, "LLMAGENT_OS_WEB_TOKEN"),
        (("run", "--adapter", "pigeon"), {}, 2, "there is no adapter 'pigeon'"),
        (("run",), {"LLMAGENT_OS_MODEL": "/nowhere"}, 2, "error: no model '/nowhere'"),
        (("run",), {"LLMAGENT_OS_DATABASE_URL": "mysql://x"}, 2, "SQLite"),
        (("run",), {"LLMAGENT_OS_MODEL": "/calender"}, 2, "did you mean 'calendar'?"),
        (("run",), {"LLMAGENT_OS_MODEL": "Openai/gpt"}, 2, "did you mean 'openai:gpt'?"),
        (("run",), {"LLMAGENT_OS_BASE_URL": ""}, 2, "set LLMAGENT_OS_BASE_URL to the address"),
        (("run",), {"LLMAGENT_OS_BASE_URL": "https://api.openai.com/v1"}, 2, "needs a key: set LLMAGENT_OS_API_KEY"),
        (("run",), {"LLMAGENT_OS_POLICY": "bays"}, 2, "did you mean bayes?"),
        (("run",), {"SLACK_BOT_TOKEN": "xapp-1-A1-x"}, 2, "which belongs in SLACK_APP_TOKEN"),
        (("run",), {"LLMAGENT_OS_DATA": "~nobody-here/x"}, 2, "the home folder ~nobody-here is not known"),
        (("run",), {"LLMAGENT_OS_DATA": "/proc/no"}, 2, "the data folder '/proc/no'"),
        (("fly",), {}, 2, "No such command 'fly'"),
        (("profile", "show", "sam"), {}, 2, "platform:workspace:id"),
        (("profile", "forget", "web:local:sam"), {}, 1, "Aborted"),
        (("evaluate", "calendar", "--out", "p.jsonl"), {}, 2, "Missing option '--data'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_the_right_exit_code(
    run: Run, arguments: tuple[str, ...], changed: dict[str, str], code: int, message: str
) -> None:
    """Never with a traceback, which helps nobody who has mistyped a setting."""
    done = run(*arguments, **changed)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert message in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_run_says_where_it_is_and_stops_when_asked(start: Start, number: signal.Signals, code: int) -> None:
    """A supervisor stops with SIGTERM, a person with Ctrl-C or by closing the terminal: the ledger stays whole."""
    process = start("run", "calendar")
    with urllib.request.urlopen(f"{address(process)}healthz") as response:
        report = json.load(response)
    assert report["ok"]
    assert report["adapters"] == {"web": "running"}
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code, out + errors
    assert "Traceback" not in errors


def test_taken_port_is_said(run: Run) -> None:
    """The most common trouble of a second start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("run", "--port", str(port))
    assert done.returncode == 2
    assert f"`port` {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_settings_file_that_is_not_there_is_said(run: Run) -> None:
    """Else the bot would run, on nothing of what it says."""
    done = run("--env-file", "data/platfroms.env", "run")
    assert done.returncode == 2
    assert "platfroms.env: there is no such file" in done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("LLMAGENT_OS_ACCESS: closed", ".env, line 2: cannot be read after LLMAGENT_OS_ACCESS"),
        ("TELEGRAM_BOT_TOKEN=1:x", ".env, line 2: TELEGRAM_BOT_TOKEN is not a setting; did you mean TELEGRAM_TOKEN?"),
    ],
)
def test_a_line_of_the_settings_file_that_has_no_effect_ends_the_start(
    run: Run, tmp_path: Path, line: str, message: str
) -> None:
    """Skipped, it would let in people who are to be kept out, or leave a platform silent."""
    (tmp_path / ".env").write_text(f"# mine\n{line}\n")
    done = run("run")
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_a_variable_of_another_program_is_named_in_the_log(start: Start, environment: dict[str, str]) -> None:
    environment["DISCORD_BOT_TOKEN"] = "x"
    process = start("run", "calendar")
    address(process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert "DISCORD_BOT_TOKEN is set, but is not a setting; did you mean DISCORD_TOKEN?" in errors


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('plugins = ["calender"]', "`plugins`: no installed plugin is called 'calender'; did you mean 'calendar'?"),
        (
            'plugins = ["calendar"]\npermissions = ["calender.*"]',
            "`permissions`: 'calender.*' matches no permission of this bot's plugins; did you mean 'calendar.*'?",
        ),
        ('adapters = ["wab"]', "there is no adapter 'wab'; did you mean 'web'?"),
        ('[policy]\nlearner = "bays"', "did you mean 'bayes'?"),
    ],
)
def test_a_misspelt_name_in_the_bots_file_ends_the_start(run: Run, tmp_path: Path, lines: str, message: str) -> None:
    (tmp_path / "bot.toml").write_text(f'name = "parrot"\nmodel = "calendar"\n{lines}\n')
    done = run("run", ".")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert message in done.stderr


def test_all_mistakes_of_a_bots_file_are_printed_and_no_bot_is_started(run: Run, tmp_path: Path) -> None:
    """With the line of each below it, and without "error:" before that line."""
    file = tmp_path / "bot.toml"
    file.write_text('name = "parrot"\nmodel = calendar\nplugin = ["calendar"]\n')
    checked = run("bot", "check", ".")
    assert (checked.returncode, checked.stderr) == (1, "2 mistakes\n")
    assert checked.stdout.splitlines()[3:] == [
        "bot.toml:3:1: `plugin` is no setting; did you mean `plugins`?",
        '    3 | plugin = ["calendar"]',
        "      | ^",
    ]
    started = run("run", ".")
    assert started.returncode == 2
    assert started.stderr.splitlines()[3:] == [
        "error: " + checked.stdout.splitlines()[3],
        *checked.stdout.splitlines()[4:],
    ]
    file.write_text('name = "parrot"\nmodel = "calendar"\nplugins = ["calendar"]\n')
    right = run("bot", "check", "bot.toml")
    assert (right.returncode, right.stdout) == (0, f"{file} is right.\n")


def test_help_of_run_says_how_to_give_a_folder(run: Run) -> None:
    assert "a folder with a bot.toml in it" in " ".join(run("run", "--help").stdout.split())


def test_files_of_options_may_be_in_the_home_folder(run: Run, tmp_path: Path) -> None:
    """A shell does not replace ``~`` in ``--env-file=~/bot.env``."""
    (tmp_path / "bot.env").write_text("LLMAGENT_OS_WEB_PORT=many\n")
    done = run("--env-file=~/bot.env", "run", HOME=str(tmp_path), LLMAGENT_OS_WEB_PORT="")
    assert (done.returncode, "bot.env, line 1" in done.stderr) == (2, True), done.stderr


def test_second_host_on_the_same_data_is_refused(start: Start, run: Run) -> None:
    """Two hosts on one ledger would answer everything twice."""
    first = start("run", "calendar", program=PROGRAM)
    address(first)
    done = run("run", "calendar")
    assert done.returncode == 1
    assert f"process {first.pid}" in done.stderr
    assert "LLMAGENT_OS_DATA" in done.stderr


def test_chat_works_beside_a_running_host(start: Start, run: Run) -> None:
    """Somebody has the web chat open and tries the terminal."""
    address(start("run", "calendar"))
    done = run("chat", "calendar", input="/help\n")
    assert done.returncode == 0, done.stderr
    assert "/profile" in done.stdout
    assert done.stderr == ""


def test_starting_imports_no_heavy_library(tmp_path: Path) -> None:
    """torch and its like cost seconds and hundreds of megabytes; they wait until a model is needed."""
    code = (
        "import sys, llmagent_os.cli, llmagent_os.runtime, llmagent_os.admin.doctor, llmagent_os.adapters.web\n"
        "print(*{'torch', 'transformers', 'numpy', 'openai', 'alembic', 'prometheus_client'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == ""


def test_profile_is_shown_exported_and_forgotten(run: Run) -> None:
    """By the person's id, and with the host down."""
    nobody = run("profile", "show", "web:local:ana")
    assert (nobody.returncode, nobody.stdout.startswith("no profile: web:local:ana")) == (0, True), nobody.stdout
    assert json.loads(run("profile", "export", "web:local:ana").stdout)["profile"]
    done = run("profile", "forget", "web:local:ana", input="y\n")
    assert (done.returncode, "0 rows" in done.stdout) == (0, True), done.stderr


def test_people_list_says_when_it_is_empty(run: Run) -> None:
    assert run("people", "list").stdout.splitlines()[0] == "Nobody was let in yet, and nobody waits."


def test_doctor_does_not_count_its_own_log_level(run: Run, model: Path) -> None:
    shown = run("doctor", LLMAGENT_OS_MODEL=str(model)).stdout
    assert "LLMAGENT_OS_DATA" in shown
    assert "LLMAGENT_OS_LOG_LEVEL" not in shown


def test_doctor_says_what_is_wrong_and_how_to_mend_it(run: Run, model: Path) -> None:
    """And shows no secret while doing so."""
    fine = run(
        "doctor",
        LLMAGENT_OS_MODEL=str(model),
        LLMAGENT_OS_WEB_TOKEN="open-sesame-open-sesame",
        LLMAGENT_OS_WEB_PORT="0",
    )
    assert fine.returncode == 0, fine.stdout
    assert "LLMAGENT_OS_WEB_TOKEN is set (not shown)" in fine.stdout
    assert "open-sesame" not in fine.stdout + fine.stderr
    wrong = run("doctor", LLMAGENT_OS_MODEL="/nowhere", LLMAGENT_OS_WEB_HOST="0.0.0.0")
    assert wrong.returncode == 1
    assert "✗ no model '/nowhere'" in wrong.stdout
    assert "→ set LLMAGENT_OS_MODEL" in wrong.stdout
    assert "2 problems found." in wrong.stdout


def test_part_that_a_bot_lacks_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text('name = "parrot"\nmodel = "calendar"\n')
    for arguments in (("evaluate", ".", "--data", "d", "--out", "o"), ("train", ".", "--out", "o")):
        done = run(*arguments)
        assert done.returncode == 2
        assert "bot 'parrot' has no" in done.stderr
