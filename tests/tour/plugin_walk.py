"""Plugins while the host runs: written, changed, broken, crashed, hung, flooding, in a process of its own, and a wheel.

Ana works on the plugins in the browser, or on a platform. Ben talks to the bot meanwhile, and must not notice.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.tour.person import Person
from tests.tour.shipped_bot import ShippedBot, command
from tests.tour.transcript import StepFailed, Transcript

REPOSITORY = Path(__file__).parents[2]
#: How often somebody asks until a saved file is loaded, a second apart.
ASKED = 15
CUT_OFF = 3  #: failures in a row

#: A plugin that does harm when it is told to.
TROUBLE = '''\
import asyncio
import logging
import time

from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool


class TroublePlugin(Plugin):
    """Does harm."""

    name = "trouble"
    commands = {"trouble": "does harm: hang, block, records, log or answer"}

    @tool(permission="trouble.write", timeout=5)
    async def make_trouble(self, context: ToolContext, kind: str) -> ToolResult:
        """Do harm."""
        if kind == "hang":
            await asyncio.Event().wait()
        elif kind == "block":
            time.sleep(6)
            return ToolResult({"status": "slept"}, "I have slept.")
        elif kind == "records":
            for number in range(30_000):
                await context.records.put(str(number), {"text": "x" * 200})
        elif kind == "log":
            for number in range(50_000):
                logging.getLogger("trouble").warning("line %d", number)
            raise OSError("the disk is full")
        return ToolResult({"all": ["x" * 99] * 1_000_000}, "Here you are.")

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return await self.make_trouble(context, arguments)
'''
BOT = 'plugin_folder = "reading_list/src"\nisolated_plugins = ["tea"]'
PERMISSIONS = 'reading_list.*", "trouble.*", "tea.*'


class PluginWalk:
    """The steps, in their order."""

    def __init__(self, bot: ShippedBot, transcript: Transcript) -> None:
        self.bot, self.transcript = bot, transcript
        self.folder = bot.folder / "reading_list" / "src"
        self.code = self.folder / "llmagent_os_reading_list" / "plugin.py"

    async def write(self) -> None:
        """The plugin of ``new``, the tutorial's tea, and one that does harm, before the host starts."""
        self.transcript.step("terminal", "a plugin is written")
        _, printed = await self.bot.told("new", "plugin", "reading_list")
        self.transcript.said("terminal", "llmagent-os new plugin reading_list", printed)
        tutorial = (REPOSITORY / "docs" / "plugins.md").read_text()
        tea = next(
            each for each in re.findall(r"```python\n(.*?)```", tutorial, re.DOTALL) if "class TeaPlugin" in each
        )
        await asyncio.to_thread((self.folder / "tea.py").write_text, tea)
        await asyncio.to_thread((self.folder / "trouble.py").write_text, TROUBLE)

    async def change(self, ana: Person) -> None:
        """A saved file is used by the next messages."""
        self.transcript.step(ana.place, "a plugin is changed while the host runs")
        await ana.command("/reading_list Middlemarch", r"“Middlemarch” is on your list\.")
        await ana.command("/reading_list", r"On your list: Middlemarch\.")
        await self._save("On your list: ", "To read: ")
        await self._asked(ana, "/reading_list", r"To read: Middlemarch\.")

    async def break_it(self, ana: Person) -> None:
        """A saved file that cannot be loaded is reported, and the version before goes on."""
        self.transcript.step(ana.place, "a plugin is broken while the host runs")
        await self._save("class ReadingListPlugin", "class (ReadingListPlugin")
        await self._reported("reading_list", r"SyntaxError|invalid syntax")
        await ana.command("/reading_list", r"To read: Middlemarch\.")
        await ana.picture("plugin changed")
        await self._save("class (ReadingListPlugin", "class ReadingListPlugin")

    async def crash(self, ana: Person, ben: Person, owner: Person) -> None:
        """One that raises is cut off, reported, and works again once it is mended."""
        self.transcript.step(ana.place, "a plugin crashes")
        self.code.write_text(self.code.read_text().replace("entries = [", 'entries = list({}["books"]) + ['))
        self.transcript.said("terminal", "saved", 'entries = list({}["books"]) + [')
        await self._asked(ana, "/reading_list", r"/reading_list did not work just now")
        for _ in range(CUT_OFF - 1):
            await ana.command("/reading_list", r"/reading_list did not work just now")
            await ben.command("/todo", r".")
        await ana.picture("plugin crashed")
        await self._reported("reading_list", r"resting")
        await owner.command("/plugins", r"reading_list`?: resting")
        self.code.write_text(self.code.read_text().replace('list({}["books"]) + ', ""))
        await self._asked(ana, "/reading_list", r"To read: Middlemarch\.")

    async def harm(self, ana: Person, ben: Person, owner: Person) -> None:
        """One that hangs, blocks and floods hinders nobody else, and is reported."""
        for kind, what in (
            ("hang", "hangs"),
            ("log", "floods the log"),
            ("answer", "answers with 100 MB"),
            ("records", "keeps 30,000 records"),
            ("block", "blocks the event loop"),
        ):
            self.transcript.step(ana.place, f"a plugin {what}")
            hurt = asyncio.create_task(ana.command(f"/trouble {kind}", r"/trouble did not work just now|I have slept"))
            if item := {"hang": "milk", "records": "eggs"}.get(kind):
                await asyncio.sleep(1.0)  # her command is under way
                await ben.say(f"Add {item} to my to-do list", item)
                self.transcript.holds(not hurt.done(), "Ben is answered while Ana's plugin is still at work")
            await hurt
            await ben.command("/todo", r"milk")
            if kind == "answer":
                await owner.command("/plugins", r"trouble`?: resting")
                await owner.command("/plugins reload trouble", r"trouble was reloaded")
        await ana.picture("plugin trouble")
        await self._reported("trouble", r"blocked the event loop|records")

    async def isolated(self, ana: Person, ben: Person) -> None:
        """In a process of its own even ``time.sleep`` stops nobody."""
        self.transcript.step(ana.place, "a plugin in a process of its own sleeps")
        file = self.folder / "tea.py"
        await ana.command("/tea", r"Your tea is ready in 4 minutes\.")
        slow = file.read_text().replace(
            "        await context.timers.set", "        time.sleep(60)\n        await context.timers.set"
        )
        file.write_text(f"import time\n{slow}")
        self.transcript.said("terminal", "saved", "time.sleep(60) in tea.py")
        await asyncio.sleep(5)
        hurt = asyncio.create_task(ana.command("/tea", r"/tea did not work just now"))
        await ben.say("Add bread to my to-do list", r"bread")
        self.transcript.holds(not hurt.done(), "Ben is answered while Ana's plugin sleeps")
        await hurt
        await ben.command("/todo", r"milk.*bread")
        await ana.picture("plugin isolated")

    async def wheel(self, ana: Person) -> None:
        """A package of somebody else, built and installed, is given to the bot while it runs."""
        self.transcript.step(ana.place, "a wheel of somebody else")
        code, said = await self.bot.told("plugins", "enable", "shopping", "--bot", str(self.bot.file), "--allow")
        self.transcript.said("terminal", "llmagent-os plugins enable shopping --allow", said)
        self.transcript.holds(code == 0, "the exit code is 0")
        await self._asked(ana, "/shopping lemons", r"“lemons” is on your list\.")
        _, said = await self.bot.told("plugins", "info", "shopping")
        self.transcript.said("terminal", "llmagent-os plugins info shopping", said)
        _, said = await self.bot.told("plugins", "list", "--bot", str(self.bot.file))
        self.transcript.said("terminal", "llmagent-os plugins list", said)
        self.transcript.holds(re.search(r"shopping +0\.1\.0 +llmagent-os-shopping +\S+ +working", said), "it works")
        await ana.picture("plugin wheel")

    async def _save(self, old: str, new: str) -> None:
        text = await asyncio.to_thread(self.code.read_text)
        self.transcript.holds(old in text, f"plugin.py has “{old.strip()}”")
        await asyncio.to_thread(self.code.write_text, text.replace(old, new))
        self.transcript.said("terminal", "saved", f"“{new.strip()}” in place of “{old.strip()}”")

    async def _asked(self, ana: Person, line: str, expected: str) -> None:
        """Ask until the saved file is loaded: the answer before comes from the version before."""
        for _ in range(ASKED):
            await asyncio.sleep(1.0)
            if re.search(expected, await ana.text_of(await ana.command(line, r"\S"))):
                return
        raise StepFailed(f"{line!r} is never answered by {expected!r}: the saved file is not loaded")

    async def _reported(self, plugin: str, why: str) -> None:
        """``plugins list`` and ``doctor`` say of the running host what is wrong with a plugin."""
        said = ""
        for _ in range(ASKED):
            _, said = await self.bot.told("plugins", "list", "--bot", str(self.bot.file))
            row = next((line for line in said.splitlines() if line.startswith(f"{plugin} ")), "")
            if re.search(why, row):
                self.transcript.said("terminal", "llmagent-os plugins list", row)
                break
            await asyncio.sleep(1.0)
        else:
            raise StepFailed(f"`plugins list` does not say {why!r} of {plugin}: {said}")
        _, said = await self.bot.told("doctor", str(self.bot.file))
        named = [line for line in said.splitlines() if plugin in line]
        self.transcript.said("terminal", "llmagent-os doctor", "\n".join(named))
        self.transcript.holds(named, f"doctor names {plugin}")


def health(url: str) -> dict[str, object]:
    """What ``/healthz`` says."""
    with urllib.request.urlopen(f"{url}healthz", timeout=30) as answer:
        report: dict[str, object] = json.load(answer)
    return report


def build_wheel(bot: ShippedBot, site: Path) -> None:
    """Have ``new`` write a plugin, build its wheel, and install the wheel into the folder ``site``."""
    folder = bot.folder / "elsewhere"
    folder.mkdir()
    subprocess.run(
        [command(), "new", "plugin", "shopping"], cwd=folder, env=bot.environment, check=True, stdout=subprocess.DEVNULL
    )
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=folder / "shopping", check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
