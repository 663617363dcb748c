"""The life of a plugin in a real host: written by `new`, built, installed, switched, changed, broken, and cut off."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmagent_os import testing
from llmagent_os.admin import plugins_command
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, PluginError
from llmagent_os.identity import Identity
from llmagent_os.runtime import Runtime
from llmagent_os.testing import MemoryAdapter
from llmagent_os.tools.kept_records import KeepingLimits
from tests.conftest import made_once
from tests.tiny_model import save_model

BOT = """
name = "parrot"                           # its name
title = "Parrot"
model = "tiny"
adapters = ["web"]
plugins = ["notes"]                       # what it has
permissions = ["notes.*"]
plugin_folder = "plugins"
request_rules = true
max_tokens = 4
"""

#: A user's own Python, which has imported nothing. It is not what ``sys.executable`` is in a test.
PYTHON = sys.executable


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLMAGENT_OS_")}
    # Slash commands need no model, and to load one takes longer than all the rest. So do the plugins of pytest.
    server = {"LLMAGENT_OS_MODEL": "openai:none", "LLMAGENT_OS_BASE_URL": "http://127.0.0.1:9/v1"}
    return {**kept, **server, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def steps(printed: str) -> list[list[str]]:
    """The commands of what was printed."""
    return [line.split() for line in printed.splitlines() if line.startswith("  ")]


def program(arguments: list[str], folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("llmagent-os")), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(), input=text, capture_output=True, text=True, check=False
    )


def run(command: list[str], folder: Path, text: str = "") -> str:
    """Run a command as it was printed."""
    if command[0] == "llmagent-os":
        done = program(command[1:], folder, text)
    else:
        assert command[0] == "python"
        own = [PYTHON, *command[1:], "-p", "no:cacheprovider"]
        done = subprocess.run(own, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# ── new ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("warm_programs")
def test_a_new_plugin_runs_with_the_commands_that_are_printed(tmp_path: Path) -> None:
    chat, test, install, info, enable = steps(run(["llmagent-os", "new", "plugin", "shopping"], tmp_path))
    said = run(chat, tmp_path, "/shopping lemons\n/shopping\n").strip().splitlines()
    assert said[-1] == "On your list: lemons."
    assert "2 passed" in run(test, tmp_path)
    assert install == ["pip", "install", str(tmp_path / "shopping")]  # done below, from the wheel
    assert [*info, *enable][:3] == ["llmagent-os", "plugins", "info"]
    before = sorted(tmp_path.rglob("*"))
    again = program(["new", "plugin", "shopping"], tmp_path)
    assert (again.returncode, again.stderr) == (2, "error: shopping is there already; nothing was written\n")
    assert sorted(tmp_path.rglob("*")) == before
    for name in ("Shopping", "class", "agent", "../x"):
        refused = program(["new", "plugin", name], tmp_path)
        assert refused.returncode == 2 and "cannot be called" in refused.stderr


@pytest.mark.usefixtures("warm_programs")
def test_a_new_bot_runs_with_the_commands_that_are_printed(tmp_path: Path) -> None:
    check, chat, start, test = steps(run(["llmagent-os", "new", "bot", "front-desk"], tmp_path))
    assert "is right" in run(check, tmp_path)
    assert "/todo" in run(chat, tmp_path, "/help\n")
    assert start == ["llmagent-os", "run", "front-desk"]
    assert "2 passed" in run(test, tmp_path)


# ── a package of somebody else ───────────────────────────────────────────────────────────────────────────────────────


def _build(folder: Path) -> Path:
    """Have `new` write a plugin, build its wheel, and install the wheel into a folder."""
    from llmagent_os.admin.new_project import new_plugin

    folder.mkdir()
    new_plugin("shopping", folder)
    tools: list[list[str | Path]] = [
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist"],
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", folder / "site"],
    ]
    subprocess.run(tools[0], cwd=folder / "shopping", check=True, capture_output=True)
    subprocess.run([*tools[1], *(folder / "dist").glob("*.whl")], check=True, capture_output=True)
    return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A folder on the path with the plugin `shopping`, installed from its wheel."""
    folder = made_once(tmp_path / "built", _build) / "site"
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    yield folder
    for name in [name for name in sys.modules if name.startswith("llmagent_os_shopping")]:
        del sys.modules[name]


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    (tmp_path / "parrot" / "plugins").mkdir(parents=True)
    (tmp_path / "parrot" / "bot.toml").write_text(BOT)
    (tmp_path / "parrot" / "plugins" / "a_file.py").write_text(GOOD)  # not called as its plugin
    return Bot.load(tmp_path / "parrot")


