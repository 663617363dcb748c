"""Forms of plugins on the platforms. What breaks without this: what people fill in is lost, or acts twice."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.agent import Agent
from llmagent_os.commands.command_table import listed_commands
from llmagent_os.commands.opened_form import OpenedForms
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import (
    Form,
    FormErrors,
    FormField,
    FormValues,
    Plugin,
    ToolContext,
    ToolResult,
    form_button,
)
from llmagent_os.plugins.poll import PollPlugin
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM, running
from llmagent_os.tools.registry import Plugins
from tests.platforms.discord import DiscordServer
from tests.platforms.server import Shown
from tests.platforms.slack import SlackServer
from tests.platforms.telegram import TelegramServer

from .test_discord import DiscordPlatform
from .test_slack import SlackPlatform
from .test_telegram import TelegramPlatform

PLATFORMS: dict[str, tuple[Any, Any]] = {
    "slack": (SlackServer, SlackPlatform),
    "discord": (DiscordServer, DiscordPlatform),
    "telegram": (TelegramServer, TelegramPlatform),
}
TABLE = Form(
    key="table",
    title="A table for you",
    opened_by=("table", "table new"),
    fields=(
        FormField(key="name", label="Name", max_length=20),
        FormField(key="room", label="Room", kind="choice", choices=(("in", "Inside"), ("out", "Garden")), default="in"),
        FormField(key="day", label="Day", kind="date", default="tomorrow"),
        FormField(key="people", label="People", kind="number"),
        FormField(key="note", label="Wishes", kind="text", required=False),
    ),
)


class Tables(Plugin):
    """Books tables, for eight people at most."""

    name = "tables"
    commands = {"table": "books a table"}  # noqa: RUF012
    forms = (TABLE,)

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return ToolResult({"status": "asked"}, "When, and for how many?", buttons=(form_button(TABLE),))

    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        people = values.number("people")
        if people is None or people > 8:
            return FormErrors({"people": "We have tables for eight."})
        booked = len(await context.records.items()) + 1
        await context.records.put(f"{booked}", {"people": str(people)})
        room, wishes = values.text("room"), values.text("note") or "none"
        return ToolResult({"status": "booked"}, f"Table {booked} {room}: {values.text('name')}, {people}, {wishes}.")


class Hosted:
    """A bot with the plugin, which can be stopped and started again."""

    def __init__(self, platform: Any, folder: Path) -> None:
        self.platform, self.folder = platform, folder
        self.server = platform.server

    @contextlib.asynccontextmanager
    async def run(self, plugin: Plugin) -> AsyncGenerator[None]:
        ledger = await Ledger.open(f"sqlite:///{self.folder / 'ledger.db'}")
        async with Plugins(installed=(), records=ledger.records, shared=ledger.shared_records) as plugins:
            await plugins.add(plugin)
            self.platform.store = ledger.records("adapter", "")  # type: ignore[arg-type]
            forms = OpenedForms(plugins)
            if self.server.name != "telegram":
                self.platform.options |= {"form_for": forms}
            if self.server.name == "slack":
                self.platform.options |= {"sent_forms": forms.sent}
            adapter = self.platform.make()
            services = Services(
                ledger=ledger,
                profiles=Profiles(self.folder / "profiles"),
                plugins=plugins,
                settings=AgentSettings(asks_consent=False, time_zone="Europe/Berlin"),
                form_ways={adapter.name: adapter.capabilities.forms},
                sent_forms=forms.sent,
            )
            host = Host(Agent(llm=ScriptedLLM("Hm."), services=services), ledger, [adapter])
            async with running(host):
                await adapter.started()
                yield
        await ledger.close()

    async def says(self, text: str, channel: str = "") -> Shown:
        """Wait for a message with ``text``, and return the last one."""
        seen: list[Shown] = await self.server.until(_has(text), channel)
        return next(one for one in reversed(seen) if text in one.text)


def _has(text: str, times: int = 1) -> Callable[[list[Shown]], bool]:
    return lambda seen: sum(text in one.text for one in seen) >= times


@contextlib.asynccontextmanager
async def hosted_on(name: str, folder: Path) -> AsyncGenerator[Hosted]:
    make_server, make_platform = PLATFORMS[name]
    server = make_server()
    await server.start()
    platform = make_platform(server, folder / name)
    if name == "discord":
        platform.commands |= {
            **{each: str(about) for each, about in listed_commands(None, for_admins=False).items()},
            **Tables.commands,
            **PollPlugin.commands,
        }
    yield Hosted(platform, folder)
    await server.stop()


@pytest.fixture(params=["slack", "discord"])
async def windowed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hosted]:
    async with hosted_on(request.param, tmp_path) as hosted:
        yield hosted


@pytest.fixture
async def telegram(tmp_path: Path) -> AsyncIterator[Hosted]:
    async with hosted_on("telegram", tmp_path) as hosted:
        yield hosted


# ── in a window ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_command_opens_the_form_and_what_is_sent_acts_once(windowed: Hosted) -> None:
    server = windowed.server
    async with windowed.run(Tables()):
        await server.command("table")
        await server.wait(lambda: len(server.opened) == 1)
        assert server.opened[0][0] == ["A table for you", "Name", "Room", "Day", "People", "Wishes"]
        await server.fill("Ana", "Garden", "2031-05-04", "4", "by the\nwindow")
        await windowed.says("Table 1 out: Ana, 4, by the\nwindow.")
        if server.name == "slack":  # two clicks are two payloads there
            await server.wait(lambda: server.form_errors == [{}])
            await server.fill("Ana", "Garden", "2031-05-04", "4", "by the\nwindow")
            await server.wait(lambda: len(server.form_errors) == 2)
        await server.command("table", "new")
        await server.wait(lambda: len(server.opened) == 2)
        await server.fill("Ben", "Inside", "2031-05-04", "2", "")
        await windowed.says("Table 2 in: Ben, 2, none.")


async def test_what_is_wrong_stands_at_its_field(windowed: Hosted) -> None:
    server = windowed.server
    async with windowed.run(Tables()):
        await server.command("table")
        await server.wait(lambda: len(server.opened) == 1)
        await server.fill("Ana", "Inside", "2031-05-04", "many", "")
        if server.name == "slack":
            await server.wait(lambda: len(server.form_errors) == 1)
            assert server.form_errors == [{"people": "This is no number."}]
            await server.fill("Ana", "Inside", "2031-05-04", "9", "")
            await server.wait(lambda: len(server.form_errors) == 2)
            assert server.form_errors[1] == {"people": "We have tables for eight."}
            assert server.shown() == [], "the form says it, and no message"
        else:
            wrong = await windowed.says("This is no number.")
            assert wrong.buttons == ("Correct it",)
            await server.press(wrong.message_id, "Correct it")
            await server.wait(lambda: len(server.opened) == 2)
            people = server.opened[1][1]["components"][3]
            assert people["component"]["value"] == "many", "the person need not fill it in again"
            assert people["description"].startswith("This is no number.")
        await server.fill("Ana", "Inside", "2031-05-04", "8", "")
        await windowed.says("Table 1 in: Ana, 8, none.")


async def test_a_button_opens_the_form_where_the_command_could_not(windowed: Hosted) -> None:
    server = windowed.server
    async with windowed.run(Tables()):
        server.forms = False
        await server.command("table")
        offered = await windowed.says("When, and for how many?")
        server.forms = True
        await server.press(offered.message_id, "A table for you")
        await server.wait(lambda: len(server.opened) == 1)
        await server.fill("Ana", "Inside", "2031-05-04", "3", "")
        await windowed.says("Table 1 in: Ana, 3, none.")


async def test_everybody_in_the_channel_votes_in_a_poll_that_one_filled_in(windowed: Hosted) -> None:
    server = windowed.server
    async with windowed.run(PollPlugin()):
        await server.command("poll", channel=server.group)
        await server.wait(lambda: len(server.opened) == 1)
        await server.fill("Lunch?", "Soup\nSalad", "No", "No", "")
        await server.until(_has("Lunch?"), server.group)
        (poll,) = [one for one in server.shown(server.group, user=server.ben) if "Lunch?" in one.text]
        await server.press(poll.message_id, "Salad", user=server.ben)
        await server.until(_has("1 person has voted."), server.group)


# ── question by question ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_questions_go_on_after_a_restart(telegram: Hosted) -> None:
    server = telegram.server
    async with telegram.run(Tables()):
        await server.say("/table")
        offered = await telegram.says("When, and for how many?")
        await server.press(offered.message_id, "A table for you")
        await telegram.says("question 1 of 5")
        await server.say("Ana")
        room = await telegram.says("question 2 of 5")
        assert room.buttons == ("Inside", "Garden", "Keep “Inside”", "Back", "Cancel")
        await server.press(room.message_id, "Garden")
        await telegram.says("question 3 of 5")
    async with telegram.run(Tables()):
        await server.say("someday")
        await telegram.says("I cannot read this as a day.")
        await server.say("5 May 2031")
        await telegram.says("question 4 of 5")
        await server.say("12")
        wishes = await telegram.says("question 5 of 5")
        await server.press(wishes.message_id, "Skip")
        wrong = await telegram.says("We have tables for eight.")
        assert "question 4 of 5" in wrong.text
        await server.say("6")
        await telegram.says("Table 1 out: Ana, 6, none.")


async def test_other_words_and_commands_leave_the_form(telegram: Hosted) -> None:
    server = telegram.server
    async with telegram.run(Tables()):
        await server.say("/table")
        offered = await telegram.says("When, and for how many?")
        await server.press(offered.message_id, "A table for you")
        await telegram.says("question 1 of 5")
        await server.say("Ana")
        await telegram.says("question 2 of 5")
        await server.say("/back")
        again = (await server.until(_has("question 1 of 5", 2)))[-1]
        assert again.buttons == ("Keep “Ana”", "Cancel")
        await server.press(again.message_id, "Keep “Ana”")
        await server.until(_has("question 2 of 5", 2))
        await server.say("what is on my calendar today?")
        left = await telegram.says("Hm.")
        assert left.text.startswith("I have put the form “A table for you” away.")
        await server.say("Garden")
        await server.until(_has("Hm.", 2))
