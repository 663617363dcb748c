"""The plugin registry: a plugin that is broken, hangs or lies must harm nobody but itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from llmagent_os.errors import PluginError, ToolArgumentError
from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import Button, Card, Plugin, ToolContext, ToolResult, tool
from llmagent_os.records import MemoryRecords, Records
from llmagent_os.tools.registry import Plugins


def context(user: str = "ana", text: str = "") -> ToolContext:
    return ToolContext(
        user_id=PersonId(user),
        conversation_key="room",
        call_id="1",
        now=datetime(2026, 11, 22, 17, 0, tzinfo=UTC),
        time_zone="UTC",
        text=text,
        records=MemoryRecords(),
        profile=Profile(user_id=PersonId(user)),
    )


class Trouble(Plugin):
    """Does whatever a test needs to go wrong."""

    name = "trouble"
    commands = {"trouble": "make some"}  # noqa: RUF012

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.stopped = False
        self.returns: object = ToolResult({"status": "ok"}, "Fine.")

    async def stop(self) -> None:
        self.stopped = True

    @tool(permission="trouble.make", timeout=0.01)
    async def hang(self, context: ToolContext) -> ToolResult:
        """Wait for ever."""
        await asyncio.Event().wait()
        return ToolResult({}, "never")

    @tool(permission="trouble.make", timeout=0.01)
    async def ignore_cancellation(self, context: ToolContext) -> ToolResult:
        """Wait, and do not heed being cancelled."""
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                continue
        return ToolResult({}, "late")

    @tool(permission="trouble.make")
    async def crash(self, context: ToolContext) -> ToolResult:
        """Raise."""
        raise ValueError("no such thing")

    @tool(permission="trouble.make")
    async def give(self, context: ToolContext, count: int = 1) -> ToolResult:
        """Return what the test wants."""
        self.entered.set()
        return cast("ToolResult", self.returns)

    @tool(permission="trouble.make")
    async def wait(self, context: ToolContext) -> ToolResult:
        """Wait until the test says so."""
        self.entered.set()
        await self.release.wait()
        return ToolResult({"status": "old"}, "The old one.")

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        return ToolResult({"pressed": value}, f"You pressed {value}.")

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return ToolResult({}, f"{name} {arguments} of {context.user_id}")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def trouble() -> Trouble:
    return Trouble()


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def plugins(trouble: Trouble, clock: Clock) -> AsyncIterator[Plugins]:
    async with Plugins(installed=(), clock=clock, grace=0.01) as registry:
        await registry.add(trouble)
        yield registry


async def test_installed_plugins_are_found() -> None:
    """Installing a package is all that is needed."""
    async with Plugins(installed=("calendar",)) as plugins:
        assert {"create_event", "list_events", "delete_event", "move_event"} <= {spec.name for spec in plugins.specs()}
        assert {"calendar", "feed"} <= set(plugins.commands)


async def test_a_plugin_that_is_not_installed_is_reported() -> None:
    """A typo in a bot's configuration must be visible."""
    async with Plugins(installed=("calender",)) as plugins:
        (health,) = plugins.health()
    assert (health.state, health.name) == ("not loaded", "calender")
    assert "no installed plugin" in health.problem


async def test_three_failures_cut_a_plugin_off_and_a_success_brings_it_back(plugins: Plugins, clock: Clock) -> None:
    """A dead service must not make everybody wait at every message, nor stay cut off once it is back."""
    for _ in range(3):
        with pytest.raises(PluginError, match="crash: ValueError: no such thing"):
            await plugins.call("crash", {}, context())
    with pytest.raises(PluginError, match=r"cut off after 3 failures.*no such thing.*in 60 s"):
        await plugins.call("give", {}, context())
    (health,) = plugins.health()
    assert (health.state, health.failures, health.retry_in) == ("resting", 3, 60.0)
    assert plugins.specs() == ()
    clock.now = 61.0
    assert plugins.health()[0].state == "trial"
    assert (await plugins.call("give", {}, context())).text == "Fine."
    assert plugins.health()[0].state == "working"


