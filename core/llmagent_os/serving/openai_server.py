"""The client of servers with OpenAI's chat completions: vLLM, llama.cpp, Ollama, ``transformers serve``, a cloud.

A request for a LoRA gives the name under which the server offers the LoRA in place of the model's name, as vLLM
expects.

API: https://platform.openai.com/docs/api-reference/chat. Its streamed replies carry no token ids and no prompt tokens,
so the fields of a completion that training needs stay empty here.
"""

from __future__ import annotations

import asyncio
import json
import os
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall
from llmagent_os.errors import ModelError, ModelNotFoundError, ModelUnavailableError
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.tool_call_parsing import (
    OPEN,
    InvalidCallError,
    calls_of,
    checked_call,
    read_calls,
    tool_schemas,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_DEFAULT_URL = "https://api.openai.com/v1"


class ServerBackend:
    """A model of an OpenAI-compatible server.

    Args:
        model: the name by which the server calls the model.
        options: where the server is, and how long to wait for it.
    """

    def __init__(self, model: str, options: ServerOptions) -> None:
        self._model = model
        self._options = options
        self._url = options.base_url or os.environ.get("OPENAI_BASE_URL") or _DEFAULT_URL
        # A connection belongs to the event loop that opened it. Synchronous calls run in a loop of their own.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI]
        self._clients = weakref.WeakKeyDictionary()

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Write one reply; see :class:`~llmagent_os.serving.backend.Backend`."""
        import openai

        model = self._model if request.lora in (None, "base") else str(request.lora)
        messages = _server_messages(request.messages)
        answer = _Answer(on_text)
        try:
            async for chunk in self._chunks(model, messages, request):
                await answer.add(chunk)
        except openai.NotFoundError as error:
            raise ModelNotFoundError(f"{self._url} has no model {model!r}: {_reason(error)}") from error
        except openai.APITimeoutError as error:
            seconds = self._options.timeout
            raise ModelUnavailableError(f"{self._url} did not answer within {seconds:g} s (timeout)") from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise ModelUnavailableError(f"{self._url} cannot be reached: {cause}; is the server running?") from error
        except openai.APIStatusError as error:
            kind = ModelError if error.status_code in (400, 413, 422) else ModelUnavailableError
            raise kind(f"{self._url} refused with {error.status_code}: {_reason(error)}") from error
        except openai.APIError as error:
            raise ModelUnavailableError(f"{self._url} failed while it wrote the reply: {error}") from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ModelUnavailableError(f"{self._url} sent something that is not JSON: {error}") from error
        completion = Completion(
            text="",
            finish_reason="length" if answer.finish == "length" else "stop",
            prompt=json.dumps(messages, ensure_ascii=False),
            temperature=request.temperature,
            model=answer.model or model,
            lora_version="base" if model == self._model else model,
        )
        try:
            text, calls = answer.read(request)
        except InvalidCallError as error:
            raise error.of(completion) from error
        finish = "tool_calls" if calls else completion.finish_reason
        return msgspec.structs.replace(completion, text=text, tool_calls=calls, finish_reason=finish)

    async def _chunks(self, model: str, messages: list[Message], request: ChatRequest) -> AsyncIterator[Any]:
        optional: dict[str, Any] = {}
        if request.tools:
            optional["tools"] = tool_schemas(request.tools)
        if request.seed is not None:
            optional["seed"] = request.seed
        stream = await cast("Any", self._client().chat.completions.create)(
            model=model,
            messages=messages,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            stream=True,
            **optional,
        )
        async with stream:
            async for chunk in stream:
                yield chunk

    def _client(self) -> AsyncOpenAI:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            from openai import AsyncOpenAI

            self._clients[loop] = AsyncOpenAI(
                base_url=self._url,
                api_key=self._options.api_key or os.environ.get("OPENAI_API_KEY") or "none",
                timeout=self._options.timeout,
                max_retries=self._options.retries,
            )
        return self._clients[loop]

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        if client := self._clients.pop(asyncio.get_running_loop(), None):
            with suppress(RuntimeError):
                await client.close()

    def close(self) -> None:
        """Do nothing: connections close with their event loops."""


class _Answer:
    """A reply that is put together from the pieces of a stream."""

    def __init__(self, on_text: OnText | None) -> None:
        self.finish = ""
        self.model = ""
        self._on_text = on_text
        self._text = ""
        self._calls: dict[int, list[str]] = {}  # by index: the name and the arguments' JSON so far

    async def add(self, chunk: Any) -> None:
        """Take one piece. Any field of a piece may be missing, depending on the server."""
        self.model = getattr(chunk, "model", None) or self.model
        if not getattr(chunk, "choices", None):
            return
        choice = chunk.choices[0]
        self.finish = choice.finish_reason or self.finish
        delta = choice.delta
        for call in getattr(delta, "tool_calls", None) or ():
            parts = self._calls.setdefault(call.index or 0, ["", ""])
            if call.function:
                # Some servers repeat the name in every piece. No server sends a name in parts.
                parts[0] = call.function.name or parts[0]
                parts[1] += call.function.arguments or ""
        if content := getattr(delta, "content", None):
            self._text += content
            if self._on_text and not self._may_be_call():
                await self._on_text(self._text)

    def _may_be_call(self) -> bool:
        """Whether the text may be a tool call, which must not be shown: some servers leave calls in the text."""
        begin = self._text.lstrip()
        return begin.startswith(OPEN) or OPEN.startswith(begin) or OPEN in begin

    def read(self, request: ChatRequest) -> tuple[str, tuple[ToolCall, ...]]:
        """Give the text and the tool calls.

        Raises:
            InvalidCallError: a call is not valid.
        """
        if not self._calls:
            return read_calls(self._text, request.tools)
        said = "".join(f"{name}({arguments})" for name, arguments in self._calls.values())
        calls = [checked_call(name, arguments, request.tools, said=said) for name, arguments in self._calls.values()]
        return self._text, tuple(calls)


def _server_messages(messages: list[Message]) -> list[Message]:
    """Write the turns as servers take them: arguments as JSON text, and ids that join tool results to tool calls."""
    plain: list[Message] = []
    unanswered: list[str] = []
    for message in messages:
        turn: Message = {"role": message["role"], "content": message.get("content") or ""}
        if calls := calls_of(message):
            unanswered = [f"call_{len(plain)}_{index}" for index in range(len(calls))]
            turn["tool_calls"] = [
                {
                    "id": id_,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
                }
                for id_, call in zip(unanswered, calls, strict=True)
            ]
        if message["role"] == "tool":
            turn["tool_call_id"] = unanswered.pop(0) if unanswered else f"call_{len(plain)}"
        plain.append(turn)
    return plain


def _reason(error: Any) -> str:
    """The server's own error message, at most 300 characters."""
    body: Any = getattr(error, "body", None)
    message: Any = cast("dict[str, Any]", body).get("message") if isinstance(body, dict) else None
    return str(message or error)[:300]
