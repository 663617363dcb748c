"""Hides a plugin where it does not work, and says where it does to a person who uses it all the same."""

from __future__ import annotations

from llmagent_os.languages import gettext
from llmagent_os.languages.written_values import list_text
from llmagent_os.plugin import ToolContext, ToolResult, ToolSource
from llmagent_os.tools.plugin_privacy import is_refused_here, private_refusal


def works_on(plugin: ToolSource, platform: str) -> bool:
    """Whether ``plugin`` works on ``platform``. Empty: there is no platform, and every plugin works."""
    return not plugin.platforms or not platform or platform in plugin.platforms


def refusal_here(plugin: ToolSource, context: ToolContext) -> ToolResult | None:
    """Why ``plugin`` does not answer in the conversation of ``context``, in the language in force. None: it does."""
    if is_refused_here(plugin, context):
        return private_refusal()
    platform = "" if context.event is None else context.event.conversation.platform
    if works_on(plugin, platform):
        return None
    where = list_text([each.capitalize() for each in plugin.platforms])
    said = gettext("That works on {platforms} only.", platforms=where)
    return ToolResult({"status": "refused", "why": f"it works on {where} only"}, said, word_for_word=True)
