"""What an OpenAI-compatible server is asked, and what it has taught about its model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from llmagent_os.chat import ChatRequest
from llmagent_os.serving.server_messages import alternating, in_words, plain_turns, with_json_arguments
from llmagent_os.serving.server_schemas import server_tools

#: The parameters of a request that it can do without.
OPTIONAL_PARAMETERS = frozenset(
    ("max_tokens", "max_completion_tokens", "temperature", "seed", "stream", "stream_options")
)

#: The temperature of a server that is given none.
DEFAULT_TEMPERATURE = 1.0

#: What a server may refuse, and can be written otherwise: tools as such, the schemas of tools, several calls in one
#: turn, and a chat in which roles do not alternate or the system speaks.
Part = Literal["tools", "single_calls", "alternating", "schemas"]

#: The words in which servers refuse a part, in the order in which they are looked for.
_REFUSALS: dict[Part, re.Pattern[str]] = {
    "tools": re.compile(
        # vLLM, llama.cpp since 2025 and before, Ollama, OpenRouter, others
        r"enable-auto-tool-choice|tool-call-parser|tools param requires|unsupported param: tools"
        r"|generate parser for this template"
        r"|(?:does not|doesn't|do not) support (?:tools?|functions?)\b|support tool use"
        r"|(?:tools?|tool (?:use|calls?|calling)|function calling) (?:is|are) not (?:supported|enabled|available)",
        re.IGNORECASE,
    ),
    "single_calls": re.compile(
        r"single tool[- ]calls? at once|(?:parallel|multiple) tool[- ]calls?|one tool[- ]call (?:per|at)", re.IGNORECASE
    ),
    "alternating": re.compile(
        r"roles? must alternate|system role (?:is )?not supported|system messages? (?:is|are) not|only user.{0,20}"
        r"assistant roles|must alternate between",
        re.IGNORECASE,
    ),
    "schemas": re.compile(
        r"invalid schema|json.?schema|invalid_function_parameters|tools?\b.{0,80}(?:parameters|schema)"
        r"|unknown name|grammar|additionalProperties|\$ref|\$defs|cannot unmarshal",
        re.IGNORECASE,
    ),
}


@dataclass
class ModelQuirks:
    """How one model of a server differs from others. Learned from the server's answers, and kept with the client."""

    #: parameters that the model refuses; OpenAI's reasoning models refuse ``max_tokens`` and ``temperature``
    refused: set[str] = field(default_factory=set[str])
    opened_by_template: bool | None = None  #: the template opens the block of thoughts; None: no reply has told yet
    leaves_calls_in_text: bool = False  #: it was seen to leave tool calls in the text, and the owner was told
    parts: dict[Part, str] = field(default_factory=dict[Part, str])  #: what it refused, with the server's own words

    def learn(self, said: str, body: dict[str, Any]) -> Part | None:
        """Find out which part of the request ``body`` a server refused, and remember.

        Args:
            said: the server's words.
            body: what the server was asked.

        Returns:
            The part; None: no part that was in the request, or that could be written otherwise.
        """
        for part, words in _REFUSALS.items():
            if part not in self.parts and words.search(said) and _has(part, body):
                self.parts[part] = said
                return part
        return None


def _has(part: Part, body: dict[str, Any]) -> bool:
    if part == "single_calls":
        return any(len(turn.get("tool_calls") or ()) > 1 for turn in body["messages"])
    return part == "alternating" or "tools" in body


def request_body(model: str, request: ChatRequest, quirks: ModelQuirks) -> dict[str, Any]:
    """The JSON of a request.

    Args:
        model: the name that the server knows, of the model or of a LoRA.
        request: what to answer. Its tools have names that servers take.
        quirks: what the model refuses is left out, or written as the model takes it.
    """
    turns = plain_turns(request.messages, single_calls="single_calls" in quirks.parts)
    tools = server_tools(request.tools, plain="schemas" in quirks.parts)
    body: dict[str, Any] = {"model": model}
    if "tools" in quirks.parts:
        turns, tools = in_words(turns, tools), []
    if "alternating" in quirks.parts:
        turns = alternating(turns)
    body["messages"] = with_json_arguments(turns)
    if tools:
        body["tools"] = tools
    parameters: dict[str, Any] = {
        "max_completion_tokens" if "max_tokens" in quirks.refused else "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stream": True,
        # OpenAI and vLLM count the tokens of a streamed reply only where they are asked to.
        "stream_options": None if "stream" in quirks.refused else {"include_usage": True},
    }
    return body | {
        name: value for name, value in parameters.items() if value is not None and name not in quirks.refused
    }
