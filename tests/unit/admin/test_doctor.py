"""The doctor: a problem it overlooks is a night's search for somebody, and one it makes up is trust lost."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from llmagent_os.admin import data_folder_check, platform_api
from llmagent_os.admin.doctor import examine, running_finding
from llmagent_os.admin.findings import Finding, show
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.model_memory import bytes_of_a_slot
from tests.platforms.__main__ import platforms
from tests.tiny_model import save_model

BOT = 'name = "parrot"\nmodel = "tiny"\nadapters = ["web"]\nplugins = []\n'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bot.toml").write_text(BOT)
    return tmp_path


@pytest.fixture
def settings(folder: Path, model: Path) -> Settings:
    return Settings.load(env_file=None, data=folder / "data", model=str(model), web_port=0, threads=1)


async def problems(settings: Settings, **changed: object) -> list[Finding]:
    found = await examine(lambda: settings.model_copy(update=changed), "bot.toml")
    return [finding for finding in found if finding.state == "problem"]


async def test_right_installation_has_no_problem(settings: Settings) -> None:
    found = await examine(lambda: settings, "bot.toml")
    assert [finding for finding in found if finding.state == "problem"] == []
    sections = list(dict.fromkeys(finding.section for finding in found))
    assert sections == [
        "python",
        "settings",
        "data",
        "encryption",
        "clock",
        "ledger",
        "profiles",
        "bot",
        "voice",
        "graphics",
        "model",
        "model memory",
        "plugins",
        "adapters",
    ]
    assert not (settings.data).exists(), "looking must not make anything"


async def test_how_much_memory_the_model_may_take_is_said(settings: Settings) -> None:
    """By the settings: somebody with little memory sees which number to make smaller."""
    changed = settings.model_copy(update={"slots": 5, "lora_megabytes": 321, "prefix_megabytes": 123})
    (finding,) = [each for each in await examine(lambda: changed, "bot.toml") if each.section == "model memory"]
    slot = bytes_of_a_slot(locate(str(settings.model)))
    assert slot is not None
    assert finding.state == "ok"
    assert finding.text == (
        "besides the weights at most 321 MB for people's LoRAs and 123 MB for earlier prompts, "
        f"and {5 * slot / 1e6:.0f} MB for 5 replies of the greatest length"
    )


async def test_every_problem_has_a_remedy(settings: Settings, folder: Path) -> None:
    (folder / "bot.toml").write_text(BOT.replace("[]", '["nothing"]') + 'knowledge = "none.json"\n')
    found = await problems(settings, model="/nowhere", web_host="0.0.0.0", database_url="mysql://x")
    assert {finding.section for finding in found} == {"ledger", "bot", "model", "plugins", "adapters"}
    assert all(finding.remedy for finding in found)


async def test_deep_look_has_the_model_answer(settings: Settings) -> None:
    """Weights that load can still be of another architecture than the code knows."""
    found = await examine(lambda: settings, "bot.toml", deep=True)
    assert any("it answers 'hello' with" in finding.text for finding in found)


async def test_deep_look_asks_as_the_bot_does(folder: Path) -> None:
    """A model behaves otherwise without its instructions and tools, and one that cannot take tools fails only then."""
    asked: list[dict[str, Any]] = []

    async def chat(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response({"error": {"message": "tools are not supported"}}, status=400)

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "small"}]})

    application = web.Application()
    application.router.add_post("/v1/chat/completions", chat)
    application.router.add_get("/v1/models", models)
    (folder / "bot.toml").write_text('name = "a"\nmodel = "openai:small"\nplugins = ["calendar"]\nnotes = "Be kind."\n')
    async with TestServer(application) as server:
        settings = Settings.load(env_file=None, data=folder / "data", base_url=str(server.make_url("/v1")), web_port=0)
        found = await examine(lambda: settings, "bot.toml", deep=True)
    assert any(finding.text.endswith("/v1, which has it") for finding in found)
    assert any("does not answer" in finding.text and finding.state == "problem" for finding in found)
    assert [message["role"] for message in asked[0]["messages"]] == ["system", "user"]
    assert "Be kind." in asked[0]["messages"][0]["content"]


REFUSED = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
CALL = {"id": "a", "type": "function", "function": {"name": "current_time", "arguments": '{"city": "Madrid"}'}}


@pytest.mark.parametrize(
    ("refuses", "message", "state", "text", "remedy"),
    [
        (False, {"content": None, "tool_calls": [CALL]}, "ok", "it calls tools", ""),
        (
            False,
            {"content": '[TOOL_CALLS]current_time[ARGS]{"city": "Madrid"}'},
            "note",
            "leaves tool calls in the text (form: Mistral); they are read there. Better: vLLM with "
            "--enable-auto-tool-choice --tool-call-parser mistral",
            "",
        ),
        (False, {"content": "It is noon."}, "note", "asked for a tool call, it answered with 'It is noon.'", ""),
        (False, {"content": "<tool_call>oops"}, "problem", "asked for a tool call", "use a model that knows tools"),
        (
            True,
            {"content": "It is noon."},
            "problem",
            f"takes no tools (refused with 400: {REFUSED}",
            "start vLLM with",
        ),
    ],
    ids=["calls", "text", "words", "wrong", "refused"],
)
async def test_how_a_server_handles_tools_is_said_with_what_to_do(
    folder: Path, refuses: bool, message: dict[str, Any], state: str, text: str, remedy: str
) -> None:
    """A server without its flag looks like a stupid model."""

    async def chat(request: web.Request) -> web.Response:
        asked = await request.json()
        if refuses and "tools" in asked:
            return web.json_response({"object": "error", "message": REFUSED, "code": 400}, status=400)
        is_probe = "Madrid" in asked["messages"][1]["content"]
        said = message if is_probe else {"content": "Hello."}
        return web.json_response({"choices": [{"message": said, "finish_reason": "stop"}]})

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "small"}]})

    application = web.Application()
    application.router.add_post("/v1/chat/completions", chat)
    application.router.add_get("/v1/models", models)
    plugins = 'plugins = ["calendar"]\npermissions = ["calendar.*"]\n'
    (folder / "bot.toml").write_text(f'name = "a"\nmodel = "openai:small"\n{plugins}')
    async with TestServer(application) as server:
        settings = Settings.load(env_file=None, data=folder / "data", base_url=str(server.make_url("/v1")), web_port=0)
        found = await examine(lambda: settings, "bot.toml", deep=True)
    *_, finding = (each for each in found if each.section == "model")
    assert finding.state == state
    assert text in finding.text
    assert finding.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "set LLMAGENT_OS_BASE_URL to the address"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "http://127.0.0.1:9/v1 cannot be reached"),
        ({"base_url": "https://api.openai.com/v1"}, "needs a key: set LLMAGENT_OS_API_KEY"),
    ],
)
async def test_model_server_that_is_not_named_or_not_there_is_a_problem(
    folder: Path, given: dict[str, str], text: str
) -> None:
    settings = Settings.load(env_file=None, data=folder / "data", model="openai:x", web_port=0, **given)
    (problem,) = await problems(settings)
    assert text in problem.text


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tokenizer.json", None, "lacks tokenizer.json"),
        ("model.safetensors", None, "lacks its weights"),
        ("model.safetensors", bytes(100), "weights cannot be read"),
    ],
)
async def test_damaged_model_is_found_without_loading_it(
    settings: Settings, tmp_path: Path, file: str, content: bytes | None, message: str
) -> None:
    """An interrupted download is the usual reason."""
    copy = save_model(tmp_path / "copy")
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_bytes(content)
    (problem,) = await problems(settings, model=str(copy))
    assert message in problem.text


async def test_ledger_is_looked_at_and_left_alone(settings: Settings, folder: Path) -> None:
    file = folder / "data" / "ledger.db"
    await (await Ledger.open(settings.ledger_url)).close()
    assert await problems(settings) == []
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
        database.commit()
    found = await examine(lambda: settings, "bot.toml")
    assert any("at revision 0000; the next start brings it to" in finding.text for finding in found)
    for extra in file.parent.glob("ledger.db-*"):
        extra.unlink()
    file.write_bytes(b"no database at all, only some text" * 10)
    (problem,) = await problems(settings)
    assert problem.section == "ledger"


async def test_wrong_settings_end_the_examination(folder: Path) -> None:
    def load() -> Settings:
        raise ConfigError("LLMAGENT_OS_A is wrong\nLLMAGENT_OS_B is wrong")

    found = await examine(load, "bot.toml")
    assert [finding.text for finding in found if finding.state == "problem"] == [
        "LLMAGENT_OS_A is wrong",
        "LLMAGENT_OS_B is wrong",
    ]


async def test_env_file_that_others_can_read_is_a_problem(settings: Settings, folder: Path) -> None:
    """It holds the secrets."""
    (folder / ".env").write_text("LLMAGENT_OS_DATA=data\n")
    (folder / ".env").chmod(0o644)
    (problem,) = await problems(settings)
    assert problem.remedy == "chmod 600 .env"


async def test_settings_file_of_the_command_line_is_the_one_that_is_looked_at(settings: Settings, folder: Path) -> None:
    """``--env-file`` replaces .env, so the doctor must not praise or blame the other file."""
    (folder / "own.env").write_text("LLMAGENT_OS_PIGEON_LOFT=roof\n")
    (folder / "own.env").chmod(0o644)
    (folder / ".env").touch(0o644)
    found = await examine(lambda: settings, "bot.toml", env_file=folder / "own.env")
    assert [finding.remedy for finding in found if finding.state == "problem"] == [f"chmod 600 {folder / 'own.env'}"]
    assert any("LLMAGENT_OS_PIGEON_LOFT" in finding.text for finding in found)


async def test_data_folder_that_others_can_open_is_a_problem(settings: Settings) -> None:
    settings.data.mkdir()
    settings.data.chmod(0o755)  # whatever the umask is
    (problem,) = await problems(settings)
    assert problem.remedy == f"chmod 700 {settings.data}"


async def test_full_disk_is_a_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_folder_check, "MIN_FREE_BYTES", 1 << 62)
    (problem,) = await problems(settings)
    assert (problem.section, "MB are free" in problem.text) == ("data", True)


async def test_clock_that_is_behind_its_own_files_is_a_problem(settings: Settings) -> None:
    """A board without a battery starts in 1970, and every reminder comes years late."""
    settings.data.mkdir(mode=0o700)
    file = settings.data / "ledger.db.host"
    file.touch(0o600)
    os.utime(file, (2**32, 2**32))
    (problem,) = await problems(settings)
    assert (problem.section, "set the clock" in problem.remedy) == ("clock", True)


#: How a profile is damaged, and what is said of it.
DAMAGES: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda raw: raw[: len(raw) // 2], "is damaged"),
    (lambda raw: b"", "is damaged"),
    (lambda raw: b'{"_default": {}}', "holds no profile"),
    (lambda raw: raw.replace(b"Europe/Berlin", b"Mars/Olympus"), "no time zone 'Mars/Olympus'"),
    (lambda raw: raw.replace(b"web:local:ana", b"web:local:ben"), "holds the profile of 'web:local:ben'"),
    (lambda raw: raw.replace(b'"language"', b'"place": 7, "language"'), "holds no profile"),
]


@pytest.mark.parametrize(("change", "text"), DAMAGES)
async def test_profile_that_cannot_be_read_is_named_and_left_alone(
    settings: Settings, change: Callable[[bytes], bytes], text: str
) -> None:
    """Its person cannot be answered, and would not know why."""
    profiles = Profiles(settings.data / "profiles")
    settings.data.mkdir(mode=0o700)
    for person in ("ana", "sam"):
        await profiles.update(PersonId(f"web:local:{person}"), time_zone="Europe/Berlin")
    assert await problems(settings) == []
    file = settings.data / "profiles" / "web%3Alocal%3Aana.json"
    file.write_bytes(damaged := change(file.read_bytes()))
    (problem,) = await problems(settings)
    assert problem.section == "profiles"
    assert problem.text.startswith(str(file))
    assert text in problem.text
    assert file.read_bytes() == damaged


@contextlib.asynccontextmanager
async def on_loopback(settings: Settings, folder: Path) -> AsyncGenerator[tuple[Settings, tuple[Any, ...]]]:
    (folder / "bot.toml").write_text(BOT.replace('["web"]', '["web", "slack", "discord", "telegram"]'))
    servers = platforms()
    async with contextlib.AsyncExitStack() as stack:
        given: dict[str, str] = {}
        for server in servers:
            await server.start()
            stack.push_async_callback(server.stop)
            given |= {name.lower(): value for name, value in server.environment.items()}
        changed = Settings.load(env_file=None, data=settings.data, model=settings.model, web_port=0, threads=1, **given)
        yield changed, servers


async def test_what_platforms_grant_is_looked_at(settings: Settings, folder: Path) -> None:
    """A scope that was not granted shows only when somebody misses what it is for."""
    async with on_loopback(settings, folder) as (changed, (slack, discord, _)):
        found = await examine(lambda: changed, "bot.toml")
        assert [finding for finding in found if finding.state == "problem"] == []
        texts = " ".join(f"{finding.section}: {finding.text}." for finding in found)
        assert "slack: the token has every scope that the bot needs." in texts
        assert "discord: the Message Content intent is on." in texts
        assert "telegram: privacy mode is o" in texts
        assert texts.count("this machine's clock agrees with the platform's") == 3
        slack.scopes = "chat:write"
        discord.permissions = 1 << 11
        wrong = [finding for finding in await examine(lambda: changed, "bot.toml") if finding.state == "problem"]
    assert any("the scope reactions:read is missing" in finding.text for finding in wrong)
    assert any("in the server 'Acme' the bot may not: View Channels" in finding.text for finding in wrong)
    assert all(finding.remedy for finding in wrong)


async def test_clock_that_differs_from_a_platforms_is_a_problem(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack refuses nothing, but we refuse Slack: its signed requests look old."""
    monkeypatch.setattr(platform_api, "time", ManualTime(time.time() - 600))
    async with on_loopback(settings, folder) as (changed, _):
        wrong = [finding for finding in await examine(lambda: changed, "bot.toml") if finding.state == "problem"]
    assert [finding.section for finding in wrong] == ["slack", "discord", "telegram"]
    assert all("s behind the platform's" in finding.text for finding in wrong)


