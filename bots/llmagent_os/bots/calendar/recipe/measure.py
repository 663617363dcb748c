"""What a model does with conversations that it has not seen: rates, not impressions.

They come from the same generator as the training data, with another seed: they say whether training worked. What the
model does with people's own words is measured with ``llmagent-os evaluate``.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmagent_os.bots.calendar.recipe.chatml import TOOLS, Dialogue
from llmagent_os.bots.calendar.recipe.dialogues import STYLES, Writer
from llmagent_os.llm import LLM, ChatRequest, Completion, ToolSpec

_SIDE_BY_SIDE = 16  #: messages answered at once; they share the model's batches


@dataclass
class Rates:
    """What was counted over single messages."""

    messages: int = 0
    due: int = 0  #: messages that call for a tool
    right: int = 0  #: the right tool, or none where none is due
    exact: int = 0  #: of those due: the right tool with every argument as it should be
    uncalled: int = 0  #: of the others: a tool was called
    said: int = 0  #: of the others: the reply is the expected one, word for word

    def add(self, completion: Completion, dialogue: Dialogue) -> None:
        """Count one answer; ``dialogue`` holds the wanted one."""
        wanted = dialogue.turns[1].text
        call = completion.tool_calls[0] if completion.tool_calls else None
        self.messages += 1
        if not wanted.startswith("<tool_call>"):
            self.right += call is None
            self.uncalled += call is not None
            self.said += call is None and completion.text == wanted
            return
        due: Any = json.loads(wanted.removeprefix("<tool_call>").removesuffix("</tool_call>"))
        self.due += 1
        self.right += call is not None and call.name == due["name"]
        self.exact += call is not None and (call.name, call.arguments) == (due["name"], due["arguments"])

    def table(self) -> dict[str, float]:
        """Rates between 0 and 1, each under what it is of."""
        others = self.messages - self.due
        return {
            "right tool, or rightly none": self.right / max(self.messages, 1),
            "every argument exact, where a tool is due": self.exact / max(self.due, 1),
            "a tool called, where none is due": self.uncalled / max(others, 1),
            "reply word for word, where none is due": self.said / max(others, 1),
        }


async def measure(model: Path, writer: Writer, *, seed: int, messages: int) -> Rates:
    """Have the model of folder ``model`` answer so many single messages, drawn with ``seed``.

    Raises:
        ModelError: the model cannot be loaded, or did not answer.
    """
    rng = random.Random(f"{seed}-report")
    rates = Rates()
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)
    async with LLM.from_pretrained(str(model)) as llm:

        async def answer(dialogue: Dialogue) -> None:
            async with gate:
                rates.add(await llm.complete(_request(dialogue)), dialogue)

        async with asyncio.TaskGroup() as group:
            for _ in range(messages):
                group.create_task(answer(writer.single(rng)))
    return rates


def _request(dialogue: Dialogue) -> ChatRequest:
    messages = [{"role": "system", "content": dialogue.system}, {"role": "user", "content": dialogue.turns[0].text}]
    return ChatRequest(messages=messages, tools=_TOOLS)


def _parameters(keys: tuple[str, ...]) -> dict[str, Any]:
    span = {"type": "string", "x-span": True}
    style = {"type": "string", "enum": list(STYLES.values())}
    return {"type": "object", "properties": {key: style if key == "style" else span for key in keys}, "required": []}


_TOOLS = tuple(ToolSpec(name=name, description="", parameters=_parameters(keys)) for name, keys in TOOLS.items())
