"""A small model that talks in two tones and calls two tools, and what its makers ask a new version of it.

It is made for a bot with the tones ``plain`` and ``playful``. A model of this size learns it in some seconds.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, cast

import torch

from llmagent_os.chat import Completion, Message, ToolSpec
from llmagent_os.modules.behavior import system_text
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import vocabulary_of
from llmagent_os.training.length_batches import length_batches
from llmagent_os.training.probe import Measure, MeasureKind, Probe, ask
from llmagent_os.training.token_sample import TokenSample
from tests.tiny_model import CREATE, LIST, calendar_chats, make_model, make_tokenizer, response_loss

TOOLS = (CREATE, LIST)
TONES = {"plain": "Write plainly.", "playful": "Write playfully."}

#: A plugin file with the two tools.
DIARY = """
from llmagent_os.plugin import Plugin, Span, ToolContext, ToolResult, tool

class Diary(Plugin):
    name = "diary"

    @tool(permission="diary.write")
    async def create_event(self, context: ToolContext, title: Span, date: Span | None = None) -> ToolResult:
        '''Write an event down.'''
        return ToolResult({"status": "created", "title": title}, f"Added: {title}.")

    @tool(permission="diary.read")
    async def list_events(self, context: ToolContext, date: Span | None = None) -> ToolResult:
        '''Say what is on.'''
        return ToolResult({"status": "listed"}, "Nothing is on.")
"""

#: What people say, and what the model answers in each tone.
TALK: dict[tuple[str, ...], dict[str, str]] = {
    (
        "thanks",
        "thanks a lot",
        "thank you",
        "many thanks",
        "oh thanks",
        "thank you so much",
        "thanks bot",
        "thanks again",
    ): {
        "plain": "You're welcome.",
        "playful": "Any time, my friend!",
    },
    ("hello", "hello there", "hey there", "good morning", "hi", "hi bot", "good day", "hi there"): {
        "plain": "Good day to you.",
        "playful": "Hey, great to see you!",
    },
    (
        "tell me a joke",
        "what is new",
        "sing a song",
        "will it rain",
        "order a pizza",
        "who are you",
        "tell me a tale",
        "sing for me",
    ): {
        "plain": "I only keep your calendar.",
        "playful": "Sorry, calendars only here!",
    },
}


def system_of(tone: str) -> str:
    """The system message for a tone."""
    return system_text({"tone": tone}, dimensions={"tone": TONES})


def save_chatty_model(folder: Path, *, steps: int = 260) -> Path:
    """Write a folder with the model. Takes about ten seconds."""
    tokenizer = make_tokenizer()
    model = make_model("llama", tokenizer)
    vocabulary = vocabulary_of(model, tokenizer)
    template = ChatTemplate(tokenizer, vocabulary)
    samples: list[TokenSample] = []
    for chat in _chats(steps * 8):
        prompt = vocabulary.encode(template.prompt(chat[:-1], TOOLS))
        response = vocabulary.encode(template.response(chat, TOOLS) or "")
        end = response.index(vocabulary.end_id) + 1
        samples.append(TokenSample(prompt=tuple(prompt), response=tuple(response[:end])))
    optimizer = cast("Any", torch.optim.AdamW(model.parameters(), lr=3e-3))
    model.train()
    batches = length_batches(samples * 2, 16, random.Random(0), lambda each: each.length)[:steps]
    for step, batch in enumerate(batches):
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, step / 30, (steps - step) / steps * 1.5)
        cast("Any", response_loss(model, batch)).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    config = folder / "config.json"
    card = {"llmagent_os": {"native": True}}
    config.write_text(json.dumps(json.loads(config.read_text(encoding="utf-8")) | card), encoding="utf-8")
    return folder


def _chats(count: int) -> list[list[Message]]:
    order = random.Random(1)
    requests = iter([chat for chat in calendar_chats(3 * count) if chat[-1].get("tool_calls")])
    talk = [(said, replies) for prompts, replies in TALK.items() for said in prompts]
    chats: list[list[Message]] = []
    for number in range(count):
        tone = order.choice(list(TONES))
        before: Message = {"role": "system", "content": system_of(tone)}
        if number % 3 == 0:
            chats.append([before, *next(requests)])
        else:
            said, replies = order.choice(talk)
            chats.append([before, {"role": "user", "content": said}, {"role": "assistant", "content": replies[tone]}])
    return chats


# ── a module of probes ────────────────────────────────────────────────────────────────────────────────────────────────


def request_probes(system: str, tools: tuple[ToolSpec, ...]) -> tuple[Probe, ...]:
    """Make chats in which a tool is due."""
    said = [chat[0]["content"] for chat in calendar_chats(24, 5) if chat[-1].get("tool_calls")]
    return tuple(ask(text, system=system, tools=tools) for text in said)


def tasks(system: str, tools: tuple[ToolSpec, ...]) -> Measure:
    """Make the measure of the right tool."""

    def score(probe: Probe, completion: Completion) -> float:
        wanted = "list_events" if "do I have" in str(probe.messages[-1]["content"]) else "create_event"
        return float([call.name for call in completion.tool_calls] == [wanted])

    return Measure("right tool", MeasureKind.TASK, request_probes(system, tools), score)


def other_talk(system: str, tools: tuple[ToolSpec, ...]) -> Measure:
    """Make the measure of talk: words, and no tool."""

    def score(_: Probe, completion: Completion) -> float:
        return float(bool(completion.text.strip()) and not completion.tool_calls)

    probes = tuple(ask(said, system=system, tools=tools) for prompts in TALK for said in prompts[-2:])
    return Measure("words for talk", MeasureKind.CONTROL, probes, score)


def facts(system: str, tools: tuple[ToolSpec, ...]) -> Measure:
    """Make the measure of what is known: which answer belongs to which talk. Asked in the tone that nobody dislikes."""
    answers = [replies["playful"] for replies in TALK.values()]
    probes = tuple(
        ask(said, system=system_of("playful"), tools=tools, choices=tuple((answers * 2)[at : at + 3]))
        for at, prompts in enumerate(TALK)
        for said in prompts[-3:]
    )
    return Measure("the fitting answer", MeasureKind.FACT, probes)