async def test_wrong_arguments_are_not_the_plugins_fault(plugins: Plugins) -> None:
    """A model that writes nonsense must not switch the calendar off for everybody."""
    for _ in range(5):
        with pytest.raises(ToolArgumentError, match="count='many'"):
            await plugins.call("give", {"count": "many"}, context())
    assert plugins.health()[0].failures == 0


async def test_a_hanging_tool_is_cancelled(plugins: Plugins) -> None:
    with pytest.raises(PluginError, match="hang: took longer than"):
        await plugins.call("hang", {}, context())
    assert plugins.health()[0].hung == 0


async def test_a_tool_that_ignores_cancellation_is_given_up(plugins: Plugins, trouble: Trouble) -> None:
    """It must not hold the conversation, and it must be seen."""
    with pytest.raises(PluginError, match="took longer than"):
        await plugins.call("ignore_cancellation", {}, context())
    assert plugins.health()[0].hung == 1
    trouble.release.set()


async def test_a_cancelled_turn_cancels_the_tool_and_is_no_failure(plugins: Plugins, trouble: Trouble) -> None:
    """When the host shuts down, nothing may go on in the background."""
    call = asyncio.create_task(plugins.call("wait", {}, context()))
    await trouble.entered.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert plugins.health()[0].failures == 0


@pytest.mark.parametrize(
    "returned",
    [
        None,
        {"status": "ok"},
        ToolResult({"status": date(2026, 1, 1)}, "A date is no JSON."),
        ToolResult({"status": float("nan")}, "Nor is this."),
        ToolResult(cast("dict[str, Any]", {1: "x"}), "Nor such a key."),
        ToolResult({"x": "y" * 20_000}, "Too much."),
        ToolResult({}, ""),
        ToolResult({}, "x" * 20_000),
        ToolResult({}, "Too many.", buttons=tuple(Button(str(n), str(n)) for n in range(99))),
        ToolResult({}, "Too long.", buttons=(Button("x", "y" * 500),)),
        ToolResult({}, "Not a button.", buttons=cast("tuple[Button, ...]", ("x",))),
        ToolResult({}, "Too long.", card=Card(rows=tuple(("a", "b") for _ in range(999)))),
        ToolResult({}, "Not yours.", profile_changes={"name": "Bo"}),
        ToolResult(cast("dict[str, Any]", [1]), "No dict."),
    ],
)
async def test_what_a_plugin_returns_is_checked(plugins: Plugins, trouble: Trouble, returned: object) -> None:
    """A bad result would break the model's context, the platform, or somebody's profile."""
    trouble.returns = returned
    with pytest.raises(PluginError, match="returned"):
        await plugins.call("give", {}, context())


async def test_a_result_cannot_be_changed_afterwards(plugins: Plugins, trouble: Trouble) -> None:
    data: dict[str, Any] = {"list": [1]}
    trouble.returns = ToolResult(data, "Here.")
    result = await plugins.call("give", {}, context())
    data["list"].append(2)
    assert result.data == {"list": [1]}


async def test_buttons_come_back_to_their_own_plugin(plugins: Plugins, trouble: Trouble) -> None:
    """No plugin can offer another one's buttons."""
    trouble.returns = ToolResult({}, "Choose.", buttons=(Button("Yes", "other:yes"),))
    (button,) = (await plugins.call("give", {}, context())).buttons
    assert button.value == "trouble:other:yes"
    assert (await plugins.press(button.value, context())).data == {"pressed": "other:yes"}
    for made_up in ("nobody:1", "trouble:", "x", ""):
        with pytest.raises(PluginError, match="no plugin answers"):
            await plugins.press(made_up, context())


