"""The call that changes an event, and what the readers of changes share."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords
from llmagent_os.plugins.calendar.requests.openings import opens_other
from llmagent_os.plugins.calendar.requests.targets import Target, read_target
from llmagent_os.plugins.calendar.series_scope import scope_of

#: What may stand behind a change.
INSTEAD = (
    r"(?: instead(?: of (?:LENGTH|REPEAT|WHEN))?|,? not (?:LENGTH|REPEAT|WHEN|\d{1,3})"
    r"| from now on| now| please| this time"
    r"| this once| for now)*"
)
#: With these words a sentence asks for no change.
_ASKS = re.compile(r"(?:don't|do not|never|what|why|when|where|who|how|which|is|are|am|does|did|should)\b", re.I)


def asks_for_no_change(words: MaskedWords) -> bool:
    """Return whether the first word of a clause makes it a question, or forbids something."""
    return _ASKS.match(words.text) is not None


def move_call(words: MaskedWords, target: Target, **new: str) -> ToolCall:
    """Return the call that changes an event, for one time of a repetition or for all as the words say."""
    title = target.arguments.get("title", "")
    rest = words.clause.text.lower().replace(title.lower(), " ") if title else words.clause.text
    arguments = {**target.arguments, **new}
    if "scope" not in arguments and arguments.get("which") != "all" and (scope := scope_of(None, rest)):
        arguments["scope"] = scope
    return ToolCall("move_event", arguments)


def known_target(words: MaskedWords, phrase: str | None, *, named: bool = False) -> Target | None:
    """Return the event that a phrase means, where the calendar has it; without a phrase the one that "it" means.

    Args:
        words: the clause.
        phrase: a piece of its masked text.
        named: the phrase has to have a name.
    """
    if phrase is None:
        return Target({})
    target = read_target(words, re.sub(r"^(?:the )?(?:length|duration|end|time) of ", "", phrase, flags=re.I))
    if target is None or not target.known or (named and "title" not in target.arguments):
        return None
    return target


def holds_request(piece: str) -> bool:
    """Return whether another request stands in what would be a name: "retro and cancel choir"."""
    joints = re.finditer(r",? (?:and|then|also|but|plus)(?: then| also)? |[,;] ", piece, re.I)
    return any(opens_other(piece[joint.end() :]) for joint in joints)


def plain_name(words: MaskedWords, piece: str) -> str:
    """Return a piece of the masked text in the person's words, without quotation marks."""
    return words.plain(piece).strip(" \"'“”‘’")
