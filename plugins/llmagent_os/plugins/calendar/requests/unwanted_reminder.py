"""Reads which reminders are no longer wanted: "don't remind me about the dentist", "stop nagging me about the bins"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest
from llmagent_os.plugins.calendar.requests.targets import read_target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_UNWANTED = re.compile(
    r"(?:(?:(?:don't|do not|no need to|there's no need to|stop|quit|no longer|(?:you )?(?:don't|do not|needn't)"
    r"(?: (?:need|have) to)?|i (?:don't|do not|no longer) (?:need|want)(?: you)? to(?: be)?|please)\s+)+"
    r"(?:remind(?:ing|ed)?|alert(?:ing|ed)?|ping(?:ing)?|notify(?:ing)?|nag(?:ging)?|bug(?:ging)?)(?: me| us)?"
    r"(?: any ?more| again)?|i (?:don't|do not|no longer) (?:need|want) (?:an?|the|any|that|my)"
    r" (?:reminder|alarm|alert)s?)"
    r" (?:about|of|to|for|before) (?P<what>[^,;.!?]+?)"
    r"(?: any ?more| any longer| again)?(?=[,;.!?]|$)",
    re.IGNORECASE,
)
#: These words are about the reminder itself.
_STOP = re.compile(r"(?:please )?(?:stop|quit|no longer)\b", re.IGNORECASE)


def read_unwanted(clause: Clause) -> ReadRequest | None:
    """Return the request to delete a reminder; None: the words say something else, or there is no such reminder.

    Where the reminder is all that the calendar has of it, the person may only mean that they think of it themselves:
    that is asked.

    Args:
        clause: a whole message.
    """
    words = MaskedWords.of(clause)
    found = _UNWANTED.match(words.text)
    if found is None or clause.has(MentionKind.LEAD, MentionKind.TIME) or _goes_on(words.text[found.end() :]):
        return None
    target = read_target(words, found["what"])
    title = target.arguments.get("title", "") if target is not None else ""
    if target is None or not any(event.reminder and fits_words(event, title) for event in clause.events if title):
        return None
    stays = any(not event.reminder and fits_words(event, title) for event in clause.events)
    call = ToolCall("delete_event", {**target.arguments, "kind": "reminder"})
    return ReadRequest(call, clause.text, unsure=not stays and _STOP.match(found[0]) is None)


def _goes_on(text: str) -> bool:
    """Whether something else is asked for behind the reminder. "But keep the appointment" is what is done anyway."""
    parts = (plain(part) for part in re.split(r"[,;.!?]+|\b(?:and|but)\b", text))
    return any(opens_request(part) and not re.match(r"(?:keep|leave)\b", part, re.IGNORECASE) for part in parts)