@pytest.fixture
def settings(tmp_path: Path, shared_folder: Path) -> Settings:
    model = made_once(shared_folder / "plugin-life-model", lambda folder: save_model(folder))
    return Settings.load(env_file=None, data=tmp_path / "data", model=str(model), threads=1, time_zone="UTC")


class Talk:
    """One person, who writes and reads."""

    def __init__(self, runtime: Runtime, platform: MemoryAdapter) -> None:
        self.runtime, self.platform, self.count = runtime, platform, 0

    async def say(self, text: str) -> str:
        self.count += 1
        await self.platform.say(text)
        return (await self.platform.sent(self.count))[-1].reply.text

    async def until(self, tool: str, *, there: bool) -> None:
        while (tool in self.runtime.plugins.permitted()) != there:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def talking(settings: Settings, bot: Bot) -> AsyncGenerator[Talk]:
    platform = MemoryAdapter()
    async with Runtime.open(settings, bot, adapters=[platform]) as runtime, testing.running(runtime):
        yield Talk(runtime, platform)


async def test_an_installed_package_is_switched_changed_and_broken_while_the_host_runs(
    settings: Settings, bot: Bot, site: Path
) -> None:
    """What the command line says is done by the running host, and nobody's documents are lost."""
    folder, code = str(bot.folder), site / "llmagent_os_shopping" / "plugin.py"
    with pytest.raises(ConfigError, match="no host runs"):
        await plugins_command.reload(settings, "shopping")
    async with talking(settings, bot) as ana:
        assert (await ana.say("/shopping")).startswith("I don't know /shopping")
        said = await plugins_command.switch(settings, "shopping", folder, on=True)
        assert "needs permissions that parrot does not give: shopping.read, shopping.write" in said.replace(
            "need ", "needs "
        )
        await plugins_command.switch(settings, "shopping", folder, on=True, allow=True)
        await ana.until("add_to_shopping", there=True)
        assert await ana.say("/shopping lemons") == "“lemons” is on your list."
        rows = [line.split() for line in (await plugins_command.listing(settings, folder)).splitlines()]
        assert ["shopping", "0.1.0", "llmagent-os-shopping", "parrot", "working"] in rows
        assert ["good", "-", str(bot.folder / "plugins" / "a_file.py"), "parrot", "working"] in rows

        bot.file.write_text(bot.file.read_text() + "\n[plugin.shopping]\nmost = 1\n")
        while not (await ana.say("/shopping tea")).startswith("Your list is full"):  # until the host has seen it
            pass

        code.write_text(code.read_text().replace("On your list", "To buy"))
        assert await plugins_command.reload(settings, "shopping") == "shopping was reloaded."
        assert (await ana.say("/shopping")).startswith("To buy: lemons")
        code.write_text("class (")
        with pytest.raises(PluginError, match=r"version before goes on: .*SyntaxError"):
            await plugins_command.reload(settings, "shopping")
        assert (await ana.say("/shopping")).startswith("To buy: lemons")

        await plugins_command.switch(settings, "shopping", folder, on=False)
        await ana.until("add_to_shopping", there=False)
        kept = ana.runtime.ledger.records("shopping", Identity("memory::u1"))
        assert (await kept.items())[0] == ("0001", {"text": "lemons"})
    text = bot.file.read_text()
    assert 'plugins = ["notes"]                       # what it has\n' in text
    assert 'permissions = ["notes.*"]\n' in text


async def test_a_bot_of_a_package_is_switched_in_a_file_of_the_installation(settings: Settings) -> None:
    """An upgrade replaces the package, and would take back what an admin has switched."""
    shipped = Bot.load("calendar")
    before = shipped.file.read_bytes()
    await plugins_command.switch(settings, "todo", "calendar", on=True, allow=True)
    await plugins_command.switch(settings, "calendar_talk", "calendar", on=False)
    config = shipped.switched(settings.data).config
    assert config.plugins == ("calendar", "profile", "todo")
    assert config.permissions == (*shipped.config.permissions, "todo.read", "todo.write")
    assert (shipped.file.read_bytes(), Bot.load("calendar").config) == (before, shipped.config)
    with pytest.raises(ConfigError, match="does not have the plugin 'feeds'; it has: calendar, profile, todo"):
        await plugins_command.switch(settings, "feeds", "calendar", on=False)
    with pytest.raises(ConfigError, match="did you mean 'feeds'"):
        await plugins_command.switch(settings, "feds", "calendar", on=True)


