"""The engine behind asyncio: messages through the chat template, replies back to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall
from llmagent_os.errors import ModelError, ModelUnavailableError
from llmagent_os.serving.adapters import Adapter, AdapterCache
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.constraint import Constraint, Grammar
from llmagent_os.serving.engine import Engine
from llmagent_os.serving.job import Job
from llmagent_os.serving.loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.locate import Location
from llmagent_os.serving.options import LocalOptions
from llmagent_os.serving.tool_calls import InvalidCallError, calls_of, checked_call, tool_schemas
from llmagent_os.toolspec import ToolSpec


class LocalBackend:
    """A model in this process: its tokenizer, its adapters and its engine. Making one loads it, which takes seconds.

    Args:
        location: the model, and the adapter that requests naming none are answered with.
        options: how the engine runs.

    Raises:
        ModelError: it cannot be loaded.
    """

    def __init__(self, location: Location, options: LocalOptions) -> None:
        self._location = location
        self._timeout = options.timeout
        self._tokenizer = load_tokenizer(location)
        model = load_model(location, dtype=options.dtype, device=options.device)
        self._vocabulary = vocabulary_of(model, self._tokenizer)
        self._adapters = AdapterCache(options.max_adapters)
        self._grammars: dict[bytes, Grammar] = {}
        self._prefix = lru_cache(maxsize=64)(self._vocabulary.encode)
        self.engine = Engine(
            model, self._vocabulary, slots=options.slots, max_waiting=options.max_waiting, threads=options.threads
        )

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """One reply; see :class:`~llmagent_os.serving.backend.Backend`."""
        prompt, job = await asyncio.to_thread(self._job, request)
        writer = _Writer(asyncio.get_running_loop(), on_text)
        job.on_text = writer.on_text if on_text else None
        job.on_done = writer.on_done
        self.engine.submit(job)
        try:
            async with asyncio.timeout(self._timeout):
                await writer.run(job)
        except TimeoutError:
            raise ModelUnavailableError(
                f"{self._location.name} took longer than {self._timeout:g} s (timeout) for a reply"
            ) from None
        finally:
            job.cancelled = True
        return self._completion(request, prompt, job)

    def _completion(self, request: ChatRequest, prompt: str, job: Job) -> Completion:
        calls: tuple[ToolCall, ...] = ()
        if job.constraint.in_call:
            said = self._vocabulary.text_of(job.token_ids)
            if (call := job.constraint.call) is None:
                raise InvalidCallError(f"it was cut off after {len(job.token_ids)} tokens (max_tokens)", said)
            calls = (checked_call(call.name, call.arguments, request.tools, said=said),)
        return Completion(
            text=job.text,
            tool_calls=calls,
            token_ids=tuple(job.token_ids),
            logprobs=tuple(job.logprobs),
            finish_reason=job.finish,
            prompt=prompt,
            model=self._location.name,
            adapter_version=job.version,
        )

    async def aclose(self) -> None:
        """Nothing here belongs to an event loop."""

    def close(self) -> None:
        """Stop the engine; replies under way end with a ModelUnavailableError."""
        self.engine.close()

    def _adapter(self, name: str | None) -> Adapter | None:
        folder = self._location.adapter if name is None else Path(name).expanduser()
        return None if folder is None or name == "base" else self._adapters.get(folder)

    def _job(self, request: ChatRequest) -> tuple[str, Job]:
        """The prompt, and the request as the engine takes it."""
        messages = [self._plain(message) for message in request.messages]
        try:
            prompt = self._render(messages, request.tools, add_generation_prompt=True)
        except Exception as error:  # whatever a template's own code raises
            raise ModelError(f"the model's chat template cannot write these messages: {error}") from error
        ids = self._vocabulary.encode(prompt)
        shared = self._prefix(self._prefix_text(messages, request.tools))
        user = [str(message["content"]) for message in messages if message["role"] == "user"]
        return prompt, Job(
            prompt=ids,
            shared=len(shared) if 0 < len(shared) < len(ids) and ids[: len(shared)] == shared else 0,
            adapter=self._adapter(request.adapter),
            constraint=Constraint(self._grammar(request.tools), user[::-1]),
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed,
            on_text=None,
            on_done=lambda _: None,
        )

    def _plain(self, message: Message) -> Message:
        """A turn as chat templates take it, with nobody's words able to pass for the template's own markup."""
        clean = self._vocabulary.without_markup
        turn: Message = {**message, "content": clean(message.get("content") or "")}
        if calls := calls_of(message):
            turn["tool_calls"] = [
                {"type": "function", "function": {"name": call.name, "arguments": clean(call.arguments)}}
                for call in calls
            ]
        return turn

    def _render(self, messages: list[Message], tools: tuple[ToolSpec, ...], *, add_generation_prompt: bool) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                messages,
                tools=tool_schemas(tools) or None,
                add_generation_prompt=add_generation_prompt,
                tokenize=False,
                enable_thinking=False,
            )
        )

    def _prefix_text(self, messages: list[Message], tools: tuple[ToolSpec, ...]) -> str:
        """What comes before anybody spoke: the system message and the tools."""
        first = [messages[0]] if messages[0]["role"] == "system" else []
        with suppress(Exception):  # some templates refuse a chat without a user's turn; then nothing is shared
            return self._render(first, tools, add_generation_prompt=False) if first or tools else ""
        return ""

    def _grammar(self, tools: tuple[ToolSpec, ...]) -> Grammar:
        key = msgspec.json.encode(tools)
        if key not in self._grammars:
            if len(self._grammars) >= 256:  # as many sets of permissions are more than any bot has
                self._grammars.clear()
            self._grammars[key] = Grammar(tools, self._vocabulary)
        return self._grammars[key]


class _Writer:
    """Carries a reply from the engine's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_text: OnText | None) -> None:
        self._loop = loop
        self._show = on_text
        self._news = asyncio.Event()
        self._text = ""
        self._done = False
        self._error: BaseException | None = None

    def on_text(self, text: str) -> None:
        """More was written; from the engine's thread."""
        self._text = text
        self._call(self._news.set)

    def on_done(self, error: BaseException | None) -> None:
        """It is finished; from the engine's thread."""
        self._call(partial(self._finish, error))

    def _call(self, callback: Callable[[], Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback)

    def _finish(self, error: BaseException | None) -> None:
        self._done, self._error = True, error
        self._news.set()

    async def run(self, job: Job) -> None:
        """Wait for the end, showing the text as it grows."""
        shown = ""
        while True:
            await self._news.wait()
            self._news.clear()
            finished = self._done
            text = job.text if finished and self._error is None else self._text
            if self._show and text != shown:
                shown = text
                await self._show(shown)
            if finished:
                if self._error:
                    raise self._error
                return
