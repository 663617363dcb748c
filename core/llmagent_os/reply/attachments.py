"""What is said of files that came without a word."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.events import Attachment
from llmagent_os.people.access import plain_name

MANY = 5  #: so many are named


def wordless(attachments: Sequence[Attachment]) -> str:
    """One sentence that names what arrived and what did not, and asks for words.

    >>> wordless([Attachment("a.pdf", "application/pdf", "/a.pdf"), Attachment("b.mov", "", "", problem="too large")])
    'I have a.pdf and could not fetch b.mov (too large), but I can only read words: please tell me what you would like.'
    """
    arrived = [_name(each) for each in attachments if not each.problem]
    missing = [f"{_name(each)} ({each.problem})" for each in attachments if each.problem]
    told = [
        *([f"have {_listed(arrived)}"] if arrived else []),
        *([f"could not fetch {_listed(missing)}"] if missing else []),
    ]
    return f"I {' and '.join(told)}, but I can only read words: please tell me what you would like."


def _name(attachment: Attachment) -> str:
    return "your voice message" if attachment.voice else plain_name(attachment.name) or "your file"


def _listed(names: list[str]) -> str:
    shown = names[:MANY] if len(names) <= MANY else [*names[:MANY], f"{len(names) - MANY} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
