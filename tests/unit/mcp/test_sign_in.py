"""Servers on the web, and signing in to them. What breaks without this: one person acts with the rights of another."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mcp.server.mcpserver import MCPServer
from yarl import URL

from llmagent_os.adapter_kit.guarded_http import public_addresses
from llmagent_os.adapter_kit.pages import PageRequest
from llmagent_os.credentials.credential_pages import CredentialPages
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.credentials.vault import Vault
from llmagent_os.errors import LLMAgentOSError, PluginError
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import Identity
from llmagent_os.mcp import server_session
from llmagent_os.tools.registry import Plugins
from tests.free_port import free_port
from tests.unit.agent_bench import NOON
from tests.unit.mcp.calling import context, outside, with_servers
from tests.unit.mcp.signed_in_server import served, signed_in_server

PUBLIC = "https://bot.example"


async def signed_in(vault: Vault, plugins: Plugins, user: str) -> int:
    """Sign a person in, as their browser does it. Returns the status of the last page."""
    room = Conversation(platform="memory", channel="c1")
    event = Message(event_id="e", conversation=room, sender=Sender(user), text="", message_id="m")
    pages = CredentialPages(vault, plugins.credential)
    own = await vault.sign_in("mcp_notes", "notes", event)
    first = await pages.answer(PageRequest(method="GET", path=own.rpartition("/")[2]))
    assert first is not None
    link = re.search('href="([^"]+)"', html.unescape(first.body.decode()))
    assert link is not None
    async with aiohttp.ClientSession() as browser:
        answer = await browser.get(URL(link[1], encoded=True), allow_redirects=False)
        back = URL(answer.headers["Location"])
    cookie = {"cookie": first.headers["Set-Cookie"].partition(";")[0]}
    last = await pages.answer(PageRequest(method="GET", path="oauth", query=dict(back.query), headers=cookie))
    assert last is not None
    return last.status


async def test_each_person_signs_in_for_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # loopback has no certificate
    vault = Vault(public_url=PUBLIC, allow_private=True, clock=lambda: NOON)
    async with signed_in_server() as (url, accounts):
        servers = {"notes": {"url": url, "sign_in": "oauth"}}
        more: dict[str, Any] = {"vault": vault, "redirect": vault.redirect, "data": tmp_path}
        async with with_servers(servers, **more) as plugins:
            assert [spec.name for spec in plugins.specs()] == ["notes_connect"]
            asked = await plugins.call("notes_connect", {}, context())
            assert "I need to sign in to notes" in asked.text
            assert await signed_in(vault, plugins, "u1") == 200
            assert (await plugins.call("notes_connect", {}, context())).text == "Connected to notes: it has 1 tools."
            assert "anna" in (await plugins.call("notes_whoami", {}, context())).text
            other = context("memory::u2")
            assert "I need to sign in" in (await plugins.call("notes_whoami", {}, other)).text
            assert await signed_in(vault, plugins, "u2") == 200
            assert "bert" in (await plugins.call("notes_whoami", {}, other)).text
            assert "anna" in (await plugins.call("notes_whoami", {}, context())).text
            assert [token.resource for token in accounts.tokens.values()] == [url, url]
            accounts.tokens.clear()  # ended at the server: the person is asked anew, and the token not used again
            stored = await vault.read("mcp_notes", "notes", Identity("memory::u1"))
            assert stored is not None
        async with with_servers(servers, **more) as plugins:  # after a restart the tools are known
            assert "notes_whoami" in plugins.permitted()
            assert "no longer let in to notes" in (await plugins.call("notes_whoami", {}, context())).text
        assert len(accounts.clients) == 1  # nor is the bot registered twice


async def test_a_token_is_sent_for_its_person_alone(tmp_path: Path) -> None:
    vault = Vault(clock=lambda: NOON)
    table = outside(sign_in="token", token_variable="TOKEN")
    async with with_servers({"odd": table}, vault=vault, data=tmp_path) as plugins:
        for user in ("u1", "u2"):
            given = StoredCredential(secret=f"token-of-{user}", given=NOON)
            await vault.put("mcp_odd", "odd", Identity(f"memory::{user}"), given)
        await plugins.call("odd_connect", {}, context())
        seen = {(await plugins.call("odd_environment", {}, context(f"memory::{user}"))).text for user in ("u1", "u2")}
        assert len(seen) == 2
        assert not any("token-of" in text for text in seen)  # a result does not show it
        assert all('"TOKEN": "•••"' in text for text in seen)
        group = Conversation(platform="memory", channel="c1", kind="group")
        event = Message(event_id="1", conversation=group, sender=Sender("u1"), text="hi", message_id="m")
        told = await plugins.call("odd_environment", {}, dataclasses.replace(context(), event=event))
        assert "Others read here" in told.text  # nor does a group see what it opens


async def test_a_server_that_wants_a_sign_in_says_what_to_write() -> None:
    async with signed_in_server() as (url, _), with_servers({"notes": {"url": url}}) as plugins:
        assert "asks to sign in: write `sign_in`" in plugins.health()[0].problem
        assert plugins.specs() == ()


async def test_headers_from_the_environment_reach_the_server() -> None:
    server = MCPServer("plain", log_level="ERROR")

    @server.tool()
    def add(one: int, two: int) -> int:
        """Add."""
        return one + two

    async with served(server.streamable_http_app()) as url:
        table = {"url": url, "headers": {"X-Key": "$KEY"}, "effects": {"*": "reads"}}
        async with with_servers({"plain": table}, {"KEY": "k-123456"}) as plugins:
            result = await plugins.call("plain_add", {"one": 1, "two": 2}, context())
            assert result.data["structured"] == {"result": 3}
            assert plugins.health()[0].problem == ""
    async with with_servers({"plain": table}, {"KEY": "k-123456"}) as plugins:  # it has gone
        assert "is not there" in plugins.health()[0].problem


async def test_a_service_that_was_restarted_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_session, "PAUSE_SECONDS", 0.0)

    def made() -> MCPServer:
        server = MCPServer("plain", log_level="ERROR")

        @server.tool()
        def add(one: int, two: int) -> int:
            """Add."""
            return one + two

        return server

    port = free_port()
    async with served(made().streamable_http_app(), port) as url:
        servers = with_servers({"plain": {"url": url}}, failures=9)
        plugins = await servers.__aenter__()
        assert (await plugins.call("plain_add", {"one": 1, "two": 2}, context())).data["structured"] == {"result": 3}
    try:
        async with served(made().streamable_http_app(), port):  # it knows nothing of the session
            answer = await plugins.call("plain_add", {"one": 2, "two": 2}, context())
            assert answer.data["structured"] == {"result": 4}
    finally:
        await servers.__aexit__(None, None, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "2130706433", "[::1]"])
async def test_an_address_that_only_this_machine_may_reach_is_refused(host: str) -> None:
    with pytest.raises(LLMAgentOSError):
        await public_addresses(host.strip("[]"))


async def test_a_server_cannot_lead_the_bot_to_this_machine() -> None:
    server = MCPServer("plain", log_level="ERROR")
    async with served(server.streamable_http_app()) as url:
        inside = {"url": url.replace("http://127.0.0.1", "https://127.0.0.1.nip.invalid")}
        async with with_servers({"plain": inside}) as plugins:
            assert "plain" in plugins.health()[0].problem
            with pytest.raises(PluginError, match="no tool"):
                await plugins.call("plain_add", {}, context())