async def test_permissions(plugins: Plugins) -> None:
    """A bot that may only read must neither offer nor run a tool that writes."""
    assert plugins.specs(("calendar.*",)) == ()
    assert len(plugins.specs(("trouble.*",))) == 5
    with pytest.raises(PluginError, match=r"needs the permission 'trouble\.make'"):
        await plugins.call("give", {}, context(), allowed=("trouble.read",))
    with pytest.raises(PluginError, match="no plugin answers /trouble"):
        await plugins.command("trouble", "", context(), allowed=())


async def test_every_call_gets_the_records_of_its_plugin_and_person(trouble: Trouble) -> None:
    """One person's documents must never reach another."""
    asked: list[tuple[str, str]] = []

    def records(plugin: str, user: str) -> Records:
        asked.append((plugin, user))
        return MemoryRecords()

    async with Plugins(installed=(), records=records) as plugins:
        await plugins.add(trouble)
        assert (await plugins.command("trouble", "now", context("bo"))).text == "trouble now of bo"
    assert asked == [("trouble", "bo")]


async def test_a_name_cannot_be_taken_twice(plugins: Plugins) -> None:
    class Other(Plugin):
        name = "other"

        @tool()
        async def give(self, context: ToolContext) -> ToolResult:
            """Clash."""
            return ToolResult({}, "x")

    with pytest.raises(PluginError, match="'give' is taken by the plugin 'trouble'"):
        await plugins.add(Other())
    with pytest.raises(PluginError, match="no tool 'fly'"):
        await plugins.call("fly", {}, context())


PLUGIN = """
import asyncio
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool

class Greeter(Plugin):
    name = "greeter"
    entered = asyncio.Event()
    go = asyncio.Event()
    stopped = asyncio.Event()

    @tool()
    async def greet(self, context: ToolContext) -> ToolResult:
        '''Greet.'''
        if context.text == "slowly":
            self.entered.set()
            await self.go.wait()
        return ToolResult({{}}, "{word}")

    async def stop(self) -> None:
        self.stopped.set()
"""


class Watched(Plugins):
    """Says when a reload is over."""

    def __init__(self, folder: Path) -> None:
        super().__init__(installed=(), folder=folder)
        self.reloads: asyncio.Queue[bool] = asyncio.Queue()

    async def reload(self, path: Path) -> bool:
        done = await super().reload(path)
        self.reloads.put_nowait(done)
        return done


async def test_a_folder_is_loaded_and_reloaded_as_its_files_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An author saves a file and sees the change, without a restart."""
    monkeypatch.setattr("llmagent_os.tools.plugin_sources.RESCAN_MILLISECONDS", 200)
    file = tmp_path / "greeter.py"
    file.write_text(PLUGIN.format(word="Hello"))
    async with Watched(tmp_path) as plugins:
        assert await plugins.reloads.get()
        watching = asyncio.create_task(plugins.watch())
        try:
            file.write_text(PLUGIN.format(word="Hullo"))
            assert await plugins.reloads.get()
            assert (await plugins.call("greet", {}, context())).text == "Hullo"
            file.unlink()
            assert await plugins.reloads.get()
            assert plugins.specs() == ()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def test_calls_under_way_finish_on_the_old_version(tmp_path: Path) -> None:
    """A reload must not drop anybody's message."""
    file = tmp_path / "greeter.py"
    file.write_text(PLUGIN.format(word="Hello"))
    async with Plugins(installed=(), folder=tmp_path) as plugins:
        old = plugins._loaded["greeter"].plugin  # pyright: ignore[reportPrivateUsage]
        slow = asyncio.create_task(plugins.call("greet", {}, context(text="slowly")))
        await cast("asyncio.Event", old.__class__.__dict__["entered"]).wait()
        file.write_text(PLUGIN.format(word="Hullo"))
        assert await plugins.reload(file)
        assert (await plugins.call("greet", {}, context())).text == "Hullo"
        assert not cast("asyncio.Event", old.__class__.__dict__["stopped"]).is_set()
        cast("asyncio.Event", old.__class__.__dict__["go"]).set()
        assert (await slow).text == "Hello"
        await cast("asyncio.Event", old.__class__.__dict__["stopped"]).wait()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("class (", "SyntaxError"),
        ("raise SystemExit(1)", "SystemExit"),
        ("x = 1", "defines 0 Plugin classes"),
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        (PLUGIN.format(word="x").replace("'''Greet.'''", ""), "needs a docstring"),
        (
            PLUGIN.format(word="x").replace(
                "async def stop", "async def start(self): raise OSError('no')\n    async def stop"
            ),
            "start",
        ),
    ],
)
async def test_a_broken_new_version_leaves_the_old_one(tmp_path: Path, content: str, problem: str) -> None:
    """Somebody saves half a file while others are talking to the bot."""
    file = tmp_path / "greeter.py"
    file.write_text(PLUGIN.format(word="Hello"))
    async with Plugins(installed=(), folder=tmp_path) as plugins:
        file.write_text(content)
        assert not await plugins.reload(file)
        assert (await plugins.call("greet", {}, context())).text == "Hello"
        (health,) = plugins.health()
        assert health.state == "working"
        assert problem in health.problem
        file.write_text(PLUGIN.format(word="Mended"))
        assert await plugins.reload(file)
        assert plugins.health()[0].problem == ""


