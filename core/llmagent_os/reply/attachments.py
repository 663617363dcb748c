"""The answer to files that come without words."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.adapter_kit.files import problem_text
from llmagent_os.events import Attachment
from llmagent_os.languages import gettext, list_text, ngettext
from llmagent_os.people.access import plain_name

NAMED_FILES = 5  #: how many files the answer names


def wordless(attachments: Sequence[Attachment]) -> str:
    """One sentence that names what arrived and what did not, and asks for words.

    >>> wordless([Attachment("a.pdf", "application/pdf", "/a.pdf"), Attachment("b.mov", "", "", problem="too large")])
    'I have a.pdf and could not fetch b.mov (too large), but I can only read words: please tell me what you would like.'
    """
    arrived = _listed([_name(file) for file in attachments if not file.problem])
    missing = _listed([f"{_name(file)} ({problem_text(file.problem)})" for file in attachments if file.problem])
    if not missing:
        return gettext("I have {files}, but I can only read words: please tell me what you would like.", files=arrived)
    if not arrived:
        return gettext(
            "I could not fetch {files}, but I can only read words: please tell me what you would like.", files=missing
        )
    return gettext(
        "I have {arrived} and could not fetch {missing}, but I can only read words: please tell me what you would "
        "like.",
        arrived=arrived,
        missing=missing,
    )


def _name(attachment: Attachment) -> str:
    return gettext("your voice message") if attachment.voice else plain_name(attachment.name) or gettext("your file")


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED_FILES
    shown = names if more <= 0 else [*names[:NAMED_FILES], ngettext("{count} more", "{count} more", more)]
    return list_text(shown) if shown else ""
