"""A bot's tools for other programs. What breaks without this: a program does what its token does not allow."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mcp import Client, StdioServerParameters, types

from llmagent_os.adapter import Button
from llmagent_os.admin import mcp_command
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, PluginError
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.mcp import failed_tries, offered_tools
from llmagent_os.mcp.access_tokens import AccessToken, AccessTokens, Grant
from llmagent_os.mcp.http_transport import GuardedTransport, http_transport
from llmagent_os.mcp.offered_tools import OfferedTools
from llmagent_os.mcp.tool_server import PATH, http_app, serve_stdio
from llmagent_os.people.access import Access
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool
from llmagent_os.runtime import Runtime
from llmagent_os.testing import MemoryAdapter
from llmagent_os.tools.registry import Plugins
from tests.free_port import free_port
from tests.unit.agent_bench import NOON
from tests.unit.mcp.calling import context, with_servers
from tests.unit.mcp.signed_in_server import served

ANA, BEN = Identity("memory::ana"), Identity("memory::ben")


class Shed(Plugin):
    """Tools of every kind."""

    name = "shed"

    @tool(permission="shed.read", read_only=True)
    async def look(self, context: ToolContext) -> ToolResult:
        """Look what is there."""
        things = [key for key, _ in await context.records.items()]
        return ToolResult({"things": things}, f"There are {things}.", buttons=(Button("More", "more"),))

    @tool(permission="shed.write")
    async def put(self, context: ToolContext, what: str) -> ToolResult:
        """Put something in, and remind of it."""
        await context.records.put(what, {"what": what})
        await context.timers.set(what, context.now + timedelta(hours=1))
        return ToolResult({"status": "put"}, f"Put in: {what}.")

    @tool(permission="shed.write", effect="destructive")
    async def burn(self, context: ToolContext) -> ToolResult:
        """Burn it all."""
        return ToolResult({"status": "burnt"}, "Burnt.")

    @tool(permission="shed.write", effect="outward", asks_itself=True)
    async def lend(self, context: ToolContext) -> ToolResult:
        """Lend it to a neighbour."""
        return ToolResult({"status": "confirm" if context.must_ask else "lent"}, "Shall I?")

    @tool(permission="profile.write")
    async def rename(self, context: ToolContext) -> ToolResult:
        """Learn a name."""
        return ToolResult({}, "Hello.", profile_changes={"name": "Eve"})


class Safe(Plugin):
    """Keeps private what it is told."""

    name = "safe"
    keeps_private = True

    @tool(permission="safe.read", read_only=True)
    async def peek(self, context: ToolContext) -> ToolResult:
        """Look into the safe."""
        return ToolResult({"status": "seen"}, "The gold is there.")


class House:
    """Tools, tokens and the people of them."""

    def __init__(self, ledger: Ledger, plugins: Plugins) -> None:
        self.ledger, self.plugins = ledger, plugins
        self.now = NOON
        self.tokens = AccessTokens(ledger, lambda: self.now)
        self.access = Access(ledger, access="closed", allow=ANA)
        self.tools = OfferedTools(
            plugins, self.access, context_of=self.context_of, place_of=ledger.private_place, clock=lambda: 0.0
        )
        self.app = http_app("House", self.tools, self.tokens, self.admits)

    async def context_of(self, identity: Identity) -> ToolContext:
        return dataclasses.replace(context(identity), now=NOON)

    async def admits(self, grant: Grant) -> bool:
        return await self.access.admits_identity(grant.identity)

    async def token(self, name: str, *permissions: str, of: Identity = ANA, **more: object) -> str:
        def made(hash_: str, at: object) -> AccessToken:
            return AccessToken(name=name, hash=hash_, permissions=permissions, made=NOON, **more)  # type: ignore[arg-type]

        return await self.tokens.add(of, made)

    async def grant(self, secret: str) -> Grant:
        grant = await self.tokens.grant(secret)
        assert grant is not None
        return grant

    async def names(self, secret: str) -> list[str]:
        return [each.name for each in self.tools.listed(await self.grant(secret))]

    async def said(self, secret: str, name: str, **arguments: object) -> tuple[bool, str]:
        result = await self.tools.call(await self.grant(secret), name, arguments)
        (text,) = [block.text for block in result.content if isinstance(block, types.TextContent)]
        return result.is_error, text


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    plugins = Plugins(installed=(), allowed=["*"], records=ledger.records, timers=ledger.timers)
    async with plugins:
        await plugins.add(Shed())
        await plugins.add(Safe())
        yield House(ledger, plugins)
    await ledger.close()


async def test_a_token_opens_what_it_was_given_and_nothing_else(house: House) -> None:
    reader = await house.token("reader", "shed.read", "safe.*")
    writer = await house.token("writer", "shed.*", "profile.*")
    everything = await house.token("all", "*", effects=("destructive", "outward"), private=True)
    assert await house.names(reader) == ["look"]
    assert await house.names(writer) == ["look", "put"]
    assert await house.names(everything) == ["burn", "lend", "look", "put", "peek"]
    assert await house.said(reader, "burn") == (True, "This token opens no tool “burn”.")
    assert (await house.said(writer, "burn"))[0]
    assert (await house.said(writer, "rename"))[0]
    assert await house.said(everything, "peek") == (False, "The gold is there.")
    hints = {each.name: each.annotations for each in house.tools.listed(await house.grant(everything))}
    assert (look := hints["look"]) is not None
    assert (look.read_only_hint, look.destructive_hint, look.open_world_hint) == (True, False, False)
    assert (burn := hints["burn"]) is not None
    assert (burn.read_only_hint, burn.destructive_hint) == (False, True)
    await house.said(everything, "burn")
    assert [entry.detail for entry in await house.ledger.audit.latest(9)] == [
        "burn: destructive burnt, by the MCP token all"
    ]


async def test_a_call_acts_as_the_person_of_the_token(house: House) -> None:
    ana, ben = await house.token("ana", "shed.*"), await house.token("ben", "shed.*", of=BEN)
    assert "I do not know where to reach you" in (await house.said(ana, "put", what="rake"))[1]
    room = Conversation(platform="memory", channel="c1")
    message = Message(event_id="1", conversation=room, sender=Sender("ana"), text="hi", message_id="m")
    await house.ledger.note_contact(message, "Ana", "", NOON)
    assert await house.said(ana, "put", what="rake") == (False, "Put in: rake.")
    assert (await house.said(ana, "look"))[1] == "There are ['rake'].\n\nTo choose in the chat: More."
    assert "There are []" in (await house.said(ben, "look"))[1]
    (timer,) = (await house.ledger.export(ANA))["timers"]
    assert timer["key"] == "rake"
    assert (await house.said(ana, "put"))[0]  # the argument is missing


async def test_tokens_end(house: House) -> None:
    short, long = await house.token("short", "*", until=NOON + timedelta(days=1)), await house.token("long", "*")
    with pytest.raises(ConfigError, match="already"):
        await house.token("long", "*")
    house.now = NOON + timedelta(days=2)
    assert await house.tokens.grant(short) is None
    assert await house.tokens.grant(long) is not None
    assert await house.tokens.revoke("long") == ANA
    assert await house.tokens.grant(long) is None
    with pytest.raises(ConfigError, match="no token 'long'"):
        await house.tokens.revoke("long")
    stored = repr(await house.ledger.export(ANA))
    assert short not in stored
    assert "short" in stored  # the person's export says that there is such a token


async def test_no_revoked_token_comes_back_when_accounts_are_unlinked(house: House) -> None:
    """Each account keeps its own tokens. One that only one account shows would open again later."""
    first, second = await house.token("a", "*"), await house.token("b", "*", of=BEN)
    await house.ledger.identities.issue(ANA, "c0de", NOON, timedelta(hours=1))
    await house.ledger.identities.join(BEN, "c0de", NOON)
    assert await house.ledger.identities.everyone(BEN) == (ANA, BEN)
    assert [token.name for _, token in await house.tokens.all()] == ["a", "b"]
    assert await house.tokens.grant(second) is not None
    await house.tokens.revoke("b")
    await house.ledger.identities.leave(BEN)
    assert await house.tokens.grant(second) is None
    assert await house.tokens.grant(first) is not None
    assert [token.name for _, token in await house.tokens.all()] == ["a"]


async def test_too_many_calls_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offered_tools, "MAX_CALLS", 2)
    token = await house.token("busy", "shed.read")
    assert [(await house.said(token, "look"))[0] for _ in range(3)] == [False, False, True]


async def test_by_http_only_with_a_token_and_only_from_here(house: House) -> None:
    token, bens = await house.token("ana", "shed.read"), await house.token("ben", "*", of=BEN)
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with served(house.app) as url, aiohttp.ClientSession() as session:

        async def status(secret: str, **headers: str) -> int:
            sent = {"Authorization": f"Bearer {secret}", "Accept": "application/json, text/event-stream", **headers}
            async with session.post(url, json=body, headers=sent) as answer:
                return answer.status

        assert await status(token) == 200
        assert await status("") == 401
        assert await status(token[:-1]) == 401
        assert await status(bens) == 401  # may not use the bot any more
        assert await status(token, Host="evil.example") == 421
        assert await status(token, Origin="https://evil.example") == 403
        bearer = {"Authorization": f"Bearer {token}"}
        transport = http_transport(url, bearer, GuardedTransport(allow_private=True))
        async with Client(transport) as official:  # the SDK's client
            assert [each.name for each in (await official.list_tools()).tools] == ["look"]
            result = await official.call_tool("look", {})
            assert result.structured_content == {"things": []}
        table = {"url": url, "headers": {"Authorization": "Bearer $TOKEN"}}
        async with with_servers({"house": table}, {"TOKEN": token}) as plugins:  # ours
            assert plugins.permitted() == {"house_look"}
            assert "There are []" in (await plugins.call("house_look", {}, context())).text
            await house.tokens.revoke("ana")
            with pytest.raises(PluginError, match="asks to sign in"):
                await plugins.call("house_look", {}, context())


async def is_open(port: int) -> bool:
    """Whether somebody listens."""
    with suppress(ConnectionRefusedError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def test_wrong_tokens_are_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs a look into the ledger. Whoever shares the address and has a token goes on."""
    monkeypatch.setattr(failed_tries, "MAX_TRIES", 3)
    token, later = await house.token("ana", "shed.read"), await house.token("new", "shed.read")
    async with served(house.app) as url, aiohttp.ClientSession() as session:

        async def status(secret: str) -> int:
            async with session.post(url, json={}, headers={"Authorization": f"Bearer {secret}"}) as answer:
                return answer.status

        assert await status(token) not in (401, 429)
        assert [await status("lmcp_x") for _ in range(4)] == [401, 401, 401, 429]
        assert await status(later) == 429
        assert await status(token) not in (401, 429)


