"""Loading and reloading plugins: an author who saves a file must meet the new code, all of it, and nobody else."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from llmagent_os.chat import ToolCall
from llmagent_os.config.plugin_tables import PluginTables
from llmagent_os.errors import PluginError
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool
from llmagent_os.testing import MemoryAdapter
from llmagent_os.tools.module_namespace import PREFIX
from llmagent_os.tools.plugin_choice import PluginChoice
from llmagent_os.tools.plugin_logging import MOST_LINES, PluginLines, lines_of
from llmagent_os.tools.plugin_switching import PluginSwitching, read_files
from llmagent_os.tools.registry import Plugins
from tests.unit.tools.test_registry import context

#: A package whose modules import each other in every way that Python has.
PACKAGE = {
    "__init__.py": "from .main import Weather\nimport forecast_demo.words\nfrom forecast_demo import words as w\n",
    "main.py": """
import asyncio
import forecast_demo.words
import forecast_demo.deep.places as places
from forecast_demo.words import WORD
from . import words
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool

class Base(Plugin):
    pass

class Weather(Base):
    name = "forecast_demo"
    entered, go = asyncio.Event(), asyncio.Event()

    @tool()
    async def forecast(self, context: ToolContext) -> ToolResult:
        '''Say how the weather will be.'''
        if context.text == "slowly":
            self.entered.set()
            await self.go.wait()
        from forecast_demo import late
        assert forecast_demo.words is words and WORD == words.WORD
        return ToolResult({}, f"{WORD} in {places.PLACE}, {late.LATE}")
""",
    "words.py": "WORD = 'Rain'\n",
    "late.py": "LATE = 'says the old one'\n",
    "deep/__init__.py": "",
    "deep/places.py": "from ..words import WORD\nPLACE = 'Oslo'\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def ours() -> list[str]:
    return [name for name in sys.modules if name.startswith(PREFIX) or name.startswith("forecast_demo")]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A plugin folder with one package in it."""
    write(tmp_path / "forecast_demo", PACKAGE)
    return tmp_path / "forecast_demo"


async def said(plugins: Plugins, text: str = "") -> str:
    return (await plugins.call("forecast", {}, context(text=text))).text


async def test_a_package_is_reloaded_whole_and_the_old_one_is_gone(package: Path) -> None:
    """A module that stayed would run old code beside new code; one that is kept would fill the memory."""
    async with Plugins(installed=(), folder=package.parent) as plugins:
        assert await said(plugins) == "Rain in Oslo, says the old one"
        old = plugins._loaded["forecast_demo"].plugin  # pyright: ignore[reportPrivateUsage]
        kind: Any = type(old)
        gone = weakref.ref(kind)
        slow = asyncio.create_task(said(plugins, "slowly"))
        await kind.entered.wait()

        # The same size, within the same second: Python would take its cached bytecode.
        write(package, {"words.py": "WORD = 'Snow'\n", "late.py": "LATE = 'says the new one'\n"})
        assert await plugins.reload(package)
        assert await said(plugins) == "Snow in Oslo, says the new one"
        kind.go.set()
        # What the old code imports only now is in no module of it yet: it is read from the disk.
        assert (await slow).startswith("Rain in Oslo")

        write(package, {"deep/places.py": "raise OSError('no map')\n"})
        assert not await plugins.reload(package)
        assert await said(plugins) == "Snow in Oslo, says the new one"
        assert "no map" in plugins.health()[0].problem
        with pytest.raises(PluginError, match=r"version before goes on: .*no map"):
            await plugins.reload_named("forecast_demo")

        await asyncio.gather(*plugins._leaving)  # pyright: ignore[reportPrivateUsage]
        assert len({name.split(".")[0] for name in ours()}) == 1, "modules of the new version only"
        del old, kind, slow
        gc.collect()
        assert gone() is None
    assert ours() == []
    assert not [each for each in sys.meta_path if type(each).__name__ == "ModuleNamespace"]


