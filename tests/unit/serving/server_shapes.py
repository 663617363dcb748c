"""The forms in which OpenAI-compatible servers send replies, written after their documented formats and known issues.

Each shape names the servers that it is known from. The same list is read by the pure assembler and by the client over a
real socket (``test_server_conformance.py``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from llmagent_os.chat import ToolCall
from llmagent_os.errors import (
    BadToolCallError,
    ModelBusyError,
    ModelError,
    ModelRefusedError,
    ModelSetupError,
    ModelUnavailableError,
    PromptTooLongError,
)

Delta = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """One reply, as it comes."""

    name: str
    servers: str  #: who sends it
    body: bytes
    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    error: type[ModelError] | None = None  #: in place of a reply
    why: str = ""  #: what the error says
    content_type: str = "text/event-stream"
    status: int = 200
    #: no draft may contain one of these
    never_shown: tuple[str, ...] = field(default=("think", "Let me", "tool_call"))


def events(*chunks: Any, done: bool = True) -> bytes:
    """A stream of server-sent events."""
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return ("".join(lines) + ("data: [DONE]\n\n" if done else "")).encode()


def deltas(*pieces: Delta, finish: str | None = "stop", done: bool = True) -> bytes:
    """A stream of chunks with one choice."""
    chunks: list[dict[str, Any]] = [
        {"model": "m", "choices": [{"index": 0, "delta": piece, "finish_reason": None}]} for piece in pieces
    ]
    if finish:
        chunks.append({"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return events(*chunks, done=done)


def text(*pieces: str, **options: Any) -> bytes:
    """A stream of pieces of text."""
    return deltas(*({"content": piece} for piece in pieces), **options)


def document(choice: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """One JSON document."""
    return json.dumps(({"choices": [choice]} if choice else {}) | fields).encode()


def call(name: str | None = None, arguments: Any = None, **fields: Any) -> Delta:
    """A piece of a tool call; ``fields`` are its ``id`` and ``index``."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"tool_calls": [fields | ({"function": function} if function else {})]}


JSON = "application/json"
LUNCH, TEA = ToolCall("create_event", {"title": "lunch"}), ToolCall("create_event", {"title": "tea"})
FRIDAY, ALL = ToolCall("list_events", {"date": "friday"}), ToolCall("list_events", {})
L, T, F = '{"title": "lunch"}', '{"title": "tea"}', '{"date": "friday"}'

