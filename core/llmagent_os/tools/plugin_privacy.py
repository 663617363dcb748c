"""What plugins say where others read: those that keep private say nothing, personal ones speak to one person."""

from __future__ import annotations

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import choice_text
from llmagent_os.plugin import ToolContext, ToolMark, ToolResult, ToolSource


def others_read(context: ToolContext) -> bool:
    """Whether others read in the conversation of ``context``."""
    return context.event is not None and context.event.conversation.kind != "direct"


def is_refused_here(plugin: type[ToolSource] | ToolSource, context: ToolContext) -> bool:
    """Whether ``plugin`` must say nothing in the conversation of ``context``, because others read there."""
    return plugin.keeps_private and others_read(context)


def refused_call(plugin: type[ToolSource] | ToolSource, mark: ToolMark, context: ToolContext) -> ToolResult | None:
    """What is said in place of a tool's result where others would read it. None: the tool may be called."""
    if is_refused_here(plugin, context):
        return private_refusal()
    if plugin.is_personal and not mark.open_to_groups and others_read(context):
        return _personal_refusal(plugin)
    return None


def private_refusal() -> ToolResult:
    """The answer where others read, in the language in force. The ledger keeps nothing of the exchange."""
    said = gettext("That is private. Write to me in a direct conversation, where nobody else reads.")
    return ToolResult({"status": "refused", "why": "others read here"}, said, word_for_word=True, is_secret=True)


def kept_private(plugin: ToolSource, result: ToolResult) -> ToolResult:
    """``result``, marked for one person where its plugin is personal, and as a secret where it keeps private."""
    if not plugin.keeps_private and not plugin.is_personal:
        return result
    is_secret = result.is_secret or plugin.keeps_private
    return msgspec.structs.replace(result, is_secret=is_secret, for_person=not result.for_everyone)


def _personal_refusal(plugin: type[ToolSource] | ToolSource) -> ToolResult:
    if plugin.commands:
        said = gettext(
            "Others read here, and that is yours alone. Type {command}, and only you see the answer, "
            "or write to me directly.",
            command=choice_text([f"/{name}" for name in plugin.commands]),
        )
    else:
        said = gettext("Others read here, and that is yours alone. Write to me directly.")
    return ToolResult({"status": "refused", "why": "others read here"}, said, word_for_word=True)