async def test_a_package_comes_changes_and_goes_with_its_folder(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch sees a change two folders down, and a file that the package only reads."""
    monkeypatch.setattr("llmagent_os.tools.plugin_sources.RESCAN_MILLISECONDS", 200)
    reloads: asyncio.Queue[bool] = asyncio.Queue()

    class Watched(Plugins):
        async def reload(self, path: Path) -> bool:
            done = await super().reload(path)
            reloads.put_nowait(done)
            return done

    async with Watched(installed=(), folder=package.parent) as plugins:
        assert await reloads.get()
        watching = asyncio.create_task(plugins.watch())
        write(package, {"deep/places.py": "PLACE = 'Bergen'\n"})
        assert await reloads.get()
        assert await said(plugins) == "Rain in Bergen, says the old one"
        package.rename(package.parent.parent / "elsewhere")  # noqa: ASYNC240
        while plugins.specs():
            await reloads.get()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same package, as pip has it: on the path, with an entry point."""
    entry = "[llmagent_os.plugins]\nforecast_demo = forecast_demo:Weather\n"
    metadata = {"METADATA": "Metadata-Version: 2.1\nName: forecast-demo\nVersion: 1.0\n", "entry_points.txt": entry}
    write(package.parent / "forecast_demo-1.0.dist-info", metadata)
    monkeypatch.setattr(sys, "path", [str(package.parent), *sys.path])
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "forecast_demo"]:
        del sys.modules[name]


async def test_an_installed_plugin_is_reloaded_enabled_and_disabled(installed: Path) -> None:
    """Without a restart, and without touching the modules that other packages have imported."""
    async with Plugins(installed=()) as plugins:
        with pytest.raises(PluginError, match="no plugin 'forecast_demo' is loaded; loaded are: none"):
            await plugins.reload_named("forecast_demo")
        await plugins.choose(["forecast_demo"])
        first = sys.modules["forecast_demo.words"]
        write(installed, {"words.py": "WORD = 'Snow'\n"})
        await plugins.reload_named("forecast_demo")
        assert await said(plugins) == "Snow in Oslo, says the old one"
        assert sys.modules["forecast_demo.words"] is first
        assert cast("Any", first).WORD == "Rain"
        write(installed, {"main.py": "raise SystemExit(1)\n"})
        with pytest.raises(PluginError, match="SystemExit"):
            await plugins.reload_named("forecast_demo")
        assert await said(plugins) == "Snow in Oslo, says the old one"
        await plugins.choose(["forecast_dem"])
        assert [(each.state, each.problem) for each in plugins.health()] == [
            ("not loaded", "no installed plugin is called 'forecast_dem'; did you mean 'forecast_demo'?")
        ]
        await plugins.choose([])
        assert plugins.health() == ()


