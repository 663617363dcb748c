"""What tools cost: a call through the registry, many plugins at the start and per message, and a reload.

Processor time of one thread: the median, and the least, which other work on the machine disturbs least. A method that
is called directly is measured in the same run. The ledger is a
file, as a running bot has it. The aim is a call of less than 100 µs above the bare method. Which tools are shown for a
request, and how often the right one is among them, is measured by ``benchmarks.tool_retrieval``. ::

    python -m benchmarks.tools [--rounds 300]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import identity_of, person_kept_under
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import Button, Plugin, ToolContext, ToolResult, tool
from llmagent_os.records import MemoryRecords
from llmagent_os.tools.plugin_loading import from_file
from llmagent_os.tools.registry import Plugins
from llmagent_os.tools.tool_choice import Wanted, choose_tools
from llmagent_os.tools.tool_index import ToolIndex
from llmagent_os.tools.tools_config import ToolsConfig

ALLOWED = ("parts.*", "shelf.*")  #: the permissions of the bot
CALLS = 20  #: in one sample
SAID = "How many boxes of screws are left on shelf seven?"
EARLIER = ("Order twenty more of the blue chairs", "Shall I order them from Lumen?")

#: A plugin file with ten tools; {number} makes its names unique.
SOURCE = """
from llmagent_os.plugin import Plugin, Span, ToolContext, ToolResult, tool


class Parts(Plugin):
    name = "parts{number}"
