"""The client of servers with OpenAI's chat completions: vLLM, llama.cpp, Ollama, ``transformers serve``, a cloud.

A request for a LoRA gives the name under which the server offers the LoRA in place of the model's name, as vLLM
expects. What a reply is made of is the matter of :mod:`~llmagent_os.serving.stream_assembler`, what an error means that
of :mod:`~llmagent_os.serving.server_failure`. Here are connections, tries and limits of time.

API: https://platform.openai.com/docs/api-reference/chat. Its streamed replies carry no token ids and no prompt tokens,
so the fields of a completion that training needs stay empty here.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
import structlog

from llmagent_os.chat import ChatRequest, Completion, ToolCall
from llmagent_os.errors import LoraError, ModelBusyError, ModelNotFoundError, ModelSetupError, ModelUnavailableError
from llmagent_os.events import now
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.server_failure import ServerFailureError, failure, refused_parameter
from llmagent_os.serving.server_request import DEFAULT_TEMPERATURE, OPTIONAL_PARAMETERS, ModelQuirks, request_body
from llmagent_os.serving.server_sent_events import EventDecoder
from llmagent_os.serving.stream_assembler import AssembledReply, StreamAssembler
from llmagent_os.serving.tool_call_parsing import InvalidCallError, checked_call, read_calls

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_log = structlog.stdlib.get_logger(__name__)

_DEFAULT_URL = "https://api.openai.com/v1"

_FIRST_PAUSE_SECONDS = 0.5  # before the second try; each further pause is twice as long
_MAX_PAUSE_SECONDS = 8.0  # where the server names no pause


class ServerBackend:
    """A model of an OpenAI-compatible server.

    Args:
        model: the name by which the server calls the model.
        options: where the server is, and the limits.
    """

    def __init__(self, model: str, options: ServerOptions) -> None:
        self._model = model
        self._options = options
        self._url = options.base_url or os.environ.get("OPENAI_BASE_URL") or _DEFAULT_URL
        # A connection belongs to the event loop that opened it. Synchronous calls run in a loop of their own.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI]
        self._clients = weakref.WeakKeyDictionary()
        self._making = threading.Lock()
        self._quirks: dict[str, ModelQuirks] = {}  # by the name of the model or LoRA

    async def warm_up(self) -> None:
        """Import and make the client, so that the first reply does not wait for it. Asks the server nothing."""
        await self._client()

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Write one reply; see :class:`~llmagent_os.serving.backend.Backend`."""
        model = self._model if request.lora in (None, "base") else str(request.lora)
        quirks = self._quirks.setdefault(model, ModelQuirks())
        try:
            async with asyncio.timeout(self._options.timeout) as limit:
                body, reply = await self._persistently(model, request, quirks, on_text, limit)
        except TimeoutError:
            seconds = self._options.timeout
            raise ModelBusyError(f"{self._url} did not finish a reply within {seconds:g} s (timeout)") from None
        except ServerFailureError as error:
            is_lora = error.kind is ModelNotFoundError and model != self._model
            raise (LoraError if is_lora else error.kind)(f"{self._url} {error.reason}{self._hint(error)}") from error
        completion = Completion(
            text="",
            reasoning=reply.reasoning,
            finish_reason=reply.finish,
            prompt=json.dumps(body["messages"], ensure_ascii=False),
            temperature=body.get("temperature", DEFAULT_TEMPERATURE),
            model=reply.model or model,
            server_tokens=reply.tokens,
            lora_version="base" if model == self._model else model,
        )
        try:
            text, calls = _read(reply, request)
        except InvalidCallError as error:
            raise error.of(completion) from error
        if not (text.strip() or calls) and reply.finish == "length":
            raise ModelSetupError(
                f"{self._url}: {model} used all {request.max_tokens} tokens (max_tokens) before it wrote a word of its "
                "answer; allow more"
            )
        finish = "tool_calls" if calls else completion.finish_reason
        return msgspec.structs.replace(completion, text=text, tool_calls=calls, finish_reason=finish)

    async def _persistently(
        self, model: str, request: ChatRequest, quirks: ModelQuirks, on_text: OnText | None, limit: asyncio.Timeout
    ) -> tuple[dict[str, Any], AssembledReply]:
        """Ask until there is a reply: the request that was answered, and the reply.

        A parameter that the model refuses is left out from then on. Failures that may pass are tried again, unless the
        pause would last longer than there is time.

        Raises:
            ServerFailureError: there is no reply.
        """
        failures = 0
        while True:
            body = request_body(model, request, quirks)
            try:
                reply = await self._ask(body, quirks, on_text)
            except _ParameterRefusedError as error:
                _log.info(
                    "the model refuses a parameter; it is left out from now on", model=model, parameter=error.name
                )
                quirks.refused.add(error.name)
                continue
            except ServerFailureError as error:
                failures += 1
                pause = error.wait if error.wait is not None else _pause(failures)
                left = (limit.when() or 0.0) - asyncio.get_running_loop().time()
                if not error.may_pass or failures > self._options.retries or pause >= left:
                    raise
                _log.warning("the model's server is asked again", model=model, why=error.reason, pause=round(pause, 2))
                await asyncio.sleep(pause)
                continue
            if reply.opened_by_template is not None:
                quirks.opened_by_template = reply.opened_by_template
            return body, reply

    async def _ask(self, body: dict[str, Any], quirks: ModelQuirks, on_text: OnText | None) -> AssembledReply:
        """One try.

        Raises:
            ServerFailureError: there is no reply.
            _ParameterRefusedError: the model does not take one of the parameters.
        """
        assembler = StreamAssembler(self._options, opened_by_template=quirks.opened_by_template)
        async with self._response(body) as response:
            kind = str(response.headers.get("content-type") or "").partition(";")[0].strip().lower()
            if kind == "text/html":
                raise ServerFailureError(ModelSetupError, "sent a web page in place of a reply")
            if kind == "application/json" or "stream" not in body:
                return await self._read_document(assembler, response)
            return await self._read_stream(assembler, response, on_text)

    async def _read_document(self, assembler: StreamAssembler, response: Any) -> AssembledReply:
        raw = b"".join([piece async for piece in self._pieces(response)])
        try:
            document = json.loads(raw)
        except ValueError as error:
            if raw.lstrip().startswith(b"data:"):  # a stream, whatever its type says
                return _assembled(assembler, raw)
            reason = f"sent something that is not JSON ({error}): {raw[:200]!r}"
            raise ServerFailureError(ModelUnavailableError, reason) from error
        assembler.add_json(document)
        return assembler.reply(whole=True)

    async def _read_stream(self, assembler: StreamAssembler, response: Any, on_text: OnText | None) -> AssembledReply:
        decoder = EventDecoder()
        shown = ""
        try:
            async for piece in self._pieces(response):
                for event in decoder.feed(piece):
                    assembler.add(event)
                    if assembler.done:
                        return assembler.reply()
                if on_text is not None and (text := assembler.shown) and text != shown:
                    shown = text
                    await on_text(text)
            for event in decoder.finish():
                assembler.add(event)
        except UnicodeDecodeError as error:
            reason = f"sent something that is not JSON: {error}"
            raise ServerFailureError(ModelUnavailableError, reason) from error
        return assembler.reply()

    async def _pieces(self, response: Any) -> AsyncGenerator[bytes]:
        """The bytes of a reply as they come, within the limits of size and of silence."""
        pieces = response.iter_bytes()
        size = 0
        while True:
            try:
                async with asyncio.timeout(self._options.idle_timeout):
                    piece = await anext(pieces, None)
            except TimeoutError as error:
                raise self._silent() from error
            except Exception as error:  # the HTTP library differs from release to release of the openai client
                if "Timeout" in type(error).__name__:
                    raise self._silent() from error
                reason = f"broke off in the middle of a reply: {error or type(error).__name__}"
                raise ServerFailureError(ModelUnavailableError, reason) from error
            if piece is None:
                return
            size += len(piece)
            if size > self._options.max_bytes:
                reason = f"sent more than {self._options.max_bytes} bytes (max_bytes)"
                raise ServerFailureError(ModelUnavailableError, reason)
            yield piece

    @asynccontextmanager
    async def _response(self, body: dict[str, Any]) -> AsyncGenerator[Any]:
        """The server's response, before its body is read.

        Raises:
            ServerFailureError: the server answers with an error, or cannot be reached.
            _ParameterRefusedError: the model does not take one of the parameters.
        """
        client = await self._client()
        import openai  # only now: the client's thread has imported it

        create = cast("Any", client.chat.completions).with_streaming_response.create
        try:
            async with create(**body) as response:
                yield response
        except openai.APITimeoutError as error:
            raise self._silent() from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            reason = f"cannot be reached: {cause or type(cause).__name__}; is the server running?"
            raise ServerFailureError(ModelSetupError, reason, may_pass=True) from error
        except openai.APIStatusError as error:
            refused = set(body) & OPTIONAL_PARAMETERS
            if error.status_code in (400, 422) and (name := refused_parameter(error.body, refused)):
                found = failure(error.status_code, error.body)
                if found.kind is ModelSetupError:
                    raise _ParameterRefusedError(name) from error
            raise self._failure(error) from error

    def _failure(self, error: Any) -> ServerFailureError:
        """The failure that an answer with an error status stands for."""
        headers = error.response.headers
        status: int = error.status_code
        found = failure(status, error.body or error.message, wait=_retry_after(headers))
        is_object = isinstance(error.body, dict)
        is_page = "html" in str(headers.get("content-type") or "")
        if status in (404, 405) and (is_page or not is_object or set(error.body) == {"detail"}):
            said = "with a web page" if is_page else f"({found.reason.partition(': ')[2]})"
            return ServerFailureError(ModelSetupError, f"refused with {status} {said}: there are no chat completions")
        return found

    def _silent(self) -> ServerFailureError:
        reason = f"did not send anything for {self._options.idle_timeout:g} s (idle_timeout)"
        return ServerFailureError(ModelBusyError, reason)

    def _hint(self, error: ServerFailureError) -> str:
        """What to change where the address may be wrong."""
        path = self._url.rstrip("/").rpartition("//")[2].partition("/")[2]
        wrong = issubclass(error.kind, ModelSetupError) and any(
            word in error.reason for word in ("404", "405", "web page", "ndpoint")
        )
        if not wrong or any(part in path for part in ("v1", "openai", "v2", "v3", "v4")):
            return ""
        return f"; try {self._url.rstrip('/')}/v1"

    async def _client(self) -> AsyncOpenAI:
        """The client of this event loop. It is made in a thread: its import alone takes a second."""
        loop = asyncio.get_running_loop()
        if (client := self._clients.get(loop)) is None:
            client = await asyncio.to_thread(self._make_client, loop)
        return client

    def _make_client(self, loop: asyncio.AbstractEventLoop) -> AsyncOpenAI:
        with self._making:
            if loop not in self._clients:
                import openai

                options = self._options
                client = openai.AsyncOpenAI(
                    base_url=self._url,
                    api_key=options.api_key or os.environ.get("OPENAI_API_KEY") or "none",
                    timeout=cast("Any", openai).Timeout(options.idle_timeout, connect=options.connect_timeout),
                    max_retries=0,  # tries are counted here, and end with the time for the reply
                )
                _ = client.chat.completions.with_streaming_response  # imported when it is used first
                self._clients[loop] = client
            return self._clients[loop]

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        if client := self._clients.pop(asyncio.get_running_loop(), None):
            with suppress(RuntimeError):
                await client.close()

    def close(self) -> None:
        """Do nothing: connections close with their event loops."""


