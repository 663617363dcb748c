"""A language-model server on loopback that repeats what was said, after a moment, in pieces.

It speaks the chat completions protocol with server-sent events. It takes no processor time worth counting, so that a
run measures the host and not a model. Its slowness can be changed while it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
from typing import Any

from aiohttp import web

#: What marks a message of a run: the number of the person and the number of the message.
MARK = re.compile(r"\bm\d+x\d+\b")


class ModelServer:
    """Answers ``Heard: MARK`` to a message with a mark in it, and ``Fine.`` to any other."""

    def __init__(self, shortest: float, longest: float, *, seed: int = 0) -> None:
        """Args:
        shortest: seconds that an answer takes at least.
        longest: seconds that it takes at most.
        seed: of the waiting times.
        """
        self.shortest, self.longest = shortest, longest
        self.stuck = 0.0  #: the share of requests that never end
        self.asked = 0  #: requests so far
        self._random = random.Random(seed)
        self._runner: web.AppRunner | None = None
        self.url = ""  #: the base URL, after :meth:`start`

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        application = web.Application(client_max_size=50_000_000)
        application.router.add_post("/v1/chat/completions", self._complete)
        application.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def stop(self) -> None:
        """Close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "repeat", "object": "model"}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        try:
            asked: dict[str, Any] = await request.json()
        except ConnectionError:  # the host was killed meanwhile
            return web.Response(status=400)
        said = [message for message in asked["messages"] if message["role"] == "user"]
        marks = MARK.findall(json.dumps(said[-1]["content"])) if said else []
        answer = f"Heard: {marks[-1]}" if marks else "Fine."
        seconds = self._random.uniform(self.shortest, self.longest)
        if self._random.random() < self.stuck:
            seconds = 1e6
        if not asked.get("stream"):
            await asyncio.sleep(seconds)
            return web.json_response({"choices": [_choice(message={"role": "assistant", "content": answer})]})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        pieces = [answer[:4], answer[4:]]
        with contextlib.suppress(ConnectionError):  # the host was killed meanwhile
            await response.prepare(request)
            for piece in pieces:
                await asyncio.sleep(seconds / len(pieces))
                await _send(response, _choice(delta={"role": "assistant", "content": piece}))
            await _send(response, _choice("stop", delta={}))
            await response.write(b"data: [DONE]\n\n")
        return response


def _choice(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": finish, **fields}


async def _send(response: web.StreamResponse, choice: dict[str, Any]) -> None:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "repeat", "choices": [choice]}
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
