"""Listening for requests. What breaks without this: a port in use ends the bot and no setting is named."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp import web

from llmagent_os.adapter_kit.http_listener import listening
from llmagent_os.errors import ConfigError


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


def application() -> web.Application:
    served = web.Application()
    served.router.add_get("/", hello)
    return served


async def test_a_free_port_is_found_and_named() -> None:
    async with (
        listening(application(), "127.0.0.1", 0, refused="pigeon", shutdown_seconds=1.0) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/") as answer,
    ):
        assert await answer.text() == "hello"


async def test_a_port_in_use_is_an_error_that_names_the_settings() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="pigeon: cannot listen on PIGEON_PORT"):
            async with listening(
                application(),
                "127.0.0.1",
                port,
                refused="pigeon: cannot listen on PIGEON_PORT",
                shutdown_seconds=1.0,
            ):
                pass
