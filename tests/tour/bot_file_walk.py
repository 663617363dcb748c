"""A ``bot.toml`` with mistakes: each is shown with its line and column, and what would be right."""

from __future__ import annotations

import asyncio

from tests.tour.shipped_bot import ShippedBot
from tests.tour.transcript import Transcript

MISTAKEN = """\
name = "calendar"
model = "calendar"
plugin = ["calendar"]

[behavior]
verbosity = "breif"
"""


async def walk_bot_file(bot: ShippedBot, transcript: Transcript) -> None:
    """Check a file with two mistakes."""
    transcript.step("terminal", "a bot.toml with mistakes")
    file = bot.file.with_name("mistaken.toml")
    await asyncio.to_thread(file.write_text, MISTAKEN)
    code, printed = await bot.told("bot", "check", str(file))
    transcript.said("terminal", "llmagent-os bot check mistaken.toml", printed)
    transcript.holds(code == 1, "the exit code is 1")
    transcript.holds(
        "mistaken.toml:3:1: `plugin` is no setting; did you mean `plugins`?" in printed, "line 3, column 1"
    )
    transcript.holds("mistaken.toml:6:13: `behavior.verbosity` cannot be 'breif'" in printed, "line 6, column 13")
    transcript.holds("did you mean 'brief'?" in printed, "what would be right is said")