TEXTS = [
    Shape("text", "OpenAI, vLLM 0.6", text("Hel", "lo"), "Hello"),
    Shape("no [DONE]", "Gemini's compatibility layer", text("Hello", done=False), "Hello"),
    Shape("no finish_reason", "older llama-cpp-python", text("Hello", finish=None), "Hello"),
    Shape("comments", "OpenRouter", b": OPENROUTER PROCESSING\n\n" + text("Hello"), "Hello"),
    Shape("lines end in CR LF", "servers on Windows", text("Hel", "lo").replace(b"\n", b"\r\n"), "Hello"),
    Shape("no space after data:", "SGLang, Cloudflare", text("Hello").replace(b"data: ", b"data:"), "Hello"),
    Shape("no last empty line", "proxies", text("Hello").rstrip(), "Hello"),
    Shape("raw line separators", "ensure_ascii=False servers", text("a\u2028b\x85c"), "a\u2028b\x85c"),
    Shape("first chunk without choices", "Azure", b"" + events({"choices": []}, done=False) + text("Hello"), "Hello"),
    Shape(
        "last chunk with usage only",
        "OpenAI, vLLM",
        text("Hello", done=False) + events({"choices": [], "usage": {}}),
        "Hello",
    ),
    Shape(
        "other choices",
        "n > 1 set in a proxy",
        events(
            {
                "choices": [
                    {"index": 1, "delta": {"content": "Other"}},
                    {"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"},
                ]
            }
        ),
        "Hello",
    ),
    Shape(
        "content in parts",
        "Mistral (magistral), Databricks",
        deltas({"content": [{"type": "text", "text": "Hel"}]}, {"content": [{"type": "text", "text": "lo"}]}),
        "Hello",
    ),
    Shape(
        "content null and empty",
        "OpenAI, Azure",
        deltas({"content": None}, {"content": ""}, {"content": "Hello"}),
        "Hello",
    ),
    Shape(
        "a document in place of a stream",
        "proxies, Cloudflare Workers AI",
        document({"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}),
        "Hello",
        content_type=JSON,
    ),
    Shape(
        "a document without finish_reason",
        "proxies",
        document({"message": {"content": "Hello"}}),
        "Hello",
        content_type=JSON,
    ),
    Shape("a stream called JSON", "proxies", text("Hello"), "Hello", content_type=JSON),
    Shape("cut off", "OpenAI", text("Hello", finish="length"), "Hello", finish="length"),
    Shape("cut off, in Anthropic's word", "LiteLLM", text("Hello", finish="max_tokens"), "Hello", finish="length"),
]

THOUGHTS = [
    Shape(
        "a block of thoughts",
        "Ollama before 0.9, llama.cpp --reasoning-format none",
        text("<think>Let me greet.</think>", "\n\nHello"),
        "Hello",
        "Let me greet.",
    ),
    Shape(
        "a block in pieces", "the same", text(*"<think>\nLet me greet.\n</think>\n\nHello"), "Hello", "Let me greet."
    ),
    Shape(
        "only the end tag",
        "vLLM without a reasoning parser, DeepSeek R1 and QwQ",
        text("Let me greet.", "</thi", "nk>", "\nHello"),
        "Hello",
        "Let me greet.",
    ),
    Shape("an empty block", "Qwen3 with /no_think", text("<think>\n\n</think>\n\n", "Hello"), "Hello"),
    Shape("a block that never ends", "any, cut off", text("<think>Let me", " see", finish="stop"), "", "Let me see"),
    Shape(
        "reasoning_content",
        "DeepSeek, SGLang, llama.cpp",
        deltas({"reasoning_content": "Let me "}, {"reasoning_content": "greet."}, {"content": "Hello"}),
        "Hello",
        "Let me greet.",
    ),
    Shape(
        "reasoning",
        "OpenRouter, Groq, Ollama, vLLM 0.11",
        deltas({"reasoning": "Let me greet."}, {"content": "Hello"}),
        "Hello",
        "Let me greet.",
    ),
    Shape(
        "both fields",
        "vLLM 0.11, OpenRouter with details",
        deltas({"reasoning": "Let me greet.", "reasoning_content": "Let me greet."}, {"content": "Hello"}),
        "Hello",
        "Let me greet.",
    ),
    Shape(
        "thoughts in parts",
        "Mistral (magistral)",
        deltas(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Let me greet."}]}]},
            {"content": "Hello"},
        ),
        "Hello",
        "Let me greet.",
    ),
    Shape(
        "[THINK]",
        "Mistral models without a parser",
        text("[THI", "NK]Let me greet.[/THINK]", "Hello"),
        "Hello",
        "Let me greet.",
    ),
    Shape(
        "a call in the thoughts is no call",
        "Hermes models",
        text(
            '<think>Let me <tool_call>{"name": "create_event", "arguments": {"title": "no"}}</tool_call></think>Hello'
        ),
        "Hello",
        'Let me <tool_call>{"name": "create_event", "arguments": {"title": "no"}}</tool_call>',
    ),
    Shape("an answer about tags", "any", text("Write <think> before it."), "Write <think> before it.", never_shown=()),
    Shape("less-than signs", "any", text("1 <", " 2 <t"), "1 < 2 <t"),
]

CALLS = [
    Shape(
        "a call in pieces",
        "OpenAI, vLLM",
        deltas(
            call("create_event", "", index=0, id="a"),
            call(None, '{"title": "lu', index=0),
            call(None, 'nch"}', index=0),
            finish="tool_calls",
        ),
        calls=(LUNCH,),
    ),
    Shape(
        "two calls without index",
        "Gemini's compatibility layer, older Ollama",
        deltas(call("create_event", L, id="a"), call("list_events", F, id="b")),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "two calls without index or id",
        "older llama-cpp-python",
        deltas(call("create_event", L), call("list_events", F)),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "two calls of one tool without index or id",
        "the same",
        deltas(call("create_event", L), call("create_event", T)),
        calls=(LUNCH, TEA),
    ),
    Shape(
        "two in pieces without index or id",
        "the same",
        deltas(
            call("create_event", ""),
            call(None, '{"title": "lu'),
            call(None, 'nch"}'),
            call("create_event", ""),
            call(None, T),
        ),
        calls=(LUNCH, TEA),
    ),
    Shape(
        "every call has index 0",
        "Ollama before 0.7, Gemini",
        deltas(call("create_event", L, index=0, id="a"), call("list_events", F, index=0, id="b")),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "every call has index 0 and no id",
        "LM Studio 0.3",
        deltas(call("create_event", L, index=0), call("list_events", F, index=0)),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "every call has the same id",
        "local proxies",
        deltas(call("create_event", L, index=0, id="call"), call("list_events", F, index=1, id="call")),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "indices out of order",
        "servers that run parsers side by side",
        deltas(call("list_events", F, index=1, id="b"), call("create_event", L, index=0, id="a")),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "pieces of two calls in turn",
        "the same",
        deltas(
            call("create_event", "", index=0, id="a"),
            call("list_events", "", index=1, id="b"),
            call(None, '{"title": ', index=0),
            call(None, '{"date": ', index=1),
            call(None, '"lunch"}', index=0),
            call(None, '"friday"}', index=1),
        ),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "pieces in turn, by id alone",
        "proxies that drop the index",
        deltas(
            call("create_event", "", id="a"),
            call("list_events", "", id="b"),
            call(None, L, id="a"),
            call(None, F, id="b"),
        ),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "the name in every piece",
        "SGLang 0.4",
        deltas(
            call("create_event", "", index=0, id="a"),
            call("create_event", '{"title": "lu', index=0, id="a"),
            call("create_event", 'nch"}', index=0, id="a"),
            call("create_event", "", index=0, id="a"),
        ),
        calls=(LUNCH,),
    ),
    Shape(
        "a new id in every piece",
        "vLLM 0.5",
        deltas(
            call("create_event", "", index=0, id="a"),
            call(None, '{"title": "lu', index=0, id="b"),
            call(None, 'nch"}', index=0, id="c"),
        ),
        calls=(LUNCH,),
    ),
    Shape(
        "arguments as an object",
        "Ollama's own form, LocalAI",
        deltas(call("create_event", {"title": "lunch"}, id="a"), call("list_events", {"date": "friday"}, id="b")),
        calls=(LUNCH, FRIDAY),
    ),
    Shape(
        "arguments as JSON in JSON",
        "local models behind LiteLLM",
        deltas(call("create_event", json.dumps(L))),
        calls=(LUNCH,),
    ),
    Shape(
        "arguments begin as {}",
        "proxies of Anthropic",
        deltas(call("create_event", "{}", index=0, id="a"), call(None, L, index=0)),
        calls=(LUNCH,),
    ),
    *(
        Shape(
            f"no arguments: {nothing!r}",
            "vLLM, Groq, llama.cpp, LocalAI",
            deltas(call("list_events", nothing, id="a")),
            calls=(ALL,),
        )
        for nothing in ("", "null", "None", "{}", " ", None)
    ),
    Shape(
        "function_call",
        "OpenAI before 2023-11, older LocalAI",
        deltas(
            {"function_call": {"name": "create_event"}}, {"function_call": {"arguments": L}}, finish="function_call"
        ),
        calls=(LUNCH,),
    ),
    Shape(
        "calls in a document",
        "proxies",
        document(
            {
                "message": {
                    "content": None,
                    "tool_calls": [
                        {"id": "a", "type": "function", "function": {"name": "create_event", "arguments": L}},
                        {"id": "b", "type": "function", "function": {"name": "list_events", "arguments": F}},
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ),
        calls=(LUNCH, FRIDAY),
        content_type=JSON,
    ),
    Shape(
        "a call left in the text",
        "servers without a tool parser",
        text(*'<tool_call>\n{"name": "create_event", "arguments": {"title": "lunch"}}\n</tool_call>'),
        calls=(LUNCH,),
    ),
    Shape(
        "words, then a call left in the text",
        "the same",
        text(*'Sure. <tool_call>{"name": "create_event", "arguments": {"title": "lunch"}}</tool_call>'),
        "Sure.",
        calls=(LUNCH,),
    ),
    Shape(
        "tool_calls null and empty",
        "Azure, DeepSeek",
        deltas({"content": "Hello", "tool_calls": None}, {"tool_calls": []}),
        "Hello",
    ),
    Shape(
        "one call cut off",
        "any",
        deltas(call("create_event", '{"title": "lun', id="a"), finish="length"),
        error=BadToolCallError,
        why="not JSON",
    ),
    Shape("no name", "any", deltas(call(None, L)), error=BadToolCallError, why="no tool"),
]

ERRORS = [
    Shape(
        "ends in the middle",
        "a server that crashed",
        text("Half", finish=None, done=False),
        error=ModelUnavailableError,
        why="neither finish_reason nor",
    ),
    Shape("ends before it begins", "the same", b"", error=ModelUnavailableError, why="no choices"),
    Shape("only [DONE]", "the same", b"data: [DONE]\n\n", error=ModelUnavailableError, why="no choices"),
    Shape(
        "an error in a document",
        "OpenRouter, LM Studio",
        document(error={"message": "no luck", "code": 500}),
        error=ModelUnavailableError,
        why="no luck",
        content_type=JSON,
    ),
    Shape(
        "an error as a text",
        "Ollama",
        document(error="no luck"),
        error=ModelUnavailableError,
        why="no luck",
        content_type=JSON,
    ),
    Shape(
        "an error of its own form",
        "vLLM before 0.10",
        document(object="error", message="no luck", code=400),
        error=ModelSetupError,
        why="no luck",
        content_type=JSON,
    ),
    Shape(
        "busy, with status 200",
        "OpenRouter",
        document(error={"message": "Rate limit exceeded", "code": 429}),
        error=ModelBusyError,
        why="Rate limit",
        content_type=JSON,
    ),
    Shape(
        "an error in the middle",
        "vLLM, SGLang",
        text("Half", finish=None, done=False)
        + events({"error": {"message": "no luck", "type": "InternalServerError", "code": 500}}),
        error=ModelUnavailableError,
        why="no luck",
    ),
    Shape(
        "an error event",
        "Anthropic-like proxies, Azure",
        text("Half", finish=None, done=False)
        + b'event: error\ndata: {"message": "Overloaded", "type": "overloaded_error"}\n\n',
        error=ModelBusyError,
        why="Overloaded",
    ),
    Shape(
        "an error field",
        "llama.cpp in 2024",
        text("Half", finish=None, done=False) + b'error: {"code": 500, "message": "no luck"}\n\n',
        error=ModelUnavailableError,
        why="no luck",
    ),
    Shape(
        "an error in a choice",
        "OpenRouter",
        events(
            {
                "choices": [
                    {"delta": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "no luck"}}
                ]
            }
        ),
        error=ModelUnavailableError,
        why="no luck",
    ),
    Shape("given up", "vLLM", text("Half", finish="abort"), error=ModelUnavailableError, why="abort"),
    Shape(
        "a refusal",
        "OpenAI",
        deltas({"refusal": "I can't "}, {"refusal": "help."}),
        error=ModelRefusedError,
        why="I can't help.",
    ),
    Shape(
        "a refusal as a part",
        "OpenAI",
        document({"message": {"content": [{"type": "refusal", "refusal": "I can't."}]}, "finish_reason": "stop"}),
        error=ModelRefusedError,
        why="I can't.",
        content_type=JSON,
    ),
    Shape(
        "filtered in the middle",
        "Azure, OpenAI",
        text("Half", finish="content_filter"),
        error=ModelRefusedError,
        why="content_filter",
    ),
    Shape("filtered, in Gemini's word", "Gemini", text("", finish="SAFETY"), error=ModelRefusedError, why="safety"),
    Shape(
        "the prompt is filtered",
        "Azure",
        document(
            error={
                "message": "The response was filtered",
                "code": "content_filter",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        ),
        error=ModelRefusedError,
        why="filtered",
        content_type=JSON,
        status=400,
    ),
    Shape(
        "moderated",
        "OpenRouter",
        document(error={"message": "Input was flagged", "code": 403}),
        error=ModelRefusedError,
        why="flagged",
        content_type=JSON,
        status=403,
    ),
    Shape(
        "too long",
        "OpenAI",
        document(
            error={
                "message": "maximum context length is 8 tokens",
                "code": "context_length_exceeded",
                "param": "messages",
            }
        ),
        error=PromptTooLongError,
        why="context length",
        content_type=JSON,
        status=400,
    ),
    Shape(
        "too long for the reply",
        "vLLM",
        document(
            error={
                "message": "'max_tokens' is too large: 256. This model's maximum context length is 8 tokens",
                "param": "max_tokens",
            }
        ),
        error=PromptTooLongError,
        why="context length",
        content_type=JSON,
        status=400,
    ),
    Shape(
        "too long, in llama.cpp's words",
        "llama.cpp",
        document(
            error={"message": "the request exceeds the available context size", "type": "exceed_context_size_error"}
        ),
        error=PromptTooLongError,
        why="context size",
        content_type=JSON,
        status=400,
    ),
    Shape(
        "no money",
        "OpenAI",
        document(error={"message": "You exceeded your current quota", "code": "insufficient_quota"}),
        error=ModelSetupError,
        why="quota",
        content_type=JSON,
        status=429,
    ),
    Shape(
        "loading",
        "llama.cpp",
        document(error={"message": "Loading model", "code": 503}),
        error=ModelBusyError,
        why="Loading model",
        content_type=JSON,
        status=503,
    ),
    Shape("a list", "a wrong server", b"[1]", error=ModelUnavailableError, why="another form", content_type=JSON),
    Shape("no JSON", "a proxy", b"data: {oops\n\n", error=ModelUnavailableError, why="not JSON"),
    Shape("no UTF-8", "a proxy", b"data: \xff\n\n", error=ModelUnavailableError, why="not JSON"),
    Shape(
        "plain text",
        "a proxy",
        b"upstream error",
        error=ModelUnavailableError,
        why="no choices",
        content_type="text/plain",
    ),
]

SHAPES = [*TEXTS, *THOUGHTS, *CALLS, *ERRORS]
