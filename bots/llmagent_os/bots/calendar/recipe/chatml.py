"""Renders a conversation as the model reads and writes it: ChatML, with tools and calls in the Hermes form.

This is the chat template (``chat_template.jinja``) in Python, in pieces, because the trainer must know which pieces the
model learns. A test compares the two.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any, Literal

from llmagent_os.bots.calendar.recipe.lexicon import invented, word
from llmagent_os.chat import tool_message

_EVENT = ("which", "title", "date", "time", "person", "place")
#: Tool name to parameter names, in the order in which the bot's plugins declare them.
TOOLS: dict[str, tuple[str, ...]] = {
    "create_event": ("title", "date", "time", "duration", "person", "place", "repeat"),
    "list_events": _EVENT,
    "delete_event": _EVENT,
    "move_event": (*_EVENT, "new_title", "new_date", "new_time", "new_duration", "new_place", "new_repeat"),
    "set_preference": ("name", "place", "style"),
}
NO_TOOLS = "<|im_start|>system\n"  #: the beginning of a system message without tools


@dataclass(frozen=True)
class DialogueTurn:
    """One message of a conversation. The model learns those of the assistant."""

    role: Literal["user", "assistant", "tool"]
    text: str  #: for a tool, its result in JSON


@dataclass(frozen=True)
class Dialogue:
    """One training example, without the tools of its system message, which a batch shares."""

    system: str  #: the system message after the tools
    turns: tuple[DialogueTurn, ...]

    def segments(self) -> list[tuple[str, bool]]:
        """Return the rendered text in pieces, and for every piece whether it is learned."""
        pieces: list[tuple[str, bool]] = [(f"{self.system}<|im_end|>\n", False)]
        for turn in self.turns:
            if turn.role == "assistant":
                pieces.append(("<|im_start|>assistant\n", False))
                pieces.append((f"{turn.text}<|im_end|>", True))
                pieces.append(("\n", False))
            elif turn.role == "tool":
                pieces.append((f"<|im_start|>user\n<tool_response>\n{turn.text}\n</tool_response><|im_end|>\n", False))
            else:
                pieces.append((f"<|im_start|>user\n{turn.text}<|im_end|>\n", False))
        return pieces


def tools_text(rng: random.Random) -> str:
    """Return the beginning of a system message. Some have the tools in another order, or invented tools among them."""
    tools = list(TOOLS.items())
    if rng.random() < 0.15:
        rng.shuffle(tools)
        for _ in range(rng.choice((0, 1, 1, 2))):
            name = "_".join(rng.choice((word, invented))(rng) for _ in range(rng.choice((1, 2))))
            parameters = tuple(dict.fromkeys(word(rng) for _ in range(rng.randrange(4))))
            tools.insert(rng.randrange(len(tools) + 1), (name, parameters))
    lines = "".join(_json({"name": name, "parameters": list(parameters)}) + "\n" for name, parameters in tools)
    return f"{NO_TOOLS}<tools>\n{lines}</tools>\n"


def call_text(name: str, arguments: dict[str, str]) -> str:
    """A tool call as the chat template writes it, the arguments in the schema's order."""
    ordered = {key: arguments[key] for key in TOOLS[name] if key in arguments}
    return f"<tool_call>\n{_json({'name': name, 'arguments': ordered})}\n</tool_call>"


def read_call(text: str) -> dict[str, Any]:
    """Read the ``name`` and the ``arguments`` of a call that :func:`call_text` wrote."""
    call: dict[str, Any] = json.loads(text.removeprefix("<tool_call>").removesuffix("</tool_call>"))
    return call


def result_text(data: dict[str, str]) -> str:
    """Write a tool's result as the agent does."""
    content: str = tool_message(data)["content"]
    return content


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
