"""The replies in ``recorded/``, from a real HTTP server through the real openai client.

What breaks without this: a bot that works on one server makes wrong calls, or none, on another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from llmagent_os import errors
from llmagent_os.chat import ChatRequest, ToolCall
from llmagent_os.serving.openai_server import ServerBackend
from llmagent_os.serving.options import ServerOptions
from tests.tiny_model import LIST, SPAN, tool
from tests.unit.serving.recorded_shapes import Recorded, recorded

CREATE = tool("create_event", {"title": SPAN, "date": SPAN, "guests": {"type": "integer"}}, ("title",))


class Player:
    """A loopback server that sends one recorded reply to every request."""

    def __init__(self) -> None:
        self.url = ""
        self.shape: Recorded | None = None

    async def chat(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        assert self.shape is not None
        response = web.StreamResponse(status=self.shape.status, headers={"Content-Type": self.shape.content_type})
        await response.prepare(request)
        for piece in self.shape.pieces():
            await response.write(piece)
        return response


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def player() -> AsyncIterator[Player]:
    server = Player()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(player: Player) -> AsyncIterator[ServerBackend]:
    backend = ServerBackend("small", ServerOptions(base_url=player.url, retries=0))
    yield backend
    await backend.aclose()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("shape", recorded(), ids=lambda shape: shape.name)
async def test_a_recorded_reply_means_what_it_says(player: Player, backend: ServerBackend, shape: Recorded) -> None:
    """Twice: what is known of the model after the first reply must not change the second one."""
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    player.shape = shape
    request = ChatRequest(messages=[{"role": "user", "content": "hi"}], tools=(CREATE, LIST), lora=shape.name)
    for _ in range(2):
        if shape.error:
            with pytest.raises(getattr(errors, shape.error)) as caught:
                await backend.complete(request, draft)
            assert shape.why in str(caught.value)
            continue
        reply = await backend.complete(request, draft)
        assert (reply.text, reply.reasoning) == (shape.text, shape.reasoning)
        assert reply.tool_calls == tuple(ToolCall(name, given) for name, given in shape.calls)
        assert reply.finish_reason == ("tool_calls" if shape.calls else shape.finish)
        assert reply.server_tokens == shape.usage
        assert (reply.tool_handling.form if reply.tool_handling else "") == shape.form
    if not shape.error:
        assert [text for text in shown if not shape.text.startswith(text.strip())] == [], "thoughts or markup are shown"
