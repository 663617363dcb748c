"""A bot of the tiny model that talks in two tones, with what simulated people say to it."""

from __future__ import annotations

from pathlib import Path

BOT = """
name = "chatty"
temperature = 0.0
model = "{model}"
plugin_folder = "plugins"
permissions = ["diary.*"]
remembered_turns = 0
[behavior.dimensions]
tone = {{ plain = "Write plainly.", playful = "Write playfully." }}
[consent]
training = true
ask = false

[training]
probes = "tests.chatty_model"
[training.settings]
learning_rate = 2e-3
"""

DIARY = """
from llmagent_os.plugin import Plugin, Span, ToolContext, ToolResult, tool

class Diary(Plugin):
    name = "diary"

    @tool(permission="diary.write")
    async def create_event(self, context: ToolContext, title: Span, date: Span | None = None) -> ToolResult:
        '''Write an event down.'''
        await context.records.put(str(title), {"title": str(title)})
        return ToolResult({"status": "created", "title": title}, f"Added: {title}.")
"""

TALK = """
from tests.chatty_model import TALK

PARTS = {"talk": (0, 6), "fresh": (6, 8), "calibration": (0, 8)}

def talk(part, count, rng):
    begin, end = PARTS[part]
    said = []
    while len(said) < count:
        every = [text for prompts in TALK for text in prompts[begin:end]]
        rng.shuffle(every)
        said += every
    return said[:count]
"""


def save_chatty_bot(folder: Path, model: Path) -> Path:
    """Write a folder with the bot, which has the model."""
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "diary.py").write_text(DIARY)
    (folder / "simulated_talk.py").write_text(TALK)
    (folder / "bot.toml").write_text(BOT.format(model=model))
    return folder
