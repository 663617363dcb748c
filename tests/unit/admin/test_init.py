"""`llmagent-os init`, a newcomer's first minutes: what it writes must work, and what was there must not be lost."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from llmagent_os.bot import Bot
from llmagent_os.cli import main
from llmagent_os.config import Settings

TOKEN = "123456:" + "S" * 35


class Servers(BaseHTTPRequestHandler):
    """Telegram's Bot API, which knows one token, and a model server with one model."""

    def do_GET(self) -> None:
        self._answer(200, {"data": [{"id": "tiny"}]})

    keys: ClassVar[list[str | None]] = []  #: that came with questions to the model

    def do_POST(self) -> None:
        self.keys.append(self.headers.get("Authorization"))
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        method = self.path.rpartition("/")[2]
        if method == "completions" and json.loads(asked)["model"] != "tiny":
            self._answer(404, {"error": {"message": "The model does not exist", "code": "model_not_found"}})
        elif method == "completions":
            said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there."}}
            self._answer(
                200, {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [said]}
            )
        elif f"/bot{TOKEN}/" not in self.path:
            self._answer(401, {"ok": False, "description": "Unauthorized"})
        elif method == "getMe":
            self._answer(200, {"ok": True, "result": {"id": 1, "first_name": "Ada", "username": "ada_bot"}})
        else:
            self._answer(200, {"ok": True, "result": {"url": "", "pending_update_count": 0}})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Servers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LLMAGENT_OS_WEB_PORT", "0")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["init", "--no-run", *arguments], input=typed)


def test_enter_five_times_gives_a_bot_that_is_right(folder: Path) -> None:
    done = init(typed="\n" * 6)
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(main, ["bot", "check", "my_bot"]).output.endswith("is right.\n")
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    config, pattern = Bot.load("my_bot").config, Bot.load("assistant").config
    assert (config.model, config.adapters, config.plugins) == ("none", ("web",), pattern.plugins)
    assert (folder / "my_bot" / "guide" / "poll.md").is_file()
    assert "To run it another time: llmagent-os run my_bot" in done.output
    assert "llmagent-os run my_bot" in CliRunner().invoke(main, []).output  # ... and the bare command says so


def test_wrong_answers_are_explained_and_asked_again_and_right_ones_are_tried(folder: Path, address: str) -> None:
    """The model answers a word, and Telegram itself is asked about the token."""
    (folder / ".env").write_text(f"# mine\nTELEGRAM_API_URL={address}\nOTHER=1\n#LLMAGENT_OS_ACCESS=pairing\n")
    typed = [
        *("openai:tiy", f"{address}/v1", "", "openai:tiny", f"{address}/v1", ""),
        *("telegrm", "telegram", "123456:" + "X" * 35, TOKEN),
        *("anyone", "list", "telegran::1", "telegram::1"),
        *("todo, remindes", "2 reminders", "secret", "private", "ten", "10"),
        "y",  # .env may change
    ]
    done = init(typed="\n".join(typed) + "\n")
    assert done.exit_code == 0, done.output
    for problem in ("did you mean 'tiny'?", "did you mean 'telegram'?", "Telegram refuses TELEGRAM_TOKEN"):
        assert problem in done.output
    for problem in ("'anyone' is none of these", "did you mean 'reminders'?", "no number of days"):
        assert problem in done.output
    assert "it answers: 'Hello there.'" in done.output
    assert "belongs to 'Ada' (@ada_bot)" in done.output
    assert done.output.count(TOKEN) == 1  # the runner shows what is typed; the command shows no token
    text = (folder / ".env").read_text()
    assert text.startswith(f"# mine\nTELEGRAM_API_URL={address}\nOTHER=1\nLLMAGENT_OS_ACCESS=closed\n")
    settings = Settings.load(folder / ".env")
    assert (settings.access, settings.allow, settings.keep_days) == ("closed", "telegram::1", "conversations=10")
    assert (settings.base_url, settings.telegram_token.get_secret_value()) == (f"{address}/v1", TOKEN)
    config = Bot.load("my_bot").config
    assert (config.model, config.adapters) == ("openai:tiny", ("web", "telegram"))
    assert set(config.plugins) == {"finance", "reminders"}
    assert config.permissions == ("finance.*", "reminders.*")
    assert (config.consent.remember, config.consent.learning, config.consent.training) == (False, False, False)
    assert "looked up with it: reminders, finances." in config.notes  # a model is told of no tool that it has not
    assert "calendar" not in config.instructions
    assert not (folder / "my_bot" / "guide" / "poll.md").exists()  # it would tell of what the bot cannot do
    assert (folder / ".env.old1").read_text().endswith("#LLMAGENT_OS_ACCESS=pairing\n")


def test_the_second_run_proposes_what_is_there_and_changes_only_what_is_answered(folder: Path) -> None:
    assert init("--yes", "--plugins", "todo,calendar", "--keep-days", "20").exit_code == 0
    file = folder / "my_bot" / "bot.toml"
    file.write_text(file.read_text().replace('title = "Assistant"', 'title = "Ada"  # my own name for it'))
    before = {path: path.read_bytes() for path in (file, folder / ".env")}
    assert init(typed="\n" * 6).exit_code == 0
    assert {path: path.read_bytes() for path in before} == before
    done = init(typed="\n\n\n\ntraining\n\ny\n")
    assert "[calendar, todo]" in done.output or "[todo, calendar]" in done.output
    assert "[20]" in done.output
    config = Bot.load("my_bot").config
    assert (config.title, config.consent.training, len(config.plugins)) == ("Ada", True, 2)
    assert "# my own name for it" in file.read_text()
    assert (folder / "my_bot" / "bot.toml.old1").read_bytes() == before[file]
    assert Settings.load(folder / ".env").keep_days == "conversations=20"


