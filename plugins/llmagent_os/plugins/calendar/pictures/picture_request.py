"""The words that ask for a picture: "show me my week as a picture", "draw next month", "picture of december".

Without these words, the message is a question about a period, which the rules of ``requests`` read.

>>> without_picture_words("Show me my week as a picture, please")
'Show me my week'
>>> without_picture_words("picture of december")
'show me december'
>>> without_picture_words("remind me to take a picture of the house tomorrow")
'remind me to take a picture of the house tomorrow'
"""

from __future__ import annotations

import re
from dataclasses import replace

from llmagent_os.plugin import ToolContext
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS

_PICTURE = r"(?:picture|image|graphic|drawing|png|pic)"
_PLEASE = r"(?:,? ?(?:please|pls|thanks|thank you))?"
_ASK = r"(?:(?:can|could|would|will) you )?(?:please )?"
_LEAD = rf"{_ASK}(?:(?:show|send|give|make|draw|get|print|render|create)(?: me)? |i(?:'d like| want)(?: to see)? )?"
#: A period of the calendar; a picture of anything else is no matter of the calendar.
_PERIOD = re.compile(
    r"\b(?:days?|weeks?|weekend|months?|calendar|schedule|agenda|diary|today|tomorrow|tonight|"
    rf"{'|'.join((*MONTHS, *WEEKDAYS))}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b",
    re.IGNORECASE,
)
_AS_PICTURE = re.compile(
    rf"\s*(?P<what>{_ASK}(?:show|send|give|list|draw|display|print|render|see|view|let me see|i(?:'d like| want)|what|"
    rf"my|this|next|the)\b.*?),? (?:as|in|like|with) (?:an? |the )?{_PICTURE}{_PLEASE}[.!?\s]*",
    re.IGNORECASE | re.DOTALL,
)
_BARE = re.compile(r"(?:my|this|next|the)\b", re.IGNORECASE)
_PICTURE_OF = re.compile(
    rf"\s*{_LEAD}(?:an? |the )?{_PICTURE} (?:of|for|from) (?P<what>.+?){_PLEASE}[.!?\s]*", re.IGNORECASE | re.DOTALL
)
_DRAW = re.compile(rf"\s*{_ASK}(?:draw|paint|sketch)(?: me)? (?P<what>.+?){_PLEASE}[.!?\s]*", re.IGNORECASE | re.DOTALL)


def asks_for_picture(text: str) -> bool:
    """Whether the words ask for a picture of a period of the calendar."""
    return _without(text) is not None


def without_picture_words(text: str) -> str:
    """The same question without the words that ask for a picture; other words as they are."""
    found = _without(text)
    return text if found is None else found


def as_question(context: ToolContext) -> ToolContext:
    """The context of a message, with its question in the words that rules read."""
    words = without_picture_words(context.text)
    return context if words == context.text else replace(context, text=words)


def _without(text: str) -> str | None:
    if len(text) > 200:
        return None
    for pattern in (_PICTURE_OF, _AS_PICTURE, _DRAW):
        found = pattern.fullmatch(text)
        if found and _PERIOD.search(found["what"]):
            what = re.sub(r"^(?:draw|paint)\b", "show", found["what"].strip(), flags=re.IGNORECASE)
            return what if pattern is _AS_PICTURE and not _BARE.match(what) else f"show me {what}"
    return None
