"""Measures a model on conversations that it has not seen.

The conversations come from the generator of the training data, with another seed. So the rates say whether training
worked. ``llmagent-os evaluate`` measures what the model does with people's own words.
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

#: The random first words of friendly replies. They are not copied from anything, so no model can guess them.
_OPENER = re.compile(r"^[^!]{2,40}! ")
_CONCURRENT_REQUESTS = 16  #: they share the model's batches


@dataclass
class Rates:
    """Counts over single messages, and over results of tools."""

    messages: int = 0  #: answered messages
    due: int = 0  #: messages that call for a tool
    right: int = 0  #: answered with the right tool, or with no tool where none is due
    exact: int = 0  #: of those due: the right tool with exactly the right arguments
    uncalled: int = 0  #: of the others: a tool was called
    said: int = 0  #: of the others: the reply is exactly the expected one

    results: int = 0  #: answered results of tools
    told: int = 0  #: of the results: the reply is exactly the expected one, except for friendly first words

    def add_reply(self, completion: Completion, dialogue: Dialogue) -> None:
        """Count one reply to a result. ``dialogue`` ends with the expected reply."""
        self.results += 1
        self.told += _OPENER.sub("", completion.text) == _OPENER.sub("", dialogue.turns[-1].text)

    def add(self, completion: Completion, dialogue: Dialogue) -> None:
        """Count one answer to a message. ``dialogue`` holds the expected answer."""
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
        """Return the rates, between 0 and 1, by their names."""
        others = self.messages - self.due
        return {
            "right tool, or rightly none": self.right / max(self.messages, 1),
            "every argument exact, where a tool is due": self.exact / max(self.due, 1),
            "a tool called, where none is due": self.uncalled / max(others, 1),
            "reply word for word, where none is due": self.said / max(others, 1),
            "reply word for word, to a tool's result": self.told / max(self.results, 1),
        }


async def measure(model: Path, writer: Writer, *, seed: int, messages: int) -> Rates:
    """Let a model answer single messages, and results of tools.

    Args:
        model: the model's folder.
        writer: writes the conversations.
        seed: of the conversations.
        messages: the number of messages, and also the number of results.

    Raises:
        ModelError: the model cannot be loaded, or did not answer.
    """
    rng = random.Random(f"{seed}-report")
    rates = Rates()
    gate = asyncio.Semaphore(_CONCURRENT_REQUESTS)
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
    """Draw a conversation of one message, a call, its result and the reply."""
    while True:
        dialogue = writer.conversation(rng)
        if [turn.role for turn in dialogue.turns] == ["user", "assistant", "tool", "assistant"]:
            return dialogue


def _request(dialogue: Dialogue, turns: int) -> ChatRequest:
    """Return the request for the turn after the first ``turns``."""
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
