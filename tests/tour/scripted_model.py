"""A model on a server of its own, with the protocol of OpenAI, that calls a tool where the words ask for it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from aiohttp import web

#: By what a person writes, the tool that the model calls, and its arguments.
Calls = Mapping[str, tuple[str, Mapping[str, object]]]


class ScriptedModel:
    """Answers each request for a completion."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.asked: list[dict[str, Any]] = []  #: every request

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Call the tool that the last message asks for; put a result into words."""
        asked = await request.json()
        self.asked.append(asked)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        delta = self._delta(asked["messages"][-1])
        finish = "tool_calls" if "tool_calls" in delta else "stop"
        chunk = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "scripted",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
        await stream.write(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())
        return stream

    def _delta(self, message: Mapping[str, Any]) -> dict[str, Any]:
        if message["role"] == "tool":
            return {"content": f"I was told: {json.loads(message['content'])['text']}"[:300]}
        for words, (name, arguments) in self.calls.items():
            if re.search(words, str(message["content"])):
                function = {"name": name, "arguments": json.dumps(arguments)}
                return {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}
        return {"content": "I have nothing to say to that."}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncGenerator[dict[str, str]]:
        """Listen on a free port of 127.0.0.1; gives the variables that point a bot there."""
        application = web.Application()
        application.router.add_post("/v1/chat/completions", self.chat)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield {"LLMAGENT_OS_MODEL": "openai:scripted", "LLMAGENT_OS_BASE_URL": address}
        await runner.cleanup()
