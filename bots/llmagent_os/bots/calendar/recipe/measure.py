"""What a model does with conversations that it has not seen: rates, not impressions.

They come from the same generator as the training data, with another seed: they say whether training worked. What the
model does with people's own words is measured with ``llmagent-os evaluate``.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmagent_os.bots.calendar.recipe.chatml import TOOLS, Dialogue, read_call
from llmagent_os.bots.calendar.recipe.dialogues import STYLES, Writer
from llmagent_os.llm import LLM, ChatRequest, Completion, Message, ToolSpec

#: What friendly replies begin with, at random: no copy of anything, and not to be guessed.
_OPENER = re.compile(r"^[^!]{2,40}! ")
_SIDE_BY_SIDE = 16  #: messages answered at once; they share the model's batches


@dataclass
class Rates:
    """What was counted: over single messages, and over results of tools."""

    messages: int = 0
    due: int = 0  #: messages that call for a tool
    right: int = 0  #: the right tool, or none where none is due
    exact: int = 0  #: of those due: the right tool with every argument as it should be
    uncalled: int = 0  #: of the others: a tool was called
    said: int = 0  #: of the others: the reply is the expected one, word for word

    results: int = 0  #: results that a reply was asked to
    told: int = (
        0  #: of the results: the reply is the expected one, word for word, but for what friendly ones begin with
    )

    def add_reply(self, completion: Completion, dialogue: Dialogue) -> None:
        """Count one reply to a result; ``dialogue`` ends with the wanted one."""
        self.results += 1
        self.told += _OPENER.sub("", completion.text) == _OPENER.sub("", dialogue.turns[-1].text)

    def add(self, completion: Completion, dialogue: Dialogue) -> None:
        """Count one answer to a message; ``dialogue`` holds the wanted one."""
        wanted = dialogue.turns[1].text
        call = completion.tool_calls[0] if completion.tool_calls else None
        self.messages += 1
        if not wanted.startswith("<tool_call>"):
            self.right += call is None
            self.uncalled += call is not None
            self.said += call is None and completion.text == wanted
            return
        due = read_call(wanted)
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
            "reply word for word, to a tool's result": self.told / max(self.results, 1),
        }


async def measure(model: Path, writer: Writer, *, seed: int, messages: int) -> Rates:
    """Have the model of folder ``model`` answer so many single messages, and results, drawn with ``seed``.

    Raises:
        ModelError: the model cannot be loaded, or did not answer.
    """
    rng = random.Random(f"{seed}-report")
    rates = Rates()
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)
    async with LLM.from_pretrained(str(model)) as llm:

        async def answer(dialogue: Dialogue) -> None:
            async with gate:
                rates.add(await llm.complete(_request(dialogue, 1)), dialogue)

        async def tell(dialogue: Dialogue) -> None:
            async with gate:
                rates.add_reply(await llm.complete(_request(dialogue, 3)), dialogue)

        async with asyncio.TaskGroup() as group:
            for _ in range(messages):
                group.create_task(answer(writer.single(rng)))
            for _ in range(messages):
                group.create_task(tell(_with_result(writer, rng)))
    return rates


def _with_result(writer: Writer, rng: random.Random) -> Dialogue:
    """A conversation of one message, a call, its result and the reply."""
    while True:
        dialogue = writer.conversation(rng)
        if [turn.role for turn in dialogue.turns] == ["user", "assistant", "tool", "assistant"]:
            return dialogue


def _request(dialogue: Dialogue, turns: int) -> ChatRequest:
    """The request for what comes after the first ``turns``."""
    messages: list[Message] = [{"role": "system", "content": dialogue.system}]
    for turn in dialogue.turns[:turns]:
        if turn.role == "assistant":
            messages.append({"role": "assistant", "content": "", "tool_calls": [{"function": read_call(turn.text)}]})
        else:
            messages.append({"role": turn.role, "content": turn.text})
    return ChatRequest(messages=messages, tools=_TOOLS)


def _parameters(keys: tuple[str, ...]) -> dict[str, Any]:
    span = {"type": "string", "x-span": True}
    style = {"type": "string", "enum": list(STYLES.values())}
    return {"type": "object", "properties": {key: style if key == "style" else span for key in keys}, "required": []}


_TOOLS = tuple(ToolSpec(name=name, description="", parameters=_parameters(keys)) for name, keys in TOOLS.items())