async def test_a_running_bot_is_left_alone_and_serves_itself(tmp_path: Path) -> None:
    """Two processes on one ledger lose changes of which each has said that they were made."""
    folder, port = tmp_path / "bot", free_port()
    folder.mkdir()
    (folder / "bot.toml").write_text(
        'name = "ada"\nmodel = "calendar"\nadapters = []\nplugins = ["todo"]\npermissions = ["todo.*"]\n'
        f"[mcp.serve]\nport = {port}\n[policy]\nlearner = 'fixed'\n"
    )
    settings = Settings.load(
        None, data=tmp_path / "data", mcp_token="lmcp_x", model="openai:x", base_url=f"http://127.0.0.1:{free_port()}"
    )
    printed = await mcp_command.add_token(settings, "a", "web:local:ana", ("*",), (), private=False, days=None)
    adapter = MemoryAdapter()
    async with Runtime.open(settings, Bot.load(folder), adapters=[adapter]) as runtime:
        running = asyncio.create_task(runtime.run())
        url, bearer = f"http://127.0.0.1:{port}{PATH}", {"Authorization": f"Bearer {printed.splitlines()[0]}"}
        while not await is_open(port):
            assert not running.done()
        with pytest.raises(ConfigError, match=r"\[mcp.serve\]"):
            await mcp_command.serve(settings, str(folder), host="127.0.0.1", port=None, names=(), listening=print)
        async with Client(http_transport(url, bearer, GuardedTransport(allow_private=True))) as client:
            assert "add_task" in {each.name for each in (await client.list_tools()).tools}
        running.cancel()
        await asyncio.wait({running})


