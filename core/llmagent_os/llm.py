"""One class for every language model, in this process or on a server.

    llm = LLM.from_pretrained("calendar")
    print(llm.generate("hello").text)

Importing this module is cheap: torch, transformers and openai are loaded when a model that needs them answers for the
first time.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog

from llmagent_os.adapter_kit.containment import contain
from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall, ToolSpec, check_request, tools_sha256
from llmagent_os.cluster.replica_order import RAY, application_name
from llmagent_os.errors import ConfigError, ContainedError, LoraError, ModelError, ModelUnavailableError
from llmagent_os.privacy.model_masking import KINDS, MaskingBackend
from llmagent_os.serving import token_tally
from llmagent_os.serving.backend import Backend, KeepsLoras, OnText, WarmsUp
from llmagent_os.serving.model_card import ModelCard, read_model_card
from llmagent_os.serving.model_location import Location, locate
from llmagent_os.serving.no_model import NO_MODEL, NO_MODEL_CARD, NoModel
from llmagent_os.serving.options import LocalOptions, RayOptions, ServerOptions, read_options
from llmagent_os.serving.sync_bridge import run_sync
from llmagent_os.serving.tool_call_parsing import InvalidCallError, repair_messages

__all__ = ["LLM", "ChatRequest", "Completion", "Message", "ToolCall", "ToolSpec"]

_SERVER = "openai:"

_log = structlog.stdlib.get_logger(__name__)


class LLM:
    """A model that answers chats, streams its replies, and calls tools. Make one with :meth:`from_pretrained`.

    Several tasks, threads and event loops may use it at the same time: the in-process engine decodes them together.
    """

    def __init__(
        self, name: str, backend: Backend, location: Location | None = None, base: Location | None = None
    ) -> None:
        self.name = name  #: the name that the model was asked for by
        self.location = location  #: where a local model is; ``None``: the model is a server's, or there is none
        #: where the same weights are here: :attr:`location`, or what the servers are said to have; ``None``: not known
        self.base = location or base
        self._backend = backend
        self._used_sync = False
        # Stops the engine if the model is dropped without close(), and before the interpreter ends: a thread that still
        # computes would crash it.
        self._finish = weakref.finalize(self, backend.close)

    @classmethod
    def from_pretrained(cls, name: str, *, models: Path | None = None, **options: Any) -> LLM:
        """Find a model. A local model is loaded when it answers for the first time.

        Args:
            name: a model that is installed, by a package (``"calendar"``) or by ``llmagent-os models install``; a
                folder with a whole model; a folder with a PEFT LoRA, which is used with the base that it names; a
                Hugging Face hub id; ``"openai:MODEL"`` for a model of an OpenAI-compatible server; ``"ray:MODEL"`` for
                one of these models on the replicas of a Ray cluster; or ``"none"``, which writes nothing and raises
                :class:`~llmagent_os.errors.NoModelError`.
            models: the folder of the models that ``llmagent-os models install`` has fetched; None: the one in the data
                folder that the settings name.
            options: for a local model the fields of :class:`~llmagent_os.serving.options.LocalOptions` (``slots``,
                ``max_waiting``, ``max_loras``, ``threads``, ``dtype``, ``device``, ``timeout``, …); for a server the
                fields of :class:`~llmagent_os.serving.options.ServerOptions` (``base_url``, ``api_key``, ``timeout``,
                ``idle_timeout``, ``retries``, ``max_characters``, …; for vLLM ``kind="vllm"`` and ``base``); for a
                cluster the fields of :class:`~llmagent_os.serving.options.RayOptions` (``address``, ``timeout``,
                ``retries``).

        Raises:
            ModelNotFoundError: there is no such model; the message says where it was looked for.
            ConfigError: an option is unknown or has the wrong type.
        """
        if name.startswith(_SERVER):
            backend, base = _server(name.removeprefix(_SERVER), options, models)
            return cls(name, backend, base=base)
        if name == NO_MODEL:
            return cls(name, NoModel())
        if name.startswith(RAY):
            location = locate(name.removeprefix(RAY), models)
            return cls(name, _replicas(location, read_options(RayOptions, options)), location)
        location = locate(name, models)
        return cls(name, _Lazy(location, read_options(LocalOptions, options)), location)

    @cached_property
    def card(self) -> ModelCard:
        """What the model's makers declare about it; see :class:`~llmagent_os.serving.model_card.ModelCard`.

        Raises:
            ModelError: the card is damaged.
        """
        return NO_MODEL_CARD if isinstance(self._backend, NoModel) else read_model_card(self.base)

    async def warm_up(self, request: ChatRequest) -> None:
        """Get ready, so that the first reply is quick. A local model is loaded, and reads ``request``.

        For a server's model the client is made, and the server is asked nothing: a cloud would want money for it.

        Raises:
            ModelError: the model cannot be loaded.
        """
        if isinstance(self._backend, WarmsUp):
            await self._backend.warm_up()
        elif self.location is not None:
            await self.complete(request)
            if isinstance(self._backend, _Lazy):
                await self._backend.keep_opening(request)

    async def keep_loras(self, pinned: Sequence[Path], served: Sequence[Path]) -> None:
        """Say which LoRAs answer people. Servers load those in ``pinned`` ahead, and drop all others but ``served``.

        A local model reads LoRAs from their folders when it needs them, and has nothing to do.

        Args:
            pinned: folders of the LoRAs that many people are answered with.
            served: folders of all others.
        """
        if isinstance(self._backend, KeepsLoras):
            try:
                await self._backend.keep_loras(pinned, served)
            except ModelError as error:
                _log.warning("a server is told later which LoRAs are served", model=self.name, why=str(error))

    async def watch(self) -> None:
        """Keep servers in step with what :meth:`keep_loras` said, until cancelled. Ends at once for other models."""
        if isinstance(self._backend, KeepsLoras):
            await self._backend.watch()

    async def forget_people(self) -> None:
        """Drop what a model in this process has computed of people's words. Other models are not told."""
        if isinstance(self._backend, _Lazy):
            await self._backend.forget_people()

    async def reach(self) -> None:
        """Reach the cluster that serves the model. Any other model is not looked at.

        Raises:
            ModelError: the cluster cannot be reached, or does not serve the model.
        """
        if self.name.startswith(RAY) and isinstance(self._backend, WarmsUp):
            await self._backend.warm_up()

    async def complete(self, request: ChatRequest, on_text: OnText | None = None) -> Completion:
        """Write one reply. Cancelling the task frees its slot at the next token.

        A tool call that is not valid is never run, not even in part. The model then reads what was wrong and tries once
        more; the completion is that of the second try, and has the first as ``rejected``.

        Args:
            request: what to answer, and how.
            on_text: awaited with the text so far while the reply is written; never called for a tool call.

        Raises:
            ValueError: the request is out of range.
            InvalidCallError: the second try was not a valid tool call either. This is a
                :class:`~llmagent_os.errors.BadToolCallError`.
            ModelSetupError: the server cannot be reached, or refuses the key or the request. A
                :class:`~llmagent_os.errors.ModelNotFoundError` says that the model does not exist, and a
                :class:`~llmagent_os.errors.LoraError` that no LoRA that the request names can be used.
            ModelUnavailableError: the server failed while it wrote the reply, or the model was closed. A
                :class:`~llmagent_os.errors.ModelBusyError` says that the model is too busy or too slow.
            NoModelError: the model's name is ``none``.
            ModelRefusedError: the model, or its provider's content policy, does not want to answer.
            PromptTooLongError: the prompt is longer than the model can read.
            ModelError: the model cannot be loaded. Every one of these errors has the completion of a first try that was
                not valid as ``rejected``.
        """
        check_request(request)
        try:
            return await self._ask(request, on_text)
        except InvalidCallError as error:
            rejected = error.rejected
            again = msgspec.structs.replace(request, messages=[*request.messages, *repair_messages(error)])
        try:
            completion = await self._ask(again, on_text)
        except InvalidCallError as error:
            why = f"{error.why} (twice, so nothing was done)"
            raise InvalidCallError(why, error.said, (*rejected, *error.rejected)) from error
        except ModelError as error:
            error.rejected = (*rejected, *error.rejected)
            raise
        return msgspec.structs.replace(completion, rejected=rejected) if rejected else completion

    async def _ask(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Have the backend answer. Where a LoRA cannot be used, the next of ``lora_above`` answers."""
        try:
            return await self._answer(request, on_text)
        except LoraError as error:
            if not request.lora_above:
                raise
            _log.error("a LoRA cannot be used, and the level above answers", error=str(error))
        lora, *above = request.lora_above
        return await self._ask(msgspec.structs.replace(request, lora=lora, lora_above=tuple(above)), on_text)

    async def _answer(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Have the backend answer. What it raises is an ordinary error, or the caller's own cancellation."""
        try:
            completion = await self._backend.complete(request, on_text)
        except BaseException as raised:
            error = contain(raised)
            if isinstance(error, ContainedError):
                raise ModelError(f"the model failed: {error}") from raised
            if isinstance(error, ModelError):
                for each in error.rejected:
                    token_tally.note(each)
                error.rejected = tuple(_as_asked(each, request) for each in error.rejected)
            raise error from error.__cause__
        token_tally.note(completion)
        return _as_asked(completion, request)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str]:
        """Give the text of a reply piece by piece. Raises what :meth:`complete` raises.

        Raises:
            ModelUnavailableError: the backend was lost, and began another reply than the one that was given in part.
        """
        latest = ""
        news = asyncio.Event()

        async def show(text: str) -> None:
            nonlocal latest
            latest = text
            news.set()

        task = asyncio.create_task(self.complete(request, show))
        task.add_done_callback(lambda _: news.set())
        given = ""
        try:
            while True:
                await news.wait()
                news.clear()
                if latest != given:
                    if not latest.startswith(given):
                        raise ModelUnavailableError(f"{self.name} began its reply again in other words")
                    piece, given = latest[len(given) :], latest
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
        min_p: float = 0.0,
        seed: int | None = None,
    ) -> Completion:
        """Write one reply, as :meth:`complete` does, for scripts without an event loop.

        Args:
            messages: the chat so far; a string is one message of the user.
            tools: the tools that the reply may call.
            lora: the LoRA that answers; see :class:`~llmagent_os.chat.ChatRequest`.
            max_tokens: most tokens in the reply.
            temperature: of words; 0 takes the likeliest token, 1 samples from the model's own distribution.
            min_p: least probability of a word that is drawn, as a share of the likeliest word's.
            seed: the same seed gives the same sample.

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
            min_p=min_p,
            seed=seed,
        )
        self._used_sync = True
        return run_sync(self.complete, request)

    def close(self) -> None:
        """Stop the engine, or release the connections. Not needed at the end of a program."""
        if self._used_sync:
            self._used_sync = False
            run_sync(self._backend.aclose)
        self._finish()

    async def aclose(self) -> None:
        """Close the model, as :meth:`close` does, from the event loop that used it."""
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


def _as_asked(completion: Completion, request: ChatRequest) -> Completion:
    """``completion`` with what the model was asked."""
    tools = tools_sha256(request.tools) if request.tools else ""
    return msgspec.structs.replace(completion, messages=tuple(request.messages), tools=tools)


class _Lazy:
    """A local model that is imported and loaded when it answers for the first time."""

    def __init__(self, location: Location, options: LocalOptions) -> None:
        self._location = location
        self._options = options
        self._lock = threading.Lock()
        self._backend: Backend | None = None
        self._closed = False

    def _load(self) -> Backend:
        """Load the model. This takes seconds, so it must not run in the event loop."""
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

    async def keep_opening(self, request: ChatRequest) -> None:
        from llmagent_os.serving.local import LocalBackend

        if isinstance(self._backend, LocalBackend):
            await self._backend.keep_opening(request)

    async def forget_people(self) -> None:
        from llmagent_os.serving.local import LocalBackend

        if isinstance(self._backend, LocalBackend):
            await self._backend.forget_people()

    async def aclose(self) -> None:
        if self._backend:
            await self._backend.aclose()

    def close(self) -> None:
        with self._lock:
            self._closed = True
        if self._backend:
            self._backend.close()


def _server(model: str, options: dict[str, Any], models: Path | None) -> tuple[Backend, Location | None]:
    """The backend of a server's model, and where the same model is here."""
    if not model:
        raise ConfigError("'openai:' names no model; write 'openai:MODEL', as the server calls it")
    from llmagent_os.serving.openai_server import ServerBackend

    read = read_options(ServerOptions, options)
    base = locate(read.base, models) if read.base else None
    if base is not None and base.lora is not None:
        raise ConfigError(
            f"{read.base!r} is a LoRA, and servers have the model {base.name!r}: name that one as the base"
        )
    backend: Backend
    if read.more_urls:
        from llmagent_os.serving.server_fleet import ServerFleet

        backend = ServerFleet(model, read, base)
    else:
        backend = ServerBackend(model, read, base)
    sees_all = read.sees is None or set(read.sees) >= set(KINDS)
    return (backend if sees_all else MaskingBackend(backend, read.sees or ())), base


def _replicas(location: Location, options: RayOptions) -> Backend:
    """The replicas of a model.

    Raises:
        ConfigError: Ray is not installed.
    """
    from llmagent_os.cluster.bridge_frames import BridgeOrder
    from llmagent_os.cluster.ray_backend import RayBackend
    from llmagent_os.cluster.ray_bridge import RayBridge
    from llmagent_os.cluster.ray_extra import check_installed

    check_installed()
    bridge = RayBridge(BridgeOrder(options.address, application_name(location.name), location.name))
    return RayBackend(location.name, options, bridge, location)
