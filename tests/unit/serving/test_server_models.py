"""The check of a server's model name: a typo must end the start, not the first conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from llmagent_os.errors import ConfigError, ModelNotFoundError, ModelUnavailableError
from llmagent_os.llm import LLM
from llmagent_os.serving.server_models import check_model_name, listed_models


class Server:
    """Lists models, and answers requests for a reply with one status."""

    def __init__(self) -> None:
        self.url = ""
        self.list: Any = {"object": "list", "data": [{"id": "qwen-small"}, {"id": "llama3:latest"}]}
        self.list_status = 200
        self.status = 404
        self.tried: list[str] = []
        self.keys: list[str | None] = []

    async def models(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Authorization"))
        return web.json_response(self.list, status=self.list_status)

    async def chat(self, request: web.Request) -> web.Response:
        self.tried.append((await request.json())["model"])
        return web.json_response({"error": {"message": "so it is"}}, status=self.status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    here = Server()
    application = web.Application()
    application.router.add_get("/v1/models", here.models)
    application.router.add_post("/v1/chat/completions", here.chat)
    async with TestServer(application) as listening:
        here.url = str(listening.make_url("/v1"))
        yield here


async def check(server: Server, model: str, key: str = "") -> None:
    async with LLM.from_pretrained(f"openai:{model}", base_url=server.url, api_key=key or "none", retries=0) as llm:
        await check_model_name(model, server.url, key, llm.complete)


@pytest.mark.parametrize("model", ["qwen-small", "llama3", "llama3:latest"])
async def test_a_listed_model_is_not_tried(server: Server, model: str) -> None:
    """A try costs money in a cloud."""
    await check(server, model, "secret")
    assert server.tried == []
    assert server.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("model", "listed", "hint"),
    [
        ("qwen-smal", True, "did you mean 'qwen-small'?"),
        ("zzz", True, "it has: llama3:latest, qwen-small"),
        ("qwen-small", False, "it lists none"),
    ],
)
async def test_a_wrong_name_is_named_with_the_nearest_one(server: Server, model: str, listed: bool, hint: str) -> None:
    server.list_status = 200 if listed else 404
    with pytest.raises(ModelNotFoundError, match=f"has no model '{model}'") as caught:
        await check(server, model)
    assert hint in str(caught.value)


@pytest.mark.parametrize("status", [400, 500, 503])
async def test_a_name_that_is_not_listed_and_not_refused_is_taken(server: Server, status: int) -> None:
    """Gateways take names that they do not list, and a model may still be loading."""
    server.status = status
    server.list = {"data": "nonsense"}
    await check(server, "routed/model")
    assert server.tried == ["routed/model"]


async def test_a_refused_key_is_a_matter_of_configuration(server: Server) -> None:
    server.list_status = 401
    with pytest.raises(ConfigError, match=r"refuses the key in LLMAGENT_OS_API_KEY") as caught:
        await listed_models(server.url, "secret-of-mine")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"without a key: set LLMAGENT_OS_API_KEY"):
        await listed_models(server.url, "")


async def test_a_server_that_is_down_is_named() -> None:
    """The host starts all the same: the server may come later."""
    with pytest.raises(ModelUnavailableError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached"):
        await listed_models("http://127.0.0.1:9/v1", "")
