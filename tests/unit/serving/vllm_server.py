"""A loopback server that behaves as vLLM 0.32 does, as far as this project uses it, and fails when it is told to.

The answers are those of the real server, word for word: ``vllm/entrypoints/openai/models/serving.py`` and
``vllm/entrypoints/serve/lora/api_router.py``. It computes nothing: a reply says which LoRA wrote it. A real server is
asked in ``tests/third_party/test_vllm.py``.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import torch
from aiohttp import web
from safetensors import torch as safetensors

from llmagent_os.serving.lora_artifact import read_artifact

Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROMPT, TOKENS, LOGPROBS = [1, 2, 3], [10, 11, 12], [-0.5, -0.25, -0.125]

#: The fields of a request that vLLM knows, as far as they are sent. Others are an error here, to find typing mistakes.
KNOWN = {
    "model", "messages", "tools", "max_tokens", "temperature", "seed", "stream", "stream_options", "logprobs",
    "top_logprobs", "return_token_ids", "cache_salt", "top_p", "top_k", "min_p", "repetition_penalty",
    "presence_penalty", "frequency_penalty",
}  # fmt: skip


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another task does."""
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def error(status: int, message: str, kind: str = "InvalidUserInput") -> web.Response:
    """An error in vLLM's form."""
    said = {"error": {"message": message, "type": kind, "param": None, "code": status}}
    return web.json_response(said, status=status)


class VllmTwin:
    """One server. Attributes may be changed while it runs."""

    def __init__(self) -> None:
        self.loaded: dict[str, str] = {}  #: path by name, in the order of loading
        self.calls: Counter[str] = Counter()  #: of ``load NAME``, ``unload NAME``, ``chat`` and ``models``
        self.asked: list[dict[str, Any]] = []  #: the bodies of requests for replies
        self.most_at_once = 0  #: of LoRAs that were loaded
        self.runtime_loading = True
        self.max_rank = 16
        self.key = ""
        self.processed = False  #: started with ``--logprobs-mode processed_logprobs``
        self.tells_tokens = True
        self.owned_by = "vllm"
        self.root = ""  #: its own folder of LoRAs: paths are looked up in it, as in a container; empty: the real ones
        self.load_faults: list[Fault | None] = []  #: one for each request to load; None: none
        self.chat_faults: list[Fault | None] = []
        self.list_faults: list[Fault | None] = []
        self.holding: asyncio.Event | None = None  #: replies wait for it, once they are begun
        self.begun = asyncio.Event()
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        """Listen. After a stop: on the same port, and with nothing loaded."""
        self.loaded.clear()
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/version", self._version)
        app.router.add_post("/v1/chat/completions", self._chat)
        if self.runtime_loading:
            app.router.add_post("/v1/load_lora_adapter", self._load)
            app.router.add_post("/v1/unload_lora_adapter", self._unload)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()
            for _ in range(5):  # connections that were just taken are known to the runner only then
                await asyncio.sleep(0)
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": "Unauthorized"}, status=401)
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return web.json_response({"detail": "Not Found"}, status=404)

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": "0.32.0"})

    async def _models(self, request: web.Request) -> web.StreamResponse:
        self.calls["models"] += 1
        if self.list_faults and (fault := self.list_faults.pop(0)) is not None:
            return await fault(request)
        base = {"id": "base", "owned_by": self.owned_by, "root": "/models/calendar", "parent": None}
        loras = [
            {"id": name, "owned_by": self.owned_by, "root": path, "parent": "base"}
            for name, path in self.loaded.items()
        ]
        return web.json_response({"object": "list", "data": [base, *loras]})

    async def _load(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("lora_name") or not body.get("lora_path"):
            return error(400, "2 validation errors: Field required", "Bad Request")
        name, path = body["lora_name"], body["lora_path"]
        self.calls[f"load {name}"] += 1
        if self.load_faults and (fault := self.load_faults.pop(0)) is not None:
            return await fault(request)
        if name in self.loaded:
            said = "has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True."
            return error(400, f"The lora adapter '{name}' {said}")
        folder = Path(path.replace("/models/loras", self.root) if self.root else path)
        if not (folder / "adapter_config.json").is_file():
            return error(404, f"Loading lora {name} failed: No adapter found for {path}", "NotFoundError")
        if (rank := read_artifact(folder).rank) > self.max_rank:
            why = f"LoRA rank {rank} is greater than max_lora_rank {self.max_rank}."
            return error(
                500, f"Call to add_lora method failed: Worker failed with error '{why}'", "InternalServerError"
            )
        self.loaded[name] = path
        self.most_at_once = max(self.most_at_once, len(self.loaded))
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    async def _unload(self, request: web.Request) -> web.Response:
        name = (await request.json())["lora_name"]
        self.calls[f"unload {name}"] += 1
        if self.loaded.pop(name, None) is None:
            return error(404, f"The lora adapter '{name}' cannot be found.", "NotFoundError")
        return web.Response(text=f"Success: LoRA adapter '{name}' removed successfully.")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        assert set(body) <= KNOWN, f"vLLM does not know {set(body) - KNOWN}"
        if not 0 <= body.get("temperature", 1) <= 2:
            return error(400, f"temperature must be in [0, 2], got {body['temperature']}.", "BadRequestError")
        if body.get("top_logprobs"):
            return self._probed()
        self.asked.append(body)
        self.calls["chat"] += 1
        if self.chat_faults and (fault := self.chat_faults.pop(0)) is not None:
            return await fault(request)
        if body["model"] != "base" and body["model"] not in self.loaded:
            return error(404, f"The model `{body['model']}` does not exist. Valid aliases: base.", "NotFoundError")
        self.begun.set()
        if self.holding is not None:
            await self.holding.wait()
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        for chunk in self._chunks(body):
            await stream.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await stream.write(b"data: [DONE]\n\n")
        return stream

    def _probed(self) -> web.Response:
        """One token, drawn where only the likeliest may be drawn."""
        tops = [{"logprob": 0.0}, {"logprob": -9999.0}] if self.processed else [{"logprob": -0.8}, {"logprob": -1.4}]
        return web.json_response({"choices": [{"logprobs": {"content": [{"top_logprobs": tops}]}}]})

    def _chunks(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        tells = self.tells_tokens and body.get("return_token_ids")
        pieces = [f"by {body['model']}", " on", f" {self.port}"]
        first: dict[str, Any] = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
        chunks = [first | ({"prompt_token_ids": PROMPT} if tells else {})]
        for at, piece in enumerate(pieces):
            choice: dict[str, Any] = {"index": 0, "delta": {"content": piece}}
            if body.get("logprobs"):
                choice["logprobs"] = {"content": [{"token": piece, "logprob": LOGPROBS[at]}]}
            if tells:
                choice["token_ids"] = [TOKENS[at]]
            chunks.append({"model": body["model"], "choices": [choice]})
            choice["finish_reason"] = "stop" if at == len(pieces) - 1 else None
        usage = {"prompt_tokens": len(PROMPT), "completion_tokens": len(TOKENS)}
        return [*chunks, {"choices": [], "usage": usage}]


def write_lora(folder: Path, *, rank: int = 4, seed: int = 0, inputs: int = 8, outputs: int = 8) -> Path:
    """Write a small LoRA as PEFT does, without PEFT."""
    name = "base_model.model.model.layers.0.self_attn.q_proj"
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        f"{name}.lora_A.weight": torch.randn(rank, inputs, generator=generator),
        f"{name}.lora_B.weight": torch.randn(outputs, rank, generator=generator),
    }
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": ["q_proj"], "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    cast("Any", safetensors).save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return folder