def test_a_command_without_a_bot_is_for_the_only_one_of_the_folder(folder: Path) -> None:
    """Else `doctor` looks at the calendar bot, and says that all is well with the newcomer's own."""
    assert init("--yes").exit_code == 0
    checked = CliRunner().invoke(main, ["bot", "check"])
    assert "bot: my_bot, the only one in this folder" in checked.stderr
    assert str(folder / "my_bot" / "bot.toml") in checked.output
    assert "did you mean 'my_bot'?" in CliRunner().invoke(main, ["bot", "check", "my_bott"]).output
    assert init("--yes", "--bot", "second").exit_code == 0
    assert "my_bot" not in CliRunner().invoke(main, ["bot", "check"]).output  # of several none is guessed


def test_what_is_taken_without_asking_is_shown_and_what_nobody_can_use_is_said(folder: Path) -> None:
    done = init("--yes", "--access", "list", "--plugins", "todo")
    assert "Plugins, by name or number: todo" in done.output
    assert "Privacy, until a person says otherwise: standard" in done.output
    assert "no account is named" in done.output
    wrong = init("--yes", "--access", "list", "--allow", "fred").output
    assert "'fred' is not a person or a pattern; write platform:workspace:id" in wrong
    assert "cannot be" not in wrong


def test_an_address_at_which_nothing_listens_is_said_in_words(folder: Path) -> None:
    done = init("--yes", "--model", "openai:x", "--base-url", "http://127.0.0.1:9/v1")
    assert "http://127.0.0.1:9/v1 cannot be reached: nothing listens there" in done.output


def test_documents_of_plugins_go_and_come_with_the_plugins(folder: Path) -> None:
    """Else the bot quotes how to use a plugin that it does not have."""
    assert init("--yes", "--plugins", "todo,poll,finance").exit_code == 0
    guide = folder / "my_bot" / "guide"
    (guide / "finance.md").write_text("My own words.")
    done = init("--yes", "--plugins", "todo")
    assert "guide/poll.md was removed" in done.output
    assert "guide/finance.md stays" in done.output
    there = [(guide / f"{name}.md").exists() for name in ("todo", "poll", "finance")]
    assert there == [True, False, True]
    assert init("--yes", "--plugins", "todo,poll").exit_code == 0
    assert (guide / "poll.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "typed", "code"),
    [
        ((), "none\n", 1),  # the pipe ends
        (("--yes", "--model", "openai:none", "--base-url", "http://127.0.0.1:9/v1"), "", 1),
        (("--yes", "--platforms", "telegram"), "", 2),  # without a token
        (("--yes", "--plugins", "calender"), "", 2),
        (("--yes", "--access", "nobody"), "", 2),
        (("--yes", "--keep-days", "-1"), "", 2),
    ],
)
def test_whoever_stops_or_is_wrong_leaves_nothing_half_written(
    folder: Path, arguments: tuple[str, ...], typed: str, code: int
) -> None:
    done = init("new", *arguments, typed=typed)
    assert done.exit_code == code, done.output
    assert not (folder / "new").exists()


@pytest.mark.parametrize("asked", [True, False])
def test_the_key_of_one_server_is_never_sent_to_another(folder: Path, address: str, asked: bool) -> None:
    """Nor is it kept beside the new address, from where the bot would send it."""
    old = "LLMAGENT_OS_BASE_URL=http://127.0.0.1:9/v1\nLLMAGENT_OS_API_KEY=sk-of-the-old-server\nOTHER='x\u2028y'\n"
    (folder / ".env").write_text(old)
    Servers.keys.clear()
    if asked:
        done = init(typed=f"openai:tiny\n{address}/v1\n" + "\n" * 8 + "y\n")
    else:
        done = init("--yes", "--model", "openai:tiny", "--base-url", f"{address}/v1")
    assert done.exit_code == 0, done.output
    assert Servers.keys
    assert not [key for key in Servers.keys if key and "old" in key]
    settings = Settings.load(folder / ".env")
    assert (settings.base_url, settings.api_key.get_secret_value()) == (f"{address}/v1", "")
    assert (folder / ".env").read_text().endswith("OTHER='x\u2028y'\n")
    again = init("--yes")  # the same server: nothing changes
    assert again.exit_code == 0, again.output
    assert not (folder / ".env.old2").exists()


def test_a_key_of_the_environment_is_not_sent_to_a_server_that_the_environment_does_not_name(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMAGENT_OS_API_KEY", "sk-of-the-old-server")
    Servers.keys.clear()
    done = init("--yes", "--model", "openai:tiny", "--base-url", f"{address}/v1")
    assert "LLMAGENT_OS_API_KEY is set in the environment" in done.output
    assert (done.exit_code, Servers.keys) == (2, [])
    monkeypatch.setenv("LLMAGENT_OS_BASE_URL", f"{address}/v1")
    assert init("--yes", "--model", "openai:tiny").exit_code == 0
    assert Servers.keys == ["Bearer sk-of-the-old-server"]


def test_git_ignores_the_files_with_tokens(folder: Path) -> None:
    (folder / ".gitignore").write_text("*.log\n.env")
    for _ in range(2):
        assert init("--yes").exit_code == 0
    assert (folder / ".gitignore").read_text() == "*.log\n.env\n.env.old*\n..env-*.staged\n"
    assert not (folder / ".gitignore.old2").exists()
    if git := shutil.which("git"):
        subprocess.run([git, "init", "-q"], check=True)
        names = [".env", ".env.old1", "..env-abc.staged"]
        ignored = subprocess.run([git, "check-ignore", *names], capture_output=True, text=True, check=False)
        assert ignored.stdout.split() == names