"""
TOOL = '''
    @tool(permission="parts.write")
    async def {verb}_parts_{number}(self, context: ToolContext, article: Span, pieces: int = 1) -> ToolResult:
        """{about} of shelf {number}.

        Args:
            article: number or name of the article
            pieces: how many
        """
        return ToolResult({{"status": "done", "article": article}}, "Done.")
'''
VERBS = {
    "order": "Order articles",
    "count": "Count the pieces",
    "find": "Find an article",
    "list": "List all articles",
    "scrap": "Write off pieces",
    "price": "Return the price",
    "label": "Print the labels",
    "move": "Move an article to another shelf",
    "reserve": "Reserve pieces for a customer",
    "check": "Compare the stock with the minimum",
}


class Shelf(Plugin):
    """A plugin with one tool, such as most tools are."""

    name = "shelf"

    @tool(permission="shelf.write")
    async def add_item(self, context: ToolContext, title: str, amount: int = 1) -> ToolResult:
        """Put something on the shelf."""
        data = {"status": "created", "title": title, "amount": str(amount)}
        return ToolResult(data, f"Added {title}.", buttons=(Button("Undo", "undo:1"),))


def source(number: int) -> str:
    """Return the text of a plugin file with ten tools."""
    tools = (TOOL.format(verb=verb, about=about, number=number) for verb, about in VERBS.items())
    return SOURCE.format(number=number) + "".join(tools)


def context() -> ToolContext:
    """Return the context of a call that a message caused."""
    room = Conversation(platform="bench", channel="ana")
    event = Message(event_id="1", conversation=room, sender=Sender("ana"), text=SAID, message_id="1")
    person = person_kept_under(identity_of(event))
    return ToolContext(
        user_id=person,
        conversation_key=room.key,
        call_id="bench:1:0.0",
        now=datetime.now(UTC),
        time_zone="UTC",
        text=SAID,
        records=MemoryRecords(),
        profile=Profile(user_id=person),
        event=event,
    )


async def median_us(rounds: int, work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """The microseconds of processor time of this thread that ``work`` takes: the median, and the least."""
    taken: list[float] = []
    for _ in range(rounds):
        began = time.thread_time()
        for _ in range(CALLS):
            await work()
        taken.append((time.thread_time() - began) / CALLS)
    return 1e6 * statistics.median(taken), 1e6 * min(taken)


def line(value: float | tuple[float, float], unit: str, what: str) -> None:
    """Print one figure; or a median, and the least."""
    median, *least = value if isinstance(value, tuple) else (value,)
    print(f"{median:10.1f}{f' ({least[0]:.1f})' if least else '':>10} {unit}  {what}")


async def calls(rounds: int, ledger: Ledger, folder: Path) -> None:
    """Measure a call: bare, through the registry, and through one with a hundred plugins more."""
    shelf, asked = Shelf(), context()

    async def bare() -> None:
        await shelf.add_item(asked, title="milk", amount=2)

    async def limited() -> None:
        await asyncio.wait({asyncio.create_task(bare())}, timeout=10.0)

    line(await median_us(rounds, bare), "µs", "a call of the bare method")
    line(await median_us(rounds, limited), "µs", "  in a task with a time limit, by asyncio alone")
    for count in (0, 100):
        registry = Plugins(
            folder=_written(folder / f"call{count}", count) if count else None,
            installed=(),
            allowed=ALLOWED,
            records=ledger.records,
            timers=ledger.timers,
            contacts=ledger.contacts,
        )
        async with registry as plugins:
            await plugins.add(shelf)

            async def through(plugins: Plugins = plugins) -> None:
                await plugins.call("add_item", {"title": "milk", "amount": 2}, asked, allowed=ALLOWED)

            line(
                await median_us(rounds, through),
                "µs",
                f"through the registry of {count + 1} plugins: permissions, arguments, records, time limit, result",
            )

            async def hooks(plugins: Plugins = plugins) -> None:
                await plugins.urgent_answer_to(asked, allowed=ALLOWED)
                await plugins.button_meant(asked, allowed=ALLOWED)
                await plugins.received(asked, allowed=ALLOWED)
                await plugins.requests_in(asked, allowed=ALLOWED)
                await plugins.answer_to(asked, allowed=ALLOWED)

            line(
                await median_us(rounds, hooks),
                "µs",
                f"a message for which none of {count + 1} plugins has rules: five questions",
            )


async def start(folder: Path) -> None:
    """Measure the start with 1, 10 and 100 plugins of ten tools each, in seconds of the whole process."""
    for count in (1, 10, 100):
        files = _written(folder / f"start{count}", count)
        gc.collect()
        began = time.process_time()
        async with Plugins(folder=files, installed=(), allowed=ALLOWED) as plugins:
            line(1000 * (time.process_time() - began), "ms", f"start with {count} plugin files, {10 * count} tools")
            began = time.process_time()
            await plugins.tool_index()
            line(1000 * (time.process_time() - began), "ms", "  their index, once, in a thread")


async def messages(rounds: int, folder: Path) -> None:
    """Measure what a message costs: the tools that may be called, and the choice among them.

    All tools of these plugins have the same words. So this is the worst case; ``benchmarks.tool_retrieval`` has the
    cost for tools of different plugins.
    """
    wanted = Wanted(text=SAID, earlier=EARLIER, called=("order_parts_0",), plugins=("parts0",))
    for count in (1, 20, 100):
        files = _written(folder / f"message{count}", count)
        async with Plugins(folder=files, installed=(), allowed=ALLOWED) as plugins:
            budget = ToolsConfig()
            index = await plugins.tool_index()

            async def choose(
                plugins: Plugins = plugins, budget: ToolsConfig = budget, index: ToolIndex = index
            ) -> None:
                offered = plugins.offered(ALLOWED)
                if not offered.fit(budget):
                    choose_tools(index, offered, budget, wanted)

            what = "all of them" if count == 1 else "24 chosen"
            line(await median_us(rounds, choose), "µs", f"the tools of a message: {10 * count} tools, {what}")


async def reload(rounds: int, folder: Path) -> None:
    """Measure the reload of one plugin file, beside 99 others."""
    files = _written(folder / "reload", 100)
    async with Plugins(folder=files, installed=(), allowed=ALLOWED) as plugins:
        path = files / "parts0.py"
        walls: list[float] = []
        alone: list[float] = []
        for number in range(max(rounds // 10, 3)):
            await asyncio.to_thread(path.write_text, f"{source(0)}\n# {number}\n", encoding="utf-8")
            began = time.perf_counter()
            if not await plugins.reload(path):
                raise RuntimeError(f"{path} was not loaded again")
            walls.append(time.perf_counter() - began)
            began = time.perf_counter()
            from_file(path, f"bench_{number}")
            alone.append(time.perf_counter() - began)
        line(1000 * statistics.median(walls), "ms", "a reload of a file with ten tools, until calls use it, wall time")
        line(1000 * statistics.median(alone), "ms", "  of which: the import of the file")


def _written(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"parts{number}.py").write_text(source(number), encoding="utf-8")
    return folder


async def main(rounds: int) -> None:
    """Measure, and print a line for each figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger = await Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
        await calls(rounds, ledger, folder)
        await start(folder)
        await messages(rounds, folder)
        await reload(rounds, folder)
        await ledger.close()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=300)
    asyncio.run(main(options.parse_args().rounds))
