"""What an OpenAI-compatible server is asked, and what it has taught about its model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from llmagent_os.chat import ChatRequest, Message
from llmagent_os.serving.chat_markup import inert
from llmagent_os.serving.tool_call_parsing import calls_of, tool_schemas

#: The parameters of a request that it can do without.
OPTIONAL_PARAMETERS = frozenset(
    ("max_tokens", "max_completion_tokens", "temperature", "seed", "stream", "stream_options")
)

#: The temperature of a server that is given none.
DEFAULT_TEMPERATURE = 1.0


@dataclass
class ModelQuirks:
    """How one model of a server differs from others. Learned from the server's answers, and kept with the client."""

    #: parameters that the model refuses; OpenAI's reasoning models refuse ``max_tokens`` and ``temperature``
    refused: set[str] = field(default_factory=set[str])
    opened_by_template: bool | None = None  #: the template opens the block of thoughts; None: no reply has told yet


def request_body(model: str, request: ChatRequest, quirks: ModelQuirks) -> dict[str, Any]:
    """The JSON of a request.

    Args:
        model: the name that the server knows, of the model or of a LoRA.
        request: what to answer.
        quirks: what the model refuses is left out, or written as the model takes it.
    """
    body: dict[str, Any] = {"model": model, "messages": server_messages(request.messages)}
    if request.tools:
        body["tools"] = inert(tool_schemas(request.tools))
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


def server_messages(messages: list[Message]) -> list[Message]:
    """Write the turns as servers take them: arguments as JSON text, and ids that join tool results to tool calls.

    Chat markup in them is made inert: a server parses the special tokens of its model wherever they stand.
    """
    plain: list[Message] = []
    unanswered: list[str] = []
    for message in messages:
        turn: Message = {"role": message["role"], "content": inert(message.get("content") or "")}
        if calls := calls_of(message):
            unanswered = [f"call_{len(plain)}_{index}" for index in range(len(calls))]
            turn["tool_calls"] = [
                {
                    "id": id_,
                    "type": "function",
                    "function": {
                        "name": inert(call.name),
                        "arguments": json.dumps(inert(call.arguments), ensure_ascii=False),
                    },
                }
                for id_, call in zip(unanswered, calls, strict=True)
            ]
        if message["role"] == "tool":
            turn["tool_call_id"] = unanswered.pop(0) if unanswered else f"call_{len(plain)}"
        plain.append(turn)
    return plain
