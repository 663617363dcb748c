"""What people may do with a plugin of which a bot permits nothing that writes."""

from __future__ import annotations

from fnmatch import fnmatchcase

from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolResult, ToolSource


def only_reads(plugin: ToolSource, done: str) -> bool:
    """Whether ``plugin`` says that what a person does only reads.

    Args:
        plugin: see :attr:`ToolSource.reading`.
        done: a command with its arguments, such as ``/todo all``, or the value of a button.
    """
    words = " ".join(done.lower().split())
    return any(fnmatchcase(words, pattern) for pattern in plugin.reading)


def refusal_to_write() -> ToolResult:
    """What people read who would have a plugin write, in the language in force."""
    said = gettext("This bot may only look things up here. It may not change anything.")
    return ToolResult({"status": "refused", "why": "this bot gives no permission to write"}, said, word_for_word=True)
