"""Whether a bot can draw pictures."""

from __future__ import annotations

from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot
from llmagent_os.graphics import INSTALL, can_draw


def check_graphics(bot: Bot) -> Finding:
    """Say whether pictures are drawn. Nothing is imported."""
    if can_draw():
        return Finding("graphics", "ok", f"pictures are drawn ({bot.config.theme})")
    if bot.config.interface == "graphics":
        return Finding("graphics", "problem", "`interface` is 'graphics', and nothing draws", f"install it: {INSTALL}")
    return Finding("graphics", "note", f"pictures are not drawn; {INSTALL} adds that")