class ManualTime:
    """A clock that stands still."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def time(self) -> float:
        return self._seconds


async def test_a_misspelt_plugin_and_permission_are_named_with_the_nearest(settings: Settings, folder: Path) -> None:
    (folder / "bot.toml").write_text(BOT.replace("[]", '["calender"]'))
    (problem,) = await problems(settings)
    assert "did you mean 'calendar'?" in problem.text
    (folder / "bot.toml").write_text(BOT.replace("[]", '["calendar"]') + 'permissions = ["calender.*"]\n')
    (problem,) = await problems(settings)
    assert "did you mean 'calendar.*'?" in problem.text


async def test_missing_bot_is_told(settings: Settings) -> None:
    found = await examine(lambda: settings, "calender")
    assert "did you mean 'calendar'" in found[-1].text


def test_exit_code_counts_problems_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert show([Finding("a", "ok", "fine"), Finding("a", "note", "so so")]) == 0
    assert show([Finding("a", "problem", "bad", "mend it")]) == 1
    assert "→ mend it" in capsys.readouterr().out


def test_a_plugin_that_failed_once_and_works_is_no_problem() -> None:
    assert running_finding("profile", "working: reading a message: took longer than 2 s").state == "note"
    assert running_finding("profile", "resting: reading a message: took longer than 2 s").state == "problem"
