"""Measures the calendar bot on utterances: the tool it calls, the arguments, and the reply.

Every utterance is a new conversation of a new person. The real agent answers it, with the real tools and an empty
calendar.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.bot import Bot
from llmagent_os.errors import ConfigError
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.llm import LLM
from llmagent_os.modules import BehaviorModule, KnowledgeBase
from llmagent_os.records import MemoryRecords
from llmagent_os.tools.registry import Plugins

_CONCURRENT_UTTERANCES = 16  #: they share the model's batches


def read_utterances(path: Path) -> list[tuple[Any, str]]:
    """Return the ``id`` and ``text`` of every line of a JSON Lines file.

    Raises:
        ConfigError: the file is missing, or a line is not such an object; the message names the line.
    """
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    utterances: list[tuple[Any, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            item: Any = json.loads(line)
            utterances.append((item["id"], str(item["text"])))
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f'{path}, line {number}: expected {{"id": …, "text": …}}, found {line[:80]!r}') from error
    return utterances


def evaluate(data: Path, out: Path, now: datetime | None = None, *, model: str | None = None) -> int:
    """Answer every utterance of ``data``, and write one JSON line per answer to ``out``.

    Args:
        data: JSON Lines of ``{"id", "text"}``.
        out: the file for ``{"id", "tool": name or null, "arguments", "reply"}``, in the same order.
        now: the moment of all utterances, aware. By default the present.
        model: replaces the bot's own model.

    Returns:
        The number of answers.

    Raises:
        ConfigError: ``data`` cannot be read, or ``out`` has no folder; nothing is written.
    """
    utterances = read_utterances(data)
    if not out.parent.is_dir():
        raise ConfigError(f"there is no folder {out.parent} to write {out.name} into")
    answers = asyncio.run(_answers(utterances, (now or datetime.now(UTC)).astimezone(UTC), model))
    out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in answers), encoding="utf-8")
    return len(answers)


async def _answers(utterances: list[tuple[Any, str]], moment: datetime, model: str | None) -> list[dict[str, Any]]:
    bot = Bot.load("calendar")
    knowledge = KnowledgeBase()
    knowledge.load_only(bot.facts, bot.documents)
    records: defaultdict[tuple[str, str], MemoryRecords] = defaultdict(MemoryRecords)
    plugins = Plugins(
        installed=bot.config.plugins,
        allowed=bot.config.permissions,
        records=lambda plugin, user: records[plugin, user],
    )
    async with LLM.from_pretrained(model or bot.config.model) as llm, plugins:
        agent = Agent(
            llm=llm,
            kb=knowledge,
            behavior=BehaviorModule(defaults=bot.config.behavior.model_dump()),
            plugins=plugins,
            settings=AgentSettings(title=bot.config.title, permissions=bot.config.permissions),
            clock=lambda: moment,
        )
        gate = asyncio.Semaphore(_CONCURRENT_UTTERANCES)

        async def answer(number: int, name: Any, text: str) -> dict[str, Any]:
            async with gate:
                return await _answer(agent, number, name, text, moment)

        return await asyncio.gather(*(answer(n, name, text) for n, (name, text) in enumerate(utterances)))


async def _answer(agent: Agent, number: int, name: Any, text: str, moment: datetime) -> dict[str, Any]:
    room = Conversation(platform="evaluate", channel=str(number))
    said = Message(
        event_id=str(number),
        conversation=room,
        sender=Sender(str(number)),
        text=text,
        message_id=str(number),
        at=moment,
    )
    outcome = await agent.respond(said)
    calls = outcome.interaction.tool_calls if outcome.interaction else []
    return {
        "id": name,
        "tool": calls[0]["name"] if calls else None,
        "arguments": calls[0]["arguments"] if calls else {},
        "reply": outcome.reply.text if outcome.reply else "",
    }
