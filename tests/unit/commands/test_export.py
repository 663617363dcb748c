"""``/export``. What breaks without this: a person cannot see what is kept, or sees what is kept about another."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from llmagent_os.adapter import Reply
from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.events import Command, Conversation, Sender
from llmagent_os.plugin import Plugin, ToolContext, ToolResult
from llmagent_os.reply.services import Services
from tests.unit.agent_bench import Bench, no_draft


class Album(Plugin):
    """A plugin that exports a file, if it is told to work."""

    name = "album"
    works = True

    async def export_files(self, context: ToolContext) -> ToolResult | None:
        if not self.works:
            raise ValueError("out of film")
        path = await context.files.write("album.html", f"<p>{context.user_id}</p>".encode())
        return ToolResult({"status": "exported"}, "Your album.", files=(path,))


async def ask(agent: Agent, arguments: str = "", *, user: str = "u1") -> Reply:
    room = Conversation(platform="memory", channel="c1")
    sender = Sender(user)
    command = Command(event_id=f"e{arguments}", conversation=room, sender=sender, name="export", arguments=arguments)
    outcome = await agent.handle(command, no_draft)
    assert outcome.reply is not None
    return outcome.reply


def with_outgoing(bench: Bench, tmp_path: Path) -> Agent:
    services = Services(
        ledger=bench.ledger, profiles=bench.profiles, plugins=bench.plugins, outgoing=tmp_path / "outgoing"
    )
    return bench.agent(
        ToolCall("write", {"what": "rain"}),
        "Done.",
        plugins=None,
        profiles=None,
        ledger=None,
        clock=services.clock,
        services=services,
    )


async def test_export_gives_everything_about_one_person_and_nobody_else(bench: Bench, tmp_path: Path) -> None:
    await bench.plugins.add(Album())
    agent = with_outgoing(bench, tmp_path)
    await bench.say(agent, "write down rain")
    await bench.say(agent, "the secret of somebody else", user="u2")
    reply = await ask(agent)
    path, beside = reply.files
    assert Path(beside).name == "album.html"
    with open(beside) as file:  # noqa: ASYNC230, PTH123
        assert file.read() == "<p>memory::u1</p>", "it opens with one tap"
    assert "album.html is beside it" in reply.text
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name).decode() for name in archive.namelist()}
    assert [each["said"] for each in json.loads(kept["data/interactions.json"])] == ["write down rain"]
    assert [each["record"] for each in json.loads(kept["data/records.json"])] == [{"what": "rain"}]
    assert kept["album.html"] == "<p>memory::u1</p>"
    assert "secret of somebody else" not in "".join(kept.values())
    assert "too large" not in reply.text
    with zipfile.ZipFile((await ask(agent)).files[0]) as archive:
        again = archive.namelist()
    assert [name for name in again if name.endswith("album.html")] == ["album.html"], "an export holds no earlier one"


async def test_a_plugin_that_fails_does_not_keep_the_rest(bench: Bench, tmp_path: Path) -> None:
    broken = Album()
    broken.works = False
    await bench.plugins.add(broken)
    agent = with_outgoing(bench, tmp_path)
    await bench.say(agent, "write down rain")
    with zipfile.ZipFile((await ask(agent)).files[0]) as archive:
        assert "data/interactions.json" in archive.namelist()
        assert "album.html" not in archive.namelist()
    assert (await ask(agent, "album")).text.startswith("Sorry, I could not read")


async def test_export_of_one_plugin_gives_its_file(bench: Bench, tmp_path: Path) -> None:
    await bench.plugins.add(Album())
    agent = with_outgoing(bench, tmp_path)
    reply = await ask(agent, "album")
    assert (reply.text, [Path(path).name for path in reply.files]) == ("Your album.", ["album.html"])
    unknown = await ask(agent, "weather")
    assert unknown.files == ()
    assert "`/export album` gives you only that" in unknown.text