class _ParameterRefusedError(Exception):
    """A model does not take a parameter."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _assembled(assembler: StreamAssembler, raw: bytes) -> AssembledReply:
    decoder = EventDecoder()
    for event in (*decoder.feed(raw), *decoder.finish()):
        assembler.add(event)
        if assembler.done:
            break
    return assembler.reply()


def _read(reply: AssembledReply, request: ChatRequest) -> tuple[str, tuple[ToolCall, ...]]:
    """The text and the tool calls, which some servers leave in the text.

    Raises:
        InvalidCallError: a call is not valid.
    """
    if not reply.calls:
        return read_calls(reply.text, request.tools)
    said = "".join(
        f"{name}({arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)})"
        for name, arguments in reply.calls
    )
    calls = [checked_call(name, arguments, request.tools, said=said) for name, arguments in reply.calls]
    return reply.text, tuple(calls)


def _pause(failures: int) -> float:
    """Seconds before the next try, after this many failures. They vary, so that many clients do not come at once."""
    usual: float = min(_FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1), _MAX_PAUSE_SECONDS)
    return usual * random.uniform(0.75, 1.0)


def _retry_after(headers: Any) -> float | None:
    """Seconds that a server asks to wait for: ``retry-after-ms``, or ``retry-after`` as seconds or as a date."""
    with suppress(TypeError, ValueError):
        return max(0.0, float(headers.get("retry-after-ms")) / 1000)
    given = headers.get("retry-after")
    with suppress(TypeError, ValueError):
        return max(0.0, float(given))
    with suppress(TypeError, ValueError):
        return max(0.0, (parsedate_to_datetime(given) - now()).total_seconds())
    return None