# ── bad plugins ──────────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = """
from llmagent_os.plugin import Plugin, ToolContext, ToolResult

class Good(Plugin):
    name = "good"
    commands = {"good": "works"}

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return ToolResult({}, "All is well.")
"""

BAD = """
import asyncio, logging, sys, time
from datetime import timedelta
from llmagent_os.chat import ToolCall
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool

class Bad(Plugin):
    name = {name!r}
    commands = {{{name!r}: "does harm"}}

    @tool(timeout=0.05)
    async def do_{name}(self, context: ToolContext) -> ToolResult:
        '''Do harm.'''
        {body}

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return await self.do_{name}(context)

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...]:
        return (ToolCall("do_{name}", {{}}),) if context.text == "please " + self.name else ()
"""

#: What each bad plugin does, by its name.
HARM = {
    "crashes": "raise ValueError('no such thing')",
    "hangs": "await asyncio.Event().wait()",
    "blocks": "time.sleep(0.3)\n        return ToolResult({}, 'Slept.')",
    "garbage": "return {'text': object()}",
    "exits": "sys.exit(3)",
    "huge": "return ToolResult({'all': ['x' * 99] * 1_000_000}, 'Here.')",
    "logs": "[logging.getLogger('bad').warning('line %d', n) for n in range(2_000)]\n        raise OSError('full')",
    "timers": "[await context.timers.set(str(n), context.now + timedelta(days=9)) for n in range(99)]",
    "records": "[await context.records.put(str(n), {}) for n in range(99)]",
    "files": "await context.files.write('x', b'x' * 100_000_001)",
}


async def test_bad_plugins_are_cut_off_and_reported_and_everything_else_goes_on(
    settings: Settings, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten kinds of harm, each of them three times, while somebody else uses a plugin that works."""
    monkeypatch.setattr("llmagent_os.tools.tool_calling.BLOCKED_SECONDS", 0.1)
    monkeypatch.setattr("llmagent_os.tools.tool_calling.MOST_BLOCKED_SECONDS", 0.1)
    small = replace(KeepingLimits(), records=20, timers=20)
    monkeypatch.setattr("llmagent_os.tools.tool_calling.KeepingLimits", lambda: small)
    for name, body in HARM.items():
        (bot.folder / "plugins" / f"{name}.py").write_text(BAD.format(name=name, body=body))
    async with talking(settings, bot) as ana:
        for name in [each for each in HARM for _ in range(3)]:
            assert await ana.say(f"please {name}" if name == "hangs" else f"/{name}")
            assert await ana.say("/good") == "All is well."
        report = await ana.runtime.health.report()
        assert report["ok"] is True
        assert report["plugins"] == {"notes": "working", "good": "working", **dict.fromkeys(HARM, "resting")}
        states = await plugins_command.running_states(settings)
        assert {name: why for name in HARM if (why := WHY[name]) not in states[name]} == {}
        for kept in ("records", "timers"):
            mine: Any = getattr(ana.runtime.ledger, kept)
            who: Any = Identity("memory::u1") if kept == "records" else ana.platform.message("")
            counted = mine(kept, who)
            assert await (counted.count() if kept == "records" else counted.count(but="")) == 20
        found = [each async for each in _doctor(settings, bot)]
        assert {text.partition(",")[0] for text in found if "in the running host" in text} == {*HARM}

        (bot.folder / "plugins" / "crashes.py").write_text(GOOD.replace("good", "crashes").replace("All is", "Now is"))
        assert await plugins_command.reload(settings, "crashes") == "crashes was reloaded."
        assert await ana.say("/crashes") == "Now is well."


async def _doctor(settings: Settings, bot: Bot) -> AsyncGenerator[str]:
    from llmagent_os.admin.doctor import _plugins  # pyright: ignore[reportPrivateUsage]

    async for finding in _plugins(settings, bot, asks_host=True):
        yield finding.text


#: What is said of each bad plugin.
WHY = {
    "crashes": "no such thing",
    "hangs": "took longer than 0.05 s",
    "blocks": "blocked the event loop",
    "garbage": "returned dict, not a ToolResult",
    "exits": "SystemExit: 3",
    "huge": "more than 16000 bytes",
    "logs": "full",
    "timers": "has 20 timers",
    "records": "keeps 20 records",
    "files": "at most 100000000 are written",
}
