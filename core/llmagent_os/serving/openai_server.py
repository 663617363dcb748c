"""Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, ``transformers serve``, a cloud.

A LoRA is asked for by the name the server serves it under, in place of the model's, as vLLM does.
"""

from __future__ import annotations

import asyncio
import json
import os
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall
from llmagent_os.errors import ModelError, ModelNotFoundError, ModelUnavailableError
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.tool_call_parsing import OPEN, calls_of, checked_call, read_calls, tool_schemas

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_DEFAULT_URL = "https://api.openai.com/v1"


class ServerBackend:
    """A model of an OpenAI-compatible server.

    Args:
        model: as the server calls it.
        options: where the server is.
    """

    def __init__(self, model: str, options: ServerOptions) -> None:
        self._model = model
        self._options = options
        self._url = options.base_url or os.environ.get("OPENAI_BASE_URL") or _DEFAULT_URL
        # Connections belong to the event loop they were opened in; sync calls have a loop of their own.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI]
        self._clients = weakref.WeakKeyDictionary()

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """One reply; see :class:`~llmagent_os.serving.backend.Backend`."""
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
            raise ModelUnavailableError(f"{self._url} sent what is no JSON: {error}") from error
        text, calls = answer.read(request)
        return Completion(
            text=text,
            tool_calls=calls,
            finish_reason="tool_calls" if calls else "length" if answer.finish == "length" else "stop",
            prompt=json.dumps(messages, ensure_ascii=False),
            model=answer.model or model,
            lora_version="base" if model == self._model else model,
        )

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
        """Close the connections of the running event loop."""
        if client := self._clients.pop(asyncio.get_running_loop(), None):
            with suppress(RuntimeError):
                await client.close()

    def close(self) -> None:
        """Connections close with their event loops."""


class _Answer:
    """A reply put together from the pieces of a stream."""

    def __init__(self, on_text: OnText | None) -> None:
        self.finish = ""
        self.model = ""
        self._on_text = on_text
        self._text = ""
        self._calls: dict[int, list[str]] = {}  # by index: the name and the arguments' JSON so far

    async def add(self, chunk: Any) -> None:
        """One piece. Servers leave out what they like."""
        self.model = getattr(chunk, "model", None) or self.model
        if not getattr(chunk, "choices", None):
            return
        choice = chunk.choices[0]
        self.finish = choice.finish_reason or self.finish
        delta = choice.delta
        for call in getattr(delta, "tool_calls", None) or ():
            parts = self._calls.setdefault(call.index or 0, ["", ""])
            if call.function:
                # Some servers repeat the name in every piece; none sends it in parts.
                parts[0] = call.function.name or parts[0]
                parts[1] += call.function.arguments or ""
        if content := getattr(delta, "content", None):
            self._text += content
            if self._on_text and not self._may_be_call():
                await self._on_text(self._text)

    def _may_be_call(self) -> bool:
        """A server that does not read tool calls itself sends them as text, which nobody should see."""
        begin = self._text.lstrip()
        return begin.startswith(OPEN) or OPEN.startswith(begin) or OPEN in begin

    def read(self, request: ChatRequest) -> tuple[str, tuple[ToolCall, ...]]:
        """The text and the calls.

        Raises:
            InvalidCallError: a call is not valid.
        """
        if not self._calls:
            return read_calls(self._text, request.tools)
        said = "".join(f"{name}({arguments})" for name, arguments in self._calls.values())
        calls = [checked_call(name, arguments, request.tools, said=said) for name, arguments in self._calls.values()]
        return self._text, tuple(calls)


def _server_messages(messages: list[Message]) -> list[Message]:
    """The turns with their calls as servers take them: arguments as JSON text, and ids that join results to calls."""
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
    """What the server said, short."""
    body: Any = getattr(error, "body", None)
    message: Any = cast("dict[str, Any]", body).get("message") if isinstance(body, dict) else None
    return str(message or error)[:300]