async def test_choices_at_once_are_carried_out_one_after_the_other(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``/plugins`` and the watcher of the files choose at once: no plugin starts twice, and the last choice holds."""
    monkeypatch.setattr(sys, "plugin_starts", [], raising=False)
    started = "import sys\n\nasync def start(self):\n    sys.plugin_starts.append(1)\n\nWeather.start = start\n"
    write(installed, {"main.py": PACKAGE["main.py"] + started})
    async with Plugins(installed=()) as plugins:
        await asyncio.gather(plugins.choose(["forecast_demo"]), plugins.choose(["forecast_demo"]))
        assert len(cast("Any", sys).plugin_starts) == 1
        await asyncio.gather(plugins.choose([]), plugins.choose(["forecast_demo"]), plugins.choose([]))
        assert plugins.health() == ()
        file = ["forecast_demo"]

        def emptied() -> list[str]:
            file.clear()
            return []

        await asyncio.gather(plugins.choose_by(lambda: [*file]), plugins.choose_by(emptied))
        assert plugins.health() == ()


async def test_what_is_switched_before_the_files_are_first_read_is_followed(tmp_path: Path, installed: Path) -> None:
    """A model may take a minute to load: whatever is switched meanwhile would be forgotten."""
    file = tmp_path / "bot.toml"
    file.write_text("plugins = []\n")
    choice = PluginChoice("demo", file, False, tmp_path)
    async with Plugins(installed=()) as plugins:
        switching = PluginSwitching(plugins, choice, await read_files(choice))
        file.write_text('plugins = ["forecast_demo"]\n')
        await switching.follow()
        assert await said(plugins) == "Rain in Oslo, says the old one"


async def test_an_import_that_hangs_is_reported_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file that waits for ever would block every other load, and the start of the bot."""
    gate = threading.Event()
    monkeypatch.setattr(sys, "plugin_gate", gate, raising=False)
    write(tmp_path, {"stuck.py": "import sys\nsys.plugin_gate.wait()\n"})
    async with Plugins(installed=(), folder=tmp_path, start_timeout=0.02) as plugins:
        await plugins.add(declaring("free"))
        states = {each.name: each.problem for each in plugins.health()}
    gate.set()
    assert states["free"] == ""
    assert states["stuck"].startswith(f"loading {tmp_path / 'stuck.py'} took longer than 0.06 s")


def declaring(name: str, **declared: object) -> Plugin:
    async def use(self: Plugin, context: ToolContext) -> ToolResult:
        """Do something."""
        return ToolResult({}, "Done.")

    kind = type("Declaring", (Plugin,), {"name": name, f"use_{name}": tool()(use), **declared})
    return cast("Plugin", kind())


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        (
            {"requires": ("no-such-package>=2",)},
            r"needs no-such-package>=2; install it: pip install 'no-such-package>=2'",
        ),
        ({"requires": ("pydantic<1",)}, r"needs pydantic<1 \(version 2[\d.]+ is installed\)"),
        ({"requires": ("a b",)}, "which is no requirement"),
        ({"requires_plugins": ("other",)}, "needs the plugin 'other', which is not loaded"),
        ({"records_version": 3, "migrations": {2: dict}}, r"needs migrations from 1, 2, and has \[2\]"),
        ({"records_version": 0}, "counted from 1"),
        ({"__annotations__": {"settings": int}}, "no pydantic model"),
    ],
)
async def test_what_a_plugin_needs_and_has_not_is_said_when_it_is_loaded(
    declared: dict[str, object], problem: str
) -> None:
    """Else it fails in the middle of somebody's conversation."""
    async with Plugins(installed=()) as plugins:
        with pytest.raises(PluginError, match=problem):
            await plugins.add(declaring("needy", **declared))


async def test_plugins_are_loaded_in_the_order_in_which_they_need_each_other(tmp_path: Path) -> None:
    """`a` comes first in the alphabet, and needs `b`."""
    text = "from llmagent_os.plugin import Plugin\nclass It(Plugin):\n    name = {!r}\n    requires_plugins = {!r}\n"
    write(tmp_path, {"a.py": text.format("a", ("b",)), "b.py": text.format("b", ()), "c.py": text.format("c", ("d",))})
    async with Plugins(installed=(), folder=tmp_path) as plugins:
        assert {each.name: each.state for each in plugins.health()} == {
            "a": "working",
            "b": "working",
            "c": "not loaded",
        }


SETTINGS = """
from pydantic import BaseModel, Field, SecretStr
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool

class WeatherSettings(BaseModel):
    unit: str = "C"  #: of temperatures
    days: int = Field(3, ge=1, le=9)
    key: SecretStr = Field(description="the key of the service")

class Weather(Plugin):
    name = "weather"
    settings: WeatherSettings

    @tool()
    async def forecast(self, context: ToolContext) -> ToolResult:
        '''Say how the weather will be.'''
        return ToolResult({}, f"{self.settings.days} {self.settings.unit} {self.settings.key.get_secret_value()}")
"""