async def test_stopping_stops_the_plugins(trouble: Trouble) -> None:
    async with Plugins(installed=()) as plugins:
        await plugins.add(trouble)
    assert trouble.stopped


# ── what blocks or ends the process ───────────────────────────────────────────────────────────────────────────────────


class Blocking(Plugin):
    """Keeps the event loop for as long as a test says."""

    name = "blocking"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @tool(timeout=2.0)
    async def nap(self, context: ToolContext, seconds: float) -> ToolResult:
        """Sleep without letting anything else run."""
        await asyncio.sleep(0)
        self.clock.now += seconds
        return ToolResult({"status": "ok"}, "Slept.")

    @tool(timeout=600.0)
    async def long_nap(self, context: ToolContext, seconds: float) -> ToolResult:
        """Sleep, with a long limit."""
        return await self.nap(context, seconds)

    @tool(timeout=2.0)
    async def wait(self, context: ToolContext) -> ToolResult:
        """Take the same time in pieces, between which others run."""
        for _ in range(16):
            self.clock.now += 0.5
            await asyncio.sleep(0)
        return ToolResult({"status": "ok"}, "Waited.")


@pytest.mark.parametrize(("tool_name", "seconds"), [("nap", 8.0), ("long_nap", 8.0)])
async def test_a_tool_that_blocks_past_its_limit_gives_its_result_and_is_cut_off_if_it_goes_on(
    tool_name: str, seconds: float
) -> None:
    """What it did is done: an error would have the person ask for it again."""
    clock = Clock()
    async with Plugins(installed=(), clock=clock) as plugins:
        await plugins.add(Blocking(clock))
        for _ in range(3):
            assert (await plugins.call(tool_name, {"seconds": seconds}, context())).text == "Slept."
        (health,) = plugins.health()
        assert (health.state, health.failures) == ("resting", 3)
        assert "blocked the event loop for 8.0 s" in health.problem
        with pytest.raises(PluginError, match="cut off"):
            await plugins.call(tool_name, {"seconds": 0.0}, context())


async def test_a_tool_that_blocks_for_less_or_gives_the_loop_back_is_no_failure() -> None:
    clock = Clock()
    async with Plugins(installed=(), clock=clock) as plugins:
        await plugins.add(Blocking(clock))
        for _ in range(4):
            await plugins.call("nap", {"seconds": 1.5}, context())
            await plugins.call("wait", {}, context())
        assert plugins.health()[0].failures == 0


class Panic(BaseException):
    """What a Rust extension raises (pyo3)."""


