"""What the readers of deletions share: verbs, and the call that deletes."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords
from llmagent_os.plugins.calendar.requests.request_verbs import DELETE, DELETE_IT
from llmagent_os.plugins.calendar.requests.targets import Target
from llmagent_os.plugins.calendar.requests.word_patterns import any_of
from llmagent_os.plugins.calendar.series_scope import scope_of

#: Any verb of deletion, also as people misspell or shorten it.
VERB = any_of(f"{DELETE}, {DELETE_IT}, cancle, cancell, zap, chuck, del, rm")
HERE = (
    r"(?:,? (?:from|off|out of|in|on|from off) (?:my |the |our |this )?(?:calendar|schedule|agenda|diary|planner|plans"
    r"|list|week|reminders))?"
)
OFF = (
    r"(?:(?:is|are|'s|was|were|got|has been|have been|just got|is now|has just been) (?:now |all |just |been )*(?:off|"
    r"cancel+ed|called off|scrapped|dropped|not happening|not taking place|not on|no longer (?:happening|on|needed"
    r"|necessary|taking place)|not (?:needed|necessary))|(?:isn't|aren't|is not|are not|won't be|will not be) "
    r"(?:happening|taking place|going ahead|on|needed|necessary)|(?:won't|will not|doesn't|does not) "
    r"(?:happen|take place|go ahead)|fell through|has fallen through|can go|can be (?:deleted|cancel+ed|removed"
    r"|dropped)|has to go)"
)
NEGATED = re.compile(
    r"\b(?:don't|do not|dont|never|not yet|didn't|what if|should i|should we|did you|did i|why|shouldn't|won't you)\b",
    re.I,
)


def delete_call(words: MaskedWords, target: Target, **more: str) -> ToolCall:
    """Return the call that deletes what is meant, one time of a repetition or all as the words say."""
    title = target.arguments.get("title", "")
    rest = words.clause.text.lower().replace(title.lower(), " ") if title else words.clause.text
    arguments = {**target.arguments, **more}
    if "scope" not in arguments and arguments.get("which") != "all" and (scope := scope_of(None, rest)):
        arguments["scope"] = scope
    return ToolCall("delete_event", arguments)