async def test_settings_are_checked_and_a_wrong_one_is_shown_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    plugin, bot = tmp_path / "plugins" / "weather.py", tmp_path / "bot.toml"
    plugin.write_text(SETTINGS)
    bot.write_text('name = "x"\n[plugin.weather]\ndays = 5\n')
    variables = {"LLMAGENT_OS_PLUGIN_WEATHER_KEY": "sesame"}
    tables = PluginTables(bot, variables)
    async with Plugins(installed=(), folder=plugin.parent, tables=tables) as plugins:
        assert await said(plugins) == "5 C sesame"
        bot.write_text('name = "x"\n[plugin.weather]\ndays = 50\nunits = "F"\n')
        assert not await plugins.reload(plugin)
        (mistake,) = plugins.mistakes
        assert f"{bot}:3:8: `plugin.weather.days` cannot be 50: write a number of at most 9" in str(mistake)
        assert await said(plugins) == "5 C sesame", "the version before goes on with the settings before"
    async with Plugins(installed=(), folder=plugin.parent, tables=PluginTables(bot)) as plugins:
        (mistake,) = plugins.mistakes
        assert "LLMAGENT_OS_PLUGIN_WEATHER_KEY is not set; it is the key of the service" in str(mistake)


# ── how it is called ─────────────────────────────────────────────────────────────────────────────────────────────────


class Reader(Plugin):
    """Reads every message without fault, and fails whenever its tool is used."""

    name = "reader"
    platforms = ("slack",)
    commands = {"read": "read"}  # noqa: RUF012

    @tool()
    async def read_it(self, context: ToolContext) -> ToolResult:
        """Read."""
        raise OSError("torn")

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...]:
        return ()

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return ToolResult({"status": "read"}, "Read.")


async def test_reading_messages_does_not_make_up_for_calls_that_fail() -> None:
    """Else a plugin that fails whenever it is used is never cut off: it is asked about every message in between."""
    async with Plugins(installed=()) as plugins:
        await plugins.add(Reader())
        for _ in range(3):
            with pytest.raises(PluginError, match="torn"):
                await plugins.call("read_it", {}, context())
            assert await plugins.requests_in(context(text="hello")) == ()
        assert plugins.health()[0].state == "resting"


@pytest.mark.parametrize(("platform", "works"), [("slack", True), ("telegram", False)])
async def test_a_plugin_is_hidden_where_it_does_not_work_and_says_where_it_does(platform: str, works: bool) -> None:
    async with Plugins(installed=()) as plugins:
        await plugins.add(Reader())
        assert bool(plugins.specs(None, platform)) is works
        assert bool(plugins.commands_on(platform)) is works
        here = replace(context(), event=MemoryAdapter(platform).message("/read"))
        said = (await plugins.command("read", "", here)).text
        assert said == ("Read." if works else "That works on Slack only.")


def test_a_plugin_that_logs_in_a_loop_is_silenced_for_a_minute() -> None:
    """Its lines would fill the disk, and hide what others log."""
    seconds = 0.0
    lines = PluginLines(clock=lambda: seconds)

    def log(count: int) -> list[str]:
        records = [logging.LogRecord("x", logging.INFO, "", 0, "line %d", (n,), None) for n in range(count)]
        return [record.getMessage() for record in records if lines.filter(record)]

    long = "x" * 9_000
    texts = [logging.LogRecord("x", logging.INFO, "", 0, msg, None, None) for msg in (long, {"event": long, "n": 1})]
    with lines_of("long"):
        assert all(map(lines.filter, texts))
    assert texts[0].getMessage() == "x" * 4_000 + "… (9000 characters)"
    assert cast("Any", texts[1].msg) == {"event": texts[0].getMessage(), "n": 1}
    with lines_of("chatty"):
        written = log(1_000)
        assert len(written) == MOST_LINES + 1
        assert written[-1] == "the plugin 'chatty' logs too much: its lines are left out for a minute"
        assert log(9) == []
    assert len(log(9)) == 9, "the host's own lines"
    with lines_of("other"):
        assert len(log(9)) == 9
    seconds = 61.0
    with lines_of("chatty"):
        assert len(log(9)) == 9