async def test_what_was_switched_on_is_served_by_one_process(tmp_path: Path) -> None:
    settings = Settings.load(None, data=tmp_path / "data")
    Bot.load("calendar").plugin_choice(settings.data).switch("todo", on=True, permissions=["todo.*"])
    printed = await mcp_command.add_token(settings, "a", "web:local:ana", ("*",), (), private=False, days=None)
    listening = asyncio.get_running_loop().create_future()

    def serve(listens: Callable[[str], None]) -> Coroutine[Any, Any, None]:
        return mcp_command.serve(settings, "calendar", host="127.0.0.1", port=0, names=(), listening=listens)

    serving = asyncio.create_task(serve(listening.set_result))
    await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
    bearer = {"Authorization": f"Bearer {printed.splitlines()[0]}"}
    async with Client(http_transport(listening.result(), bearer, GuardedTransport(allow_private=True))) as client:
        assert "add_task" in {each.name for each in (await client.list_tools()).tools}
    with pytest.raises(ConfigError, match="in use"):
        await serve(print)
    serving.cancel()
    await asyncio.wait({serving})


async def test_the_command_line_serves_on_standard_streams(tmp_path: Path) -> None:
    folder = tmp_path / "bot"
    folder.mkdir()
    (folder / "bot.toml").write_text(
        'name = "ada"\nmodel = "calendar"\nplugins = ["notes"]\npermissions = ["notes.*"]\n'
    )
    data = tmp_path / "data"
    printed = await mcp_command.add_token(
        Settings.load(None, data=data), "laptop", "web:local:ana", ("notes.*",), (), private=False, days=None
    )
    secret, _, warning = printed.splitlines()
    assert warning.startswith("warning: nobody has talked to the bot as web:local:ana yet")
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", "from llmagent_os.cli import main; main()", "mcp", "serve", str(folder), "--stdio"],
        env={"LLMAGENT_OS_DATA": str(data), "LLMAGENT_OS_MCP_TOKEN": secret},
        cwd=tmp_path,
    )
    async with Client(server) as client:
        names = {each.name for each in (await client.list_tools()).tools}
        assert names == {"add_note", "delete_note", "edit_note", "find_notes"}


