"""The engine behind asyncio: messages through the chat template, replies back to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.chat import ChatRequest, Completion, ToolCall, ToolSpec
from llmagent_os.errors import ModelUnavailableError
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.constrained_decoding import Constraint, Grammar
from llmagent_os.serving.engine import Engine
from llmagent_os.serving.generation import Generation
from llmagent_os.serving.lora_weights import LoraCache, LoraWeights
from llmagent_os.serving.model_card import read_model_card
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.options import LocalOptions
from llmagent_os.serving.tool_call_parsing import InvalidCallError, checked_call


class LocalBackend:
    """A model in this process: its tokenizer, its LoRAs and its engine. Making one loads it, which takes seconds.

    Args:
        location: the model, and the LoRA that requests naming none are answered with.
        options: how the engine runs.

    Raises:
        ModelError: it cannot be loaded.
    """

    def __init__(self, location: Location, options: LocalOptions) -> None:
        self._location = location
        self._timeout = options.timeout
        self._card = read_model_card(location)
        tokenizer = load_tokenizer(location)
        model = load_model(location, dtype=options.dtype, device=options.device)
        self._vocabulary = vocabulary_of(model, tokenizer)
        self._template = ChatTemplate(tokenizer, self._vocabulary)
        self._loras = LoraCache(options.max_loras)
        self._toolsets: dict[bytes, _Toolset] = {}
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

    def _completion(self, request: ChatRequest, prompt: str, job: Generation) -> Completion:
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
            lora_version=job.version,
        )

    async def aclose(self) -> None:
        """Nothing here belongs to an event loop."""

    def close(self) -> None:
        """Stop the engine; replies under way end with a ModelUnavailableError."""
        self.engine.close()

    def _lora_weights(self, name: str | None) -> LoraWeights | None:
        folder = self._location.lora if name is None else Path(name).expanduser()
        return None if folder is None or name == "base" else self._loras.get(folder)

    def _job(self, request: ChatRequest) -> tuple[str, Generation]:
        """The prompt, and the request as the engine takes it."""
        prompt = self._template.prompt(request.messages, request.tools)
        ids = self._vocabulary.encode(prompt)
        toolset = self._toolset(request.tools)
        shared = {_common(ids, toolset.opening)}
        if (first := request.messages[0])["role"] == "system":
            opening = self._template.opening(str(first.get("content") or ""), request.tools)
            shared.add(_common(ids, self._vocabulary.encode(opening)))
        user = [
            str(turn.get("content") or "")
            for turn in request.messages
            if turn["role"] == "user" and turn.get("spoken", True)
        ]
        if self._card.native:
            user = user[-1:]  # it was taught to copy from what was said last
        return prompt, Generation(
            prompt=ids,
            shared=tuple(sorted(length for length in shared if 0 < length < len(ids))),
            lora=self._lora_weights(request.lora),
            constraint=Constraint(toolset.grammar, map(self._vocabulary.without_markup, user[::-1])),
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed,
            call_above=self._card.call_above,
            on_text=None,
            on_done=lambda _: None,
        )

    def _toolset(self, tools: tuple[ToolSpec, ...]) -> _Toolset:
        key = msgspec.json.encode(tools)
        if key not in self._toolsets:
            if len(self._toolsets) >= 256:  # more sets of permissions than any bot has
                self._toolsets.clear()
            opening = self._vocabulary.encode(self._template.opening("\N{REPLACEMENT CHARACTER}", tools))
            self._toolsets[key] = _Toolset(Grammar(tools, self._vocabulary), opening)
        return self._toolsets[key]


class _Toolset(msgspec.Struct, frozen=True):
    """What is made once for all requests with the same tools."""

    grammar: Grammar
    opening: list[int]  #: how prompts with these tools begin, up to the system message's own words


def _common(first: list[int], second: list[int]) -> int:
    """How many tokens two prompts have in common from the beginning."""
    differ = (at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    return next(differ, min(len(first), len(second)))


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

    async def run(self, job: Generation) -> None:
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
