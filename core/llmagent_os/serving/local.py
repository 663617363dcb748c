"""The in-process engine as a backend: messages go in through the chat template, replies come back to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog

from llmagent_os.chat import ChatRequest, Completion, ToolSpec
from llmagent_os.errors import LoraError, ModelBusyError, ModelError
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.call_grammar import CallGrammar
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.constrained_decoding import Constraint
from llmagent_os.serving.constraint_record import MASK_RULES_VERSION, ConstraintRecord
from llmagent_os.serving.engine import Engine
from llmagent_os.serving.generation import Generation
from llmagent_os.serving.lora_weights import LoraCache, LoraWeights
from llmagent_os.serving.model_card import read_model_card
from llmagent_os.serving.model_files import commit_of
from llmagent_os.serving.model_hash import config_text, model_hash
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.options import LocalOptions
from llmagent_os.serving.prefix_files import KeptPrefix, PrefixFiles
from llmagent_os.serving.slot_cache import join_snapshots
from llmagent_os.serving.tool_call_parsing import InvalidCallError, checked_call

_log = structlog.get_logger(__name__)

_MAX_TOOLSETS = 256  # sets of tools that are kept; a bot has one for each set of permissions, far fewer than these


class LocalBackend:
    """A model in this process: its tokenizer, its LoRAs and its engine.

    Making one loads the model, which takes seconds, and hashes its weights. So it must not be made in an event loop.

    Args:
        location: the model, and the LoRA for requests that name none.
        options: how the engine runs.

    Raises:
        ModelError: the model cannot be loaded.
    """

    def __init__(self, location: Location, options: LocalOptions) -> None:
        self._location = location
        self._timeout = options.timeout
        self._card = read_model_card(location)
        tokenizer = load_tokenizer(location)
        model = load_model(location, dtype=options.dtype, device=options.device)
        self._model_hash = model_hash(location)
        # A branch of a hub moves on: the record names the commit that answered.
        commit = commit_of(location) or location.revision
        self._name = f"{location.base}@{commit}" if commit else location.name
        self._vocabulary = vocabulary_of(model, tokenizer)
        self._template = ChatTemplate(tokenizer, self._vocabulary)
        self._loras = LoraCache(options.max_loras, options.lora_bytes)
        self._toolsets: dict[bytes, _Toolset] = {}
        self.engine = Engine(
            model,
            self._vocabulary,
            slots=options.slots,
            max_waiting=options.max_waiting,
            threads=options.threads,
            prefill_tokens=options.prefill_tokens,
            prefix_bytes=options.prefix_bytes,
            guessing=options.guessing,
        )
        self._prefix_files = self._open_prefix_files(options, model) if self._model_hash else None

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Write one reply; see :class:`~llmagent_os.serving.backend.Backend`."""
        prepared = await asyncio.to_thread(self._prepare, request)
        generation = prepared.generation
        reporter = _Reporter(asyncio.get_running_loop(), on_text)
        generation.on_text = reporter.on_text if on_text else None
        generation.on_done = reporter.on_done
        self.engine.submit(generation)
        try:
            async with asyncio.timeout(self._timeout):
                await reporter.run(generation)
        except TimeoutError:
            raise ModelBusyError(
                f"{self._location.name} took longer than {self._timeout:g} s (timeout) for a reply"
            ) from None
        finally:
            generation.cancelled = True
        return self._completion(request, prepared)

    def _open_prefix_files(self, options: LocalOptions, model: Any) -> PrefixFiles | None:
        """The folder of kept beginnings of prompts; what is there for this model, the engine has at once."""
        if options.prefix_folder is None:
            return None
        files = PrefixFiles(options.prefix_folder, self._model_hash, model.dtype, config_text(self._location))
        for prefix in files.read(options.prefix_bytes // 2):
            self.engine.adopt(prefix.version, prefix.tokens, prefix.kept)
        return files

    async def keep_opening(self, request: ChatRequest) -> None:
        """Keep what the model computed of the system message and the tools of ``request``, for the next start.

        To be called with a request that holds nothing of people. A folder that cannot be written is only logged.
        """
        if self._prefix_files:
            await asyncio.to_thread(self._keep_opening, request, self._prefix_files)

    def _keep_opening(self, request: ChatRequest, files: PrefixFiles) -> None:
        generation = self._prepare(request).generation
        if not generation.shared:
            return
        version, tokens = generation.lora_version, tuple(generation.prompt[: generation.shared[-1]])
        kept = join_snapshots(self.engine.prefixes.get(version, tokens))
        if not kept or kept[0][0].shape[1] != len(tokens) or files.has(version, tokens):
            return
        try:
            files.write(KeptPrefix(version, tokens, kept))
        except OSError as error:
            _log.warning("the beginning of prompts cannot be kept on disk", error=str(error))

    def _completion(self, request: ChatRequest, prepared: _Prepared) -> Completion:
        """The finished reply.

        Raises:
            InvalidCallError: the reply is a tool call that is not complete or does not fit its tool.
        """
        generation = prepared.generation
        completion = Completion(
            text=generation.text,
            finish_reason=generation.finish,
            prompt=prepared.prompt,
            prompt_token_ids=tuple(generation.prompt),
            token_ids=tuple(generation.token_ids),
            logprobs=tuple(generation.logprobs),
            temperature=generation.sampled_at,
            constraint=prepared.record.text,
            model=self._name,
            model_hash=self._model_hash,
            lora_version=generation.lora_version,
        )
        if not generation.constraint.in_call:
            return completion
        said = self._vocabulary.text_of(generation.token_ids)
        try:
            if (call := generation.constraint.call) is None:
                raise InvalidCallError(f"it was cut off after {len(generation.token_ids)} tokens (max_tokens)", said)
            checked = checked_call(call.name, call.arguments, request.tools, said=said)
        except InvalidCallError as error:
            raise error.of(completion) from error
        return msgspec.structs.replace(completion, tool_calls=(checked,))

    async def forget_people(self) -> None:
        """Drop what was computed of people's words."""
        await asyncio.to_thread(self.engine.forget)

    async def aclose(self) -> None:
        """Do nothing: no part of the engine belongs to an event loop."""

    def close(self) -> None:
        """Stop the engine. Replies that are not finished end with a ModelUnavailableError."""
        self.engine.close()

    def _lora(self, name: str | None) -> LoraWeights | None:
        """The LoRA that a request asks for by ``name``.

        Raises:
            LoraError: its files are missing or damaged.
        """
        folder = self._location.lora if name is None else Path(name).expanduser()
        try:
            return None if folder is None or name == "base" else self._loras.get(folder)
        except ModelError as error:
            raise LoraError(str(error)) from error

    def _prepare(self, request: ChatRequest) -> _Prepared:
        """Turn a request into what the engine takes. Reads a LoRA from disk if needed, so not for an event loop."""
        prompt = self._template.prompt(request.messages, request.tools)
        ids = self._vocabulary.encode(prompt)
        toolset = self._toolset(request.tools)
        spoken = _spoken(request)
        if self._card.native:
            spoken = spoken[:1]  # a native model was trained to copy from the last message only
        said = [str(request.messages[place].get("content") or "") for place in spoken]
        grammar = toolset.grammar
        has_threshold = bool(grammar.tools) and self._vocabulary.call_markup_id is not None
        call_above = self._card.call_above if has_threshold else 0.0
        record = ConstraintRecord(
            rules=MASK_RULES_VERSION,
            tools=grammar.sha256,
            call_above=call_above or None,
            copied_from=spoken if grammar.copies_spans else (),
            min_p=(request.min_p or None) if request.temperature else None,
        )
        generation = Generation(
            prompt=ids,
            shared=self._shared_lengths(request, ids, toolset),
            salt=request.cache_salt,
            lora=self._lora(request.lora),
            constraint=Constraint(grammar, map(self._vocabulary.without_markup, said)),
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            min_p=request.min_p,
            seed=request.seed,
            call_above=call_above,
            on_text=None,
            on_done=lambda _: None,
        )
        return _Prepared(prompt, generation, record)

    def _shared_lengths(self, request: ChatRequest, ids: list[int], toolset: _Toolset) -> tuple[int, ...]:
        """How many tokens of a prompt other prompts probably share: up to the tools, and up to the system message.

        Of the system message, only what holds nothing of a person.
        """
        shared = {_common(ids, toolset.opening)}
        if (first := request.messages[0])["role"] == "system":
            said = str(first.get("content") or "") if request.public_system is None else request.public_system
            opening = self._template.opening(said, request.tools)
            shared.add(_common(ids, self._vocabulary.encode(opening)))
        return tuple(sorted(length for length in shared if 0 < length < len(ids)))

    def _toolset(self, tools: tuple[ToolSpec, ...]) -> _Toolset:
        key = msgspec.json.encode(tools)
        if key not in self._toolsets:
            if len(self._toolsets) >= _MAX_TOOLSETS:
                self._toolsets.clear()
            opening = self._vocabulary.encode(self._template.opening("\N{REPLACEMENT CHARACTER}", tools))
            self._toolsets[key] = _Toolset(CallGrammar(tools, self._vocabulary), opening)
        return self._toolsets[key]


class _Toolset(msgspec.Struct, frozen=True):
    """What is made once for all requests with the same tools."""

    grammar: CallGrammar
    opening: list[int]  #: the tokens that prompts with these tools begin with, up to the words of the system message


class _Prepared(msgspec.Struct, frozen=True):
    """A request, ready for the engine."""

    prompt: str  #: what the model reads, as text
    generation: Generation
    record: ConstraintRecord  #: what restricts the reply's tokens


def _spoken(request: ChatRequest) -> tuple[int, ...]:
    """The places of the messages that a person wrote, the latest first."""
    places = [
        place for place, turn in enumerate(request.messages) if turn["role"] == "user" and turn.get("spoken", True)
    ]
    return tuple(reversed(places))


def _common(first: list[int], second: list[int]) -> int:
    """How many tokens two prompts share from the beginning."""
    differ = (at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    return next(differ, min(len(first), len(second)))


class _Reporter:
    """Carries a reply from the engine's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_text: OnText | None) -> None:
        self._loop = loop
        self._show = on_text
        self._news = asyncio.Event()
        self._text = ""
        self._done = False
        self._error: BaseException | None = None

    def on_text(self, text: str) -> None:
        """Take the text so far. Called in the engine's thread."""
        self._text = text
        self._call(self._news.set)

    def on_done(self, error: BaseException | None) -> None:
        """Take the end of the reply, or the error that ended it. Called in the engine's thread."""
        self._call(partial(self._finish, error))

    def _call(self, callback: Callable[[], Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nothing waits for this reply any more
            self._loop.call_soon_threadsafe(callback)

    def _finish(self, error: BaseException | None) -> None:
        self._done, self._error = True, error
        self._news.set()

    async def run(self, generation: Generation) -> None:
        """Wait for the end of the reply, and show the text as it grows.

        Raises:
            ModelError: the reply ended with an error.
        """
        shown = ""
        while True:
            await self._news.wait()
            self._news.clear()
            finished = self._done
            text = generation.text if finished and self._error is None else self._text
            if self._show and text != shown:
                shown = text
                await self._show(shown)
            if finished:
                if self._error:
                    raise self._error
                return