class Ending(Plugin):
    """Raises what ends a process, wherever it is called."""

    name = "ending"
    commands = {"end": "the end"}  # noqa: RUF012

    def __init__(self, raised: BaseException) -> None:
        self.raised = raised

    @tool()
    async def end(self, context: ToolContext) -> ToolResult:
        """End."""
        raise self.raised

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        raise self.raised

    async def button_meant(self, context: ToolContext) -> str | None:
        raise self.raised

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        raise self.raised

    def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:  # type: ignore[override]  # pyright: ignore
        raise self.raised  # before there is anything to await

    async def stop(self) -> None:
        raise self.raised


@pytest.mark.parametrize(
    "raised", [SystemExit(2), KeyboardInterrupt(), GeneratorExit(), Panic("index out of bounds")], ids=repr
)
async def test_whatever_a_plugin_raises_it_harms_nobody_but_itself(raised: BaseException) -> None:
    async with Plugins(installed=(), failures=9) as plugins:
        await plugins.add(Ending(raised))
        name = type(raised).__name__
        with pytest.raises(PluginError, match=name):
            await plugins.call("end", {}, context())
        with pytest.raises(PluginError, match=name):
            await plugins.press("ending:x", context())
        with pytest.raises(PluginError, match=name):
            await plugins.due("ending", "x", datetime.now(UTC), context())
        with pytest.raises(PluginError, match=name):
            await plugins.command("end", "", context())
        assert await plugins.button_meant(context()) is None
        assert plugins.health()[0].failures == 5


@pytest.mark.parametrize("raised", ["SystemExit(2)", "KeyboardInterrupt()", "GeneratorExit()"])
@pytest.mark.parametrize("where", ["module", "made", "start"])
async def test_a_plugin_file_that_ends_the_process_is_reported_and_the_others_load(
    tmp_path: Path, raised: str, where: str
) -> None:
    ends = {
        "module": f"raise {raised}",
        "made": f"class Bad(Plugin):\n    name = 'bad'\n    def __init__(self):\n        raise {raised}",
        "start": f"class Bad(Plugin):\n    name = 'bad'\n    def start(self):\n        raise {raised}",
    }[where]
    (tmp_path / "bad.py").write_text(f"from llmagent_os.plugin import Plugin\n{ends}\n")
    (tmp_path / "good.py").write_text("from llmagent_os.plugin import Plugin\nclass Good(Plugin):\n    name = 'good'\n")
    async with Plugins(installed=(), folder=tmp_path) as plugins:
        states = {health.name: (health.state, health.problem) for health in plugins.health()}
        assert states["good"][0] == "working"
        assert states["bad"][0] == "not loaded"
        assert raised.partition("(")[0] in states["bad"][1]


async def test_a_button_that_is_open_to_all_has_a_method_of_its_own() -> None:
    """Nobody reaches what is the asker's by a value that looks as if it were open to all."""

    class Ballot(Plugin):
        name = "ballot"

        @tool()
        async def ask(self, context: ToolContext, value: str = "soup") -> ToolResult:
            """Ask."""
            return ToolResult({}, "Soup?", buttons=(Button("Soup", value, open_to_all=True), Button("Close", "close")))

        async def pressed(self, context: ToolContext, value: str) -> ToolResult:
            return ToolResult({}, f"the asker pressed {value}")

        async def pressed_by_anyone(self, context: ToolContext, value: str) -> ToolResult:
            return ToolResult({}, f"somebody pressed {value}")

    async with Plugins(installed=()) as plugins:
        await plugins.add(Ballot())
        asked = await plugins.call("ask", {}, context())
        assert [button.value for button in asked.buttons] == ["*ballot:soup", "ballot:close"]
        assert (await plugins.press("*ballot:close", context())).text == "somebody pressed close"
        assert (await plugins.press("ballot:soup", context())).text == "the asker pressed soup"
        with pytest.raises(PluginError, match="60 bytes"):
            await plugins.call("ask", {"value": "x" * 60}, context())
