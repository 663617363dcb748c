"""Puts a reply together from the events of an OpenAI-compatible server: no network, no clock.

A reply is a stream of chunks with a ``delta``, or one JSON document with a ``message``: some servers and proxies ignore
``stream``. Any field may be missing, and most exist in more than one form. ``tests/unit/serving/server_shapes.py`` has
the forms, and says which server sends each of them.

API: https://platform.openai.com/docs/api-reference/chat/streaming.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any, Literal, cast

import msgspec

from llmagent_os.errors import ModelUnavailableError
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.reasoning import ReasoningSplitter
from llmagent_os.serving.served_tokens import ServedTokens, TokenCollector
from llmagent_os.serving.server_failure import ServerFailureError, failure_in, refusal
from llmagent_os.serving.server_sent_events import ServerEvent
from llmagent_os.serving.surrogate_pairs import PairJoiner, joined
from llmagent_os.serving.text_calls import LONGEST_MARKER, TELLING, may_be_unmarked, opening_in, unfinished_marker
from llmagent_os.serving.tool_call_pieces import ToolCallPieces

_CUT_OFF = frozenset(("length", "max_tokens"))
_REFUSED = frozenset(
    ("content_filter", "safety", "refusal", "prohibited_content", "blocklist", "recitation", "spii", "moderation")
)
_CALLED = frozenset(("tool_calls", "tool_call", "function_call", "tool_use"))
_FAILED = frozenset(("error", "abort", "cancelled", "insufficient_system_resource", "malformed_function_call"))

#: Fields of a delta with thoughts: DeepSeek, vLLM and llama.cpp; OpenRouter, Groq and Ollama; others.
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")

_DEFAULTS = ServerOptions()


class AssembledReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a server wrote."""

    text: str = ""  #: the answer
    reasoning: str = ""  #: the thoughts before it
    calls: list[tuple[str, Any]] = []  #: name and arguments of each call: JSON text, or an object
    finish: Literal["stop", "length"] = "stop"  #: whether the reply was cut off
    promised: bool = False  #: the server says that the reply ended with tool calls
    model: str = ""  #: the model's name, as the server says it
    tokens: tuple[int, int] | None = None  #: how many the model read and wrote; None: the server does not say
    opened_by_template: bool | None = None  #: whether the template opened the block of thoughts; None: unknown
    served: ServedTokens | None = None  #: the tokens; None: the server does not send them


