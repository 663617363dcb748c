"""Whether a bot can draw pictures."""

from __future__ import annotations

from collections.abc import Iterable

from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot
from llmagent_os.graphics import FONT_REMEDY, INSTALL, can_draw
from llmagent_os.languages import LANGUAGES, speaking


def check_graphics(bot: Bot) -> Finding:
    """Say whether pictures are drawn, and in which of the bot's languages no font here can write."""
    if can_draw():
        if unwritten := _unwritten(bot.config.languages):
            named = ", ".join(LANGUAGES[each] for each in unwritten)
            return Finding("graphics", "note", f"pictures are drawn, but no font here can write {named}", FONT_REMEDY)
        return Finding("graphics", "ok", f"pictures are drawn ({bot.config.theme})")
    if bot.config.interface == "graphics":
        return Finding("graphics", "problem", "`interface` is 'graphics', and nothing draws", f"install it: {INSTALL}")
    return Finding("graphics", "note", f"pictures are not drawn; {INSTALL} adds that")


def _unwritten(languages: Iterable[str]) -> list[str]:
    """The languages whose words become English in pictures. It imports matplotlib."""
    from llmagent_os.graphics.fonts import language_drawn

    found: list[str] = []
    for language in languages:
        with speaking(language):
            found += [language] if language_drawn() != language else []
    return found