async def test_tokens_by_the_command_line(tmp_path: Path) -> None:
    settings = Settings.load(None, data=tmp_path / "data", access="closed", allow="slack:T1:U1")
    with pytest.raises(ConfigError, match="may not use the bot"):
        await mcp_command.add_token(settings, "x", "slack:T1:U2", ("*",), (), private=False, days=None)
    for name, private in (("laptop", False), ("phone", True)):
        await mcp_command.add_token(settings, name, "slack:T1:U1", ("a.*",), ("outward",), private=private, days=9)
    listed = (await mcp_command.list_tokens(settings)).splitlines()
    assert [line.split("  since")[0] for line in listed] == [
        "laptop  slack:T1:U1  a.*  outward",
        "phone  slack:T1:U1  a.*  outward  private",
    ]
    assert await mcp_command.revoke_token(settings, "laptop") == "The token 'laptop' of slack:T1:U1 has ended."
    assert "laptop" not in await mcp_command.list_tokens(settings)
    with pytest.raises(ConfigError, match="name the host"):
        await mcp_command.serve(settings, "calendar", host="0.0.0.0", port=0, names=(), listening=print)


async def test_a_wrong_token_serves_nobody(house: House) -> None:
    with pytest.raises(ConfigError, match="the token is none"):
        await serve_stdio("House", house.tools, house.tokens, "lmcp_wrong", house.admits)
