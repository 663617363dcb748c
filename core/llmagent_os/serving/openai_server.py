"""The client of servers with OpenAI's chat completions: vLLM, llama.cpp, Ollama, ``transformers serve``, a cloud.

A request for a LoRA gives the name under which the server offers the LoRA in place of the model's name, as vLLM
expects. What a reply is made of is the matter of :mod:`~llmagent_os.serving.stream_assembler`, what an error means that
of :mod:`~llmagent_os.serving.server_failure`. Here are tries and the limit of time.

API: https://platform.openai.com/docs/api-reference/chat. Its streamed replies carry no token ids and no prompt tokens.
vLLM's do, where it is asked (:mod:`~llmagent_os.serving.vllm_server`); from other servers, the fields of a completion
that training needs stay empty.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from llmagent_os.chat import ChatRequest, Completion, ToolCall, ToolHandling
from llmagent_os.errors import LoraError, ModelBusyError, ModelNotFoundError, ModelSetupError, ModelUnavailableError
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.lora_artifact import ArtifactCache
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.reply_reading import read_reply
from llmagent_os.serving.server_connection import ParameterRefusedError, ServerConnection
from llmagent_os.serving.server_failure import ServerFailureError, is_unknown_model
from llmagent_os.serving.server_loras import HeldLora
from llmagent_os.serving.server_request import DEFAULT_TEMPERATURE, ModelQuirks, request_body
from llmagent_os.serving.server_sent_events import EventDecoder
from llmagent_os.serving.stream_assembler import AssembledReply, StreamAssembler
from llmagent_os.serving.tool_call_parsing import InvalidCallError
from llmagent_os.serving.vllm_server import VllmServer
from llmagent_os.serving.vllm_watch import watch_servers
from llmagent_os.serving.wire_names import wire_name

_log = structlog.stdlib.get_logger(__name__)

#: Characters of a text from which on it is shown at most once in :data:`SHOW_SECONDS`.
SHORT = 4_000
SHOW_SECONDS = 0.05

_FIRST_PAUSE_SECONDS = 0.5  # before the second try; each further pause is twice as long
_MAX_PAUSE_SECONDS = 8.0  # where the server names no pause


class ServerBackend:
    """A model of an OpenAI-compatible server.

    Args:
        model: the name by which the server calls the model.
        options: where the server is, and the limits.
        base: the model that the server has, as it is here; None: it is not known.
        artifacts: reads LoRAs; several servers share one.
    """

    def __init__(
        self,
        model: str,
        options: ServerOptions,
        base: Location | None = None,
        artifacts: ArtifactCache | None = None,
    ) -> None:
        self._model = model
        self._options = options
        self._connection = ServerConnection(options)
        self.vllm = VllmServer(self._connection.url, model, options, base, artifacts or ArtifactCache(base))
        self._quirks: dict[str, ModelQuirks] = {}  # by the name of the model or LoRA

    async def warm_up(self) -> None:
        """Import and make the client, so that the first reply does not wait for it. Asks the server nothing."""
        await self._connection.client()

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Write one reply; see :class:`~llmagent_os.serving.backend.Backend`."""
        names = {wire_name(tool.name): tool.name for tool in request.tools}
        tools = tuple(msgspec.structs.replace(tool, name=wire_name(tool.name)) for tool in request.tools)
        request = msgspec.structs.replace(request, tools=tools)
        is_lora = request.lora not in (None, "base")
        try:
            async with asyncio.timeout(self._options.timeout) as limit:
                completion = await self._answer(request, on_text, limit)
        except TimeoutError:
            seconds = self._options.timeout
            raise ModelBusyError(f"{self._url} did not finish a reply within {seconds:g} s (timeout)") from None
        except ServerFailureError as error:
            kind = LoraError if is_lora and error.kind is ModelNotFoundError else error.kind
            raise kind(f"{self._url} {error.reason}{self._hint(error)}") from error
        calls = tuple(ToolCall(names[call.name], call.arguments) for call in completion.tool_calls)
        return msgspec.structs.replace(completion, tool_calls=calls)

    async def _answer(self, request: ChatRequest, on_text: OnText | None, limit: asyncio.Timeout) -> Completion:
        """Ask with the LoRA that the request names. A server that was restarted is given the LoRA again, once."""
        if self._options.kind != "openai":
            await self.vllm.recognised(salted=bool(request.cache_salt))
            self.vllm.check(request)
        forgotten = False
        while True:
            async with self.vllm.lora(request.lora) as held:
                name = held.name if held else self._model if request.lora in (None, "base") else str(request.lora)
                # A LoRA that was given to the server has the model's own template.
                quirks = self._quirks.setdefault(self._model if held else name, ModelQuirks())
                try:
                    body, reply = await self._persistently(name, request, quirks, on_text, limit)
                except ServerFailureError as error:
                    if issubclass(error.kind, ModelUnavailableError) or error.may_pass:
                        self.vllm.doubt()
                    if held is None or forgotten or not is_unknown_model(error, name):
                        raise
                    _log.info("the server has forgotten a LoRA, and is given it again", server=self._url, lora=name)
                    self.vllm.restarted(name)
                    forgotten = True
                    continue
                learnable = await self.vllm.learnable(request, body, reply.served)
                return self._completion(name, held, request, body, reply, quirks, learnable)

    @property
    def _url(self) -> str:
        return self._connection.url

    def _completion(
        self,
        model: str,
        held: HeldLora | None,
        request: ChatRequest,
        body: dict[str, Any],
        reply: AssembledReply,
        quirks: ModelQuirks,
        learnable: dict[str, Any],
    ) -> Completion:
        """The completion that a reply is.

        Args:
            model: the name that the server was asked for.
            held: the LoRA that the server was given; None: none was.
            request: what was to be answered.
            body: what the server was asked.
            reply: what it wrote.
            quirks: of the model.
            learnable: the fields that trainings need.

        Raises:
            InvalidCallError: a tool call is not valid.
            ServerFailureError: the reply goes beyond the limits.
            ModelSetupError: the reply ended before its first word.
        """
        completion = Completion(
            text="",
            reasoning=reply.reasoning,
            finish_reason=reply.finish,
            prompt=json.dumps(body["messages"], ensure_ascii=False),
            temperature=body.get("temperature", DEFAULT_TEMPERATURE),
            model=self._model if held else reply.model or model,
            server_tokens=reply.tokens,
            lora_version=held.version if held else "base" if model == self._model else model,
            **learnable,
        )
        try:
            text, calls, form = read_reply(reply, request.tools, self._options)
        except InvalidCallError as error:
            raise error.of(completion) from error
        if not (text.strip() or calls) and reply.finish == "length":
            raise ModelSetupError(
                f"{self._url}: {model} used all {request.max_tokens} tokens (max_tokens) before it wrote a word of its "
                "answer; allow more"
            )
        refused = quirks.parts.get("tools", "") if request.tools else ""
        if form and not refused:
            self._note_form(model, quirks, form)
        return msgspec.structs.replace(
            completion,
            text=text,
            tool_calls=calls,
            finish_reason="tool_calls" if calls else completion.finish_reason,
            tool_handling=ToolHandling(refused=refused, form=form) if refused or form else None,
        )

    def _note_form(self, model: str, quirks: ModelQuirks, form: str) -> None:
        """Tell the owner once that a server leaves calls in the text."""
        if not quirks.leaves_calls_in_text:
            quirks.leaves_calls_in_text = True
            _log.warning("the server leaves tool calls in the text; it may need a tool parser", model=model, form=form)

    async def _persistently(
        self, model: str, request: ChatRequest, quirks: ModelQuirks, on_text: OnText | None, limit: asyncio.Timeout
    ) -> tuple[dict[str, Any], AssembledReply]:
        """Ask until there is a reply: the request that was answered, and the reply.

        A parameter that the model refuses is left out from then on, and a value that is out of range in this request. A
        part that the server refuses, such as tools, is written otherwise. Failures that may pass are tried again,
        unless the pause would last longer than there is time.

        Raises:
            ServerFailureError: there is no reply.
        """
        failures = 0
        left_out: set[str] = set()  # of this request alone
        while True:
            plain = request_body(model, request, quirks)
            body = self.vllm.amended({name: plain[name] for name in plain if name not in left_out}, request)
            try:
                reply = await self._ask(body, request, quirks, on_text)
            except ParameterRefusedError as error:
                until = "in this request" if error.value_only else "from now on"
                _log.info(f"the model refuses a parameter; it is left out {until}", model=model, parameter=error.name)
                (left_out if error.value_only else quirks.refused).add(error.name)
                continue
            except ServerFailureError as error:
                if part := quirks.learn(error.reason, body):
                    what = "the server refuses a part of the request; it is written otherwise from now on"
                    _log.warning(what, model=model, part=part, why=error.reason)
                    continue
                failures += 1
                pause = error.wait if error.wait is not None else _pause(failures)
                left = (limit.when() or 0.0) - asyncio.get_running_loop().time()
                if not error.may_pass or failures > self._options.retries or pause >= left:
                    raise
                self.vllm.doubt()
                _log.warning("the model's server is asked again", model=model, why=error.reason, pause=round(pause, 2))
                await asyncio.sleep(pause)
                continue
            if reply.opened_by_template is not None:
                quirks.opened_by_template = reply.opened_by_template
            return body, reply

    async def _ask(
        self, body: dict[str, Any], request: ChatRequest, quirks: ModelQuirks, on_text: OnText | None
    ) -> AssembledReply:
        """One try.

        Raises:
            ServerFailureError: there is no reply.
            ParameterRefusedError: the model does not take one of the parameters.
        """
        names = [tool.name for tool in request.tools]
        assembler = StreamAssembler(self._options, opened_by_template=quirks.opened_by_template, tools=names)
        async with self._connection.response(body) as response:
            kind = str(response.headers.get("content-type") or "").partition(";")[0].strip().lower()
            if kind == "text/html":
                raise ServerFailureError(ModelSetupError, "sent a web page in place of a reply")
            if kind == "application/json" or "stream" not in body:
                return await self._read_document(assembler, response)
            return await self._read_stream(assembler, response, on_text)

    async def _read_document(self, assembler: StreamAssembler, response: Any) -> AssembledReply:
        raw = b"".join([piece async for piece in self._connection.pieces(response)])
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError) as error:
            if raw.lstrip().startswith(b"data:"):  # a stream, whatever its type says
                return _assembled(assembler, raw)
            reason = f"sent something that is not JSON ({error}): {raw[:200]!r}"
            raise ServerFailureError(ModelUnavailableError, reason) from error
        assembler.add_json(document)
        return assembler.reply(whole=True)

    async def _read_stream(self, assembler: StreamAssembler, response: Any, on_text: OnText | None) -> AssembledReply:
        decoder = EventDecoder()
        shown, shown_at = "", 0.0
        clock = asyncio.get_running_loop().time
        try:
            async for piece in self._connection.pieces(response):
                for event in decoder.feed(piece):
                    assembler.add(event)
                    if assembler.done:
                        return assembler.reply()
                is_due = len(shown) < SHORT or clock() - shown_at >= SHOW_SECONDS
                if on_text is not None and is_due and (text := assembler.shown) and text != shown:
                    shown, shown_at = text, clock()
                    await on_text(text)
            for event in decoder.finish():
                assembler.add(event)
        except UnicodeDecodeError as error:
            reason = f"sent something that is not JSON: {error}"
            raise ServerFailureError(ModelUnavailableError, reason) from error
        return assembler.reply()

    def _hint(self, error: ServerFailureError) -> str:
        """What to change where the address may be wrong."""
        path = self._url.rstrip("/").rpartition("//")[2].partition("/")[2]
        wrong = issubclass(error.kind, ModelSetupError) and any(
            word in error.reason for word in ("404", "405", "web page", "ndpoint")
        )
        if not wrong or any(part in path for part in ("v1", "openai", "v2", "v3", "v4")):
            return ""
        return f"; try {self._url.rstrip('/')}/v1"

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        await self._connection.aclose()

    def close(self) -> None:
        """Do nothing: connections close with their event loops."""

    async def keep_loras(self, pinned: Sequence[Path], served: Sequence[Path]) -> None:
        """Note which LoRAs are served now; see :class:`~llmagent_os.serving.backend.KeepsLoras`."""
        if self._options.kind != "openai":
            await self.vllm.keep(pinned, served)

    async def watch(self) -> None:
        """Keep the server in step with what is served, until cancelled."""
        if self._options.kind != "openai":
            await watch_servers([self.vllm])


def _assembled(assembler: StreamAssembler, raw: bytes) -> AssembledReply:
    decoder = EventDecoder()
    for event in (*decoder.feed(raw), *decoder.finish()):
        assembler.add(event)
        if assembler.done:
            break
    return assembler.reply()


def _pause(failures: int) -> float:
    """Seconds before the next try, after this many failures. They vary, so that many clients do not come at once."""
    usual: float = min(_FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1), _MAX_PAUSE_SECONDS)
    return usual * random.uniform(0.75, 1.0)