class StreamAssembler:
    """Takes events, and gives the reply.

    Args:
        options: the limits.
        opened_by_template: whether this model's template opens the block of thoughts. None: unknown, so nothing is
            :attr:`shown` before a tag, or the end: the text may be thoughts.
        tools: the names of the tools that may be called.
    """

    def __init__(
        self,
        options: ServerOptions = _DEFAULTS,
        *,
        opened_by_template: bool | None = False,
        tools: Collection[str] = (),
    ) -> None:
        self._options = options
        self._opened_by_template = opened_by_template
        self._has_tools = bool(tools)
        self._splitter = ReasoningSplitter()
        self._joiner = PairJoiner()
        self._pieces = ToolCallPieces(tools)
        self._legacy = ToolCallPieces(tools)
        self._collector = TokenCollector()
        self._reasoning = ""
        self._refusal = ""
        self._finish = ""
        self._model = ""
        self._tokens: tuple[int, int] | None = None
        self._has_choice = False
        self._has_delta = False  # a piece of the reply came: a whole message is then the same once more
        self._done = False
        self._has_markup = False  # of a call, in the text

    @property
    def done(self) -> bool:
        """Whether the server said that nothing follows."""
        return self._done

    @property
    def shown(self) -> str:
        """The answer so far, as a person may see it: no thoughts, and no tool calls that were left in the text."""
        splitter = self._splitter
        if self._opened_by_template is not False and not splitter.tagged and not self._reasoning:
            return ""
        text = splitter.answer
        begin = text[splitter.begin : splitter.begin + TELLING]  # the whole text would be read again for each chunk
        if self._has_markup or (self._has_tools and may_be_unmarked(begin)):
            return ""
        return text[: unfinished_marker(text)]

    def add(self, event: ServerEvent) -> None:
        """Take one event of a stream.

        Raises:
            ServerFailureError: the event is an error, is not JSON, or the reply is longer than the limits.
        """
        data = event.data.strip()
        if data.startswith("[DONE]"):
            self._done = True
            return
        if not data:
            return
        try:
            chunk: Any = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ServerFailureError(
                ModelUnavailableError, f"sent something that is not JSON ({error}): {data[:200]!r}"
            ) from error
        if event.event == "error" and not (isinstance(chunk, dict) and "error" in chunk):
            chunk = dict[str, Any](error=chunk)
        self.add_json(chunk)

    def add_json(self, chunk: Any) -> None:
        """Take one chunk of a stream, or a whole reply in one JSON document.

        Raises:
            ServerFailureError: as for :meth:`add`.
        """
        try:
            self._add_chunk(chunk)
        except RecursionError as error:
            raise ServerFailureError(ModelUnavailableError, "sent JSON that is nested too deeply") from error

    def _add_chunk(self, chunk: Any) -> None:
        if isinstance(chunk, list) and len(cast("list[object]", chunk)) == 1:
            (chunk,) = cast("list[object]", chunk)  # Gemini puts an error into a list
        if failure := failure_in(chunk):
            raise failure
        if not isinstance(chunk, dict):
            return
        fields = cast("dict[str, Any]", chunk)
        if isinstance(model := fields.get("model"), str) and model:
            self._model = joined(model)
        self._collector.add_chunk(fields)
        groq: Any = fields.get("x_groq")
        usage: Any = fields.get("usage") or (cast("dict[str, Any]", groq).get("usage") if isinstance(groq, dict) else 0)
        self._tokens = _tokens(usage) or self._tokens
        choices = fields.get("choices")
        for choice in cast("list[object]", choices) if isinstance(choices, list) else []:
            if isinstance(choice, dict) and not cast("dict[str, Any]", choice).get("index"):
                self._add_choice(cast("dict[str, Any]", choice))

    def _add_choice(self, choice: dict[str, Any]) -> None:
        self._has_choice = True
        self._collector.add_choice(choice)
        if finish := choice.get("finish_reason"):
            self._finish = str(finish).lower()
        if failure := failure_in(choice):
            raise failure
        delta: Any = choice.get("delta")
        if isinstance(delta, dict) and delta:
            self._has_delta = True
        elif self._has_delta:
            return  # Perplexity sends the whole message once more, at the end
        else:
            delta = choice.get("message")
        if not isinstance(delta, dict):
            return
        fields = cast("dict[str, Any]", delta)
        for name in _REASONING_FIELDS:
            if isinstance(thought := fields.get(name), str) and thought:
                self._reasoning += thought
                break  # a server that sends two of them sends the same text in both
        self._add_content(fields.get("content"))
        if isinstance(refused := fields.get("refusal"), str):
            self._refusal += refused
        calls = fields.get("tool_calls")
        for piece in cast("list[object]", calls) if isinstance(calls, list) else [calls]:
            if isinstance(piece, dict):
                self._pieces.add(cast("dict[str, Any]", piece))
        if isinstance(call := fields.get("function_call"), dict):
            self._legacy.add(cast("dict[str, Any]", call))
        self._check_size()

    def _add_content(self, content: Any) -> None:
        """Take a text, or a list of parts."""
        if isinstance(content, list):
            for part in cast("list[object]", content):
                self._add_part(part)
        elif isinstance(content, str) and content:
            before = len(self._splitter.answer)
            self._splitter.feed(self._joiner.feed(content))
            if not self._has_markup:
                around = self._splitter.answer[max(0, before - LONGEST_MARKER) :]
                self._has_markup = opening_in(around) is not None

    def _add_part(self, part: Any) -> None:
        if not isinstance(part, dict):
            self._add_content(part if isinstance(part, str) else None)
            return
        fields = cast("dict[str, Any]", part)
        if "thinking" in fields or fields.get("type") in ("thinking", "reasoning"):
            inner: Any = fields.get("thinking") or fields.get("reasoning") or fields.get("text")
            self._reasoning += _words(inner)
        elif fields.get("type") == "refusal":
            self._refusal += _words(fields.get("refusal"))
        else:
            self._add_content(fields.get("text"))

    def _check_size(self) -> None:
        options, splitter = self._options, self._splitter
        if splitter.size + len(self._reasoning) + len(self._refusal) > options.max_characters:
            raise ServerFailureError(
                ModelUnavailableError, f"wrote more than {options.max_characters} characters (max_characters)"
            )
        if len(self._pieces) + len(self._legacy) > options.max_tool_calls:
            raise ServerFailureError(
                ModelUnavailableError, f"made more than {options.max_tool_calls} tool calls (max_tool_calls)"
            )
        if self._pieces.characters + self._legacy.characters > options.max_argument_characters:
            raise ServerFailureError(
                ModelUnavailableError,
                f"wrote more than {options.max_argument_characters} characters of arguments (max_argument_characters)",
            )

    def reply(self, *, whole: bool = False) -> AssembledReply:
        """Give the reply, once the server has sent everything.

        Args:
            whole: everything came as one JSON document, so nothing can be missing from its end.

        Raises:
            ServerFailureError: there is no reply, or only a part of one.
        """
        if not self._has_choice:
            raise ServerFailureError(ModelUnavailableError, "sent no reply (no choices)")
        if not (whole or self._done or self._finish):
            raise ServerFailureError(
                ModelUnavailableError, "stopped in the middle of a reply: neither finish_reason nor [DONE] came"
            )
        if self._refusal or self._finish in _REFUSED:
            raise refusal(self._refusal or f"finish_reason is {self._finish}")
        if self._finish in _FAILED:
            raise ServerFailureError(ModelUnavailableError, f"gave the reply up: finish_reason is {self._finish}")
        splitter = self._splitter
        splitter.feed(self._joiner.finish())
        splitter.finish()
        cut_off = self._finish in _CUT_OFF
        if self._opened_by_template and cut_off and not splitter.tagged:
            splitter.all_was_reasoning()
        return AssembledReply(
            text=splitter.answer,
            reasoning=joined(self._reasoning + splitter.reasoning).strip(),
            calls=[*self._pieces.calls, *([] if self._pieces.calls else self._legacy.calls)],
            finish="length" if cut_off else "stop",
            promised=self._finish in _CALLED,
            model=self._model,
            tokens=self._tokens,
            opened_by_template=self._template_opens(),
            served=self._collector.served(None if self._tokens is None else self._tokens[1]),
        )

    def _template_opens(self) -> bool | None:
        """What this reply tells about the model's template."""
        splitter = self._splitter
        if splitter.only_end or splitter.tagged or self._reasoning:
            return splitter.only_end
        return False if splitter.answer.strip() else None


def assemble(events: Iterable[ServerEvent], options: ServerOptions = _DEFAULTS) -> AssembledReply:
    """Give the reply that a stream of events makes.

    >>> events = [ServerEvent('{"choices": [{"delta": {"content": "Hi"}}]}'), ServerEvent("[DONE]")]
    >>> assemble(events).text
    'Hi'

    Raises:
        ServerFailureError: there is no reply.
    """
    assembler = StreamAssembler(options)
    for event in events:
        assembler.add(event)
        if assembler.done:
            break
    return assembler.reply()


def _tokens(usage: Any) -> tuple[int, int] | None:
    """What a server says of tokens: read and written. The last one of several counts: vLLM can send running sums."""
    if not isinstance(usage, dict):
        return None
    fields = cast("dict[str, Any]", usage)
    read, written = fields.get("prompt_tokens"), fields.get("completion_tokens", 0)
    is_number = all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in (read, written))
    return (int(read), int(written)) if is_number and read is not None else None


def _words(value: Any) -> str:
    """The text of a part: itself, or that of the parts in it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_words, cast("list[object]", value)))
    if isinstance(value, dict):
        return _words(cast("dict[str, Any]", value).get("text"))
    return ""
