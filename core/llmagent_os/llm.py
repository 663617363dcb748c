"""A language model behind one class, wherever it runs.

    llm = LLM.from_pretrained("calendar")
    print(llm.generate("hello").text)

Importing this module is cheap: torch, transformers and openai are loaded when a model that needs them first answers.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import msgspec

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall, ToolSpec, check_request
from llmagent_os.errors import BadToolCallError, ConfigError, ModelUnavailableError
from llmagent_os.serving.backend import Backend, OnText
from llmagent_os.serving.model_card import ModelCard, read_model_card
from llmagent_os.serving.model_location import Location, locate
from llmagent_os.serving.options import LocalOptions, ServerOptions, read_options
from llmagent_os.serving.sync_bridge import run_sync
from llmagent_os.serving.tool_call_parsing import InvalidCallError, repair_messages

__all__ = ["LLM", "ChatRequest", "Completion", "Message", "ToolCall", "ToolSpec"]

_SERVER = "openai:"


class LLM:
    """A model that answers chats, streams, and calls tools. Made by :meth:`from_pretrained`.

    Safe to use from several tasks, threads and event loops at once: the in-process engine decodes them together.
    """

    def __init__(self, name: str, backend: Backend, location: Location | None = None) -> None:
        self.name = name  #: what it was asked for by
        self.location = location  #: where a local model is; ``None`` for a server's
        self._backend = backend
        self._used_sync = False
        # Also when dropped without close(), and before the interpreter goes: a thread still computing would crash then.
        self._finish = weakref.finalize(self, backend.close)

    @classmethod
    def from_pretrained(cls, name: str, **options: Any) -> LLM:
        """Find a model. A local one is loaded when it first answers.

        Args:
            name: an installed model (``"calendar"``); a folder with a whole model, or with a PEFT LoRA, whose base
                is then loaded and used with it; a Hugging Face hub id; or ``"openai:MODEL"`` for a model of an
                OpenAI-compatible server.
            options: for a local model those of :class:`~llmagent_os.serving.options.LocalOptions` (``slots``,
                ``max_waiting``, ``max_loras``, ``threads``, ``dtype``, ``device``, ``timeout``); for a server those
                of :class:`~llmagent_os.serving.options.ServerOptions` (``base_url``, ``api_key``, ``timeout``,
                ``retries``).

        Raises:
            ModelNotFoundError: there is no such model; says where it was looked for.
            ConfigError: an option is unknown or has the wrong type.
        """
        if name.startswith(_SERVER):
            return cls(name, _server(name.removeprefix(_SERVER), options))
        location = locate(name)
        return cls(name, _Lazy(location, read_options(LocalOptions, options)), location)

    @cached_property
    def card(self) -> ModelCard:
        """What its makers say of the model; see :class:`~llmagent_os.serving.model_card.ModelCard`.

        Raises:
            ModelError: the card is damaged.
        """
        return read_model_card(self.location)

    async def complete(self, request: ChatRequest, on_text: OnText | None = None) -> Completion:
        """Write one reply. Cancelling the task frees its place at the next token.

        A reply that is no valid tool call is never run, not even in part: the model is told what was wrong and may try
        once more.

        Args:
            request: what to answer, and how.
            on_text: awaited with the text so far, while it is written; not called for a tool call.

        Raises:
            ValueError: the request is out of range.
            BadToolCallError: the second try was no valid tool call either.
            ModelNotFoundError: the LoRA, or the server's model, does not exist.
            ModelUnavailableError: too busy, too slow, closed, or the server is down.
            PromptTooLongError: there is more to read than the model can.
            ModelError: the model cannot be loaded.
        """
        check_request(request)
        try:
            return await self._backend.complete(request, on_text)
        except InvalidCallError as error:
            again = msgspec.structs.replace(request, messages=[*request.messages, *repair_messages(error)])
        try:
            return await self._backend.complete(again, on_text)
        except InvalidCallError as error:
            raise BadToolCallError(f"{error} (twice, so nothing was done)") from error

    async def stream(self, request: ChatRequest) -> AsyncIterator[str]:
        """The text of a reply, piece by piece. Raises as :meth:`complete`."""
        latest = ""
        news = asyncio.Event()

        async def show(text: str) -> None:
            nonlocal latest
            latest = text
            news.set()

        task = asyncio.create_task(self.complete(request, show))
        task.add_done_callback(lambda _: news.set())
        given = 0
        try:
            while True:
                await news.wait()
                news.clear()
                if len(latest) > given:
                    piece, given = latest[given:], len(latest)
                    yield piece
                elif task.done():
                    await task
                    return
                if task.done():
                    news.set()
        finally:
            task.cancel()

    def generate(
        self,
        messages: str | Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        lora: str | None = None,
        max_tokens: int = 256,
        temperature: float = 0.0,
        seed: int | None = None,
    ) -> Completion:
        """:meth:`complete` for scripts without an event loop. A string is one message of the user's.

        Raises:
            RuntimeError: an event loop runs in this thread; await :meth:`complete` there.
        """
        chat = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
        request = ChatRequest(
            messages=chat,
            tools=tuple(tools),
            lora=lora,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
        )
        self._used_sync = True
        return run_sync(self.complete, request)

    def close(self) -> None:
        """Stop the engine or let the connections go. Not needed at the end of a program."""
        if self._used_sync:
            self._used_sync = False
            run_sync(self._backend.aclose)
        self._finish()

    async def aclose(self) -> None:
        """:meth:`close`, from the event loop that used it."""
        await self._backend.aclose()
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"LLM({self.name!r})"


class _Lazy:
    """A local model whose imports and weights wait for the first reply."""

    def __init__(self, location: Location, options: LocalOptions) -> None:
        self._location = location
        self._options = options
        self._lock = threading.Lock()
        self._backend: Backend | None = None
        self._closed = False

    def _load(self) -> Backend:
        """The backend; loading takes seconds, so never in the event loop."""
        with self._lock:
            if self._closed:
                raise ModelUnavailableError(f"{self._location.name} was closed")
            if self._backend is None:
                from llmagent_os.serving.local import LocalBackend

                self._backend = LocalBackend(self._location, self._options)
            return self._backend

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        backend = self._backend
        if backend is None:
            backend = await asyncio.to_thread(self._load)
        return await backend.complete(request, on_text)

    async def aclose(self) -> None:
        if self._backend:
            await self._backend.aclose()

    def close(self) -> None:
        with self._lock:
            self._closed = True
        if self._backend:
            self._backend.close()


def _server(model: str, options: dict[str, Any]) -> Backend:
    if not model:
        raise ConfigError("'openai:' names no model; write 'openai:MODEL', as the server calls it")
    from llmagent_os.serving.openai_server import ServerBackend

    return ServerBackend(model, read_options(ServerOptions, options))
