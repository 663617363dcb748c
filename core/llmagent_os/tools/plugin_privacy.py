"""Keeps plugins private that declare it: they answer in direct conversations only, and nothing of it is kept."""

from __future__ import annotations

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolContext, ToolResult, ToolSource


def is_refused_here(plugin: type[ToolSource] | ToolSource, context: ToolContext) -> bool:
    """Whether ``plugin`` must say nothing in the conversation of ``context``, because others read there."""
    return plugin.keeps_private and context.event is not None and context.event.conversation.kind != "direct"


def private_refusal() -> ToolResult:
    """The answer where others read, in the language in force. The ledger keeps nothing of the exchange."""
    said = gettext("That is private. Write to me in a direct conversation, where nobody else reads.")
    return ToolResult({"status": "refused", "why": "others read here"}, said, word_for_word=True, is_secret=True)


def kept_private(plugin: ToolSource, result: ToolResult) -> ToolResult:
    """``result``, as a secret where its plugin :attr:`~llmagent_os.plugin.ToolSource.keeps_private`."""
    return msgspec.structs.replace(result, is_secret=True) if plugin.keeps_private else result
