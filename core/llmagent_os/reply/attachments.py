"""The answer to files that come without words."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.events import Attachment
from llmagent_os.people.access import plain_name

NAMED_FILES = 5  #: how many files the answer names


def wordless(attachments: Sequence[Attachment]) -> str:
    """One sentence that names what arrived and what did not, and asks for words.

    >>> wordless([Attachment("a.pdf", "application/pdf", "/a.pdf"), Attachment("b.mov", "", "", problem="too large")])
    'I have a.pdf and could not fetch b.mov (too large), but I can only read words: please tell me what you would like.'
    """
    arrived = [_name(file) for file in attachments if not file.problem]
    missing = [f"{_name(file)} ({file.problem})" for file in attachments if file.problem]
    parts = [
        *([f"have {_listed(arrived)}"] if arrived else []),
        *([f"could not fetch {_listed(missing)}"] if missing else []),
    ]
    return f"I {' and '.join(parts)}, but I can only read words: please tell me what you would like."


def _name(attachment: Attachment) -> str:
    return "your voice message" if attachment.voice else plain_name(attachment.name) or "your file"


def _listed(names: list[str]) -> str:
    shown = names if len(names) <= NAMED_FILES else [*names[:NAMED_FILES], f"{len(names) - NAMED_FILES} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
